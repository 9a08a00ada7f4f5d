/** InMemoryCache: bounded, least recently used out first. */
import { describe, expect, test } from 'vitest';
import { InMemoryCache } from '../../src/index.js';

const entry = { version: 1, ttlMs: 60_000 };

async function keysOf(cache: InMemoryCache, keys: string): Promise<string> {
  const found: string[] = [];
  for (const key of keys) if ((await cache.get(key)) !== null) found.push(key);
  return found.join('');
}

describe('the least recently used entry goes first', () => {
  async function full() {
    const cache = new InMemoryCache({ maxEntries: 3 });
    for (const key of 'abc') await cache.set(key, key, entry);
    return cache;
  }

  test('which is the oldest, when nothing was used since', async () => {
    const cache = await full();
    await cache.set('d', 'd', entry);
    expect(await keysOf(cache, 'abcd')).toBe('bcd');
  });

  test('a read is a use', async () => {
    const cache = await full();
    await cache.get('a');
    await cache.set('d', 'd', entry);
    expect(await keysOf(cache, 'abcd')).toBe('acd');
    await cache.get('a');
    await cache.set('e', 'e', entry);
    expect(await keysOf(cache, 'abcde')).toBe('ade');
  });

  test('a set of a key that is there is a use and pushes nobody out', async () => {
    const cache = await full();
    await cache.set('a', 'new', entry);
    expect(await keysOf(cache, 'bc')).toBe('bc');
    await cache.get('a');
    await cache.set('d', 'd', entry);
    expect(await cache.get('a')).toBe('new');
    expect(await keysOf(cache, 'bcd')).toBe('cd');
  });

  test('a delete makes room', async () => {
    const cache = await full();
    await cache.delete('b');
    await cache.set('d', 'd', entry);
    expect(await keysOf(cache, 'abcd')).toBe('acd');
  });

  test('never more than maxEntries', async () => {
    const cache = new InMemoryCache({ maxEntries: 10 });
    for (let i = 0; i < 1_000; i++) await cache.set(String.fromCharCode(0x4e00 + i), 'value', entry);
    const all = Array.from({ length: 1_000 }, (_, i) => String.fromCharCode(0x4e00 + i)).join('');
    expect(await keysOf(cache, all)).toBe(all.slice(-10));
  });

  test('one entry, or 10,000 by default', async () => {
    const one = new InMemoryCache({ maxEntries: 1 });
    for (const key of 'abc') await one.set(key, key, entry);
    expect(await keysOf(one, 'abc')).toBe('c');
    for (const options of [undefined, {}, { maxEntries: undefined }]) {
      const cache = new InMemoryCache(options);
      for (let i = 0; i <= 10_000; i++) await cache.set(`${i}`, 'value', entry);
      // A sixteenth leaves at once.
      const kept = await Promise.all([0, 625, 626, 10_000].map((key) => cache.get(`${key}`)));
      expect(kept).toEqual([null, null, 'value', 'value']);
    }
  });
});

describe('maxEntries', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '10', null, {}, true])(
    '%j is a CONFIGURATION error',
    (maxEntries) => {
      expect(() => new InMemoryCache({ maxEntries: maxEntries as number })).toThrowError(
        expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining('maxEntries') }),
      );
    },
  );
});

test('an older version is refused whether or not its entry was used since', async () => {
  const cache = new InMemoryCache({ maxEntries: 2 });
  await cache.set('a', 'new', { version: 5, ttlMs: 60_000 });
  await cache.set('b', 'b', entry);
  await cache.set('a', 'old', { version: 4, ttlMs: 60_000 });
  expect(await cache.get('a')).toBe('new');
});

test('fake timers of a host neither stop nor speed up its time', async () => {
  const cache = new InMemoryCache();
  const realNow = performance.now;
  await cache.set('a', 'a', { version: 1, ttlMs: 60_000 });
  try {
    performance.now = () => realNow.call(performance) + 3_600_000;
    expect(await cache.get('a')).toBe('a');
  } finally {
    performance.now = realNow;
  }
});

test('closed it is empty, and harmless', async () => {
  const cache = new InMemoryCache();
  await cache.set('a', 'a', entry);
  await Promise.all([cache.close(), cache.close()]);
  expect(await cache.get('a')).toBe(null);
  await cache.set('a', 'a', entry);
  await cache.delete('a');
});
