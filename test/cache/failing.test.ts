/** A cache that throws, rejects, hangs or is late: right answers, no delay beyond its timeout, one warning. */
import { describe, expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { ownNow, paced } from '../support/pace.js';
import { eventually, sleep } from '../support/wait.js';
import { bench, numbersOf, quietly, type TestCache } from './bench.js';

/** What a cache may be late by; a call that waits for it once is far below the bounds, one that waits often is not. */
const TIMEOUT_MS = 150;
const NEVER = new Promise<never>(() => {});

const fail = (): Error => new Error('connect ECONNREFUSED redis://:hunter2@cache-1');

const failures: Readonly<Record<string, (cache: TestCache) => void>> = {
  'throws at once': (cache) =>
    cache.always(() => {
      throw fail();
    }),
  rejects: (cache) => cache.always(() => Promise.reject(fail())),
  'rejects a little later': (cache) => cache.always(() => sleep(5).then(() => Promise.reject(fail()))),
  'hangs for ever': (cache) => cache.always(() => NEVER),
  'answers nothing, not even a promise': (cache) => cache.always(() => undefined as unknown as Promise<never>),
  'throws something that is no error': (cache) =>
    cache.always(() => {
      throw undefined;
    }),
};

/** The same calls as a story without any cache gives. */
async function story(credits: ReturnType<typeof bench>['credits']) {
  const answers: unknown[] = [];
  const read = async () => answers.push(await numbersOf(credits));
  await read();
  answers.push((await credits.addCredits('u', 100)).balanceAfter);
  await read();
  const hold = await credits.reserveCredits('u', 30);
  answers.push(hold.amount);
  await read();
  answers.push(await codeOf(credits.deductCredits('u', 71)));
  answers.push((await credits.deductCredits('u', 20)).balanceAfter);
  await read();
  answers.push((await credits.transferCredits({ from: 'u', to: 'v', amount: 5 })).in.balanceAfter);
  answers.push((await credits.getUsersCreditsInfo(['v', 'u', 'w'])).map((info) => info.available));
  answers.push((await credits.commitReservedCredits(hold, { amount: 10 })).balanceAfter);
  await read();
  answers.push(
    await credits.canAfford('u', 65),
    await credits.canAfford('u', 66),
    await credits.getReservedCredits('u'),
  );
  answers.push((await credits.addCredits('u', 1, { idempotencyKey: 'k' })).replayed);
  answers.push((await credits.addCredits('u', 1, { idempotencyKey: 'k' })).replayed);
  await read();
  return answers;
}

describe.concurrent.each(Object.entries(failures))('a cache that %s', (_, begin) => {
  test('changes no answer, is told of once, degrades health, is left alone, and used again when it works', async () => {
    const { db, cache, warnings, manager, credits } = bench({ cacheTimeoutMs: TIMEOUT_MS });
    expect(await manager.health()).toMatchObject({ status: 'healthy', components: { cache: 'up' } });
    begin(cache);
    expect(await numbersOf(credits)).toEqual([0, 0, 0]);
    expect(await manager.health()).toMatchObject({
      status: 'degraded',
      components: { database: 'up', cache: 'down', ledgerFile: 'disabled', messaging: 'disabled' },
    });
    const [began, own] = [performance.now(), ownNow()];
    const answers = await story(credits);
    const took = ownNow() - own;
    const seconds = Math.ceil((performance.now() - began) / 1_000);
    expect(answers).toEqual(await story(bench({ cache: undefined }).credits));
    expect(took, 'milliseconds for 20 calls').toBeLessThan(TIMEOUT_MS * 2 + 1_500);
    expect(cache.calls.length, 'calls of the cache').toBeLessThanOrEqual(2 * seconds);
    expect(warnings.length, warnings.join('\n')).toBeLessThanOrEqual(seconds);
    expect(warnings.length).toBeGreaterThan(0);
    cache.work();
    await eventually(async () => {
      expect((await manager.health()).status).toBe('healthy');
      await numbersOf(credits);
      const { length } = db.reads;
      expect(await numbersOf(credits)).toEqual([66, 0, 66]);
      expect(db.reads.length).toBe(length);
    });
    await credits.addCredits('u', 1);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([67, 0, 67]);
    expect(await numbersOf(credits, 'v')).toEqual([5, 0, 5]);
  });

  test('delays 60 calls at once by one timeout, not by sixty', async () => {
    const { cache, warnings, credits } = bench({ cacheTimeoutMs: TIMEOUT_MS });
    await credits.addCredits('u', 100);
    begin(cache);
    const before = ownNow();
    const adds = Array.from({ length: 30 }, (_, i) => credits.addCredits(i % 2 ? 'u' : `user ${i}`, 1));
    const reads = Array.from({ length: 30 }, (_, i) => numbersOf(credits, i % 2 ? 'w' : `user ${i}`));
    await Promise.all([...adds, ...reads]);
    expect(ownNow() - before).toBeLessThan(TIMEOUT_MS * 3 + 1_500);
    expect(await numbersOf(credits)).toEqual([115, 0, 115]);
    expect(warnings.length).toBeLessThanOrEqual(3);
  });

  test('only when it is set: what this process wrote is read, never what the cache still has', async () => {
    const { cache, credits } = bench({ cacheTimeoutMs: TIMEOUT_MS });
    await credits.addCredits('u', 100);
    await credits.addCredits('v', 10);
    begin(cache);
    cache.onGet = (_, read) => read();
    expect((await credits.deductCredits('u', 40)).balanceAfter).toBe(60);
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
    await credits.transferCredits({ from: 'u', to: 'v', amount: 10 });
    expect([await numbersOf(credits), await numbersOf(credits, 'v')]).toEqual([
      [50, 0, 50],
      [20, 0, 20],
    ]);
    cache.work();
    // Beyond the pause: the cache, which never got the new balances, is asked again.
    await sleep(1_100);
    expect([await numbersOf(credits), await numbersOf(credits, 'v')]).toEqual([
      [50, 0, 50],
      [20, 0, 20],
    ]);
  });
});

describe.concurrent('a cache that is slow', () => {
  test('within its timeout: it is used, and every answer is right', async () => {
    const { db, cache, warnings, credits } = bench({ cacheTimeoutMs: 60_000 });
    cache.onGet = (_, read) => sleep(20).then(read);
    cache.onSet = (_, write) => sleep(20).then(write);
    await credits.addCredits('u', 100);
    for (let i = 1; i <= 5; i++) {
      await credits.deductCredits('u', 1);
      expect(await quietly(db, () => numbersOf(credits))).toEqual([100 - i, 0, 100 - i]);
    }
    expect(warnings).toEqual([]);
  });

  test('and answers after the timeout: late answers and late sets change nothing', async () => {
    const { cache, warnings, credits } = bench({ cacheTimeoutMs: 50 });
    await credits.addCredits('u', 100);
    cache.onGet = (_, read) => read().then((text) => sleep(300).then(() => text));
    cache.onSet = (_, write) => sleep(400).then(write);
    expect(await numbersOf(credits)).toEqual([100, 0, 100]);
    await credits.deductCredits('u', 40);
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
    cache.work();
    await sleep(1_100);
    for (let i = 0; i < 3; i++) expect(await numbersOf(credits)).toEqual([60, 0, 60]);
    await credits.deductCredits('u', 10);
    await sleep(100);
    expect(await numbersOf(credits)).toEqual([50, 0, 50]);
    expect(warnings).toHaveLength(1);
  });

  test('in setting: a set that lands late, and in the wrong order, never undoes a newer one', async () => {
    const { cache, credits } = bench({ cacheTimeoutMs: 50 });
    const late: (() => Promise<void>)[] = [];
    await credits.addCredits('u', 100);
    cache.onSet = (_, write) => {
      late.push(write);
      return NEVER;
    };
    await credits.deductCredits('u', 40);
    cache.work();
    await sleep(1_100);
    await credits.deductCredits('u', 10);
    for (const land of late) await land();
    expect(await numbersOf(credits)).toEqual([50, 0, 50]);
  });
});

describe.concurrent('a call with a time of its own, shorter than the cache hangs', () => {
  const hanging = async () => {
    const made = bench({ cacheTimeoutMs: 60_000 });
    await made.credits.addCredits('u', 100);
    return made;
  };

  test('a mutation is answered in that time, and read in this process from then on', async () => {
    const { cache, credits } = await hanging();
    cache.onSet = () => NEVER;
    const before = ownNow();
    const timeoutMs = paced(1_000);
    expect((await credits.deductCredits('u', 40, { timeoutMs })).balanceAfter).toBe(60);
    expect(ownNow() - before).toBeLessThan(timeoutMs + 2_000);
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
  });

  test('a read answers the truth in that time: the store is up', async () => {
    const { db, cache, credits } = await hanging();
    cache.onGet = () => NEVER;
    db.afterRead = () => sleep(50);
    expect(await credits.getUserCreditsInfo('u', { timeoutMs: paced(1_000) })).toMatchObject({ balance: 100 });
  });

  test('the store has no longer than what is left of it', async () => {
    const { db, cache, credits } = await hanging();
    cache.onGet = () => NEVER;
    db.afterRead = () => NEVER;
    const before = ownNow();
    expect(await codeOf(credits.getUserCreditsInfo('u', { timeoutMs: 1_000 }))).toBe('TIMEOUT');
    expect(ownNow() - before).toBeLessThan(1_350);
  });

  test('and a signal ends a read while the cache hangs', async () => {
    const { cache, credits } = await hanging();
    cache.onGet = () => NEVER;
    const before = ownNow();
    const read = credits.getUserCreditsInfo('u', { signal: AbortSignal.timeout(50) });
    expect(await codeOf(read)).toBe('ABORTED');
    expect(ownNow() - before).toBeLessThan(1_000);
  });

  test('but no signal makes a committed call anything else', async () => {
    const { cache, credits } = await hanging();
    cache.onSet = () => NEVER;
    const call = credits.deductCredits('u', 40, { signal: AbortSignal.timeout(50), timeoutMs: paced(1_000) });
    expect((await call).balanceAfter).toBe(60);
    expect(await numbersOf(credits)).toEqual([60, 0, 60]);
  });

  test('a read that fills the cache does not fail because the cache takes no value', async () => {
    const { cache, credits } = await hanging();
    cache.forget();
    cache.onSet = () => NEVER;
    expect(await credits.getUserCreditsInfo('u', { timeoutMs: paced(1_000) })).toMatchObject({ balance: 100 });
  });
});

test('of two sets one rejects later and one throws at once: no rejection is left unhandled', async () => {
  const { cache, credits } = bench();
  await credits.addCredits('u', 100);
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  let sets = 0;
  cache.onSet = () => {
    if (++sets % 2 === 1) return sleep(1).then(() => Promise.reject(fail()));
    throw fail();
  };
  await credits.transferCredits({ from: 'u', to: 'v', amount: 10 });
  await sleep(50);
  process.off('unhandledRejection', note);
  expect(sets).toBe(2);
  expect(unhandled).toEqual([]);
});

test('a clock that fails right after a commit does not make the answer anything but applied', async () => {
  const { db, clock, credits } = bench();
  await credits.addCredits('u', 100);
  const { now } = clock;
  const commit = db.commit.bind(db);
  db.commit = async (...args) => {
    const outcomes = await commit(...args);
    clock.now = () => new Date(Number.NaN);
    return outcomes;
  };
  const call = credits.deductCredits('u', 40);
  expect(await codeOf(call)).toBe('resolved');
  db.commit = commit;
  clock.now = now;
  expect(await numbersOf(credits)).toEqual([60, 0, 60]);
});

test('what the cache throws reaches no caller and no answer', async () => {
  const { cache, credits, manager } = bench();
  cache.always(() => Promise.reject(fail()));
  const answers = [await credits.addCredits('u', 1), await credits.getUserCreditsInfo('u'), await manager.health()];
  expect(JSON.stringify(answers)).not.toMatch(/hunter2|ECONNREFUSED/);
});
