/** The port to a cache of balances: text by key, each with a version. An older version never replaces a newer one. */

/** Run `testCacheBackend` from `credit-management/testing` on yours. A cache may forget anything at any time. */
export interface CacheBackend {
  /** The value, or null when there is none or its time is over. */
  get(key: string): Promise<string | null>;

  /** The same at once, where it is the memory of this process: a status that is asked for often costs less then. */
  peek?(key: string): string | null;

  /**
   * Keeps a value for `ttlMs` milliseconds (whole, at least 1), unless the key has a value of a higher version.
   * Comparing and keeping are one atomic step. An equal version replaces, and starts the time anew.
   */
  set(key: string, value: string, entry: { version: number; ttlMs: number }): Promise<void>;

  /** Forgets a value. Without one it does nothing. */
  delete(key: string): Promise<void>;

  /** Called once, by the manager's `close()`. */
  close?(): Promise<void>;
}
