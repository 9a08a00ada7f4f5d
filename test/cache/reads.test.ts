/** With a cache a repeated read of a balance does not touch the store, and says the same as without. */
import { describe, expect, test } from 'vitest';
import { createCreditManagement, InMemoryCache } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { bench, CountingDb, inSeconds, numbersOf, quietly, readsOf } from './bench.js';

describe('cases of the source systems', () => {
  test('T-CM-1 add and deduct: reads are answered without the store', async () => {
    const db = new CountingDb();
    const { credits } = createCreditManagement({ db, cache: new InMemoryCache() });
    expect((await credits.addCredits('u', 100)).balanceAfter).toBe(100);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([100, 0, 100]);
    expect((await credits.deductCredits('u', 40)).balanceAfter).toBe(60);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([60, 0, 60]);
  });

  test('T-CM-3 the cache follows every mutation: no read after the first reaches the store', async () => {
    const db = new CountingDb();
    const { credits } = createCreditManagement({ db, cache: new InMemoryCache() });
    const seen = [await numbersOf(credits)];
    const read = async () => seen.push(await quietly(db, () => numbersOf(credits)));
    await credits.addCredits('u', 100);
    await read();
    const hold = await credits.reserveCredits('u', 30);
    await read();
    await credits.deductCredits('u', 20);
    await read();
    await credits.releaseReservedCredits(hold.id);
    await read();
    await credits.commitReservedCredits(await credits.reserveCredits('u', 10));
    await read();
    expect(seen).toEqual([
      [0, 0, 0],
      [100, 0, 100],
      [100, 30, 70],
      [80, 30, 50],
      [80, 0, 80],
      [70, 0, 70],
    ]);
  });
});

describe('a repeated read does not touch the store', () => {
  /** A user written by another process, so that nothing is in the cache yet. */
  async function known() {
    const made = bench();
    const elsewhere = made.open({ cache: undefined });
    await elsewhere.credits.addCredits('u', 100);
    await elsewhere.credits.reserveCredits('u', 30);
    await elsewhere.creditType('image').addCredits('u', 7);
    await made.manager.init();
    return made;
  }

  test('getUserCreditsInfo', async () => {
    const { db, credits } = await known();
    expect(await readsOf(db, () => credits.getUserCreditsInfo('u'))).toBe(1);
    for (let i = 0; i < 3; i++) {
      expect(await quietly(db, () => credits.getUserCreditsInfo('u'))).toEqual({
        ...{ userId: 'u', creditType: 'credits', balance: 100, reserved: 30, available: 70, debt: 0 },
        asOf: inSeconds(0),
      });
    }
  });

  test('getUserCreditsInfo of a user that nobody knows', async () => {
    const { db, credits } = await known();
    expect(await numbersOf(credits, 'nobody')).toEqual([0, 0, 0]);
    expect(await quietly(db, () => numbersOf(credits, 'nobody'))).toEqual([0, 0, 0]);
  });

  test('getUsersCreditsInfo', async () => {
    const { db, credits } = await known();
    const users = ['nobody', 'u', 'v', 'u'];
    const first = await credits.getUsersCreditsInfo(users);
    expect(first.map((info) => [info.userId, info.available])).toEqual([
      ['nobody', 0],
      ['u', 70],
      ['v', 0],
      ['u', 70],
    ]);
    expect(await quietly(db, () => credits.getUsersCreditsInfo(users))).toEqual(first);
    expect(await quietly(db, () => credits.getUserCreditsInfo('u'))).toEqual(first[1]);
  });

  test('getReservedCredits', async () => {
    const { db, credits } = await known();
    expect(await credits.getReservedCredits('u')).toBe(30);
    expect(await quietly(db, () => credits.getReservedCredits('u'))).toBe(30);
  });

  test('canAfford, yes and no', async () => {
    const { db, credits } = await known();
    expect([await credits.canAfford('u', 70), await credits.canAfford('u', 71)]).toEqual([true, false]);
    expect(await quietly(db, () => credits.canAfford('u', 70))).toBe(true);
    expect(await quietly(db, () => credits.canAfford('u', 71))).toBe(false);
  });

  test('of each credit type by itself', async () => {
    const { db, manager, credits } = await known();
    const image = manager.creditType('image');
    expect([await numbersOf(credits), await numbersOf(image)]).toEqual([
      [100, 30, 70],
      [7, 0, 7],
    ]);
    expect(await quietly(db, () => numbersOf(image))).toEqual([7, 0, 7]);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([100, 30, 70]);
  });

  test('canAfford counts a trial grant that the first write would make, cached or not', async () => {
    const { credits } = bench({ defaults: { trialCredits: 5 } });
    for (let i = 0; i < 3; i++) {
      expect([await credits.canAfford('u', 5), await credits.canAfford('u', 6)]).toEqual([true, false]);
      expect(await numbersOf(credits)).toEqual([5, 0, 5]);
    }
    await credits.addCredits('u', 1);
    expect([await credits.canAfford('u', 6), await credits.canAfford('u', 7)]).toEqual([true, false]);
  });
});

test('after every kind of mutation, applied, refused or replayed, the cache has what the store has', async () => {
  const { db, credits, manager, clock } = bench({ defaults: { overdraftLimit: 50 } });
  const same = async (what: string, ...users: string[]) => {
    for (const user of users) {
      const cached = await quietly(db, () => credits.getUserCreditsInfo(user));
      expect(cached, `${what}: ${user}`).toEqual(await credits.getUserCreditsInfo(user, { fresh: true }));
    }
  };
  const add = await credits.addCredits('u', 100, { expiresAt: inSeconds(100) });
  await same('add', 'u');
  await credits.addCredits('u', 100, { idempotencyKey: 'k' });
  await credits.addCredits('u', 100, { idempotencyKey: 'k' });
  await same('replay', 'u');
  await credits.addCredits('u', 10, { effectiveAt: inSeconds(200) });
  await same('scheduled', 'u');
  const debit = await credits.deductCredits('u', 30);
  await same('deduct', 'u');
  await credits.deductCreditsAfterService('v', 40);
  await same('after service, in debt', 'v');
  expect(await codeOf(credits.deductCreditsAfterService('v', 11))).toBe('OVERDRAFT_LIMIT');
  await same('refused', 'v');
  expect(await codeOf(credits.deductCredits('w', 1))).toBe('INSUFFICIENT_CREDITS');
  await same('refused, of nobody', 'w');
  await credits.adjustCredits('u', -5, { actor: 'a', reason: 'r' });
  await same('adjust', 'u');
  const hold = await credits.reserveCredits('u', 20, { ttlSeconds: 60 });
  await same('reserve', 'u');
  await credits.extendReservation(hold, { ttlSeconds: 90 });
  await same('extend', 'u');
  await credits.commitReservedCredits(hold, { amount: 5, final: false });
  await same('commit a part', 'u');
  await credits.commitReservedCredits(hold, { amount: 16, overage: 'charge' });
  await same('commit with overage', 'u');
  await credits.releaseReservedCredits(await credits.reserveCredits('u', 3));
  await same('release', 'u');
  await credits.reverseTransaction(debit.id, { amount: 10 });
  await same('reverse', 'u');
  await credits.transferCredits({ from: 'u', to: 'v', amount: 45 });
  await same('transfer', 'u', 'v');
  await credits.createAccount('x', { trialCredits: 3 });
  await credits.updateAccount('x', { lowCreditThreshold: 1 });
  await same('create, update', 'x');
  await credits.withCredits({ userId: 'u', estimate: 10 }, async (meter) => meter.add(4));
  await same('meter', 'u');
  clock.advance({ seconds: 250 });
  await credits.expireCredits('u');
  await same('expire', 'u');
  await credits.reverseTransaction(add.id).catch(() => {});
  await manager.creditType('image').addCredits('u', 1);
  // Its lots lapsed and nobody has swept it: one read of the store first.
  await numbersOf(credits, 'v');
  await same('all of it', 'u', 'v', 'w', 'x');
});

test('a refusal on an account that was idle for long is no reason to read the store', async () => {
  const { db, clock, credits } = bench({ ttlSeconds: 60 });
  await credits.addCredits('u', 100);
  clock.advance({ hours: 1 });
  expect(await codeOf(credits.deductCredits('u', 101))).toBe('INSUFFICIENT_CREDITS');
  expect(await quietly(db, () => numbersOf(credits))).toEqual([100, 0, 100]);
});

test('fresh reads go to the store every time, whatever the cache says', async () => {
  const { db, credits, cache, open } = bench();
  await credits.addCredits('u', 100);
  await numbersOf(credits);
  await open({ cache: undefined }).credits.addCredits('u', 1);
  const calls = cache.calls.length;
  for (let i = 0; i < 3; i++) {
    let balance = 0;
    const read = async () => {
      balance = (await credits.getUserCreditsInfo('u', { fresh: true })).balance;
    };
    expect(await readsOf(db, read)).toBe(1);
    expect(balance).toBe(101);
  }
  expect((await credits.getUsersCreditsInfo(['u'], { fresh: true }))[0]?.balance).toBe(101);
  expect(await readsOf(db, () => credits.getReservedCredits('u', { fresh: true }))).toBe(1);
  expect(await credits.canAfford('u', 101, { fresh: true })).toBe(true);
  expect(await credits.canAfford('u', 102, { fresh: true })).toBe(false);
  expect(cache.calls.length).toBe(calls);
});

test('a cache is given whole milliseconds, at most one TTL, and versions that only grow', async () => {
  const { credits, cache, open } = bench({ ttlSeconds: 7 });
  const elsewhere = open({ cache: undefined });
  for (let i = 0; i < 20; i++) {
    await elsewhere.credits.addCredits(`user ${i}`, 1);
    await numbersOf(credits, `user ${i}`);
    await credits.addCredits(`user ${i}`, 1);
    await numbersOf(credits, 'nobody');
  }
  expect(cache.sets.length).toBeGreaterThan(30);
  for (const { version, ttlMs, key } of cache.sets) {
    expect(Number.isSafeInteger(version) && version >= 0).toBe(true);
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(7_000);
    expect(Number.isInteger(ttlMs), `a ttl of ${ttlMs} ms for ${key}`).toBe(true);
  }
});
