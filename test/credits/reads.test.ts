import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { isCreditError } from '../../src/index.js';
import { checkedManager } from '../support/checked-manager.js';

const DAY = 24 * 3600 * 1000;
const START = Date.UTC(2030, 0, 1);

async function story() {
  const manager = checkedManager(createTestCredits({ now: new Date(START) }));
  const { credits } = manager;
  await credits.addCredits('u', 100, { actor: 'shop' });
  await credits.addCredits('u', 50, { effectiveAt: new Date(START + 2 * DAY), expiresAt: new Date(START + 4 * DAY) });
  await manager.advance({ days: 1 });
  await credits.deductCredits('u', 30, { actor: 'app' });
  const hold = await credits.reserveCredits('u', 20, { ttlSeconds: 2 * 24 * 3600 });
  await manager.advance({ days: 4 });
  return { manager, credits, hold };
}

describe('balances', () => {
  test('at any instant: what had taken effect by then, and what will be if nothing else happens', async () => {
    const { credits } = await story();
    const at = async (days: number) => {
      const info = await credits.getBalanceAt('u', new Date(START + days * DAY));
      return [info.balance, info.reserved, info.available];
    };
    expect(await at(-1)).toEqual([0, 0, 0]);
    expect(await at(0)).toEqual([100, 0, 100]);
    expect(await at(1)).toEqual([70, 20, 50]);
    expect(await at(2)).toEqual([120, 20, 100]);
    expect(await at(3.5)).toEqual([120, 0, 120]);
    expect(await at(4)).toEqual([70, 0, 70]);
    await credits.addCredits('u', 5, { effectiveAt: new Date(START + 9 * DAY), expiresAt: new Date(START + 10 * DAY) });
    expect([await at(8), await at(9), await at(10)]).toEqual([
      [70, 0, 70],
      [75, 0, 75],
      [70, 0, 70],
    ]);
    expect(await credits.getBalanceAt('nobody', new Date(START))).toMatchObject({ balance: 0, debt: 0 });
  });

  test('of an unknown account are zeros; of many users in the order asked', async () => {
    const { credits } = await story();
    const infos = await credits.getUsersCreditsInfo(['nobody', 'u', 'nobody']);
    expect(infos.map((info) => [info.userId, info.balance])).toEqual([
      ['nobody', 0],
      ['u', 70],
      ['nobody', 0],
    ]);
    await expect(credits.getUsersCreditsInfo(Array(101).fill('u'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('fresh or not, in a deadline or not, the answer is the same', async () => {
    const { credits } = await story();
    const { signal } = new AbortController();
    const plain = await credits.getUserCreditsInfo('u');
    expect(await credits.getUserCreditsInfo('u', { fresh: true, timeoutMs: 500, signal })).toEqual(plain);
    const aborted = credits.getUserCreditsInfo('u', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('nothing due is written by reading', async () => {
    const { credits, manager } = await story();
    await credits.addCredits('v', 5, { expiresAt: new Date(START + 6 * DAY) });
    manager.clock.advance({ days: 7 });
    const entries = await manager.db.count('entry', { index: 'history' });
    expect(await credits.getUserCreditsInfo('v')).toMatchObject({ balance: 0 });
    expect((await credits.getGrants('v')).items).toEqual([]);
    expect((await credits.getGrants('v', { includeClosed: true })).items).toMatchObject([{ amount: 5, remaining: 0 }]);
    expect(await manager.db.count('entry', { index: 'history' })).toBe(entries);
  });
});

describe('history', () => {
  test('filters by type, actor and period, and leaves holds out unless asked', async () => {
    const { credits } = await story();
    const types = async (options: Parameters<typeof credits.getCreditHistory>[1]) =>
      (await credits.getCreditHistory('u', { order: 'oldest', ...options })).items.map((item) => item.type);
    expect(await types({})).toEqual(['add', 'add', 'deduct', 'activate', 'expire']);
    expect(await types({ includeHolds: true })).toEqual([
      'add',
      'add',
      'deduct',
      'reserve',
      'activate',
      'expire_reserved',
      'expire',
    ]);
    expect(await types({ types: ['reserve', 'expire'] })).toEqual(['reserve', 'expire']);
    expect(await types({ actor: 'app' })).toEqual(['deduct']);
    expect(await types({ actor: 'app', to: new Date(START) })).toEqual([]);
    expect(await types({ from: new Date(START + 2 * DAY), to: new Date(START + 4 * DAY) })).toEqual([
      'activate',
      'expire',
    ]);
  });

  test('pages in both directions visit everything once, whatever the size', async () => {
    const { credits } = checkedManager(createTestCredits());
    for (let i = 1; i <= 45; i++) await credits.addCredits('u', i);
    for (const order of ['newest', 'oldest'] as const) {
      for (const limit of [1, 7, 20, 45, 100]) {
        const seen: number[] = [];
        let cursor: string | undefined;
        do {
          const page = await credits.getCreditHistory('u', { order, limit, cursor });
          seen.push(...page.items.map((item) => item.seq));
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        const all = Array.from({ length: 45 }, (_, i) => i + 1);
        expect(seen).toEqual(order === 'oldest' ? all : all.reverse());
      }
    }
    expect((await credits.getCreditHistory('u')).items).toHaveLength(20);
  });

  test('a transaction is found by its id, in its own credit type alone', async () => {
    const { credits, creditType } = checkedManager(createTestCredits({ creditTypes: { image: {} } }));
    const { replayed: _, ...tx } = await credits.addCredits('u', 1, { metadata: { a: [1] } });
    expect(await credits.getTransaction(tx.id)).toEqual(tx);
    expect(await creditType('image').getTransaction(tx.id)).toBe(null);
    await expect(creditType('image').reverseTransaction(tx.id)).rejects.toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
    });
    expect(await credits.getTransaction('unknown')).toBe(null);
  });
});

describe('grants and holds', () => {
  test('open grants come in burn-down order, all grants newest first; cursors outlive their items', async () => {
    const { credits } = checkedManager(createTestCredits());
    for (let i = 0; i < 5; i++) await credits.addCredits('u', 10, { priority: 50 - i });
    const first = await credits.getGrants('u', { limit: 2 });
    expect(first.items.map((lot) => lot.priority)).toEqual([46, 47]);
    await credits.deductCredits('u', 20);
    const second = await credits.getGrants('u', { limit: 2, cursor: first.nextCursor ?? '' });
    expect(second.items.map((lot) => lot.priority)).toEqual([48, 49]);
    const all = await credits.getGrants('u', { includeClosed: true, limit: 3 });
    expect(all.items.map((lot) => [lot.priority, lot.remaining])).toEqual([
      [46, 0],
      [47, 0],
      [48, 10],
    ]);
    const rest = await credits.getGrants('u', { includeClosed: true, limit: 3, cursor: all.nextCursor ?? '' });
    expect(rest).toMatchObject({ items: [{ priority: 49 }, { priority: 50 }], nextCursor: null });
    await expect(credits.getGrants('u', { cursor: 'garbage' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('active reservations page in both orders with reason and metadata', async () => {
    const { credits, clock } = checkedManager(createTestCredits());
    await credits.addCredits('u', 100);
    for (let i = 1; i <= 5; i++) {
      await credits.reserveCredits('u', i, { reason: `job ${i}`, metadata: { i } });
      clock.advance({ seconds: 1 });
    }
    const page = await credits.getActiveReservations('u', { limit: 2 });
    expect(page.items.map((hold) => [hold.amount, hold.reason, hold.metadata])).toEqual([
      [5, 'job 5', { i: 5 }],
      [4, 'job 4', { i: 4 }],
    ]);
    const next = await credits.getActiveReservations('u', { limit: 9, cursor: page.nextCursor ?? '' });
    expect(next.items.map((hold) => hold.amount)).toEqual([3, 2, 1]);
    const oldest = await credits.getActiveReservations('u', { order: 'oldest', limit: 1 });
    expect(oldest.items[0]?.amount).toBe(1);
  });

  test('a reservation is shown as the clock has it, ended or not', async () => {
    const { credits, clock, advance } = checkedManager(createTestCredits());
    await credits.addCredits('u', 100);
    const hold = await credits.reserveCredits('u', 10, { ttlSeconds: 60 });
    await credits.commitReservedCredits(hold, { amount: 4, final: false });
    expect(await credits.getReservation(hold.id)).toMatchObject({ status: 'active', committed: 4, remaining: 6 });
    clock.advance({ seconds: 60 });
    const expired = { status: 'expired', committed: 4, released: 6, remaining: 0 };
    expect(await credits.getReservation(hold.id)).toMatchObject(expired);
    await advance({ seconds: 1 });
    expect(await credits.getReservation(hold.id)).toMatchObject(expired);
    expect(await credits.getReservation('r-unknown')).toBe(null);
    expect(await credits.getReservation('unknown')).toBe(null);
  });

  test('a preview draws in burn-down order and names what is missing', async () => {
    const { credits } = checkedManager(createTestCredits({ defaults: { trialCredits: 5 } }));
    expect(await credits.previewDeduction('u', 7)).toEqual({
      sufficient: false,
      shortfall: 2,
      draws: [{ grantId: 'trial', amount: 5 }],
    });
    expect(await credits.canAfford('u', 5)).toBe(true);
    await credits.addCredits('u', 10, { priority: 0 });
    const { draws } = await credits.previewDeduction('u', 12);
    expect(draws.map((draw) => draw.amount)).toEqual([10, 2]);
  });
});

describe('accounts', () => {
  test('are listed newest first, or those with little left, lowest first', async () => {
    const { credits, clock } = checkedManager(createTestCredits());
    for (const [user, amount] of Object.entries({ a: 30, b: 10, c: 20 })) {
      await credits.addCredits(user, amount);
      clock.advance({ seconds: 1 });
    }
    await credits.deductCredits('refused', 1).catch((error) => expect(isCreditError(error)).toBe(true));
    const names = async (options: Parameters<typeof credits.listAccounts>[0]) =>
      (await credits.listAccounts(options)).items.map((info) => info.userId);
    expect(await names({})).toEqual(['c', 'b', 'a']);
    expect(await names({ order: 'oldest' })).toEqual(['a', 'b', 'c']);
    expect(await names({ maxAvailable: 20 })).toEqual(['b', 'c']);
    const page = await credits.listAccounts({ maxAvailable: 20, limit: 1 });
    const next = await credits.listAccounts({ maxAvailable: 20, limit: 1, cursor: page.nextCursor ?? '' });
    expect([page.items[0]?.userId, next.items[0]?.userId, next.nextCursor]).toEqual(['b', 'c', null]);
  });

  test('with little left are found among any number that have a little more', async () => {
    const { credits } = checkedManager(createTestCredits());
    const users = Array.from({ length: 1_200 }, (_, n) => `user-${String(n).padStart(4, '0')}`);
    // All of one magnitude, of which every hundredth is within the bound.
    await Promise.all(users.map((user, n) => credits.addCredits(user, n % 100 === 99 ? 10 : 12)));
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await credits.listAccounts({ maxAvailable: 10, limit: 5, ...(cursor && { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(5);
      found.push(...page.items.map(({ userId }) => userId));
      cursor = page.nextCursor;
    }
    expect(found).toEqual(users.filter((_, n) => n % 100 === 99));
  });
});
