/** The conformance suite of the `RateLimiter` port: tests that every limiter must pass. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Awaitable } from '../models/values.js';
import type { RateLimiter } from '../ports/rate-limiter.js';
import { registerTests, type TestApi } from './test-api.js';

const LONG_MS = 600_000;
/** A window that ends within the test. */
const SHORT_MS = 400;
/** The most tries to be quicker than a short window, because machines are busy. */
const ROUNDS_MAX = 100;

/**
 * Registers the conformance suite of the `RateLimiter` port with your test runner. Each test makes its own limiter and
 * closes it; limiters may share one store, because every key has a random name.
 *
 * @param make answers a limiter that is ready for use.
 * @example
 * import { describe, test } from 'vitest';
 * import { testRateLimiter } from 'credit-management/testing';
 *
 * describe('MyLimiter', () => testRateLimiter({ describe, test }, () => new MyLimiter({ url })));
 */
export function testRateLimiter(t: TestApi, make: () => Awaitable<RateLimiter>): void {
  type Body = (limiter: RateLimiter, key: string) => Promise<void>;
  const run = (body: Body) => async () => {
    const limiter = await make();
    try {
      await body(limiter, `key ${randomUUID()}`);
    } finally {
      await limiter.close?.();
    }
  };
  const passed = (answers: readonly { readonly allowed: boolean }[]) => answers.filter(({ allowed }) => allowed).length;

  const tests: Readonly<Record<string, Body>> = {
    'allows as many calls as the limit says, and tells how many are left': async (limiter, key) => {
      const rule = { limit: 3, windowMs: LONG_MS };
      for (const remaining of [2, 1, 0]) {
        assert.deepEqual(await limiter.take(key, rule), { allowed: true, remaining, retryAfterMs: 0 });
      }
      const { retryAfterMs, ...refused } = await limiter.take(key, rule);
      assert.deepEqual(refused, { allowed: false, remaining: 0 });
      assert.ok(retryAfterMs > 0 && retryAfterMs <= LONG_MS && Number.isSafeInteger(retryAfterMs), `${retryAfterMs}`);
    },

    'allows exactly the limit of calls that come at once': async (limiter, key) => {
      const rule = { limit: 50, windowMs: LONG_MS };
      const answers = await Promise.all(Array.from({ length: 200 }, () => limiter.take(key, rule)));
      assert.equal(passed(answers), 50);
    },

    'counts each key by itself': async (limiter, key) => {
      const rule = { limit: 1, windowMs: LONG_MS };
      for (const one of [key, `${key}a`, `${key} a`, `${key}:a`, `${key}{a}`, `${key}é`]) {
        assert.equal((await limiter.take(one, rule)).allowed, true, one);
        assert.equal((await limiter.take(one, rule)).allowed, false, one);
      }
    },

    'allows the next call when the oldest has left the window, and no sooner': async (limiter, key) => {
      const rule = { limit: 2, windowMs: SHORT_MS };
      for (let round = 0; round < ROUNDS_MAX; round++) {
        const own = `${key} ${round}`;
        const began = performance.now();
        await limiter.take(own, rule);
        await sleep(SHORT_MS / 2);
        await limiter.take(own, rule);
        const refused = await limiter.take(own, rule);
        // Too slow to tell: the first may have left the window already.
        if (performance.now() - began >= SHORT_MS) continue;
        assert.equal(refused.allowed, false);
        assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= SHORT_MS, `${refused.retryAfterMs}`);
        await sleep(refused.retryAfterMs + 1);
        assert.equal((await limiter.take(own, rule)).allowed, true);
        return;
      }
      assert.fail('The machine was too busy for this test.');
    },

    'does not count a call that it refused': async (limiter, key) => {
      const rule = { limit: 1, windowMs: SHORT_MS };
      assert.equal((await limiter.take(key, rule)).allowed, true);
      const ends = performance.now() + SHORT_MS;
      while (performance.now() < ends) {
        await limiter.take(key, rule);
        await sleep(SHORT_MS / 10);
      }
      // Had the refused ones counted, the window would be full for as long again.
      assert.equal((await limiter.take(`${key} other`, rule)).allowed, true);
      await sleep(1);
      const answers = [await limiter.take(key, rule), await limiter.take(key, rule)];
      assert.ok(passed(answers) <= 1);
    },

    'counts windows of different lengths by themselves': async (limiter, key) => {
      assert.equal((await limiter.take(key, { limit: 1, windowMs: LONG_MS })).allowed, true);
      assert.equal((await limiter.take(key, { limit: 1, windowMs: 1 })).allowed, true);
      await sleep(5);
      assert.equal((await limiter.take(key, { limit: 1, windowMs: 1 })).allowed, true);
      assert.equal((await limiter.take(key, { limit: 1, windowMs: LONG_MS })).allowed, false);
    },

    'refuses a rule that is none': async (limiter, key) => {
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        await assert.rejects(limiter.take(key, { limit, windowMs: LONG_MS }), { code: 'INVALID_ARGUMENT' });
        await assert.rejects(limiter.take(key, { limit: 1, windowMs: limit }), { code: 'INVALID_ARGUMENT' });
      }
    },

    'judges by the rule of each call': async (limiter, key) => {
      for (let i = 0; i < 5; i++) await limiter.take(key, { limit: 5, windowMs: LONG_MS });
      assert.equal((await limiter.take(key, { limit: 2, windowMs: LONG_MS })).allowed, false);
      assert.equal((await limiter.take(key, { limit: 6, windowMs: LONG_MS })).allowed, true);
    },
  };
  const bodies = Object.entries(tests).map(([name, body]) => [name, run(body)] as const);
  registerTests(t, [{ name: 'rate limiter', tests: Object.fromEntries(bodies) }]);
}
