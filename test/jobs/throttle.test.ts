/** How a sweep adapts to the size of what it reads and to the time that it takes. */
import { describe, expect, test } from 'vitest';
import { emptyAccount } from '../../src/core/account.js';
import { accountToRow } from '../../src/core/rows.js';
import {
  MAX_WEIGHT,
  READ_ROWS_FIRST,
  ROW_WEIGHT,
  rowsOfRead,
  Throttle,
  weightOf,
} from '../../src/services/jobs/throttle.js';
import { bench, isMoney } from '../backends/gated-db.js';
import { paced } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { gate, sleep } from '../support/wait.js';

const HOUR_MS = 3_600_000;

describe('the work that is under way', () => {
  test('never weighs more than the limit, but for one piece alone', async () => {
    const throttle = new Throttle(HOUR_MS);
    const { limit } = throttle;
    const [first, rest] = [gate(), gate()];
    let begun = 0;
    const piece = (end: Promise<void>) => () => {
      begun++;
      return end;
    };
    await throttle.begin(5 * limit, piece(first.opened));
    const heavy = throttle.begin(limit, piece(rest.opened));
    await sleep(0);
    expect(begun).toBe(1);
    first.open();
    await heavy;
    const small = throttle.begin(throttle.limit, piece(rest.opened));
    await sleep(0);
    expect(begun).toBe(2);
    rest.open();
    await small;
    await throttle.end();
    expect(begun).toBe(3);
  });

  test('is halved when it is slow, and doubled up to a bound when it is quick and more of it waits', async () => {
    const slow = new Throttle(0);
    const before = slow.limit;
    await slow.begin(1, () => sleep(1));
    await slow.end();
    expect(slow.limit).toBe(before / 2);
    const quick = new Throttle(HOUR_MS);
    await quick.begin(1, async () => {});
    await quick.end();
    expect(quick.limit).toBe(before);
    for (let i = 0; i < 10_000; i++) await quick.begin(100 * ROW_WEIGHT, () => sleep(0));
    await quick.end();
    expect(quick.limit).toBe(MAX_WEIGHT);
  });
});

describe('what is read at once', () => {
  const weightsOf = (rows: number, each: number) => Array<number>(rows).fill(each);

  test('grows while rows are small, and shrinks with what they hold', () => {
    const small = rowsOfRead(READ_ROWS_FIRST, weightsOf(READ_ROWS_FIRST, ROW_WEIGHT + 1));
    expect(small).toBe(4 * READ_ROWS_FIRST);
    expect(rowsOfRead(small, weightsOf(small, ROW_WEIGHT + 1))).toBe(1_000);
    expect(rowsOfRead(1_000, weightsOf(1_000, 300))).toBe(333);
    expect(rowsOfRead(1_000, weightsOf(10, 10_000))).toBe(9);
    expect(rowsOfRead(1_000, weightsOf(1, 1_000_000))).toBe(1);
  });

  test('is weighed by grants, holds and draws, and what cannot be read weighs as nothing', () => {
    const row = accountToRow(emptyAccount('credits', 'u'), 1);
    const parts = (grants: unknown, holds: unknown) =>
      ({ ...row, numbers: { ...row.numbers, grants, holds } }) as typeof row;
    expect(weightOf(row)).toBe(ROW_WEIGHT);
    expect(weightOf(parts([{}, {}, {}], [{ draws: [{}, {}] }, { draws: [] }]))).toBe(ROW_WEIGHT + 3 + 2 + 2);
    for (const wrong of [null, 'text', [null]]) expect(weightOf(parts(wrong, wrong))).toBeLessThan(ROW_WEIGHT + 4);
    expect(weightOf({ ...row, numbers: null, state: null as never })).toBe(ROW_WEIGHT);
    const earlier = { ...row.state, grants: [{}, {}], holds: [] } as never;
    expect(weightOf({ ...row, numbers: null, state: earlier })).toBe(ROW_WEIGHT + 2);
  });
});

test('a sweep skips no account on a database that would need longer than a deadline for all of them', async () => {
  const USERS = 4_000;
  // Long beside what this process does for 4,000 accounts on a busy machine: the server alone is slow.
  const timeoutMs = paced(3_000);
  const { db, clock, open, credits } = bench({ logger: QUIET });
  const expiresAt = new Date(clock.now().getTime() + 1_000);
  await Promise.all(Array.from({ length: USERS }, (_, i) => credits.addCredits(`u${i}`, 1, { expiresAt })));
  clock.advance({ seconds: 2 });
  const { jobs } = open({ timeoutMs });
  await jobs.runAllocation();
  // A server that writes one account after another, and needs two deadlines for all of them.
  let turn = Promise.resolve();
  let mostUnits = 0;
  db.methods.commit = (units, options) => {
    if (!units.some(isMoney)) return db.inner.commit(units, options);
    mostUnits = Math.max(mostUnits, units.length);
    turn = turn.then(() => sleep((2 * timeoutMs * units.length) / USERS));
    return turn.then(() => db.inner.commit(units, options));
  };
  const report = await jobs.runExpiration();
  expect(report).toMatchObject({ status: 'completed', processed: USERS, expired: USERS, skippedCount: 0 });
  expect(mostUnits).toBeGreaterThan(1);
});
