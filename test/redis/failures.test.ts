/** Redis stopped, frozen, flushed, read-only, full, restarted, cut off or full of garbage: no call fails, none lies. */
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RedisCache } from '../../src/entries/redis.js';
import type { CacheBackend } from '../../src/index.js';
import { TcpProxy } from '../backends/proxy.js';
import { CLIENTS, describeRedis, describeRedisCluster, type RedisServer } from '../backends/redis.js';
import { bench, numbersOf, quietly } from '../cache/bench.js';
import { eventually, sleep, until } from '../support/wait.js';

/** Longer than a busy machine takes for a command. */
const TIMEOUT_MS = 300;

/** A cache that counts how its commands end. */
class Counting implements CacheBackend {
  asked = 0;
  readonly errors: unknown[] = [];

  constructor(readonly inner: CacheBackend) {}

  get = (key: string) => this.#count(this.inner.get(key));
  set = (...args: Parameters<CacheBackend['set']>) => this.#count(this.inner.set(...args));
  delete = (key: string) => this.#count(this.inner.delete(key));

  async #count<T>(command: Promise<T>): Promise<T> {
    this.asked++;
    return command.catch((error: unknown) => {
      this.errors.push(error);
      throw error;
    });
  }
}

type Open = (typeof CLIENTS)[string];

/** A manager in memory whose balances are cached in Redis. */
async function world(open: Open, url: string, breaker: object = { retryAfterSeconds: 1 }) {
  const { client, close } = await open(url);
  const prefix = `${randomUUID()}:`;
  const cache = new Counting(new RedisCache({ client, prefix, timeoutMs: TIMEOUT_MS }));
  const made = bench({ cache: { backend: cache, timeoutMs: TIMEOUT_MS, ...breaker } });
  onTestFinished(async () => {
    await made.manager.close();
    close();
  });
  const { credits, db, manager } = made;
  await credits.addCredits('u', 1_000);

  /** Calls of every kind: each answers what it would without a cache. */
  const story = async () => {
    const { balance } = await credits.getUserCreditsInfo('u', { fresh: true });
    for (let i = 1; i <= 10; i++) {
      expect((await credits.deductCredits('u', 2)).balanceAfter).toBe(balance - 2 * i);
      expect(await numbersOf(credits)).toEqual([balance - 2 * i, 0, balance - 2 * i]);
    }
    const hold = await credits.reserveCredits('u', 5);
    expect(await numbersOf(credits)).toEqual([balance - 20, 5, balance - 25]);
    await credits.commitReservedCredits(hold, { amount: 3 });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 7 });
    expect(await numbersOf(credits)).toEqual([balance - 30, 0, balance - 30]);
    expect(await credits.canAfford('u', balance - 29)).toBe(false);
  };

  /** The cache is used again, and right. */
  const recovers = () =>
    eventually(async () => {
      expect((await manager.health()).components.cache).toBe('up');
      const { balance } = await credits.getUserCreditsInfo('u', { fresh: true });
      await credits.deductCredits('u', 1);
      expect(await quietly(db, () => numbersOf(credits))).toEqual([balance - 1, 0, balance - 1]);
    });

  await recovers();
  return { ...made, cache, prefix, story, recovers };
}

/** Sets a setting of the server for this test. */
async function configure(server: RedisServer, name: string, value: string, usual: string): Promise<void> {
  onTestFinished(async () => void (await server.cli('config', 'set', name, usual)));
  expect(await server.cli('config', 'set', name, value)).toBe('OK');
}

const messages = (errors: readonly unknown[]) => errors.map((error) => (error as Error).message).join('\n');

describeRedis('a manager', (server) => {
  describe.each(Object.entries(CLIENTS))('with the client of %s', (_, open) => {
    test('goes on while Redis is stopped', async () => {
      const { cache, story, recovers, manager } = await world(open, server().url);
      await server().stop();
      onTestFinished(() => server().start());
      await story();
      expect(cache.errors.length).toBeGreaterThan(0);
      expect(await manager.health()).toMatchObject({ status: 'degraded', components: { cache: 'down' } });
      await server().start();
      await recovers();
    });

    test('goes on while Redis is frozen, and waits for it as often as the threshold says', async () => {
      const settings = { failureThreshold: 2, failureWindowSeconds: 3_600, retryAfterSeconds: 3_600 };
      const { cache, credits, story, manager } = await world(open, server().url, settings);
      server().freeze();
      onTestFinished(() => server().thaw());
      await story();
      await until(async () => (await numbersOf(credits)) && cache.errors.length === 2, 'two commands were in vain');
      const { asked } = cache;
      // Longer than the pause after a single failure.
      await sleep(1_200);
      for (let round = 0; round < 5; round++) await story();
      expect([cache.asked, cache.errors.length]).toEqual([asked, 2]);
      expect(messages(cache.errors)).toMatch(/^(.*in time.*|.*did not answer.*)$/m);
      expect((await manager.health()).components.cache).toBe('down');
    });

    test('uses a Redis again that was frozen for a while', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      server().freeze();
      onTestFinished(() => server().thaw());
      await story();
      expect(cache.errors.length).toBeGreaterThan(0);
      server().thaw();
      await recovers();
    });

    test('reads from the database what was flushed', async () => {
      const { cache, story, recovers, credits } = await world(open, server().url);
      const before = await numbersOf(credits);
      await server().cli('flushall');
      expect(await numbersOf(credits)).toEqual(before);
      await story();
      await recovers();
      expect(cache.errors).toEqual([]);
    });

    test('goes on while Redis takes no writes', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      await configure(server(), 'min-replicas-to-write', '1', '0');
      await story();
      expect(messages(cache.errors)).toContain('NOREPLICAS');
      await server().cli('config', 'set', 'min-replicas-to-write', '0');
      await recovers();
    });

    test('goes on while Redis is a replica', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      onTestFinished(async () => void (await server().cli('replicaof', 'no', 'one')));
      await server().cli('replicaof', '127.0.0.1', '1');
      await story();
      expect(messages(cache.errors)).toMatch(/READONLY|MASTERDOWN/);
      await server().cli('replicaof', 'no', 'one');
      await recovers();
    });

    test('goes on while Redis has no memory', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      await configure(server(), 'maxmemory', '1', '0');
      await story();
      expect(messages(cache.errors)).toContain('OOM');
      await server().cli('config', 'set', 'maxmemory', '0');
      await recovers();
    });

    test('goes on while Redis loads its data', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      await server().cli('debug', 'populate', '2000', 'loading', '1000');
      await configure(server(), 'loading-process-events-interval-bytes', '1024', '2097152');
      // Microseconds for each key.
      await configure(server(), 'key-load-delay', '1500', '0');
      const loaded = server().cli('debug', 'reload');
      await until(async () => (await server().cli('ping')).includes('LOADING'), 'Redis loads');
      await story();
      expect(messages(cache.errors)).toContain('LOADING');
      await loaded;
      await recovers();
    });

    test('believes no garbage under its keys', async () => {
      const { credits, prefix, story, recovers } = await world(open, server().url);
      const before = await numbersOf(credits);
      const [key = ''] = (await server().cli('--raw', 'keys', `${prefix}*`)).split('\n');
      expect(key).toContain(prefix);
      const huge = JSON.stringify({ version: Number.MAX_SAFE_INTEGER, value: '[1,2,3]' });
      for (const text of ['', 'garbage', 'null', '{}', '{"version":1}', '{"value":"[]"}', '[]', huge]) {
        await server().cli('set', key, text);
        expect(await numbersOf(credits)).toEqual(before);
      }
      for (const command of [
        ['rpush', key, 'a'],
        ['hset', key, 'version', '1'],
        ['sadd', key, 'a'],
      ]) {
        await server().cli('del', key);
        await server().cli(...command);
        expect(await numbersOf(credits)).toEqual(before);
      }
      await story();
      await recovers();
    });

    test('sends its script again to a Redis that was restarted or forgot it', async () => {
      const { cache, story, recovers } = await world(open, server().url);
      await server().cli('script', 'flush');
      await story();
      expect(cache.errors).toEqual([]);
      await server().stop();
      await server().start();
      await recovers();
      await story();
    });

    test('goes on while the network cuts, resets and holds back', async () => {
      const proxy = await TcpProxy.start(server().url);
      onTestFinished(() => proxy.close());
      const { story, recovers } = await world(open, proxy.url);
      for (const harm of [() => proxy.cut(), () => proxy.down(), () => proxy.freeze(), () => proxy.ignore()]) {
        harm();
        await story();
        proxy.heal();
        proxy.cut();
        await recovers();
      }
    });

    test('leaves no entry without an end', async () => {
      const { prefix, story } = await world(open, server().url);
      await story();
      const keys = (await server().cli('--raw', 'keys', `${prefix}*`)).split('\n');
      expect(keys.length).toBeGreaterThan(1);
      for (const key of keys) {
        const left = Number(await server().cli('pttl', key));
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThanOrEqual(300_000);
      }
    });
  });
});

describeRedisCluster('a client of one server of a cluster', (servers) => {
  test.each(Object.entries(CLIENTS))('of %s: to be sent elsewhere is a failure, and no call fails', async (_, open) => {
    const [first] = servers();
    const { client, close } = await open((first as RedisServer).url);
    onTestFinished(() => void close());
    const cache = new RedisCache({ client, timeoutMs: 30_000 });
    const gets = await Promise.allSettled(Array.from({ length: 50 }, (_none, i) => cache.get(`key ${i}`)));
    const failed = gets.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(50);
    for (const { reason } of failed) expect((reason as Error).message).toContain('MOVED');
  });
});
