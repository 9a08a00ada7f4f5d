/** Processes that do nothing for a while: the sinks that they know by then, and a relay that nobody runs. */
import { describe, expect, test, vi } from 'vitest';
import { bench } from '../backends/gated-db.js';
import { codeOf } from '../support/codes.js';
import { idsOf, onEveryBackend, outboxRows, Recorder } from '../support/outbox-world.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { gate, sleep, until } from '../support/wait.js';

/** Milliseconds that the monotonic clock of the library is ahead. */
const skipped = vi.hoisted(() => ({ ms: 0 }));

vi.mock('../../src/timers.js', async (original) => {
  const timers = await original<typeof import('../../src/timers.js')>();
  return { ...timers, monotonicNow: () => timers.monotonicNow() + skipped.ms };
});

await onEveryBackend('a process that was idle', (withWorld) => {
  test('for 65 seconds writes its first event for a sink that was registered meanwhile', async () => {
    await withWorld(async (world) => {
      const idle = world.open();
      await idle.credits.addCredits('u', 1);
      await world.open({ sinks: [new Recorder()] }).init();
      skipped.ms += 65_000;
      await idle.credits.addCredits('u', 1);
      const types = (await outboxRows(world)).map(({ type }) => type);
      expect(types).toEqual(['credits.recharged']);
      // The same in a transaction of the host.
      await world.open({ sinks: [new Recorder('late')] }).init();
      skipped.ms += 65_000;
      await world.host((session) => idle.credits.addCredits('u', 1, { session }));
      expect(await idsOf(world, 'u', 'late')).toHaveLength(1);
    });
  });
});

test('a process that cannot learn the sinks for a minute writes no events without them, and reads on', async () => {
  const { db, manager, credits } = bench({ logger: QUIET });
  await credits.addCredits('u', 1);
  db.methods.find = (model, ...rest) =>
    model === 'system' ? Promise.reject(new Error('connection terminated')) : db.inner.find(model, ...rest);
  skipped.ms += 31_000;
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(2);
  skipped.ms += 30_000;
  expect(await codeOf(credits.addCredits('u', 1))).toBe('STORAGE_UNAVAILABLE');
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(2);
  db.methods = {};
  expect((await credits.addCredits('u', 1)).balanceAfter).toBe(3);
  await manager.close();
});

test('a busy process learns the sinks beside its calls: none of them waits for it', async () => {
  const { db, credits, open } = bench({ logger: QUIET, timeoutMs: PATIENT_MS });
  await credits.addCredits('u', 1);
  await open({ sinks: [new Recorder()] }).init();
  let asked = 0;
  const answer = gate();
  db.methods.find = async (model, ...rest) => {
    if (model === 'system' && ++asked === 1) await answer.opened;
    return db.inner.find(model, ...rest);
  };
  skipped.ms += 31_000;
  const events = () => db.inner.count('outbox', { index: 'queue', equals: { sink: 'sink' } });
  for (let i = 0; i < 3; i++) await credits.addCredits('u', 1);
  expect([asked, await events()]).toEqual([1, 0]);
  answer.open();
  await until(async () => {
    await credits.addCredits('u', 1);
    return (await events()) > 0;
  }, 'it knows the sink');
});

describe('a relay that nobody runs', () => {
  const [minute, hour] = [60_000, 3_600_000];

  async function forgetful() {
    const told: object[] = [];
    const warn = (entry: object) => void told.push(entry);
    const { db, credits, manager, clock } = bench({ sinks: [new Recorder()], logger: { ...QUIET, warn } });
    let looks = 0;
    db.methods.find = async (model, query, ...rest) => {
      const page = await db.inner.find(model, query, ...rest);
      if (model === 'outbox' && query.limit === 1) looks++;
      return page;
    };
    await manager.init();
    const pass = async (ms: number) => {
      const before = looks;
      skipped.ms += ms;
      clock.set(new Date(clock.now().getTime() + ms));
      // A call makes the process learn; it looks at the outbox beside it.
      await credits.addCredits('u', 1);
      await until(() => looks > before, 'it has looked');
      await sleep(0);
    };
    return { told, manager, clock, credits, pass };
  }

  test('is told once to the log, and in health: after a minute where none has ever run', async () => {
    const { told, manager, clock, pass } = await forgetful();
    await pass(minute);
    const since = clock.now();
    expect(await manager.health()).toMatchObject({ status: 'healthy', undelivered: [] });
    for (const ms of [minute, hour, hour]) await pass(ms);
    expect(told).toMatchObject([{ receiver: 'sink', waitingSince: since.toISOString() }]);
    const undelivered = [{ receiver: 'sink', waitingSince: since }];
    expect(await manager.health()).toMatchObject({ status: 'degraded', undelivered });
    await manager.jobs.runOutbox();
    expect(await manager.health()).toMatchObject({ status: 'healthy', undelivered: [] });
  });

  test('is told to a process that only asks for health', async () => {
    const { told, manager, clock, credits } = await forgetful();
    await credits.addCredits('u', 1);
    for (const undelivered of [[], [{ receiver: 'sink' }]]) {
      expect(await manager.health()).toMatchObject({ undelivered });
      clock.advance({ minutes: 1 });
    }
    expect(told).toHaveLength(1);
  });

  test('is told after more than an hour where one ran before', async () => {
    const { told, manager, pass } = await forgetful();
    await pass(minute);
    await manager.jobs.runOutbox();
    for (const ms of [minute, hour]) await pass(ms);
    expect(told).toEqual([]);
    for (const ms of [hour / 2, hour]) await pass(ms);
    expect(told).toMatchObject([{ receiver: 'sink' }]);
  });

  test('is not told where one runs every hour', async () => {
    const { told, manager, pass } = await forgetful();
    await pass(minute);
    for (let i = 0; i < 4; i++) {
      await manager.jobs.runOutbox();
      await pass(hour);
    }
    expect(told).toEqual([]);
  });
});
