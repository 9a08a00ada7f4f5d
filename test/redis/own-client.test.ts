/** A client of our own: Redis that is not there is told at once, one that comes is used, and closing ends it. */
import * as ioredis from 'ioredis';
import * as redis from 'redis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RedisCache, type RedisOptions } from '../../src/entries/redis.js';
import { openIoRedis, openNodeRedis } from '../../src/redis/own-client.js';
import { freePort } from '../backends/free-port.js';
import { describeRedis, type RedisServer } from '../backends/redis.js';
import { codeOf } from '../support/codes.js';
import { until } from '../support/wait.js';

const PACKAGES = {
  redis: (url: string) => openNodeRedis(redis, url),
  ioredis: (url: string) => openIoRedis(ioredis, url),
};

/** Connections besides that of `redis-cli`. */
async function connections(server: RedisServer): Promise<number> {
  return (await server.cli('client', 'list')).split('\n').length - 1;
}

describeRedis('a client of our own', (server) => {
  describe.each(Object.entries(PACKAGES))('of %s', (_, open) => {
    test('says at once that Redis is not there, finds it when it comes, and again after a restart', async () => {
      await server().stop();
      onTestFinished(() => server().start());
      const own = open(server().url);
      await own.connected;
      expect(own.commands.isReady()).toBe(false);
      for (let round = 0; round < 2; round++) {
        await server().start();
        await until(own.commands.isReady, 'the client is connected');
        expect(await own.commands.get('nothing')).toBe(null);
        expect(await connections(server())).toBe(1);
        await server().stop();
        await until(() => !own.commands.isReady(), 'the client knows of the loss');
      }
      own.close();
      await server().start();
      expect(await connections(server())).toBe(0);
    });

    test('is gone when it is closed', async () => {
      const own = open(server().url);
      await own.connected;
      expect(await connections(server())).toBe(1);
      own.close();
      await until(async () => (await connections(server())) === 0, 'the connection ends');
    });
  });

  test('many commands at once share one connection', async () => {
    const cache = new RedisCache({ url: server().url, timeoutMs: 30_000 });
    await Promise.all(Array.from({ length: 50 }, (_, i) => cache.get(`${i}`)));
    expect(await connections(server())).toBe(1);
    await cache.close();
    await until(async () => (await connections(server())) === 0, 'the connection ends');
  });

  test('a closed cache rejects every command and opens nothing', async () => {
    const cache = new RedisCache({ url: server().url });
    await cache.close();
    await expect(cache.get('k')).rejects.toThrow('closed');
    expect(await connections(server())).toBe(0);
  });
});

test('a cache whose Redis was never there rejects with plain errors, and closes', async () => {
  const cache = new RedisCache({ url: `redis://127.0.0.1:${await freePort()}`, timeoutMs: 30_000 });
  for (let i = 0; i < 3; i++) await expect(cache.get('k')).rejects.toThrow('not connected');
  await cache.close();
});

test('wrong options are refused, each by its name and without the password', async () => {
  const wrong: Readonly<Record<string, object>> = {
    client: { client: {} },
    url: { url: 'http://u:secret@h' },
    prefix: { url: 'redis://h', prefix: 'x'.repeat(101) },
    timeoutMs: { url: 'redis://h', timeoutMs: 0 },
    'either client or url': {},
    ttl: { url: 'redis://h', ttl: 1 },
  };
  for (const [name, options] of Object.entries(wrong)) {
    const make = async () => new RedisCache(options as RedisOptions);
    expect(await codeOf(make())).toBe('CONFIGURATION');
    await expect(make()).rejects.toThrow(name);
    await expect(make()).rejects.not.toThrow('secret');
  }
});
