/** A server of our own that dies under load and comes back. `CREDIT_SERVER_KILLS` times. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER, describeOwnServer, type KillableServer } from '../backends/by-adapter.js';
import { type Manager, openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { localCaller } from '../support/answers.js';
import { SEED } from '../support/chance.js';
import { Journal } from '../support/journal.js';
import { PATIENT_MS, paced } from '../support/pace.js';
import { sleep, until } from '../support/wait.js';
import { startWorkers, type Worker } from './workers.js';

const KILLS = amount('CREDIT_SERVER_KILLS');
const TIMEOUT_MS = paced(2_000);
const GRACE_MS = 1_000;
const OUTAGE = ['OUTCOME_UNKNOWN', 'STORAGE_UNAVAILABLE', 'TIMEOUT', 'CONTENTION'];

describeOwnServer(`a server that dies, on ${ADAPTER}`, (start) => {
  const journal = new Journal('server', SEED);
  let server: KillableServer;
  let config: WorkerConfig;
  let workers: Worker[] = [];
  let manager: Manager;
  let settled = 0;

  beforeAll(async () => {
    server = await start();
    config = { adapter: ADAPTER, url: server.url, timeoutMs: TIMEOUT_MS, poolSize: 5 };
    workers = await startWorkers(2, config);
    manager = openManager({ ...config, timeoutMs: PATIENT_MS });
    await manager.init();
    await journal.prepare(localCaller(manager));
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await manager?.close();
    await server?.remove();
    const numbers = { seed: SEED, calls: journal.calls.length, settled, slowest: Math.round(journal.slowest) };
    console.log(`server: ${KILLS} deaths, ${JSON.stringify({ ...numbers, ...journal.tally })}`);
  });

  test(`${KILLS} deaths under load: nothing acknowledged is lost, and managers recover by themselves`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      let isOver = false;
      const loads = workers.map((worker) => journal.load(worker.call, 8, () => isOver));
      const answered = journal.answered;
      await until(() => journal.answered > answered + 20, 'the load is on its way');
      await sleep(journal.random() * 300);
      await server.kill(kill % 2 === 0 ? 'SIGKILL' : 'immediate');
      // Each kind of death is short or lasts beyond the deadline in turn.
      await sleep(kill % 4 === 0 || kill % 4 === 3 ? TIMEOUT_MS + 500 : journal.random() * 500);
      await server.start();
      await Promise.all(
        workers.map(({ call }, i) => {
          const isItself = async () => (await call('addCredits', `canary-${i}`, 1)).status === 'resolved';
          return until(isItself, `worker ${i} recovers`);
        }),
      );
      const recovered = journal.answered;
      await until(() => journal.answered > recovered + 20, 'the load goes on');
      isOver = true;
      await Promise.all(loads);
      settled += await journal.settle(workers[0]!.call, workers[1]!.call);
    }
    expect(journal.unsettled.map(({ tag, names }) => `${tag}: ${names}`)).toEqual([]);
    expect(journal.surprises(OUTAGE)).toEqual([]);
    expect(journal.slowest).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    expect(journal.tally.resolved).toBeGreaterThan(10 * KILLS);
    expect(await journal.problems(manager)).toEqual([]);
    expect(workers.flatMap(({ faults }) => faults)).toEqual([]);
    const report = await manager.ledger.verify();
    expect(report.problems).toEqual([]);
  });
});
