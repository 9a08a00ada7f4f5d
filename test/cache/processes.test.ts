/** Several processes on one store: with one cache for all of them, and with one each. */
import { describe, expect, test } from 'vitest';
import { InMemoryCache } from '../../src/index.js';
import { eventually, sleep } from '../support/wait.js';
import { bench, numbersOf, quietly, readsOf, TestCache } from './bench.js';

const THIRTY = Array.from({ length: 30 }, (_, i) => i);

describe.concurrent('one cache for two processes', () => {
  test('what one writes the other reads at once, without the store', async () => {
    const { db, credits: a, open } = bench();
    const other = open();
    const b = other.credits;
    await other.init();
    await a.addCredits('u', 100);
    expect(await quietly(db, () => numbersOf(b))).toEqual([100, 0, 100]);
    await b.deductCredits('u', 40);
    expect(await quietly(db, () => numbersOf(a))).toEqual([60, 0, 60]);
    const hold = await a.reserveCredits('u', 10);
    await b.commitReservedCredits(hold);
    expect(await quietly(db, () => numbersOf(a))).toEqual([50, 0, 50]);
    expect(await quietly(db, () => numbersOf(b))).toEqual([50, 0, 50]);
  });

  test('of 60 mutations at once by both the newest stays, and both read it without the store', async () => {
    const { db, cache, credits: a, open } = bench({ cacheTimeoutMs: 5_000 });
    const b = open().credits;
    cache.onSet = ({ version }, write) => sleep((version * 7) % 20).then(write);
    await Promise.all(THIRTY.flatMap((i) => [a.addCredits('u', 1), b.addCredits('u', i % 2 ? 2 : 3)]));
    const total = 30 + 75;
    expect(await a.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: total });
    expect(await quietly(db, () => numbersOf(a))).toEqual([total, 0, total]);
    expect(await quietly(db, () => numbersOf(b))).toEqual([total, 0, total]);
  });

  test('a set of one that lands after a newer one of the other changes nothing', async () => {
    const { db, cache, credits: a, open } = bench({ cacheTimeoutMs: 50 });
    const other = open();
    await a.addCredits('u', 100);
    let land = async () => {};
    cache.onSet = (_, write) => {
      land = write;
      return new Promise(() => {});
    };
    await a.deductCredits('u', 40);
    cache.work();
    await other.credits.deductCredits('u', 10);
    await land();
    expect(await quietly(db, () => numbersOf(other.credits))).toEqual([50, 0, 50]);
    await eventually(async () => expect(await quietly(db, () => numbersOf(a))).toEqual([50, 0, 50]));
  });

  test('a read that began before a write of the other does not put it back', async () => {
    const { db, cache, credits: a, open } = bench();
    const b = open().credits;
    await a.addCredits('u', 100);
    cache.forget();
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      db.afterRead = () => {
        db.afterRead = () => undefined;
        resolve();
        return new Promise((go) => {
          goOn = go;
        });
      };
    });
    const slow = numbersOf(b);
    await held;
    await a.deductCredits('u', 40);
    goOn();
    expect(await slow).toEqual([100, 0, 100]);
    expect(await quietly(db, () => numbersOf(b))).toEqual([60, 0, 60]);
    expect(await quietly(db, () => numbersOf(a))).toEqual([60, 0, 60]);
  });

  test('what the clock brings about is put in once for all of them', async () => {
    const { db, clock, credits: a, open } = bench();
    const b = open().credits;
    await a.addCredits('u', 100, { expiresAt: new Date(clock.now().getTime() + 60_000) });
    await numbersOf(b);
    clock.advance({ seconds: 60 });
    expect(await numbersOf(a)).toEqual([0, 0, 0]);
    expect(await quietly(db, () => numbersOf(b))).toEqual([0, 0, 0]);
  });
});

/** That `story` read nothing from the store; told again where it took longer than a TTL of a second. */
async function withinTtl(story: () => Promise<number>): Promise<void> {
  for (;;) {
    const began = performance.now();
    const reads = await story();
    if (performance.now() - began > 900) continue;
    expect(reads, 'reads of the store').toBe(0);
    return;
  }
}

describe.concurrent('a cache for each of two processes', () => {
  test('a reader is at most one TTL behind, then right, and never behind what it wrote itself', async () => {
    const { db, credits: a, open } = bench();
    const own = open({ cache: { backend: new InMemoryCache(), ttlSeconds: 1 } });
    const b = own.credits;
    await a.addCredits('u', 100);
    const filled = performance.now();
    expect(await numbersOf(b)).toEqual([100, 0, 100]);
    await a.deductCredits('u', 40);
    const stale = await numbersOf(b);
    if (performance.now() - filled < 900) expect(stale).toEqual([100, 0, 100]);
    expect(await b.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 60 });
    await sleep(1_050 - (performance.now() - filled));
    await withinTtl(async () => {
      expect(await numbersOf(b)).toEqual([60, 0, 60]);
      return readsOf(db, async () => expect(await numbersOf(b)).toEqual([60, 0, 60]));
    });
    let balance = 60;
    await withinTtl(async () => {
      balance -= 20;
      await a.deductCredits('u', 10);
      await b.deductCredits('u', 10);
      return readsOf(db, async () => expect(await numbersOf(b)).toEqual([balance, 0, balance]));
    });
    expect(await numbersOf(a)).toEqual([balance + 10, 0, balance + 10]);
  });

  test('is not read again and again past its time: each TTL begins with a read of the store', async () => {
    const { credits: a, open } = bench({ cache: undefined });
    const own = open({ cache: { backend: new InMemoryCache(), ttlSeconds: 1 } });
    await a.addCredits('u', 100);
    await numbersOf(own.credits);
    await a.deductCredits('u', 40);
    const end = performance.now() + 1_100;
    while (performance.now() < end) {
      await numbersOf(own.credits);
      await sleep(20);
    }
    expect(await numbersOf(own.credits)).toEqual([60, 0, 60]);
  });

  test('the time of what a slow read brought counts from when it was asked for', async () => {
    const { db, credits: a, open } = bench({ cache: undefined });
    const cache = new TestCache();
    const cached = (ttlSeconds: number) => open({ cache: { backend: cache, ttlSeconds, timeoutMs: 60_000 } });
    const [minutes, second] = [cached(300), cached(1)];
    await a.addCredits('u', 100);
    await minutes.init();
    await second.init();
    db.afterRead = () => sleep(400);
    expect(await numbersOf(minutes.credits)).toEqual([100, 0, 100]);
    expect(cache.sets.at(-1)?.ttlMs).toBeLessThanOrEqual(299_620);
    cache.sets.length = 0;
    cache.forget();
    db.afterRead = () => sleep(1_100);
    expect(await numbersOf(second.credits)).toEqual([100, 0, 100]);
    expect(cache.sets).toEqual([]);
  });

  test('mutations of both, each reading its own: nobody ever reads less than it was told', async () => {
    const { credits: a, open } = bench();
    const b = open({ cache: new InMemoryCache() }).credits;
    await Promise.all(
      [a, b].map(async (mine) => {
        for (let i = 0; i < 25; i++) {
          const { balanceAfter } = await mine.addCredits('u', 1);
          const { balance } = await mine.getUserCreditsInfo('u');
          expect(balance).toBeGreaterThanOrEqual(balanceAfter);
          expect(balance).toBeLessThanOrEqual(50);
        }
      }),
    );
    expect(await a.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ balance: 50 });
  });
});
