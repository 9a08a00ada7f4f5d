/** A limiter of rates in this process. */
import { creditError } from '../errors.js';
import { dropOldest } from '../oldest.js';
import type { RateAnswer, RateLimiter, RateRule } from '../ports/rate-limiter.js';
import { monotonicNow } from '../timers.js';
import { checkRule } from './rule.js';

export interface InMemoryRateLimiterOptions {
  /** The most keys that are remembered, default 100,000. The one that was used least lately leaves first. */
  readonly maxKeys?: number | undefined;
}

/**
 * Counts the calls of one process, exactly, by a sliding window. Several processes allow as many times as much: share a
 * `RedisRateLimiter` then.
 *
 * @throws CONFIGURATION for a wrong option.
 * @example
 * const limiter = new InMemoryRateLimiter();
 * const { allowed, retryAfterMs } = await limiter.take('shop-7', { limit: 100, windowMs: 60_000 });
 */
export class InMemoryRateLimiter implements RateLimiter {
  /** The instants of the calls that were allowed, by key, oldest first. */
  readonly #calls = new Map<string, number[]>();
  readonly #maxKeys: number;
  readonly #now: () => number;

  constructor({ maxKeys = 100_000 }: InMemoryRateLimiterOptions = {}, now: () => number = monotonicNow) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      const problem = 'maxKeys must be a whole number from 1';
      throw creditError('CONFIGURATION', `InMemoryRateLimiter: ${problem}.`, { problems: [problem] });
    }
    this.#maxKeys = maxKeys;
    this.#now = now;
  }

  async take(key: string, rule: RateRule): Promise<RateAnswer> {
    checkRule(rule);
    const { limit, windowMs } = rule;
    const name = `${windowMs}:${key}`;
    const now = this.#now();
    const calls = (this.#calls.get(name) ?? []).filter((at) => at > now - windowMs);
    const allowed = calls.length < limit;
    if (allowed) calls.push(now);
    this.#calls.delete(name);
    this.#calls.set(name, calls);
    dropOldest(this.#calls, this.#maxKeys);
    // The call that leaves the window next makes room for another, where the limit was not lowered meanwhile.
    const next = calls[Math.max(0, calls.length - limit)] as number;
    const retryAfterMs = allowed ? 0 : Math.ceil(next + windowMs - now);
    return { allowed, remaining: Math.max(0, limit - calls.length), retryAfterMs };
  }
}
