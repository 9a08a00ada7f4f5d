/** A cache as several processes share one: it outlives every instance of the library, and counts what it is asked. */
import { type CacheBackend, InMemoryCache } from '../../src/index.js';

export class SharedCache implements CacheBackend {
  hits = 0;
  misses = 0;
  readonly #inner = new InMemoryCache();

  async get(key: string): Promise<string | null> {
    const value = await this.#inner.get(key);
    if (value === null) this.misses += 1;
    else this.hits += 1;
    return value;
  }

  set(key: string, value: string, entry: { version: number; ttlMs: number }): Promise<void> {
    return this.#inner.set(key, value, entry);
  }

  delete(key: string): Promise<void> {
    return this.#inner.delete(key);
  }
}
