/** kill -9 of workers at random moments while they write. `CREDIT_KILLS` of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER, describeDatabase } from '../backends/by-adapter.js';
import { type Manager, openManager, type WorkerConfig } from '../backends/open-adapter.js';
import { amount } from '../support/amounts.js';
import { localCaller } from '../support/answers.js';
import { SEED } from '../support/chance.js';
import { Journal } from '../support/journal.js';
import { PATIENT_MS } from '../support/pace.js';
import { sleep } from '../support/wait.js';
import { startWorkers, Worker } from './workers.js';

const KILLS = amount('CREDIT_KILLS');
const PROCESSES = 3;
/** Calls in flight in each process. */
const WIDTH = 8;

await describeDatabase(`kill -9 on ${ADAPTER}`, (database) => {
  const journal = new Journal('kill', SEED);
  let config: WorkerConfig;
  let workers: Worker[] = [];
  let manager: Manager;
  /** In flight at the kills, the ones with a key, and how many of these had been applied. */
  const inFlight = { all: 0, keyed: 0, applied: 0 };

  beforeAll(async () => {
    config = { adapter: ADAPTER, url: database.url, timeoutMs: PATIENT_MS, poolSize: 4 };
    workers = await startWorkers(PROCESSES, config);
    manager = openManager(config);
    await manager.init();
    await journal.prepare(localCaller(manager));
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    await manager?.close();
    const slowest = Math.round(journal.slowest);
    const counts = JSON.stringify({ seed: SEED, calls: journal.calls.length, ...inFlight, slowest, ...journal.tally });
    console.log(`kills: ${KILLS}, ${counts}`);
  });

  test(`${KILLS} workers killed while they write: no answer is false, a retry settles the rest`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const from = journal.calls.length;
      let isOver = false;
      const loads = workers.map((worker) => journal.load(worker.call, WIDTH, () => isOver));
      // Meanwhile the one that takes the victim's place starts.
      const next = new Worker(config);
      await sleep(20 + journal.random() * 150);
      const at = Math.floor(journal.random() * workers.length);
      const others = workers.filter((_, i) => i !== at);
      await workers[at]!.kill();
      await loads[at];
      // Asked for again at once, in two processes, while the others go on.
      const lost = journal.calls.slice(from).filter(({ names }) => names[0] === 'lost');
      const keyed = lost.filter(({ key }) => key !== null);
      await journal.settle(others[0]!.call, others[1]!.call, keyed);
      await sleep(30);
      isOver = true;
      await Promise.all(loads);
      inFlight.all += lost.length;
      inFlight.keyed += keyed.length;
      inFlight.applied += keyed.filter(({ claim }) => claim === 'replayed').length;
      // What it had answered is there.
      const acked = journal.calls.slice(from).filter(({ entryId, claim }) => claim === 'applied' && entryId !== null);
      for (const { tag, entryId } of acked.slice(-20)) {
        expect(await manager.credits.getTransaction(entryId as string), tag).not.toBeNull();
      }
      workers = [...others, await next.ready];
    }
    expect(journal.unsettled.map(({ tag, names }) => `${tag}: ${names}`)).toEqual([]);
    expect(journal.surprises()).toEqual([]);
    // Whatever a dead process had locked, every call ends by its own deadline.
    expect(journal.slowest).toBeLessThan(PATIENT_MS);
    expect(await journal.problems(manager)).toEqual([]);
    expect(workers.flatMap(({ faults }) => faults)).toEqual([]);
    expect(inFlight.keyed).toBeGreaterThan(0);
  });

  test('what a killed worker had locked is free at once', async () => {
    const [victim, ...others] = workers as [Worker, Worker, Worker];
    const { users, call } = { users: journal.users.slice(0, 2), call: others[0].call };
    await victim.lock(`credits/${users[0]}`);
    const held = call('addCredits', users[0], 1);
    expect((await call('addCredits', users[1], 1)).status).toBe('resolved');
    expect(await Promise.race([held, sleep(300).then(() => 'waits')])).toBe('waits');
    await victim.kill();
    expect((await held).status).toBe('resolved');
    workers = [...others, await new Worker(config).ready];
  });

  test('a worker that stands still in the middle of its writes answers the truth when it goes on', async () => {
    const paused = new Journal('paused', SEED + 1);
    await paused.prepare(localCaller(manager));
    let isOver = false;
    for (let pause = 0; pause < Math.ceil(KILLS / 20); pause++) {
      const loads = workers.map((worker) => paused.load(worker.call, WIDTH, () => isOver));
      await sleep(50 + paused.random() * 100);
      const worker = workers[Math.floor(paused.random() * workers.length)]!;
      worker.pause();
      await sleep(500);
      worker.resume();
      await sleep(100);
      isOver = true;
      await Promise.all(loads);
      isOver = false;
    }
    await paused.settle(workers[0]!.call, workers[1]!.call);
    expect(paused.surprises()).toEqual([]);
    expect(await paused.problems(manager)).toEqual([]);
    expect(workers.flatMap(({ faults }) => faults)).toEqual([]);
  });

  test('after all of it the whole ledger verifies', async () => {
    const report = await manager.ledger.verify();
    expect(report.problems).toEqual([]);
    expect(report.checked).toBeGreaterThan(journal.calls.length / 4);
  });
});
