/**
 * Other writers: conflicts and locks that come and go, and the pessimistic path. Bounded by the deadline, not a
 * count.
 */
import { describe, expect, test } from 'vitest';
import { InMemoryDbManager, isCreditError, type UnitOutcome } from '../../src/index.js';
import { type Bench, bench, GatedDb, isMoney } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { gate } from '../support/wait.js';

type Status = 'conflict' | 'locked';
const told = (status: Status): UnitOutcome => ({ status, model: 'account', key: 'credits/u' });

/** The next `times` commits (of money, or of new accounts) claim a conflict although nothing was tried. */
function lie(db: GatedDb, status: Status, times: number, which: 'money' | 'creation' = 'money'): void {
  let left = times;
  db.methods.commit = async (units, options) => {
    const lies = left > 0 && units.some((unit) => isMoney(unit) === (which === 'money'));
    if (!lies) return db.inner.commit(units, options);
    left--;
    return units.map(() => told(status));
  };
}

type Operation = (credits: Bench['credits'], holdId: string) => Promise<unknown>;

/** On an account of 100 with a hold of 10: the call, then the balance, what is reserved, and the other's balance. */
const operations: readonly (readonly [Operation, number, number, number])[] = [
  [(c) => c.deductCredits('u', 1), 99, 10, 100],
  [(c) => c.deductCredits('u', 1, { idempotencyKey: 'k' }), 99, 10, 100],
  [(c) => c.addCredits('u', 1, { effectiveAt: '2030-02-01T00:00:00Z' }), 100, 10, 100],
  [(c, id) => c.commitReservedCredits(id, { amount: 3, final: false }), 97, 7, 100],
  [(c, id) => c.commitReservedCredits(id, { amount: 12, overage: 'charge' }), 88, 0, 100],
  [(c) => c.transferCredits({ from: 'u', to: 'v', amount: 1 }), 99, 10, 101],
  [async (c) => expect(await endOf(c.deductCredits('u', 91))).toContain('INSUFFICIENT_CREDITS'), 100, 10, 100],
];

describe.each([
  { how: 'with transactions', transactions: true },
  { how: 'without transactions', transactions: false },
])('$how', ({ transactions }) => {
  const open = (options = {}) => bench(options, new GatedDb(new InMemoryDbManager(), { transactions }));

  test.each([1, 2, 3, 4, 5, 6])('%i conflicts or locks in a row end in one effect', async (times) => {
    const calls = [...Array(operations.length * 2).keys()].map(async (i) => {
      const { db, credits } = open();
      await credits.addCredits('u', 100);
      await credits.addCredits('v', 100);
      const { id } = await credits.reserveCredits('u', 10);
      const [run, ...expected] = operations[i >> 1]!;
      lie(db, i % 2 === 0 ? 'conflict' : 'locked', times);
      await run(credits, id);
      const [u, v] = await credits.getUsersCreditsInfo(['u', 'v']);
      expect([u?.balance, u?.reserved, v?.balance]).toEqual(expected);
      expect(await audit(db.inner, 'credits/u')).toEqual([]);
      expect(await audit(db.inner, 'credits/v')).toEqual([]);
    });
    await Promise.all(calls);
  });

  test.each([1, 2, 3, 4, 5, 6])('%i conflicts or locks at the birth of an account end in one effect', async (times) => {
    for (const status of ['conflict', 'locked'] as const) {
      const { db, manager, credits } = open();
      await manager.init();
      lie(db, status, times, 'creation');
      expect(await endOf(credits.addCredits('u', 5))).toBe('resolved');
      expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
    }
  });

  test('an account that never comes free is CONTENTION at the deadline, and nothing is applied', async () => {
    for (const status of ['conflict', 'locked'] as const) {
      const { db, credits } = open();
      await credits.addCredits('u', 100);
      lie(db, status, Number.POSITIVE_INFINITY);
      const calls = [1, 2, 3].map((amount) => credits.deductCredits('u', amount, { timeoutMs: 120 }));
      for (const call of await Promise.allSettled(calls)) {
        const error: unknown = call.status === 'rejected' ? call.reason : null;
        if (!isCreditError(error, 'CONTENTION')) throw error;
        expect([error.outcome, error.retryable]).toEqual(['not_applied', true]);
        expect(error.details.attempts).toBeGreaterThan(1);
      }
      db.methods = {};
      await credits.deductCredits('u', 5);
      expect((await credits.getUserCreditsInfo('u')).balance).toBe(95);
      expect(await audit(db.inner, 'credits/u')).toEqual([]);
    }
  });

  test('two managers that write one account at once lose nothing and refuse exactly what is too much', async () => {
    const inner = new InMemoryDbManager({ suspend: () => new Promise((resolve) => setImmediate(resolve)) });
    const { open: another, credits } = bench({}, new GatedDb(inner, { transactions }));
    await credits.addCredits('u', 150);
    const services = [credits, another().credits, another().credits];
    const calls = Array.from({ length: 200 }, (_, i) => services[i % 3]!.deductCredits('u', 1));
    const answers = await Promise.all(calls.map(endOf));
    expect(answers.filter((answer) => answer === 'resolved')).toHaveLength(150);
    expect(answers.filter((answer) => answer === 'INSUFFICIENT_CREDITS not_applied')).toHaveLength(50);
    expect(await audit(inner, 'credits/u')).toEqual([]);
  });

  test('an account that a transaction holds does not hold up the others, and goes on when it is free', async () => {
    const { db, credits } = open();
    await credits.addCredits('u', 100);
    await credits.addCredits('v', 100);
    const [locked, mayEnd] = [gate(), gate()];
    const holding = db.inner.transaction(async (session) => {
      await db.inner.getMany('account', ['credits/u'], { session, lock: true });
      locked.open();
      await mayEnd.opened;
    });
    await locked.opened;
    const waiting = credits.deductCredits('u', 1);
    for (let i = 0; i < 20; i++) await credits.deductCredits('v', 1);
    mayEnd.open();
    await holding;
    expect((await waiting).balanceAfter).toBe(99);
    expect((await credits.getUserCreditsInfo('v')).balance).toBe(80);
  });
});

test('decides on what the winner left: a refusal is never from a remembered state', async () => {
  const { credits, open } = bench();
  await credits.addCredits('u', 10);
  const other = open().credits;
  await other.addCredits('u', 90);
  expect((await credits.deductCredits('u', 95)).balanceAfter).toBe(5);
  await other.deductCredits('u', 5);
  expect(await endOf(credits.deductCredits('u', 1))).toBe('INSUFFICIENT_CREDITS not_applied');
  const hold = await other.addCredits('u', 10).then(() => other.reserveCredits('u', 10));
  expect((await credits.releaseReservedCredits(hold.id)).status).toBe('released');
  expect(await endOf(other.commitReservedCredits(hold.id))).toBe('RESERVATION_NOT_ACTIVE not_applied');
});

test('a lock read that answers after the deadline applies nothing any more', async () => {
  const { db, credits, open } = bench();
  await credits.addCredits('u', 100);
  const mayAnswer = gate();
  const answered = gate();
  let isAsked = false;
  db.methods.getMany = async (model, keys, options) => {
    isAsked ||= options?.lock === true;
    if (options?.lock) await mayAnswer.opened;
    const rows = await db.inner.getMany(model, keys, options);
    if (options?.lock) answered.open();
    return rows;
  };
  // On a busy machine the conflicts may take the whole of the deadline.
  while (!isAsked) {
    lie(db, 'conflict', 2);
    expect(await endOf(credits.deductCredits('u', 30, { timeoutMs: 60 }))).toBe('CONTENTION not_applied');
  }
  mayAnswer.open();
  await answered.opened;
  await open().credits.addCredits('u', 1);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(101);
});

test('a transaction whose end hangs is OUTCOME_UNKNOWN, and its key ends in one effect', async () => {
  const { db, credits, open } = bench();
  await credits.addCredits('u', 100);
  const mayEnd = gate();
  db.methods.transaction = (run, options) =>
    db.inner.transaction(async (session) => {
      const result = await run(session);
      await mayEnd.opened;
      return result;
    }, options);
  let error: unknown;
  do {
    lie(db, 'conflict', 2);
    error = await credits.deductCredits('u', 30, { timeoutMs: 60 }).catch((reason) => reason);
  } while (isCreditError(error, 'CONTENTION'));
  if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
  const retry = open().credits.deductCredits('u', 30, { idempotencyKey: error.details.idempotencyKey });
  mayEnd.open();
  expect((await retry).replayed).toBe(true);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(70);
  expect(await audit(db.inner, 'credits/u')).toEqual([]);
});
