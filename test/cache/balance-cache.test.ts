/** What a process remembers of its own writes is bounded; what it has to forget makes it careful, not wrong. */
import { describe, expect, test } from 'vitest';
import { emptyAccount } from '../../src/core/account.js';
import { InMemoryCache } from '../../src/index.js';
import { BalanceCache } from '../../src/services/credits/balance-cache.js';
import { QUIET } from '../support/quiet.js';
import { sleep } from '../support/wait.js';
import { TestCache } from './bench.js';

const MANY = 120_000;

function made(failureThreshold = 5, timeoutMs = 5_000) {
  const backend = new TestCache(new InMemoryCache());
  let now = 1_000_000;
  const cache = new BalanceCache({
    ...{
      backend,
      logger: QUIET,
      ttlMs: 300_000,
      timeoutMs,
      breaker: { failureThreshold, windowMs: 30_000, openMs: 60_000 },
    },
    ledgerId: () => 'ledger',
    published: () => null,
    now: () => now,
  });
  const state = (user: string, version: number) => ({
    account: { ...emptyAccount('credits', user), seq: version, at: now, balance: version },
    version,
  });
  const balanceOf = async (user: string) => (await cache.get('credits', user, 1_000, 300_000))?.balance ?? null;
  const pass = (ms: number) => {
    now += ms;
  };
  return { backend, cache, state, balanceOf, pass };
}

describe.concurrent.each([
  ['in one millisecond', 0],
  ['over time', 1],
])('many accounts written %s', (_, step) => {
  test('and the cache took none of it: the first is not read as it was before', async () => {
    // On a slow machine the writes take longer than several pauses of the breaker, which must not open.
    const { backend, cache, state, balanceOf, pass } = made(1_000_000);
    await cache.committed({ states: [state('u', 1)] });
    expect(await balanceOf('u')).toBe(1);
    backend.onSet = () => Promise.reject(new Error('no room'));
    pass(step);
    await cache.committed({ states: [state('u', 2)] });
    for (let i = 0; i < MANY; i++) {
      if (i % 1_000 === 0) pass(step);
      await cache.committed({ states: [state(`user ${i}`, 1)] });
    }
    await sleep(1_050);
    expect(await balanceOf('u')).toBe(null);
    backend.work();
    pass(1_000);
    const read = state('u', 2);
    await cache.filled(read, read.account.at, performance.now());
    expect(await balanceOf('u')).toBe(2);
  });
});

test('calls that wait on the cache when it is given up stop waiting', async () => {
  const { backend, cache, state, balanceOf } = made(1, 3_600_000);
  let fail = () => {};
  backend.onGet = () =>
    new Promise((_, reject) => {
      fail = () => reject(new Error('reset'));
    });
  backend.onSet = () => new Promise(() => {});
  const waiting = [cache.get('credits', 'u', 3_600_000, 300_000), cache.committed({ states: [state('u', 1)] })];
  const failing = cache.get('credits', 'v', 3_600_000, 300_000);
  await sleep(1);
  fail();
  expect(await failing).toBe(null);
  const late = sleep(5_000).then(() => 'they still wait');
  expect(await Promise.race([Promise.all(waiting), late])).toEqual([null, undefined]);
  expect([cache.isUp, await balanceOf('u'), backend.calls]).toEqual([false, null, ['get', 'set', 'get']]);
});
