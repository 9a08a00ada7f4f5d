/** The jobs of a scheduler: several at once, stopped, resumed, with rows that cannot be processed. */
import { describe, expect, test } from 'vitest';
import { type DbManager, InMemoryDbManager, type JobReport, type Row } from '../../src/index.js';
import { Lease } from '../../src/services/jobs/lease.js';
import { buildJobs } from '../../src/services/jobs/service.js';
import type { Engine } from '../../src/services/pipeline/engine.js';
import { Tables } from '../../src/services/store/tables.js';
import { describeBackends, type Manager, MONTHLY, memoryWorld, type Session, World } from '../support/plan-world.js';
import { sleep } from '../support/wait.js';

const users = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);

async function subscribed({ subscriptions }: Manager, count: number): Promise<void> {
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  await Promise.all(users(count).map((user) => subscriptions.setUserSubscriptionPlan(user, plan)));
}

test('four managers on one store: 1,000 due subscriptions are allocated once each, with one event each', async () => {
  const world = memoryWorld();
  const managers = [world.manager, world.open(), world.open(), world.open()];
  await subscribed(world.manager, 1_000);
  world.clock.set('2026-02-01T00:00:00Z');
  world.events.length = 0;
  const runs = managers.map(async ({ jobs }, i) => {
    const reports: JobReport[] = [];
    for (let isOver = false; !isOver; ) {
      const report = await jobs.runAllocation({ batchSize: 100 + i });
      reports.push(report);
      isOver = report.status === 'completed';
      await sleep(5);
    }
    return reports;
  });
  const reports = (await Promise.all(runs)).flat();
  expect(reports.reduce((sum, { granted }) => sum + granted, 0)).toBe(100_000);
  expect(world.count('subscription.allocated')).toBe(1_000);
  expect(reports.map(({ status }) => status)).toContain('lease_held_elsewhere');
});

test('without any lease at all a period is allocated once still', async () => {
  const db = new InMemoryDbManager() as unknown as DbManager<Session>;
  const world = new World(() => withoutLeases(db), db);
  const managers = [world.manager, world.open(), world.open(), world.open()];
  await subscribed(world.manager, 200);
  world.clock.set('2026-04-15T00:00:00Z');
  world.events.length = 0;
  const reports = await Promise.all(managers.map(({ jobs }) => jobs.runAllocation({ batchSize: 50 })));
  expect(reports.map(({ status }) => status)).toEqual(Array(4).fill('completed'));
  expect(reports.reduce((sum, { granted }) => sum + granted, 0)).toBe(60_000);
  expect(world.count('subscription.allocated')).toBe(600);
  await world.expectSound();
});

/** Nobody sees the lease of another. */
function withoutLeases(db: DbManager<Session>): DbManager<Session> {
  let lease: Row | null = null;
  const own: DbManager<Session> = {
    name: 'without leases',
    getMany: async (model, keys, options) => {
      return keys[0]?.startsWith('lease:') ? [lease] : db.getMany(model, keys, options);
    },
    commit: async (units, options) => {
      const [change] = units[0] ?? [];
      if (change?.model !== 'system' || change.op === 'delete' || change.row.kind !== 'lease') {
        return db.commit(units, options);
      }
      lease = change.row;
      return [{ status: 'committed' }];
    },
    find: (...args) => db.find(...args),
    init: (models) => db.init(models),
    ping: (options) => db.ping(options),
    count: (...args) => db.count(...args),
    close: () => db.close(),
  };
  return own;
}

describe('a lease', () => {
  test('is one holder’s, is given back, and is lost when it is over and somebody else takes it', async () => {
    const world = memoryWorld();
    await world.manager.init();
    const lease = (holder: string) =>
      new Lease(new Tables(world.host), 'allocation', holder, () => world.clock.now().getTime());
    const [one, two] = [lease('one'), lease('two')];
    expect([await one.take(), await two.take(), await one.take()]).toEqual([true, false, true]);
    world.clock.advance({ seconds: 31 });
    expect([await two.take(), await one.take()]).toEqual([true, false]);
    // Who lost it does not end the other's.
    await one.release();
    expect(await lease('three').take()).toBe(false);
    await two.release();
    expect(await lease('three').take()).toBe(true);
  });
});

await describeBackends('jobs', (open) => {
  test('stops by signal, by time and by onProgress that throws, and a later run does the rest', async () => {
    const world = await open();
    const { jobs } = world.manager;
    await subscribed(world.manager, 60);
    world.clock.set('2026-02-01T00:00:00Z');
    const abort = new AbortController();
    const onProgress = ({ processed }: { processed: number }) => {
      if (processed >= 20) abort.abort();
    };
    const bySignal = await jobs.runAllocation({ batchSize: 10, signal: abort.signal, onProgress });
    expect(bySignal).toMatchObject({ status: 'stopped', processed: 20, granted: 2_000, skippedCount: 0 });
    let byTime: JobReport | null = null;
    // On a slow machine the time may be over before the first batch.
    for (let maxDurationMs = 20; !byTime?.processed; maxDurationMs *= 2) {
      const slow = () => sleep(maxDurationMs + 5);
      byTime = await jobs.runAllocation({ batchSize: 10, maxDurationMs, onProgress: slow });
    }
    expect(byTime).toMatchObject({ status: 'stopped', processed: 10, granted: 1_000 });
    const failing = () => {
      throw new Error('the progress bar broke');
    };
    const byThrow = await jobs.runAllocation({ batchSize: 10, onProgress: failing });
    expect(byThrow).toMatchObject({ status: 'stopped', processed: 10, skippedCount: 1 });
    expect(await jobs.runAllocation({ signal: AbortSignal.abort() })).toMatchObject({
      status: 'stopped',
      processed: 0,
    });
    const rest = await jobs.runAllocation({ batchSize: 7 });
    expect(rest).toMatchObject({ status: 'completed', processed: 20, granted: 2_000 });
    expect(JSON.parse(JSON.stringify(rest))).toEqual(rest);
    expect(world.count('subscription.allocated')).toBe(120);
  });

  test('what was due by asOf, and no later than now', async () => {
    const world = await open();
    const { jobs, credits } = world.manager;
    await credits.addCredits('a', 5, { expiresAt: '2026-01-10T00:00:00Z' });
    await credits.addCredits('b', 7, { expiresAt: '2026-01-20T00:00:00Z' });
    world.clock.set('2026-01-15T00:00:00Z');
    expect(await jobs.runExpiration({ asOf: '2026-01-09T00:00:00Z' })).toMatchObject({ processed: 0 });
    await credits.addCredits('d', 3, { expiresAt: '2026-01-16T00:00:00Z' });
    await credits.addCredits('d', 4, { expiresAt: '2026-01-17T00:00:00Z' });
    expect(await jobs.runExpiration({ asOf: '2026-03-01T00:00:00Z' })).toMatchObject({ processed: 1, expired: 5 });
    expect(await jobs.runExpiration()).toMatchObject({ processed: 0, expired: 0 });
    // What lapsed until then is what is told.
    world.clock.set('2026-01-18T00:00:00Z');
    expect(await jobs.runExpiration({ asOf: '2026-01-16T00:00:00Z' })).toMatchObject({ processed: 1, expired: 3 });
    world.clock.set('2026-01-20T00:00:00Z');
    const hold = await credits.addCredits('c', 9).then(() => credits.reserveCredits('c', 4, { ttlSeconds: 60 }));
    world.clock.advance({ seconds: 60 });
    expect(await jobs.runReservationExpiry()).toMatchObject({ processed: 1, expired: 0 });
    expect((await credits.getReservation(hold.id))?.status).toBe('expired');
    expect(await jobs.runExpiration()).toMatchObject({ processed: 1, expired: 7 });
  });

  test('a row that cannot be processed is skipped and reported, and the others are done', async () => {
    const world = await open({ limits: { openGrants: 2 } });
    const { jobs, credits } = world.manager;
    await subscribed(world.manager, 30);
    // As many lots as there may be: nothing more can be granted.
    await credits.deductCredits('u7', 100);
    for (let i = 0; i < 2; i++) await credits.addCredits('u7', 1);
    world.clock.set('2026-02-01T00:00:00Z');
    const report = await jobs.runAllocation({ batchSize: 4 });
    expect(report).toMatchObject({ status: 'completed', processed: 29, granted: 2_900, skippedCount: 1 });
    expect(report.skipped).toMatchObject([{ code: 'LIMIT_EXCEEDED' }]);
    // However often it is tried, the report alone tells.
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0, skipped: report.skipped });
    expect((await world.manager.ledger.list({ types: ['error'] })).items).toEqual([]);
    // Who has room again is granted what was due.
    await credits.deductCredits('u7', 2);
    expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 100, skippedCount: 0 });
    await world.expectSound();
  });

  test('a job whose lease somebody else has does nothing and says so', async () => {
    const world = await open();
    await subscribed(world.manager, 3);
    world.clock.set('2026-02-01T00:00:00Z');
    const now = () => world.clock.now().getTime();
    const lease = new Lease(new Tables(world.host), 'allocation', 'somebody', now);
    await lease.take();
    expect(await world.manager.jobs.runAllocation()).toMatchObject({ status: 'lease_held_elsewhere', processed: 0 });
    expect(await world.manager.jobs.runExpiration()).toMatchObject({ status: 'completed' });
    const lost = await world.manager.jobs.runExpiration({
      batchSize: 1,
      onProgress: async () => {
        world.clock.advance({ seconds: 31 });
        await new Lease(new Tables(world.host), 'expiration', 'somebody', now).take();
      },
    });
    expect(lost).toMatchObject({ status: 'completed', processed: 0 });
    world.clock.advance({ seconds: 31 });
    // The expiry of what lapsed with the period has renewed the subscriptions.
    expect(await world.manager.jobs.runAllocation()).toMatchObject({ status: 'completed', processed: 0 });
  });
});

test('SB-17: a job that lost its lease on the way stops, and what it did stays', async () => {
  const world = memoryWorld();
  await subscribed(world.manager, 10);
  world.clock.set('2026-02-01T00:00:00Z');
  const now = () => world.clock.now().getTime();
  let isTaken = false;
  const report = await world.manager.jobs.runAllocation({
    batchSize: 4,
    onProgress: async () => {
      if (isTaken) return;
      isTaken = true;
      world.clock.advance({ seconds: 31 });
      await new Lease(new Tables(world.host), 'allocation', 'somebody else', now).take();
      // Over again: but it was somebody else's in between.
      world.clock.advance({ seconds: 31 });
    },
  });
  expect(report).toMatchObject({ status: 'stopped', processed: 4, granted: 400 });
  world.clock.advance({ seconds: 31 });
  expect(await world.manager.jobs.runAllocation()).toMatchObject({ status: 'completed', processed: 6 });
});

test('a database that does not answer stops a job, which does not throw', async () => {
  const world = memoryWorld();
  await subscribed(world.manager, 3);
  world.clock.set('2026-02-01T00:00:00Z');
  const { find } = world.host;
  world.host.find = () => Promise.reject(new Error('ECONNREFUSED admin:secret@db'));
  const report = await world.manager.jobs.runAllocation();
  expect(report).toMatchObject({ status: 'stopped', processed: 0, skippedCount: 1 });
  expect(JSON.stringify(report)).not.toContain('secret');
  world.host.find = find;
  expect(await world.manager.jobs.runAllocation()).toMatchObject({ status: 'completed', processed: 3 });
});

test('every job ends by itself after ten minutes, or after the time it is given', async () => {
  const given: (number | undefined)[] = [];
  const note = async (options?: { maxDurationMs?: number | undefined }) => {
    given.push(options?.maxDurationMs);
    return {} as never;
  };
  const engine = { read: async () => {}, nowForReports: () => 0 } as unknown as Engine<Session>;
  const notifications = { notifyExpiringForAll: (_: number, options?: object) => note(options) };
  const payments = { run: async () => note(), deleteBefore: async () => 0, hasProviders: () => false };
  const all = buildJobs({ engine, relay: { run: note }, notifications, payments, inbox: payments, messageDays: 90 });
  await all.runOutbox();
  await all.runExpiringNotifications({ maxDurationMs: undefined });
  await all.runOutbox({ maxDurationMs: 5 });
  expect(given).toEqual([600_000, 600_000, 5]);
});
