/** Two managers write one account through Redis with writes that are late and in any order: no entry goes back. */
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { RedisCache } from '../../src/entries/redis.js';
import type { CacheBackend } from '../../src/index.js';
import { CLIENTS, describeRedis } from '../backends/redis.js';
import { bench, numbersOf, quietly } from '../cache/bench.js';
import { amount } from '../support/amounts.js';
import { Chance, SEED } from '../support/chance.js';

const WRITES = amount('CREDIT_CACHE_WRITES');

/** Holds every write back until the test lets some of them arrive. */
class LateCache implements CacheBackend {
  readonly held: (() => Promise<void>)[] = [];

  constructor(readonly inner: CacheBackend) {}

  get = (key: string) => this.inner.get(key);
  delete = (key: string) => this.inner.delete(key);

  async set(...args: Parameters<CacheBackend['set']>): Promise<void> {
    this.held.push(() => this.inner.set(...args));
  }
}

describeRedis('two managers on one account', (server) => {
  test.each(Object.entries(CLIENTS))('with %s: the entry never goes back to an older version', async (_, open) => {
    const prefix = `${randomUUID()}:`;
    const caches = await Promise.all(
      [1, 2].map(async () => {
        const { client, close } = await open(server().url);
        onTestFinished(() => void close());
        return new LateCache(new RedisCache({ client, prefix, timeoutMs: 30_000 }));
      }),
    );
    const [first, second] = caches as [LateCache, LateCache];
    const { open: manager, db } = bench({ cache: undefined });
    const settings = { ttlSeconds: 3_600, timeoutMs: 30_000 };
    const managers = caches.map((backend) => manager({ cache: { ...settings, backend } }));
    onTestFinished(async () => void (await Promise.all(managers.map((each) => each.close()))));
    const chance = new Chance(SEED);
    const late: (() => Promise<void>)[] = [];
    let [key, newest, landed] = ['', -1, 0];

    /** Lets writes arrive in any order, a few at once, and sees after each what Redis has. */
    const land = async (most: number) => {
      late.push(...first.held.splice(0), ...second.held.splice(0));
      while (late.length > most) {
        const some = chance.shuffle(late).slice(0, 1 + chance.below(3));
        for (const write of some) late.splice(late.indexOf(write), 1);
        await Promise.all(some.map((write) => write()));
        landed += some.length;
        if (key === '') [key = ''] = (await server().cli('--raw', 'keys', `${prefix}*`)).split('\n');
        const { version } = JSON.parse(await server().cli('--raw', 'get', key)) as { version: number };
        expect(version, 'the version of the entry').toBeGreaterThanOrEqual(newest);
        newest = version;
      }
    };

    const [{ credits: banker }] = managers as [(typeof managers)[number]];
    let { balanceAfter: balance } = await banker.addCredits('u', 1_000_000);
    for (let i = 0; i < WRITES; i++) {
      const writers = chance.below(4) === 0 ? managers : [chance.pick(managers)];
      const spent = await Promise.all(writers.map(({ credits }) => credits.deductCredits('u', 1 + chance.below(9))));
      balance = Math.min(...spent.map(({ balanceAfter }) => balanceAfter));
      // Who wrote never reads less than it was told.
      for (const each of writers) expect((await numbersOf(each.credits))[0]).toBe(balance);
      if (i % 10 === 0) await land(8);
    }
    await land(0);
    expect(landed).toBeGreaterThanOrEqual(WRITES);
    expect(newest).toBeGreaterThanOrEqual(WRITES);
    for (const { credits } of managers) {
      expect(await quietly(db, () => numbersOf(credits))).toEqual([balance, 0, balance]);
    }
  });
});
