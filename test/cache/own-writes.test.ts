/** Who was answered a write reads it in this process, however bad the cache is. */
import { describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import { InMemoryCache, isCreditError } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { sleep } from '../support/wait.js';
import { bench, numbersOf, quietly, TestCache } from './bench.js';
import { chance } from './misbehaving.js';

const FIFTY = Array.from({ length: 50 }, (_, i) => i);

const misbehaviours: Readonly<Record<string, (cache: TestCache) => void>> = {
  works: () => {},
  'takes 0 to 20 ms for a set': (cache) => {
    const random = chance(1);
    cache.onSet = (_, write) => sleep(random(21)).then(write);
  },
  'takes 0 to 20 ms for anything': (cache) => {
    const random = chance(2);
    cache.onSet = (_, write) => sleep(random(21)).then(write);
    cache.onGet = (_, read) => sleep(random(21)).then(read);
  },
  'drops half of all sets': (cache) => {
    const random = chance(3);
    cache.onSet = (_, write) => (random(2) ? write() : Promise.resolve());
  },
  'says a set is done and does it 0 to 20 ms later': (cache) => {
    const random = chance(4);
    cache.onSet = async (_, write) => void sleep(random(21)).then(write);
  },
  'forgets half of everything at once': (cache) => {
    const random = chance(5);
    cache.onGet = (_, read) => (random(2) ? read() : Promise.resolve(null));
  },
  'ignores versions': (cache) => {
    const kept = new Map<string, string>();
    const random = chance(6);
    cache.onSet = ({ key, value }) => sleep(random(21)).then(() => void kept.set(key, value));
    cache.onGet = async (key) => kept.get(key) ?? null;
  },
};

describe.concurrent.each(Object.entries(misbehaviours))('with a cache that %s', (_, begin) => {
  test('each of 50 mutations at once is in the next read, and so is everything before it', async () => {
    const { cache, credits } = bench({ cacheTimeoutMs: 5_000 });
    await credits.addCredits('u', 1_000);
    begin(cache);
    let reads = 0;
    await Promise.all(
      FIFTY.map(async (i) => {
        await sleep(i % 10);
        const { balanceAfter } = await credits.addCredits('u', 1);
        const { balance } = await credits.getUserCreditsInfo('u');
        expect(balance).toBeGreaterThanOrEqual(balanceAfter);
        expect(balance).toBeLessThanOrEqual(1_050);
        reads++;
      }).concat(FIFTY.map((i) => sleep(i).then(() => credits.getUserCreditsInfo('u').then(() => {})))),
    );
    expect(reads).toBe(50);
    for (let i = 0; i < 3; i++) expect(await numbersOf(credits)).toEqual([1_050, 0, 1_050]);
  });

  test('one call after another is always read, on two accounts', async () => {
    const { cache, credits } = bench({ cacheTimeoutMs: 5_000 });
    begin(cache);
    for (let i = 1; i <= 12; i++) {
      await credits.addCredits('u', 2);
      expect(await numbersOf(credits)).toEqual([1 + i, 0, 1 + i]);
      await credits.transferCredits({ from: 'u', to: 'v', amount: 1 });
      expect((await credits.getUsersCreditsInfo(['u', 'v'])).map((info) => info.balance)).toEqual([i, i]);
      expect(await numbersOf(credits)).toEqual([i, 0, i]);
      await sleep(i % 4);
    }
  });
});

test('a slow read that fills the cache after a newer balance was evicted does not undo the write', async () => {
  const small = new TestCache(new InMemoryCache({ maxEntries: 1 }));
  const { db, credits, open } = bench({ cache: small });
  await open({ cache: undefined }).credits.addCredits('u', 100);
  let goOn = () => {};
  const read = new Promise<void>((resolve) => {
    db.afterRead = (keys) => {
      db.afterRead = () => undefined;
      expect(keys).toEqual(['credits/u']);
      resolve();
      return new Promise((go) => {
        goOn = go;
      });
    };
  });
  const slow = numbersOf(credits);
  await read;
  expect((await credits.deductCredits('u', 40)).balanceAfter).toBe(60);
  await credits.addCredits('v', 1);
  goOn();
  expect(await slow).toEqual([100, 0, 100]);
  for (let i = 0; i < 2; i++) expect(await numbersOf(credits)).toEqual([60, 0, 60]);
  expect(await quietly(db, () => numbersOf(credits))).toEqual([60, 0, 60]);
});

describe('a commit whose answer was lost', () => {
  test('and that is found afterwards is read like any other', async () => {
    const manager = createTestCredits({ cache: new InMemoryCache() });
    const { credits } = manager;
    await credits.addCredits('u', 100);
    manager.failNext('after_commit');
    expect((await credits.deductCredits('u', 40)).balanceAfter).toBe(60);
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
    manager.failNext('after_commit');
    await credits.transferCredits({ from: 'u', to: 'v', amount: 10 });
    expect([await numbersOf(credits), await numbersOf(credits, 'v')]).toEqual([
      [50, 0, 50],
      [10, 0, 10],
    ]);
  });

  test('and that stayed unknown is read once its key was asked for', async () => {
    const { db, credits } = bench();
    await credits.addCredits('u', 100);
    db.losing = true;
    const unknown: unknown = await credits.deductCredits('u', 40, { timeoutMs: 100 }).catch((error: unknown) => error);
    db.losing = false;
    if (!isCreditError(unknown, 'OUTCOME_UNKNOWN')) throw new Error(`not unknown: ${String(unknown)}`);
    const { idempotencyKey } = unknown.details;
    expect(await credits.deductCredits('u', 40, { idempotencyKey })).toMatchObject({ balanceAfter: 60 });
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([60, 0, 60]);
  });
});

describe.concurrent('an account known by refusals alone', () => {
  test('is zeros, and repeated reads of it do not touch the store', async () => {
    const { db, cache, credits } = bench();
    expect(await codeOf(credits.deductCredits('u', 1))).toBe('INSUFFICIENT_CREDITS');
    expect(await quietly(db, () => numbersOf(credits))).toEqual([0, 0, 0]);
    cache.forget();
    expect(await numbersOf(credits)).toEqual([0, 0, 0]);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([0, 0, 0]);
  });

  test('also when the cache failed while it was refused', async () => {
    const { db, cache, credits } = bench();
    await numbersOf(credits);
    cache.onSet = () => Promise.reject(new Error('no room'));
    expect(await codeOf(credits.deductCredits('u', 1))).toBe('INSUFFICIENT_CREDITS');
    cache.work();
    await sleep(1_100);
    expect(await numbersOf(credits)).toEqual([0, 0, 0]);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([0, 0, 0]);
  });
});
