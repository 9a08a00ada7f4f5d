/** What happens between calls that share a queue, a batch, or an account that somebody else changes. */
import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import {
  createCreditManagement,
  InMemoryDbManager,
  isCreditError,
  type Unit,
  type UnitOutcome,
} from '../../src/index.js';

async function outcome(call: Promise<{ balanceAfter: number; replayed: boolean }>): Promise<unknown> {
  return call.then(
    ({ balanceAfter, replayed }) => [balanceAfter, replayed],
    (error) => (isCreditError(error) ? error.code : error),
  );
}

describe('in one batch', () => {
  test('the same key with the same input is one effect and a replay, with other input a conflict', async () => {
    const { credits } = createTestCredits();
    await credits.addCredits('u', 100);
    const results = await Promise.all([
      outcome(credits.deductCredits('u', 10, { idempotencyKey: 'k' })),
      outcome(credits.deductCredits('u', '10.0', { idempotencyKey: 'k' })),
      outcome(credits.deductCredits('u', 11, { idempotencyKey: 'k' })),
      outcome(credits.addCredits('u', 1, { idempotencyKey: 'k' })),
    ]);
    expect(results).toEqual([[90, false], [90, true], 'IDEMPOTENCY_CONFLICT', [91, false]]);
  });

  test('a call that meets its own key in flight, refused, is decided in its own turn', async () => {
    const { credits } = createTestCredits();
    const results = await Promise.all([
      outcome(credits.deductCredits('u', 10, { idempotencyKey: 'k' })),
      outcome(credits.addCredits('u', 10)),
      outcome(credits.deductCredits('u', 10, { idempotencyKey: 'k' })),
    ]);
    expect(results).toEqual(['INSUFFICIENT_CREDITS', [10, false], [0, false]]);
  });

  test.each([1, 3])('transfers that fill batches leave no trace of their queues, with %i lanes', async (lanes) => {
    const db = new InMemoryDbManager();
    const { credits } = createCreditManagement({ db, pipeline: { lanes, maxBatch: 2 } });
    const pairs = Array.from({ length: 16 }, (_, i) => ({ from: `from-${i}`, to: `to-${i}` }));
    await Promise.all(pairs.map(({ from }) => credits.addCredits(from, 10)));
    const move = async ({ from, to }: { from: string; to: string }) => {
      await credits.transferCredits({ from, to, amount: 2 });
      return (await credits.deductCredits(to, 1, { timeoutMs: 1_000 })).balanceAfter;
    };
    expect(await Promise.all(pairs.map(move))).toEqual(pairs.map(() => 1));
  });

  test('a transfer in the middle is decided in its place', async () => {
    const { credits, ledger } = createTestCredits();
    await credits.addCredits('a', 100);
    const results = await Promise.all([
      outcome(credits.deductCredits('a', 10)),
      outcome(credits.addCredits('b', 1)),
      credits.transferCredits({ from: 'a', to: 'b', amount: 50 }).then((both) => [both.out, both.in]),
      outcome(credits.deductCredits('a', 40)),
      outcome(credits.deductCredits('b', 51)),
      outcome(credits.deductCredits('a', 1)),
    ]);
    expect(results).toMatchObject([
      [90, false],
      [1, false],
      [{ balanceAfter: 40 }, { balanceAfter: 51 }],
      [0, false],
      [0, false],
      'INSUFFICIENT_CREDITS',
    ]);
    expect(await ledger.verify()).toMatchObject({ ok: true, problems: [] });
  });

  test('two commits of one hold with other amounts: one ends it, the other is refused', async () => {
    const { credits } = createTestCredits();
    await credits.addCredits('u', 100);
    const hold = await credits.reserveCredits('u', 30);
    const results = await Promise.all([
      outcome(credits.commitReservedCredits(hold, { amount: 10 })),
      outcome(credits.commitReservedCredits(hold, { amount: 20 })),
      outcome(credits.commitReservedCredits(hold, { amount: 10 })),
    ]);
    expect(results).toEqual([[90, false], 'RESERVATION_NOT_ACTIVE', [90, true]]);
  });

  test('a refused call refuses alone', async () => {
    const { credits, db } = createTestCredits();
    const amounts = [5, 100, 5, 100, 5];
    await credits.addCredits('u', 15);
    const results = await Promise.all(amounts.map((amount) => outcome(credits.deductCredits('u', amount))));
    expect(results).toEqual([[10, false], 'INSUFFICIENT_CREDITS', [5, false], 'INSUFFICIENT_CREDITS', [0, false]]);
    const query = { index: 'history', anyOf: { field: 'type', values: ['error'] } };
    expect(await db.count('entry', query)).toBe(2);
  });
});

describe('between processes', () => {
  function two() {
    const db = new InMemoryDbManager();
    return [createCreditManagement({ db }).credits, createCreditManagement({ db }).credits] as const;
  }

  test('a refusal is not answered from stale state: another writer added credits meanwhile', async () => {
    const [here, there] = two();
    await here.addCredits('u', 10);
    await there.addCredits('u', 10);
    expect(await outcome(here.deductCredits('u', 15))).toEqual([5, false]);
  });

  test('a keyed deduction is replayed when the balance is gone', async () => {
    const [here, there] = two();
    await here.addCredits('u', 10);
    await here.deductCredits('u', 10, { idempotencyKey: 'k' });
    expect(await outcome(there.deductCredits('u', 10, { idempotencyKey: 'k' }))).toEqual([0, true]);
    expect(await outcome(here.deductCredits('u', 10, { idempotencyKey: 'k' }))).toEqual([0, true]);
  });

  test('a key of another account, operation or credit type is another key', async () => {
    const { credits, creditType } = createTestCredits({ creditTypes: { image: {} } });
    const options = { idempotencyKey: 'k' };
    const results = [
      await credits.addCredits('u', 5, options),
      await credits.addCredits('v', 5, options),
      await credits.deductCredits('u', 5, options),
      await creditType('image').addCredits('u', 5, options),
    ];
    expect(results.map((result) => result.replayed)).toEqual([false, false, false, false]);
  });

  test('what one process reserves another commits, and both see it end once', async () => {
    const [here, there] = two();
    await here.addCredits('u', 10);
    const hold = await here.reserveCredits('u', 6, { reason: 'job', metadata: { a: 1 } });
    expect(await there.getReservation(hold.id)).toMatchObject({ status: 'active', reason: 'job', metadata: { a: 1 } });
    await there.commitReservedCredits(hold.id, { amount: 2 });
    expect(await here.getReservation(hold.id)).toMatchObject({ status: 'committed', committed: 2, released: 4 });
    expect(await outcome(here.commitReservedCredits(hold.id, { amount: 2 }))).toEqual([8, true]);
  });
});

describe('a commit whose answer was lost', () => {
  test('is found by its own id, answered once, and never applied twice', async () => {
    const { credits, failNext, ledger } = createTestCredits();
    await credits.addCredits('u', 10);
    failNext('after_commit');
    expect(await outcome(credits.deductCredits('u', 4))).toEqual([6, false]);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(6);
    expect(await ledger.verify({ userId: 'u' })).toMatchObject({ ok: true, checked: 2 });
  });

  test('of a refusal is found too: one error entry', async () => {
    const { credits, failNext, db } = createTestCredits();
    await credits.addCredits('u', 10);
    failNext('after_commit');
    expect(await outcome(credits.deductCredits('u', 11))).toBe('INSUFFICIENT_CREDITS');
    expect(await db.count('entry', { index: 'history', anyOf: { field: 'type', values: ['error'] } })).toBe(1);
  });

  test('cannot land after a refusal was answered: the refusal fences it', async () => {
    const memory = new InMemoryDbManager();
    const late: (readonly Unit[])[] = [];
    let lose = 0;
    const db = new Proxy(memory, {
      get(target, name) {
        if (name !== 'commit') {
          const member = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        }
        return async (units: readonly Unit[]): Promise<readonly UnitOutcome[]> => {
          if (lose-- <= 0) return target.commit(units);
          late.push(units);
          return units.map(() => ({ status: 'unknown', cause: new Error('lost') }));
        };
      },
    });
    const { credits } = createCreditManagement({ db });
    const other = createCreditManagement({ db: memory }).credits;
    await credits.addCredits('u', 10);
    lose = 1;
    const slow = credits.deductCredits('u', 8);
    while (late.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await other.deductCredits('u', 5);
    expect(await outcome(slow)).toBe('INSUFFICIENT_CREDITS');
    expect(await memory.commit(late[0] ?? [])).toMatchObject([{ status: 'conflict' }]);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(5);
  });
});
