/** A limiter of rates that all processes share, in Redis. */
import { randomUUID } from 'node:crypto';
import { CircuitBreaker } from '../circuit-breaker.js';
import { InMemoryRateLimiter } from '../limiters/memory.js';
import { checkRule } from '../limiters/rule.js';
import type { RateAnswer, RateLimiter, RateRule } from '../ports/rate-limiter.js';
import { RedisConnection, type RedisOptions, scriptOf } from './client.js';

const TIMEOUT_MS = 50;
const BREAKER = { failureThreshold: 5, windowMs: 30_000, openMs: 60_000 };

/**
 * A sliding window as a sorted set of the calls that were allowed, by Redis's own clock in microseconds. What is kept
 * under the key and is no such set is thrown away.
 * KEYS: the set. ARGV: the limit, the window in microseconds, a name for the call.
 */
const TAKE = scriptOf(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local count = redis.call('ZCARD', KEYS[1])
if count < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  return {1, limit - count - 1, 0}
end
local oldest = redis.call('ZRANGE', KEYS[1], count - limit, count - limit, 'WITHSCORES')
return {0, 0, math.ceil((oldest[2] + window - now) / 1000)}
`);

/**
 * Counts the calls of all processes exactly, by one script on Redis 6.2 or newer. While Redis does not answer, each
 * process counts for itself, and no call waits longer than `timeoutMs` (default 50).
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const limiter = new RedisRateLimiter({ client });
 * const { allowed, retryAfterMs } = await limiter.take('shop-7', { limit: 100, windowMs: 60_000 });
 */
export class RedisRateLimiter implements RateLimiter {
  readonly #redis: RedisConnection;
  readonly #breaker = new CircuitBreaker(BREAKER);
  readonly #alone = new InMemoryRateLimiter();

  constructor(options: RedisOptions) {
    this.#redis = new RedisConnection('RedisRateLimiter', options, TIMEOUT_MS);
  }

  async take(key: string, rule: RateRule): Promise<RateAnswer> {
    checkRule(rule);
    if (!this.#breaker.admits()) return this.#alone.take(key, rule);
    try {
      const args = [rule.limit, rule.windowMs * 1000, randomUUID()].map(String);
      const answer = await this.#redis.run(TAKE, `rate:${rule.windowMs}:${key}`, args);
      const [allowed, remaining, retryAfterMs] = (answer as unknown[]).map(Number) as [number, number, number];
      this.#breaker.succeeded();
      return { allowed: allowed === 1, remaining, retryAfterMs };
    } catch {
      this.#breaker.failed();
      return this.#alone.take(key, rule);
    }
  }

  /** Closes a client of our own; one of the host stays open. */
  async close(): Promise<void> {
    await this.#redis.close();
  }
}
