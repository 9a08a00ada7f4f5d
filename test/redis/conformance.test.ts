/** The conformance suites of the ports on Redis, with both clients, on one server and on a cluster of three. */
import { describe, expect, test } from 'vitest';
import {
  RedisCache,
  type RedisLike,
  RedisNotificationQueue,
  type RedisOptions,
  RedisRateLimiter,
} from '../../src/entries/redis.js';
import { InMemoryRateLimiter } from '../../src/index.js';
import { testCacheBackend } from '../../src/testing/cache-backend.js';
import { testNotificationQueue } from '../../src/testing/notification-queue.js';
import { testRateLimiter } from '../../src/testing/rate-limiter.js';
import { CLIENTS, CLUSTER_CLIENTS, describeRedis, describeRedisCluster, type OpenClient } from '../backends/redis.js';

const TIMEOUT_MS = 30_000;

describe('InMemoryRateLimiter', () => testRateLimiter({ describe, test }, () => new InMemoryRateLimiter()));

/** One of ours on a client of the host's, which it closes with itself. */
async function on<T extends { close(): Promise<void> }>(
  make: (options: RedisOptions) => T,
  open: () => Promise<OpenClient>,
): Promise<T> {
  const { client, close } = await open();
  const made = make({ client, prefix: 'test:', timeoutMs: TIMEOUT_MS });
  const closeOurs = made.close.bind(made);
  made.close = async () => {
    await closeOurs();
    close();
  };
  return made;
}

type Stream = readonly (readonly [id: string, fields: readonly string[]])[];

/** The messages of the stream, by either client. */
async function messagesOf(client: RedisLike): Promise<unknown[]> {
  const key = 'test:notifications';
  if ('xRange' in client) {
    const range = client.xRange as (...args: string[]) => Promise<{ message: { message: string } }[]>;
    return (await range.call(client, key, '-', '+')).map(({ message }) => JSON.parse(message.message));
  }
  const range = (client as unknown as { xrange(...args: string[]): Promise<Stream> }).xrange;
  return (await range.call(client, key, '-', '+')).map(([, fields]) =>
    JSON.parse(fields[fields.indexOf('message') + 1] as string),
  );
}

function suites(open: () => Promise<OpenClient>): void {
  describe.concurrent('cache', () =>
    testCacheBackend({ describe, test }, () => on((given) => new RedisCache(given), open)));
  describe.concurrent('limiter', () =>
    testRateLimiter({ describe, test }, () => on((given) => new RedisRateLimiter(given), open)));
  describe('queue', () => {
    const received = async () => {
      const { client, close } = await open();
      const messages = await messagesOf(client);
      close();
      return messages;
    };
    const make = () => on((given) => new RedisNotificationQueue(given), open);
    testNotificationQueue({ describe, test }, make, { received });
  });
}

describeRedis('on one Redis', (server) => {
  describe.each(Object.entries(CLIENTS))('with the client of %s', (_, open) => suites(() => open(server().url)));

  describe.concurrent('with a URL', () => {
    const options = () => ({ url: server().url, timeoutMs: TIMEOUT_MS });
    testCacheBackend({ describe, test }, () => new RedisCache(options()));
    testRateLimiter({ describe, test }, () => new RedisRateLimiter(options()));
  });

  test('a stream keeps about as many messages as it may', async () => {
    const { client, close } = await (CLIENTS.redis as NonNullable<(typeof CLIENTS)[string]>)(server().url);
    const queue = new RedisNotificationQueue({ client, stream: 'short', maxLength: 10 });
    for (let i = 0; i < 500; i++) {
      const payload = { current_credits: { balance: i, reserved: 0, available: i } };
      await queue.enqueue({ notification_id: `n-${i}`, user_id: 'u', type: 'low_credits', payload });
    }
    expect(Number(await server().cli('xlen', 'credit:short'))).toBeLessThan(300);
    close();
  });
});

describeRedisCluster('on a Redis Cluster of three', (servers) => {
  describe.each(Object.entries(CLUSTER_CLIENTS))('with the client of %s', (_, open) => suites(() => open(servers())));
});
