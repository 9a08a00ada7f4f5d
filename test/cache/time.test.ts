/** What the clock brings about is seen in a cached balance at its instant, written or not. */
import { describe, expect, test } from 'vitest';
import { type CreditService, InMemoryCache, type MemorySession } from '../../src/index.js';
import { bench, type CountingDb, inSeconds, numbersOf, quietly, readsOf, START } from './bench.js';

type Credits = CreditService<MemorySession>;

const MS = 1;
const MINUTE = 60_000;

/** One read of the store when something has become due, none before and none after. */
async function readsOnce(db: CountingDb, credits: Credits, expected: readonly number[]): Promise<void> {
  let numbers: readonly number[] = [];
  const read = async () => {
    numbers = await numbersOf(credits);
  };
  expect(await readsOf(db, read)).toBe(1);
  expect(numbers).toEqual(expected);
  for (let i = 0; i < 3; i++) expect(await quietly(db, () => numbersOf(credits))).toEqual(expected);
}

describe.each<[string, (credits: Credits) => Promise<unknown>, readonly number[], readonly number[]]>([
  [
    'a lot that lapses',
    (credits) => credits.addCredits('u', 40, { expiresAt: inSeconds(60) }),
    [140, 0, 140],
    [100, 0, 100],
  ],
  [
    'a lot that becomes effective',
    (credits) => credits.addCredits('u', 40, { effectiveAt: inSeconds(60) }),
    [100, 0, 100],
    [140, 0, 140],
  ],
  ['a hold that ends', (credits) => credits.reserveCredits('u', 40, { ttlSeconds: 60 }), [100, 40, 60], [100, 0, 100]],
  [
    'a lot that lapses under a hold',
    async (credits) => {
      await credits.addCredits('u', 40, { expiresAt: inSeconds(60), priority: 0 });
      await credits.reserveCredits('u', 30, { ttlSeconds: 120 });
    },
    [140, 30, 110],
    [130, 30, 100],
  ],
  [
    'debt that an activation repays',
    async (credits) => {
      await credits.deductCreditsAfterService('u', 130);
      await credits.addCredits('u', 40, { effectiveAt: inSeconds(60) });
    },
    [-30, 0, -30],
    [10, 0, 10],
  ],
])('%s', (_, arrange, before, after) => {
  test('is not answered from the cache beyond its instant, and cached again after one read', async () => {
    const { db, clock, credits } = bench();
    await credits.addCredits('u', 100);
    await arrange(credits);
    expect(await quietly(db, () => numbersOf(credits))).toEqual(before);
    clock.set(new Date(START + MINUTE - MS));
    expect(await quietly(db, () => numbersOf(credits))).toEqual(before);
    clock.set(new Date(START + MINUTE));
    const { commits } = db;
    await readsOnce(db, credits, after);
    clock.advance({ seconds: 1 });
    expect(await quietly(db, () => numbersOf(credits))).toEqual(after);
    expect(db.commits).toBe(commits);
    await credits.expireCredits('u');
    expect(await quietly(db, () => numbersOf(credits))).toEqual(after);
    expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: after[0] });
  });

  test('is seen by a process that only reads, too', async () => {
    const { db, clock, credits, open } = bench({ cache: undefined });
    await credits.addCredits('u', 100);
    await arrange(credits);
    const reader = open({ cache: new InMemoryCache() });
    await reader.init();
    for (const [at, expected] of [
      [0, before],
      [MINUTE - MS, before],
      [MINUTE, after],
      [2 * MINUTE - MS, after],
    ] as const) {
      clock.set(new Date(START + at));
      expect(await numbersOf(reader.credits)).toEqual(expected);
      expect(await quietly(db, () => numbersOf(reader.credits))).toEqual(expected);
    }
  });
});

test('instants one behind the other: one read each, and none in between', async () => {
  const { db, clock, credits } = bench();
  for (let i = 1; i <= 5; i++) await credits.addCredits('u', i, { expiresAt: inSeconds(10 * i) });
  let left = 15;
  for (let i = 1; i <= 5; i++) {
    expect(await quietly(db, () => numbersOf(credits))).toEqual([left, 0, left]);
    clock.set(inSeconds(10 * i - 0.001));
    expect(await quietly(db, () => numbersOf(credits))).toEqual([left, 0, left]);
    clock.set(inSeconds(10 * i));
    left -= i;
    await readsOnce(db, credits, [left, 0, left]);
  }
});

test('several instants jumped over at once are all seen', async () => {
  const { db, clock, credits } = bench();
  await credits.addCredits('u', 1, { expiresAt: inSeconds(10) });
  await credits.addCredits('u', 2, { effectiveAt: inSeconds(20), expiresAt: inSeconds(40) });
  await credits.addCredits('u', 4, { effectiveAt: inSeconds(30) });
  await credits.reserveCredits('u', 1, { ttlSeconds: 5 });
  clock.set(inSeconds(35));
  await readsOnce(db, credits, [6, 0, 6]);
  clock.set(inSeconds(45));
  await readsOnce(db, credits, [4, 0, 4]);
});

test('a cached answer is of now, and never of before the last operation', async () => {
  const { db, clock, credits } = bench();
  await credits.addCredits('u', 100);
  clock.advance({ seconds: 30 });
  expect((await quietly(db, () => credits.getUserCreditsInfo('u'))).asOf).toEqual(inSeconds(30));
  expect((await credits.getUserCreditsInfo('u', { fresh: true })).asOf).toEqual(inSeconds(30));
  await credits.addCredits('u', 1);
  clock.set(inSeconds(29.5));
  expect((await quietly(db, () => credits.getUserCreditsInfo('u'))).asOf).toEqual(inSeconds(30));
  clock.set(inSeconds(10));
  expect((await credits.getUserCreditsInfo('u')).asOf).toEqual(inSeconds(30));
  expect((await credits.getUserCreditsInfo('u', { fresh: true })).asOf).toEqual(inSeconds(30));
});

test('a clock that went back a little does not see what had become due in what was cached', async () => {
  const { clock, credits } = bench();
  await credits.addCredits('u', 40, { expiresAt: inSeconds(60) });
  await credits.addCredits('u', 5, { effectiveAt: inSeconds(60) });
  clock.set(inSeconds(60.5));
  for (let i = 0; i < 2; i++) expect(await numbersOf(credits)).toEqual([5, 0, 5]);
  clock.set(inSeconds(59.9));
  for (let i = 0; i < 2; i++) expect(await numbersOf(credits)).toEqual([40, 0, 40]);
  expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 40 });
  clock.set(inSeconds(60.2));
  for (let i = 0; i < 2; i++) expect(await numbersOf(credits)).toEqual([5, 0, 5]);
});

test('a clock that went back does not keep a lot alive that had lapsed in what was cached', async () => {
  const { clock, credits } = bench();
  await credits.addCredits('u', 100, { expiresAt: inSeconds(60) });
  clock.set(inSeconds(70));
  await credits.addCredits('u', 5);
  clock.set(inSeconds(10));
  for (let i = 0; i < 2; i++) expect(await numbersOf(credits)).toEqual([5, 0, 5]);
  expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 5 });
});
