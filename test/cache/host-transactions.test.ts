/** Host transactions do not touch the cache: nothing that may be rolled back is ever in it (SB-33). */
import { describe, expect, test } from 'vitest';
import { eventually, sleep } from '../support/wait.js';
import { bench, numbersOf, quietly, readsOf } from './bench.js';

class RollBack extends Error {}

async function made() {
  const all = bench({ ttlSeconds: 1 });
  await all.credits.addCredits('u', 100);
  await all.credits.addCredits('v', 10);
  return all;
}

/** Everything a host may do, in one transaction; the cache is asked nothing meanwhile. */
async function everything({ db, cache, credits }: Awaited<ReturnType<typeof made>>, end: () => void): Promise<void> {
  const calls = cache.calls.length;
  const run = db.transaction(async (session) => {
    await credits.addCredits('u', 50, { session });
    const hold = await credits.reserveCredits('u', 20, { session });
    await credits.commitReservedCredits(hold, { amount: 5, final: false, session });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 5 }, { session });
    await credits.deductCredits('u', 1_000, { session }).catch(() => {});
    expect(await credits.getUserCreditsInfo('u', { session })).toMatchObject({ balance: 140, reserved: 15 });
    expect((await credits.getUsersCreditsInfo(['v'], { session }))[0]?.balance).toBe(15);
    expect(await credits.getReservedCredits('u', { session })).toBe(15);
    expect(await credits.canAfford('u', 125, { session })).toBe(true);
    expect(await credits.canAfford('u', 126, { session })).toBe(false);
    end();
  });
  await run.catch((error) => {
    if (!(error instanceof RollBack)) throw error;
  });
  expect(cache.calls.slice(calls)).toEqual([]);
}

test.concurrent('a rollback: the cache was asked nothing, and repeated reads say what was before', async () => {
  const all = await made();
  await everything(all, () => {
    throw new RollBack();
  });
  expect(await quietly(all.db, () => numbersOf(all.credits))).toEqual([100, 0, 100]);
  expect(await quietly(all.db, () => numbersOf(all.credits, 'v'))).toEqual([10, 0, 10]);
  expect(await all.credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 100 });
  await all.credits.addCredits('u', 1);
  expect(await quietly(all.db, () => numbersOf(all.credits))).toEqual([101, 0, 101]);
});

test.concurrent('a commit: stale for at most one TTL, then the truth, which is cached again', async () => {
  const all = await made();
  const { db, credits } = all;
  await numbersOf(credits);
  const before = performance.now();
  await everything(all, () => {});
  const stale = await numbersOf(credits);
  if (performance.now() - before < 900) expect(stale).toEqual([100, 0, 100]);
  expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 140, reserved: 15 });
  await sleep(1_050);
  expect(await numbersOf(credits, 'v')).toEqual([15, 0, 15]);
  let reads = 1;
  for (let began = performance.now(); reads > 0; began = performance.now()) {
    expect(await numbersOf(credits)).toEqual([140, 15, 125]);
    reads = await readsOf(db, async () => expect(await numbersOf(credits)).toEqual([140, 15, 125]));
    if (performance.now() - began < 900) expect(reads, 'reads of the store').toBe(0);
  }
});

test.concurrent('a commit: the next call outside the transaction brings the cache up to date at once', async () => {
  const all = await made();
  const { db, credits } = all;
  await everything(all, () => {});
  await credits.addCredits('u', 1);
  expect(await quietly(db, () => numbersOf(credits))).toEqual([141, 15, 126]);
});

describe.concurrent('reads beside an open transaction', () => {
  test.each(['commit', 'rollback'])('never see it before its %s, cached or not', async (how) => {
    const { db, cache, credits } = await made();
    const seen: (readonly number[])[] = [];
    const run = db.transaction(async (session) => {
      for (let i = 0; i < 5; i++) {
        await credits.addCredits('u', 1, { session });
        seen.push(await numbersOf(credits));
        cache.forget();
        seen.push(await numbersOf(credits));
      }
      if (how === 'rollback') throw new RollBack();
    });
    await run.catch(() => {});
    expect(new Set(seen.map(String))).toEqual(new Set(['100,0,100']));
    const now = how === 'commit' ? 105 : 100;
    await eventually(async () => expect(await numbersOf(credits)).toEqual([now, 0, now]));
  });
});
