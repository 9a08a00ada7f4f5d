/** A cache in this process. It is bounded: values expire, and the least recently used one leaves first. */
import { creditError } from '../errors.js';
import { dropOldest } from '../oldest.js';
import type { CacheBackend } from '../ports/cache.js';

export interface InMemoryCacheOptions {
  /** The most values that the cache keeps, default 10,000. */
  readonly maxEntries?: number | undefined;
}

// Bound when the library is loaded, so that a host's fake timers do not stop the time of the cache.
const monotonicNow = performance.now.bind(performance);

/**
 * Keeps the balances of one process. It does not see the writes of other processes: a balance may be as old as its TTL,
 * unless the read asks for `fresh`.
 *
 * @example createCreditManagement({ cache: new InMemoryCache({ maxEntries: 50_000 }) });
 */
export class InMemoryCache implements CacheBackend {
  readonly #entries = new Map<string, { value: string; version: number; until: number }>();
  readonly #maxEntries: number;

  constructor({ maxEntries = 10_000 }: InMemoryCacheOptions = {}) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      const problem = 'maxEntries must be a whole number from 1';
      throw creditError('CONFIGURATION', `InMemoryCache: ${problem}.`, { problems: [problem] });
    }
    this.#maxEntries = maxEntries;
  }

  async get(key: string): Promise<string | null> {
    return this.peek(key);
  }

  peek(key: string): string | null {
    const entry = this.#current(key);
    if (!entry) return null;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  async set(key: string, value: string, { version, ttlMs }: { version: number; ttlMs: number }): Promise<void> {
    const current = this.#current(key);
    if (current && current.version > version) return;
    this.#entries.delete(key);
    this.#entries.set(key, { value, version, until: monotonicNow() + ttlMs });
    dropOldest(this.#entries, this.#maxEntries);
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #current(key: string) {
    const entry = this.#entries.get(key);
    if (!entry || entry.until > monotonicNow()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
