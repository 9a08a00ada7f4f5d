/** Wiring of a cache: what is taken as one, and how it is closed. */
import { describe, expect, test } from 'vitest';
import { type CacheBackend, createCreditManagement, InMemoryCache } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { sleep } from '../support/wait.js';
import { bench, numbersOf, quietly, TestCache } from './bench.js';

describe('options', () => {
  const backend = new InMemoryCache();
  const { get, set } = { get: async () => null, set: async () => {} };

  test.each<[unknown]>([
    [null],
    [true],
    ['redis://localhost'],
    [{}],
    [{ get, set }],
    [{ get, set, delete: 'del' }],
    [{ backend: {} }],
    [{ backend: null }],
    [{ backend: { get, set } }],
    [{ backend, ttlSeconds: 0 }],
    [{ backend, ttlSeconds: -1 }],
    [{ backend, ttlSeconds: 1.5 }],
    [{ backend, ttlSeconds: Number.NaN }],
    [{ backend, ttlSeconds: Number.POSITIVE_INFINITY }],
    [{ backend, ttlSeconds: '300' }],
    [{ backend, ttlSeconds: 7 * 24 * 3600 + 1 }],
    [{ backend, timeoutMs: 0 }],
    [{ backend, timeoutMs: Number.NaN }],
    [{ backend, timeoutMs: 3_600_000 }],
    [{ backend, ttl: 300 }],
  ])('%j is a CONFIGURATION error that names cache', (cache) => {
    expect(() => createCreditManagement({ cache: cache as CacheBackend })).toThrowError(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining('cache') }),
    );
  });

  test('undefined is as if absent, at the top and inside', async () => {
    expect((await createCreditManagement({ cache: undefined }).health()).components.cache).toBe('disabled');
    const manager = createCreditManagement({ cache: { backend, ttlSeconds: undefined, timeoutMs: undefined } });
    await manager.credits.addCredits('u', 1);
    expect(await numbersOf(manager.credits)).toEqual([1, 0, 1]);
    expect((await manager.health()).components.cache).toBe('up');
  });

  test('the default: 300 seconds', async () => {
    const cache = new TestCache();
    await createCreditManagement({ cache }).credits.addCredits('u', 1);
    expect(cache.sets[0]?.ttlMs).toBeGreaterThan(299_000);
    expect(cache.sets[0]?.ttlMs).toBeLessThanOrEqual(300_000);
  });

  test('a cache of plain functions, without close, will do', async () => {
    const kept = new Map<string, string>();
    const cache: CacheBackend = {
      get: async (key) => kept.get(key) ?? null,
      set: async (key, value) => void kept.set(key, value),
      delete: async (key) => void kept.delete(key),
    };
    const { db, credits, manager } = bench({ cache });
    await credits.addCredits('u', 1);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([1, 0, 1]);
    await manager.close();
  });

  test('a cache that keeps its client in a field called backend is a cache', async () => {
    const cache = Object.assign(new TestCache(), { backend: { url: 'redis://localhost' } });
    const { db, credits } = bench({ cache });
    await credits.addCredits('u', 1);
    expect(await quietly(db, () => numbersOf(credits))).toEqual([1, 0, 1]);
    expect(cache.sets).toHaveLength(1);
  });
});

describe.concurrent('close', () => {
  test('closes the cache once, however often it is called, before the database', async () => {
    const { cache, db, manager, credits } = bench();
    await credits.addCredits('u', 1);
    const order: string[] = [];
    cache.onClose = async () => void order.push('cache');
    const close = db.close.bind(db);
    db.close = async () => {
      order.push('database');
      await close();
    };
    await Promise.all([manager.close(), manager.close()]);
    await manager.close();
    await manager[Symbol.asyncDispose]();
    expect(order).toEqual(['cache', 'database']);
    expect(cache.calls.filter((call) => call === 'close')).toHaveLength(1);
  });

  test.each<[string, () => Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['answers nothing', () => undefined as unknown as Promise<void>],
    ['hangs for ever', () => new Promise(() => {})],
  ])('of a cache that %s still closes the database, twice too', async (_, onClose) => {
    const { cache, manager, credits, db } = bench();
    await credits.addCredits('u', 1);
    cache.onClose = onClose;
    const closed = Promise.all([manager.close(), manager.close()]).then(() => 'closed');
    expect(await Promise.race([closed, sleep(6_000).then(() => 'hangs')])).toBe('closed');
    await manager.close();
    await expect(db.ping()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await codeOf(credits.addCredits('u', 1))).toBe('CLOSED');
  });

  test('answers the calls that wait for a slow cache first', async () => {
    const { cache, manager, credits } = bench({ cacheTimeoutMs: 5_000 });
    await credits.addCredits('u', 100);
    const order: string[] = [];
    cache.onSet = (_, write) => sleep(100).then(write);
    cache.onClose = async () => void order.push('cache closed');
    const call = credits.deductCredits('u', 40).then(() => order.push('answered'));
    await sleep(20);
    await Promise.all([call, manager.close().then(() => order.push('closed'))]);
    expect(order).toEqual(['answered', 'cache closed', 'closed']);
  });

  test('a read after it is refused, though the cache knows the answer', async () => {
    const { manager, credits } = bench();
    await credits.addCredits('u', 1);
    expect(await numbersOf(credits)).toEqual([1, 0, 1]);
    await manager.close();
    expect(await codeOf(credits.getUserCreditsInfo('u'))).toBe('CLOSED');
    expect(await codeOf(credits.getUserCreditsInfo('u', { fresh: true }))).toBe('CLOSED');
  });
});
