/** A limit on the rate of requests, for any API. */
import type { RateLimiter } from '../ports/rate-limiter.js';
import type { RateLimit } from './contract.js';
import { misconfigured } from './misconfigured.js';

export interface RateLimitOptions {
  /** Requests that an account may get in a window, 1–1,000,000,000; default 100. */
  readonly limit?: number | undefined;
  /** Seconds of the window, which slides, 1–1,000,000; default 60. */
  readonly windowSeconds?: number | undefined;
  /** The names of the routes that it counts, such as `['getPluginStatus']`; default all, each by itself. */
  readonly routes?: readonly string[] | undefined;
}

/**
 * The `rateLimit` of an API by a limiter: so many requests of a route for an account; of those that are about no
 * account, or about one that their sender may not see, for who sends them. A request beyond it is 429 `RATE_LIMITED`
 * with `Retry-After`, before the database is asked. A limiter that fails is an error of the request: the two of the
 * library never do.
 *
 * @throws CONFIGURATION for a wrong option.
 * @example createUserApi({ manager, authenticate, rateLimit: limitRate(new InMemoryRateLimiter(), { limit: 20 }) });
 */
export function limitRate(limiter: RateLimiter, options: RateLimitOptions = {}): RateLimit {
  const { limit = 100, windowSeconds = 60, routes } = options;
  if (typeof limiter?.take !== 'function') throw misconfigured('limitRate needs a RateLimiter');
  const isCount = (value: number, most: number) => Number.isSafeInteger(value) && value >= 1 && value <= most;
  if (!isCount(limit, 1_000_000_000)) throw misconfigured('limit is not a whole number from 1 to 1,000,000,000');
  if (!isCount(windowSeconds, 1_000_000))
    throw misconfigured('windowSeconds is not a whole number from 1 to 1,000,000');
  const rule = { limit, windowMs: windowSeconds * 1000 };
  return async (who, { name, userId }) => {
    if (routes && !routes.includes(name)) return null;
    const { allowed, retryAfterMs } = await limiter.take(`${name}/${userId ?? who.userId}`, rule);
    return allowed ? null : Math.max(1, Math.ceil(retryAfterMs / 1000));
  };
}
