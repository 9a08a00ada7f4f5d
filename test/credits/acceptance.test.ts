/** Cases of the source systems, restated (source-systems.md §4), in their own words and under their own ids. */
import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import { checkedManager } from '../support/checked-manager.js';
import { codeOf } from '../support/codes.js';

function fresh() {
  const manager = checkedManager(createTestCredits({ now: '2030-01-31T00:00:00Z' }));
  const { credits } = manager;
  const info = async (user = 'u') => {
    const { balance, reserved, available } = await credits.getUserCreditsInfo(user);
    return [balance, reserved, available];
  };
  const errors = async (user = 'u') => {
    const query = { index: 'history', equals: { account: `credits/${user}` }, limit: 50 };
    const { rows } = await manager.db.find('entry', { ...query, anyOf: { field: 'type', values: ['error'] } });
    return rows;
  };
  return { manager, credits, info, errors };
}

describe('credit-management (Python)', () => {
  test('T-CM-1 add and deduct', async () => {
    const { credits, info } = fresh();
    expect((await credits.addCredits('u', 100)).balanceAfter).toBe(100);
    expect(await info()).toEqual([100, 0, 100]);
    expect((await credits.deductCredits('u', 40)).balanceAfter).toBe(60);
    expect(await info()).toEqual([60, 0, 60]);
  });

  test('T-CM-2 no overspend when reserving', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 60);
    const first = await credits.reserveCredits('u', 50);
    expect(first.amount).toBe(50);
    await expect(credits.reserveCredits('u', 55)).rejects.toMatchObject({ details: { available: 10 } });
    await credits.unreserveCredits(first);
    expect((await credits.reserveCredits('u', 55)).status).toBe('active');
    await expect(credits.reserveCredits('u', 10)).rejects.toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      details: { requested: 10, balance: 60, reserved: 55, available: 5 },
    });
  });

  test('T-CM-3 balances follow every mutation', async () => {
    const { credits, info } = fresh();
    const seen = [await info()];
    await credits.addCredits('u', 100);
    seen.push(await info());
    const hold = await credits.reserveCredits('u', 30);
    seen.push(await info());
    await credits.deductCredits('u', 20);
    seen.push(await info());
    await credits.releaseReservedCredits(hold.id);
    seen.push(await info());
    await credits.commitReservedCredits(await credits.reserveCredits('u', 10));
    seen.push(await info());
    expect(seen).toEqual([
      [0, 0, 0],
      [100, 0, 100],
      [100, 30, 70],
      [80, 30, 50],
      [80, 0, 80],
      [70, 0, 70],
    ]);
  });

  test('T-CM-4 after-service deduction may go negative', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 50);
    expect(await codeOf(credits.deductCredits('u', 60))).toBe('INSUFFICIENT_CREDITS');
    expect((await credits.deductCreditsAfterService('u', 60)).balanceAfter).toBe(-10);
    expect((await credits.deductCreditsAfterService('u', 20)).balanceAfter).toBe(-30);
  });

  test('T-CM-5 and T-CM-6: the README snippets, with everything in memory', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('test', 100);
    expect((await info('test'))[2]).toBe(100);
    await credits.deductCredits('test', 40);
    expect((await info('test'))[2]).toBe(60);
  });

  test('A-1 exactly what is there can be deducted', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 100);
    expect((await credits.deductCredits('u', 100)).balanceAfter).toBe(0);
  });

  test.each([0, -1, Number.NaN, Infinity, -Infinity, 'x', null])(
    'A-2 %s is INVALID_AMOUNT and leaves no trace',
    async (bad) => {
      const { credits, manager } = fresh();
      await manager.init();
      const before = await manager.db.count('entry', { index: 'correlation' });
      const amount = bad as number;
      for (const call of [
        credits.addCredits('u', amount),
        credits.deductCredits('u', amount),
        credits.reserveCredits('u', amount),
      ]) {
        expect(await codeOf(call)).toBe('INVALID_AMOUNT');
      }
      expect(await manager.db.count('entry', { index: 'correlation' })).toBe(before);
      expect(await manager.db.count('account', { index: 'due' })).toBe(0);
    },
  );

  test('A-3 and A-4 a hold ends committed or released; a release is no balance history', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const tx = await credits.commitReservedCredits(await credits.reserveCredits('u', 30));
    expect([tx.type, tx.delta]).toEqual(['commit_reserved', -30]);
    expect(await info()).toEqual([70, 0, 70]);
    const before = await credits.getCreditHistory('u');
    await credits.releaseReservedCredits(await credits.reserveCredits('u', 30));
    expect(await info()).toEqual([70, 0, 70]);
    expect(await credits.getCreditHistory('u')).toEqual(before);
  });

  test('CM-CS-8 the reserved credits alone', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 100);
    const hold = await credits.reserveCredits('u', 30);
    await credits.reserveCredits('u', 5);
    expect(await credits.getReservedCredits('u')).toBe(35);
    await credits.releaseReservedCredits(hold);
    expect(await credits.getReservedCredits('u')).toBe(5);
  });

  test('CM-M, CM-E: the fields and values of the source models are there, under our names', async () => {
    const { credits } = fresh();
    const lot = { planId: 'pro', expiresAt: '2031-01-01T00:00:00Z' };
    const tx = await credits.addCredits('u', 100, { ...lot, description: 'd', metadata: { a: 1 } });
    expect(tx).toMatchObject({ type: 'add', userId: 'u', delta: 100, balanceAfter: 100, description: 'd' });
    expect((await credits.getGrants('u')).items).toMatchObject([{ amount: 100, remaining: 100, planId: 'pro' }]);
    const hold = await credits.reserveCredits('u', 10, { reason: 'r', planId: 'pro' });
    expect(hold).toMatchObject({ amount: 10, committed: 0, released: 0, status: 'active', reason: 'r' });
    const types = new Set<string>();
    await credits.commitReservedCredits(hold, { amount: 1 });
    await credits.releaseReservedCredits(await credits.reserveCredits('u', 1));
    await credits.deductCredits('u', 1);
    const { items } = await credits.getCreditHistory('u', { includeHolds: true });
    for (const item of items) types.add(item.type);
    expect([...types].sort()).toEqual(['add', 'commit_reserved', 'deduct', 'release_reserved', 'reserve']);
  });

  test('A-5 a failed deduct leaves one error entry with the numbers, the user and the correlation id', async () => {
    const { credits, errors } = fresh();
    await credits.addCredits('u', 10);
    expect(await codeOf(credits.deductCredits('u', 11, { correlationId: 'trace-1' }))).toBe('INSUFFICIENT_CREDITS');
    expect(await errors()).toMatchObject([
      {
        eventType: 'error',
        userId: 'u',
        correlationId: 'trace-1',
        details: { code: 'INSUFFICIENT_CREDITS', requested: 11, balance: 10, reserved: 0, available: 10 },
      },
    ]);
  });

  test('A-6 every mutation carries correlation id, description, metadata, actor and reason on its entry', async () => {
    const { credits } = fresh();
    const info = {
      correlationId: 'trace-1',
      description: 'd',
      metadata: { order: { id: 7 } },
      actor: 'admin',
      reason: 'because',
    };
    const added = await credits.addCredits('u', 100, info);
    await credits.deductCredits('u', 1, info);
    await credits.deductCreditsAfterService('u', 1, info);
    await credits.adjustCredits('u', 1, info);
    const hold = await credits.reserveCredits('u', 10, info);
    await credits.extendReservation(hold, { ttlSeconds: 1_000, ...info });
    await credits.commitReservedCredits(hold, { amount: 1, ...info });
    await credits.releaseReservedCredits(await credits.reserveCredits('u', 1, info), info);
    await credits.reverseTransaction(added.id, { amount: 1, ...info });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 1 }, info);
    await credits.updateAccount('u', { overdraftLimit: 5, ...info });
    await credits.createAccount('u', info);
    for (const user of ['u', 'v']) {
      const { items } = await credits.getCreditHistory(user, { includeHolds: true, limit: 100 });
      expect(items.length).toBe(user === 'u' ? 13 : 1);
      for (const item of items) expect(item).toMatchObject(info);
    }
  });

  test('A-7 one operation is one ledger entry: the transaction itself', async () => {
    const { credits, manager } = fresh();
    const tx = await credits.addCredits('u', 5);
    const query = { index: 'operation', equals: { operationId: tx.operationId }, limit: 9 };
    expect((await manager.db.find('entry', query)).rows).toMatchObject([{ id: tx.id, eventType: 'transaction' }]);
  });

  test('A-10 expiring within 10 days: lots of 3 and 10 days, unspent amounts only, soonest first', async () => {
    const { credits } = fresh();
    for (const [days, amount] of [
      [40, 5],
      [10, 7],
      [3, 9],
    ] as const) {
      const expiresAt = new Date(Date.UTC(2030, 0, 31 + days));
      await credits.addCredits('u', amount, { expiresAt });
    }
    await credits.deductCredits('u', 4);
    const lots = await credits.getExpiringCreditsInDays('u', 10);
    expect(lots.map((lot) => lot.remaining)).toEqual([5, 7]);
  });

  test('D-3 expiry takes neither what was spent nor permanent credits', async () => {
    const { manager, credits, info } = fresh();
    await credits.addCredits('u', 100, { expiresAt: '2030-02-01T00:00:00Z' });
    await credits.addCredits('u', 50);
    await credits.deductCredits('u', 80);
    await manager.advance({ days: 1 });
    expect(await info()).toEqual([50, 0, 50]);
    expect((await credits.getCreditHistory('u', { types: ['expire'] })).items).toMatchObject([{ delta: -20 }]);
  });

  test('D-8 no binary fractions: 0.3 minus 0.1 three times is nothing', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 0.3);
    for (let i = 0; i < 3; i++) await credits.deductCredits('u', 0.1);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
  });

  test('D-11 only the id of a hold is taken from the caller', async () => {
    const { credits, info } = fresh();
    await credits.addCredits('u', 100);
    const hold = await credits.reserveCredits('u', 10);
    const edited = { ...hold, amount: 90, userId: 'v', status: 'active' };
    await credits.commitReservedCredits(edited);
    expect(await info()).toEqual([90, 0, 90]);
    expect(await codeOf(credits.releaseReservedCredits(hold))).toBe('RESERVATION_NOT_ACTIVE');
    expect(await codeOf(credits.commitReservedCredits({ id: 'r-made-up' }))).toBe('RESERVATION_NOT_FOUND');
  });
});

describe('Credici and Creduse', () => {
  test('A-33 add 100 valid 30 days, subtract 30, 30 days pass: 0, never negative', async () => {
    const { manager, credits, info } = fresh();
    await credits.addCredits('u', 100, { expiresAt: '2030-03-02T00:00:00Z' });
    await credits.deductCredits('u', 30);
    await manager.advance({ days: 30 });
    expect(await info()).toEqual([0, 0, 0]);
  });

  test('A-34 transactions for a period: both bounds inclusive', async () => {
    const { manager, credits } = fresh();
    for (let day = 0; day < 4; day++) {
      await credits.addCredits('u', day + 1);
      await manager.advance({ days: 1 });
    }
    const from = '2030-02-01T00:00:00Z';
    const to = '2030-02-02T00:00:00+00:00';
    const { items } = await credits.getCreditHistory('u', { from, to, order: 'oldest' });
    expect(items.map((item) => item.delta)).toEqual([2, 3]);
  });

  test('CR-6, CR-2: all transactions, and a refusal when there is not enough', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 5);
    expect(await codeOf(credits.deductCredits('u', 6))).toBe('INSUFFICIENT_CREDITS');
    expect((await credits.getCreditHistory('u')).items).toHaveLength(1);
  });

  test('CU-3, CR-ST-1: the active balance grouped by expiry', async () => {
    const { credits } = fresh();
    await credits.addCredits('u', 5, { expiresAt: '2030-03-01T00:00:00Z' });
    await credits.addCredits('u', 7, { expiresAt: '2030-03-01T00:00:00Z' });
    await credits.addCredits('u', 9);
    const { items } = await credits.getGrants('u');
    expect(items.map((lot) => [lot.expiresAt?.toISOString() ?? null, lot.remaining])).toEqual([
      ['2030-03-01T00:00:00.000Z', 5],
      ['2030-03-01T00:00:00.000Z', 7],
      [null, 9],
    ]);
  });

  test('CR-7 manual commit and rollback: a transaction of the database', async () => {
    const db = new InMemoryDbManager();
    const { credits } = checkedManager(createCreditManagement({ db }));
    await credits.addCredits('u', 10);
    const rollback = db.transaction(async (session) => {
      await credits.deductCredits('u', 4, { session });
      throw new Error('rollback');
    });
    await expect(rollback).rejects.toThrow('rollback');
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(10);
    await db.transaction((session) => credits.deductCredits('u', 4, { session }));
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(6);
  });
});

describe('merchant credit service', () => {
  test('T-MS-1, T-MS-2 a grant with an external reference happens once, with one event', async () => {
    const { manager, credits } = fresh();
    await credits.addCredits('m', 100);
    const before = manager.events.length;
    const first = await credits.addCredits('m', 50, { idempotencyKey: 'r1', reference: 'r1' });
    const second = await credits.addCredits('m', 50, { idempotencyKey: 'r1', reference: 'r1' });
    expect([first.balanceAfter, first.replayed, second.balanceAfter, second.replayed]).toEqual([150, false, 150, true]);
    expect(manager.events.slice(before)).toMatchObject([
      { type: 'credits.recharged', data: { amount: 50, reference: 'r1' } },
    ]);
  });

  test('T-MS-3, T-MS-4 25 → 15 with threshold 20 is one low event; 5 → 0 one exhausted event', async () => {
    const { manager, credits } = fresh();
    await credits.createAccount('m', { trialCredits: 25, lowCreditThreshold: 20 });
    await credits.deductCredits('m', 10, { correlationId: 'request-1' });
    await credits.deductCredits('m', 10);
    await credits.deductCredits('m', 5);
    const of = (type: string) => manager.events.filter((event) => event.type === `credits.${type}`);
    expect(of('low_balance_reached')).toMatchObject([
      { correlationId: 'request-1', data: { balance: 15, threshold: 20 } },
    ]);
    expect(of('balance_exhausted')).toHaveLength(1);
  });
});
