/** The limiters beyond their conformance suite: time by a clock of the test, four processes, and Redis that is away. */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { type IoRedisLike, RedisRateLimiter } from '../../src/entries/redis.js';
import { InMemoryRateLimiter } from '../../src/index.js';
import { CLIENTS, describeRedis } from '../backends/redis.js';
import { Chance, SEED } from '../support/chance.js';
import { codeOf } from '../support/codes.js';
import { forkScript } from '../support/script.js';
import { until } from '../support/wait.js';

const PROCESSES = 4;
const CALLS = 250;
const LIMIT = 100;

test('in no window of any place pass more calls than the limit, and none is refused without need', async () => {
  let now = 0;
  const limiter = new InMemoryRateLimiter({}, () => now);
  const chance = new Chance(SEED);
  const rule = { limit: 5, windowMs: 1_000 };
  const passed: number[] = [];
  for (let i = 0; i < 2_000; i++) {
    now += chance.below(300);
    const recent = passed.filter((at) => at > now - rule.windowMs);
    const answer = await limiter.take('key', rule);
    expect(answer.allowed).toBe(recent.length < rule.limit);
    if (answer.allowed) passed.push(now);
    expect(answer.remaining).toBe(Math.max(0, rule.limit - recent.length - 1));
    expect(answer.retryAfterMs).toBe(answer.allowed ? 0 : (recent[0] as number) + rule.windowMs - now);
  }
  expect(passed.length).toBeGreaterThan(1_000);
});

test('a call that is told when to come again passes then, and not a millisecond sooner', async () => {
  let now = 0;
  const limiter = new InMemoryRateLimiter({}, () => now);
  const rule = { limit: 2, windowMs: 100 };
  await limiter.take('key', rule);
  now = 30;
  await limiter.take('key', rule);
  expect(await limiter.take('key', rule)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 70 });
  now = 99;
  expect((await limiter.take('key', rule)).allowed).toBe(false);
  now = 100;
  expect((await limiter.take('key', rule)).allowed).toBe(true);
  expect((await limiter.take('key', rule)).retryAfterMs).toBe(30);
});

test('the key that was used least lately is forgotten where there are too many', async () => {
  const limiter = new InMemoryRateLimiter({ maxKeys: 2 });
  const rule = { limit: 1, windowMs: 600_000 };
  const takes = async (key: string) => (await limiter.take(key, rule)).allowed;
  expect([await takes('a'), await takes('b'), await takes('a'), await takes('c')]).toEqual([true, true, false, true]);
  expect([await takes('a'), await takes('b')]).toEqual([false, true]);
  expect(await codeOf((async () => new InMemoryRateLimiter({ maxKeys: 0 }))())).toBe('CONFIGURATION');
});

describeRedis('a limiter in Redis', (server) => {
  test(`of ${PROCESSES * CALLS} calls by ${PROCESSES} processes at once exactly ${LIMIT} pass`, async () => {
    const args = [server().url, `${randomUUID()}:`, String(CALLS), String(LIMIT)];
    const script = new URL('./limiter-process.ts', import.meta.url);
    const children = Array.from({ length: PROCESSES }, (): ChildProcess => forkScript(script, args));
    onTestFinished(() => children.forEach((child) => void child.kill('SIGKILL')));
    await Promise.all(children.map((child) => once(child, 'message')));
    const allowed = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    const counts = (await Promise.all(allowed)).map(([count]) => count as number);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(LIMIT);
  });

  test('has no key without an end, and none is longer than the limit', async () => {
    const prefix = `${randomUUID()}:`;
    const limiter = new RedisRateLimiter({ url: server().url, prefix, timeoutMs: 30_000 });
    onTestFinished(() => limiter.close());
    for (let i = 0; i < 9; i++) await limiter.take('key', { limit: 3, windowMs: 60_000 });
    const [key = ''] = (await server().cli('--raw', 'keys', `${prefix}*`)).split('\n');
    expect(Number(await server().cli('zcard', key))).toBe(3);
    expect(Number(await server().cli('pttl', key))).toBeGreaterThan(0);
  });

  test('throws garbage under its key away', async () => {
    const prefix = `${randomUUID()}:`;
    const limiter = new RedisRateLimiter({ url: server().url, prefix, timeoutMs: 30_000 });
    onTestFinished(() => limiter.close());
    const rule = { limit: 1, windowMs: 60_000 };
    await limiter.take('key', rule);
    const [key = ''] = (await server().cli('--raw', 'keys', `${prefix}*`)).split('\n');
    await server().cli('set', key, 'garbage');
    expect([(await limiter.take('key', rule)).allowed, (await limiter.take('key', rule)).allowed]).toEqual([
      true,
      false,
    ]);
    expect(await server().cli('type', key)).toBe('zset');
  });

  test('counts in this process while Redis is stopped, and in Redis again when it is back', async () => {
    const prefix = `${randomUUID()}:`;
    const limiter = new RedisRateLimiter({ url: server().url, prefix, timeoutMs: 30_000 });
    onTestFinished(() => limiter.close());
    const rule = { limit: 10, windowMs: 600_000 };
    await limiter.take('key', rule);
    await server().stop();
    onTestFinished(() => server().start());
    const answers = [];
    for (let i = 0; i < 30; i++) answers.push(await limiter.take('key', rule));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
    await server().start();
    await until(async () => {
      await limiter.take('other', rule);
      return (await server().cli('keys', `${prefix}*`)).includes('other');
    }, 'Redis counts again');
  });

  test('asks a Redis that is frozen five times at most, and counts in this process', async () => {
    const { client, close } = await (CLIENTS.ioredis as NonNullable<(typeof CLIENTS)[string]>)(server().url);
    onTestFinished(() => void close());
    const io = client as IoRedisLike;
    const evalsha = io.evalsha.bind(io);
    let asked = 0;
    io.evalsha = (...args) => {
      asked++;
      return evalsha(...args);
    };
    const limiter = new RedisRateLimiter({ client, timeoutMs: 100 });
    const rule = { limit: 10, windowMs: 600_000 };
    server().freeze();
    onTestFinished(() => server().thaw());
    const key = randomUUID();
    const answers = [];
    for (let i = 0; i < 300; i++) answers.push(await limiter.take(key, rule));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(5);
  });
});
