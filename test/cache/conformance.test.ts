/** The conformance suite of the `CacheBackend` port, on ours, and on caches that it must find wrong. */
import { describe, expect, test } from 'vitest';
import { type CacheBackend, InMemoryCache } from '../../src/index.js';
import { testCacheBackend } from '../../src/testing/cache-backend.js';
import { sleep } from '../support/wait.js';

import { PlainCache, wrongCaches } from './wrong-caches.js';

describe.concurrent('InMemoryCache', () => testCacheBackend({ describe, test }, () => new InMemoryCache()));

describe.concurrent('clients of one shared store', () => {
  const shared = new InMemoryCache();
  const client = (): CacheBackend => ({
    get: (key) => shared.get(key),
    set: (...args) => shared.set(...args),
    delete: (key) => shared.delete(key),
  });
  testCacheBackend({ describe, test }, client);
});

describe.concurrent('a cache behind a network that keeps whole seconds', () => {
  async function distant(): Promise<CacheBackend> {
    const inner = new InMemoryCache();
    let calls = 0;
    const send = async <T>(call: () => Promise<T>): Promise<T> => sleep(calls++ % 3).then(call);
    return {
      get: (key) => send(() => inner.get(key)),
      set: (key, value, { version, ttlMs }) =>
        send(() => inner.set(key, value, { version, ttlMs: Math.ceil(ttlMs / 1_000) * 1_000 })),
      delete: (key) => send(() => inner.delete(key)),
      close: async () => {},
    };
  }
  testCacheBackend({ describe, test }, distant);
});

describe.concurrent('testCacheBackend', () => {
  function registered(make: () => CacheBackend): ReadonlyMap<string, () => Promise<void>> {
    const bodies = new Map<string, () => Promise<void>>();
    const t = {
      describe: (_: string, body: () => void) => body(),
      test: (name: string, body: () => Promise<void>) => void bodies.set(name, body),
    };
    testCacheBackend(t, make);
    return bodies;
  }

  /** The tests that fail, of those with these names. */
  async function failing(make: () => CacheBackend, names?: readonly string[]): Promise<string[]> {
    const failures: string[] = [];
    const bodies = registered(make);
    const run = (name: string) =>
      bodies
        .get(name)?.()
        .catch(() => failures.push(name));
    await Promise.all([...(names ?? bodies.keys())].map(run));
    return failures.sort();
  }

  test('makes no cache before a test runs, and closes what it made', async () => {
    let made = 0;
    let closed = 0;
    const bodies = registered(() => {
      made++;
      return Object.assign(new PlainCache(), { close: async () => void closed++ });
    });
    expect(bodies.size).toBeGreaterThan(20);
    expect(made).toBe(0);
    await bodies.get('a key that was never set is null')?.();
    await bodies.get('the newest stays too when two clients set at once')?.();
    expect([made, closed]).toEqual([3, 3]);
  });

  test('finds nothing wrong with a cache that is right', async () => {
    expect(await failing(() => new PlainCache())).toEqual([]);
  });

  // Most of them fail by waiting: all at once.
  const outcomes = new Map<string, Promise<string[]>>();
  const outcomeOf = (what: string) => {
    if (outcomes.size === 0) for (const [name, make, found] of wrongCaches) outcomes.set(name, failing(make, found));
    return outcomes.get(what);
  };

  test.each(wrongCaches)('finds wrong a cache that %s', async (what, _, found) => {
    expect(found.length).toBeGreaterThan(0);
    expect(await outcomeOf(what)).toEqual([...found].sort());
  });

  test('every one of its tests fails for some cache', () => {
    const found = new Set(wrongCaches.flatMap(([, , tests]) => tests));
    const never = [...registered(() => new PlainCache()).keys()].filter((name) => !found.has(name));
    expect(never).toEqual([]);
  });
});
