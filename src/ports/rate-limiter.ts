/** The port to a limiter of rates: so many calls of a key in a window of time. */

/** At most `limit` calls in any `windowMs` milliseconds. */
export interface RateRule {
  /** Whole, at least 1. */
  readonly limit: number;
  /** Whole milliseconds, at least 1. */
  readonly windowMs: number;
}

export interface RateAnswer {
  /** Whether the call may go on; it counts then. */
  readonly allowed: boolean;
  /** Calls that would be allowed after this one, at once. */
  readonly remaining: number;
  /** Milliseconds until a call may be allowed; 0 where this one is. */
  readonly retryAfterMs: number;
}

/** Run `testRateLimiter` from `credit-management/testing` on yours. */
export interface RateLimiter {
  /**
   * Counts a call of a key, where fewer than `limit` were allowed in the window that ends now. Counting and comparing
   * are one atomic step. A call that is not allowed does not count.
   */
  take(key: string, rule: RateRule): Promise<RateAnswer>;

  /** Ends connections of its own. */
  close?(): Promise<void>;
}
