/** A cache in this process: bounded, with a time to live, least recently used out first. */
import { creditError } from '../errors.js';
import type { CacheBackend } from '../ports/cache.js';

export interface InMemoryCacheOptions {
  /** Entries kept at most, default 10,000. */
  readonly maxEntries?: number | undefined;
}

// As it was when the library was loaded: a host's fake timers must not stop the time of a cache.
const monotonicNow = performance.now.bind(performance);

/**
 * Keeps balances of one process. Other processes write past it: a read may be as old as one TTL, unless it asks for
 * `fresh`.
 *
 * @example createCreditManagement({ cache: new InMemoryCache({ maxEntries: 50_000 }) });
 */
export class InMemoryCache implements CacheBackend {
  readonly #entries = new Map<string, { value: string; version: number; until: number }>();
  readonly #maxEntries: number;

  constructor({ maxEntries = 10_000 }: InMemoryCacheOptions = {}) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      const problem = 'maxEntries is a whole number from 1';
      throw creditError('CONFIGURATION', `InMemoryCache: ${problem}.`, { problems: [problem] });
    }
    this.#maxEntries = maxEntries;
  }

  async get(key: string): Promise<string | null> {
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
    if (this.#entries.size > this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value as string);
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
