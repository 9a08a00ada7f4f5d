/**
 * A server that loses commits which were acknowledged, under four processes that remember them: a backup that is put
 * back, on PostgreSQL also `synchronous_commit=off` and a kill, and a lagging standby that is promoted.
 * `CREDIT_FAILOVERS` times.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER, describeOwnServer, type KillableServer, type Loss } from '../backends/by-adapter.js';
import { type Manager, openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';
import { PATIENT_MS, paced } from '../support/pace.js';
import { until } from '../support/wait.js';
import { startWorkers, type Worker } from './workers.js';

const FAILOVERS = amount('CREDIT_FAILOVERS');
const USERS = ['ada', 'ben', 'cyd'] as const;
/** Answers of each worker before the loss, and after it. */
const ANSWERS = 12;

describeOwnServer(`a server that loses commits, on ${ADAPTER}`, (start) => {
  const chance = new Chance(SEED);
  let server: KillableServer;
  let workers: Worker[] = [];
  let manager: Manager;

  beforeAll(async () => {
    server = await start();
    const config: WorkerConfig = { adapter: ADAPTER, url: server.url, timeoutMs: paced(5_000), poolSize: 3 };
    workers = await startWorkers(4, config);
    manager = openManager({ ...config, timeoutMs: PATIENT_MS });
    await manager.init();
    for (const user of USERS) await manager.credits.addCredits(user, 1_000_000);
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await manager?.close();
    await server?.remove();
  });

  const ids: string[] = [];

  async function deduct({ call }: Worker, user: string): Promise<void> {
    const answer = await call('deductCredits', user, 1 + chance.below(9));
    if (answer.status === 'resolved') ids.push((answer.value as { id: string }).id);
  }

  /** One worker after another spends from every account, so that each remembers a version of its own. */
  async function spendInTurn(times: number): Promise<void> {
    for (const worker of workers) {
      for (let n = 0; n < times; n++) for (const user of USERS) await deduct(worker, user);
    }
  }

  /** All workers spend at once. */
  async function spend(): Promise<void> {
    const one = async (worker: Worker) => {
      for (let n = 0; n < ANSWERS; n++) await deduct(worker, chance.pick(USERS));
    };
    await Promise.all(workers.map(one));
  }

  /** The ids of what was acknowledged meanwhile. */
  const acknowledged = () => ids.splice(0);

  async function restart(): Promise<void> {
    await server.start();
    const isBack = async ({ call }: Worker) => (await call('getUserCreditsInfo', 'ada')).status === 'resolved';
    for (const worker of workers) await until(() => isBack(worker), 'a worker finds its server again');
  }

  test(`${FAILOVERS} losses: nothing that is written later is overwritten, and the ledger is sound`, async () => {
    const lost = new Map<string, number>();
    let written = 0;
    for (let n = 0; n < FAILOVERS; n++) {
      const loss = server.losses[n % server.losses.length] as Loss;
      await spend();
      await server.kill('immediate');
      loss.prepare();
      await restart();
      await spend();
      await loss.begin?.();
      acknowledged();
      await (n % 2 === 0 ? spendInTurn(1 + chance.below(2)) : spend());
      const before = acknowledged();
      await server.kill('SIGKILL');
      await loss.lose();
      await restart();
      // Versions that are counted by one meet those that the next worker remembers.
      await spendInTurn(2);
      await spend();
      const later = acknowledged();
      const has = async (id: string) => (await manager.credits.getTransaction(id, { fresh: true })) !== null;
      for (const id of later) expect(await has(id), `${id} was acknowledged after the loss`).toBe(true);
      for (const id of before) if (!(await has(id))) lost.set(loss.name, (lost.get(loss.name) ?? 0) + 1);
      written += later.length;
      expect((await manager.ledger.verify()).problems).toEqual([]);
    }
    console.log(
      `failover: SEED=${SEED}, ${FAILOVERS} losses, ${written} commits written later, lost:`,
      Object.fromEntries(lost),
    );
    const tried = server.losses.slice(0, FAILOVERS).map(({ name }) => name);
    expect([...lost.keys()]).toEqual(tried);
    expect(written).toBeGreaterThan(0);
    expect(workers.flatMap(({ faults }) => faults)).toEqual([]);
  });
});
