/** The database's time: measured before anything is decided by it, and never replaced by the clock of this machine. */
import { describe, expect, test } from 'vitest';
import { createCreditManagement, type DbManager, type JobReport, type MemorySession } from '../../src/index.js';
import { databaseTime } from '../../src/services/store/time-source.js';
import { GatedDb } from '../backends/gated-db.js';
import { endOf } from '../support/codes.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';

const DAY_MS = 24 * 3600 * 1000;
const UNKNOWN = { code: 'STORAGE_UNAVAILABLE', outcome: 'not_applied', retryable: true };

/** A database with a time of its own, on a machine whose clocks the test sets. */
function machine() {
  const shown = { monotonic: 1_000_000, wall: Date.UTC(2030, 0, 2), database: Date.UTC(2030, 0, 1) };
  let pings = 0;
  let answer = async () => ({ now: new Date(shown.database) });
  const time = databaseTime(
    () => {
      pings++;
      return answer();
    },
    { monotonicNow: () => shown.monotonic, wallNow: () => shown.wall },
  );
  return {
    time,
    shown,
    pings: () => pings,
    answers: (next: typeof answer) => {
      answer = next;
    },
    /** All clocks go on, but that the monotonic one stands still while the machine sleeps. */
    pass(ms: number, sleeps = false) {
      shown.wall += ms;
      shown.database += ms;
      if (!sleeps) shown.monotonic += ms;
    },
  };
}

describe("the database's time", () => {
  test('counts, carried forward, not the clock of this machine', async () => {
    const { time, shown, pass, pings } = machine();
    await time.refresh();
    expect(time.now()).toBe(shown.database);
    pass(59_999);
    expect(time.refresh()).toBe(null);
    expect([time.now(), pings()]).toEqual([shown.database, 1]);
    shown.database += 500;
    pass(1);
    await time.refresh();
    expect([time.now(), pings()]).toEqual([shown.database, 2]);
  });

  test('is unknown until the database has told it, whatever the clock of this machine shows', async () => {
    const { time, shown, answers } = machine();
    expect(() => time.now()).toThrowError(expect.objectContaining(UNKNOWN));
    answers(() => Promise.reject(new Error('connect ECONNREFUSED')));
    await expect(time.refresh()).rejects.toMatchObject(UNKNOWN);
    expect(() => time.now()).toThrowError(expect.objectContaining(UNKNOWN));
    // A report decides nothing.
    expect(time.nowForReports()).toBe(shown.wall);
    answers(async () => ({ now: new Date(shown.database) }));
    await time.refresh();
    expect([time.now(), time.nowForReports()]).toEqual([shown.database, shown.database]);
  });

  test('is not taken from an answer that needed longer than a second; a later one is used', async () => {
    const { time, shown, answers, pass, pings } = machine();
    const slow = async () => {
      const now = new Date(shown.database);
      pass(1_001);
      return { now };
    };
    answers(slow);
    await expect(time.refresh()).rejects.toMatchObject(UNKNOWN);
    expect(pings()).toBe(3);
    answers(async () => {
      if (pings() === 5) return { now: new Date(shown.database) };
      return slow();
    });
    await time.refresh();
    expect([time.now(), pings()]).toEqual([shown.database, 5]);
  });

  test('is carried forward for another minute when a measurement fails', async () => {
    const { time, shown, answers, pass, pings } = machine();
    await time.refresh();
    answers(() => Promise.reject(new Error('down')));
    pass(60_000);
    await time.refresh();
    expect([time.now(), time.refresh(), pings()]).toEqual([shown.database, null, 2]);
    pass(60_000);
    await time.refresh();
    expect([time.now(), pings()]).toEqual([shown.database, 3]);
  });

  test('that the machine has slept through is not used until the database has told it again', async () => {
    const { time, shown, answers, pass } = machine();
    await time.refresh();
    answers(() => Promise.reject(new Error('down')));
    pass(8 * 3_600_000, true);
    for (let i = 0; i < 2; i++) await expect(time.refresh()).rejects.toMatchObject(UNKNOWN);
    answers(async () => ({ now: new Date(shown.database) }));
    await time.refresh();
    expect(time.now()).toBe(shown.database);
  });
});

/** A manager on a database that is a day behind the clock of this machine. */
function open(db: GatedDb) {
  return createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET, timeoutMs: PATIENT_MS });
}

function dayBehind() {
  const db = new GatedDb();
  const tell = async () => ({ now: new Date(Date.now() - DAY_MS) });
  db.methods.ping = tell;
  db.methods.close = async () => {};
  return { db, tell };
}

test.each<[string, () => Promise<{ now: Date }>]>([
  ['fails', () => Promise.reject(new Error('connect ECONNREFUSED'))],
  ['is never answered', () => new Promise(() => {})],
])('a first ping that %s lapses no credits on a machine whose clock is a day ahead', async (_, ping) => {
  const { db, tell } = dayBehind();
  const expiresAt = new Date(Date.now() - DAY_MS / 2);
  await open(db).credits.addCredits('u', 100, { expiresAt });
  db.methods.ping = ping;
  const { credits, jobs } = open(db);
  const calls = [endOf(credits.deductCredits('u', 1)), endOf(credits.getUserCreditsInfo('u'))];
  const [report, ...ends] = await Promise.all([jobs.runExpiration(), ...calls]);
  expect(ends).toEqual(Array(2).fill('STORAGE_UNAVAILABLE not_applied'));
  expect(report).toMatchObject({ status: 'stopped', expired: 0 });
  db.methods.ping = tell;
  expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(99);
});

test('jobs whose first calls of the database fail report it, and throw nothing', async () => {
  const { db, tell } = dayBehind();
  db.methods.ping = () => Promise.reject(new Error('connect ECONNREFUSED'));
  db.methods.init = () => Promise.reject(new Error('connect ECONNREFUSED'));
  const manager = open(db);
  const stopped = (reports: readonly JobReport[]) => {
    for (const report of reports) {
      expect(report).toMatchObject({ status: 'stopped', skippedCount: 1, skipped: [{ code: 'STORAGE_UNAVAILABLE' }] });
      expect(Math.abs(Date.parse(report.startedAt) - Date.now())).toBeLessThan(DAY_MS);
    }
    return reports.map(({ job }) => job);
  };
  expect(stopped(await manager.jobs.runAll())).toHaveLength(5);
  delete db.methods.init;
  expect(stopped(await manager.jobs.runAll())).toHaveLength(5);
  db.methods.ping = tell;
  expect((await manager.jobs.runAll()).map(({ status }) => status)).toEqual(Array(5).fill('completed'));
});
