/** The port to a limiter of rates: so many calls of a key in a window of time. */

/** At most `limit` calls in any `windowMs` milliseconds. */
export interface RateRule {
  /** Whole, 1–1,000,000,000. */
  readonly limit: number;
  /** Whole milliseconds, 1–1,000,000,000. */
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
   * are one atomic step. A call that is not allowed does not count. Windows of different lengths count by themselves,
   * so that one key may have several rules.
   * @throws INVALID_ARGUMENT for a limit or a window that is not whole, or below 1
   */
  take(key: string, rule: RateRule): Promise<RateAnswer>;

  /** Ends connections of its own. */
  close?(): Promise<void>;
}
