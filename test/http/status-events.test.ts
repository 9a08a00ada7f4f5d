/** Server-sent events of the access status, over Fetch and over Node.js. */
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createMerchantApi, toNode } from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import { EventStreams, eventStream } from '../../src/http/event-stream.js';
import { LIMITS } from '../../src/http/limits.js';
import type { CreditManagement } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { until } from '../support/wait.js';

const PATH = '/api/v1/credits/plugin-status-events';

function eventsWorld() {
  const manager = createTestCredits() as unknown as CreditManagement<never, never>;
  const authenticate = (asked: Request) => ({ userId: asked.headers.get('x-user') ?? 'gateway' });
  const api = createMerchantApi({ manager, authenticate, logger: QUIET, authorize: (who) => who.userId === 'gateway' });
  const ask = (query: string, user = 'gateway', method = 'GET') =>
    api.fetch(new Request(`http://localhost${PATH}?${query}`, { method, headers: { 'x-user': user } }));
  return { manager, api, ask };
}

/** What a stream has told so far: the statuses, by merchant. */
function listening(stream: ReadableStream<Uint8Array>) {
  const told: string[] = [];
  let isOver = false;
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const [, data = ''] of decoder.decode(value).matchAll(/^data: (.*)$/gm)) {
        const { merchant_id, status, balance } = JSON.parse(data) as Record<string, unknown>;
        told.push(`${merchant_id} ${status} ${balance}`);
      }
    }
    isOver = true;
  })();
  return { told, isOver: () => isOver, cancel: () => reader.cancel() };
}

test('tell each status now, and whenever it changes, until the client leaves', async () => {
  const { manager, ask } = eventsWorld();
  await manager.credits.addCredits('a', 5);
  const response = await ask('merchant_ids=a,b');
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    ...{ 'content-type': 'text/event-stream; charset=utf-8', 'x-service-name': 'credit-service' },
    ...{ 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' },
  });
  const { told, cancel } = listening(response.body as ReadableStream<Uint8Array>);
  await until(() => told.length === 2, '2 statuses are told');
  expect([...told].sort()).toEqual(['a enabled 5', 'b disabled 0']);
  await manager.credits.deductCredits('a', 5);
  await until(() => told.length === 3, '3 statuses are told');
  await manager.credits.addCredits('b', 1);
  await until(() => told.length === 4, '4 statuses are told');
  expect(told.slice(2)).toEqual(['a disabled 0', 'b enabled 1']);
  await cancel();
  await manager.close();
});

test('end when the manager is closed', async () => {
  const { manager, ask } = eventsWorld();
  const { told, isOver } = listening((await ask('merchant_ids=a')).body as ReadableStream<Uint8Array>);
  await until(() => told.length === 1, '1 statuses are told');
  await manager.close();
  await until(isOver, 'the stream ends');
  expect((await ask('merchant_ids=a')).status).toBe(503);
});

test('are for those who may see the account, and for lists of merchants', async () => {
  const { manager, ask } = eventsWorld();
  expect((await ask('merchant_ids=a,b', 'a')).status).toBe(404);
  const own = await ask('merchant_ids=a', 'a');
  expect(own.status).toBe(200);
  await own.body?.cancel();
  for (const wrong of ['', 'merchant_ids=', 'other=1', `merchant_ids=${Array(101).fill('a').join(',')}`]) {
    expect([wrong, (await ask(wrong)).status]).toEqual([wrong, 400]);
  }
  const head = await ask('merchant_ids=a', 'gateway', 'HEAD');
  expect([head.status, head.body, head.headers.get('content-type')]).toEqual([
    ...[200, null, 'text/event-stream; charset=utf-8'],
  ]);
  await manager.close();
});

test('no more clients listen than may at once, and one that leaves makes room', async () => {
  const { manager, ask } = eventsWorld();
  const callers = Array.from({ length: LIMITS.streams }, (_, i) => `a${i % (LIMITS.streams / LIMITS.streamsOfOne)}`);
  const responses = await Promise.all(callers.map((caller) => ask(`merchant_ids=${caller}`, caller)));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  const refused = await ask('merchant_ids=a');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '900']);
  await responses[0]?.body?.cancel();
  expect((await ask('merchant_ids=a1', 'a1')).status).toBe(429);
  const next = await ask('merchant_ids=a');
  expect(next.status).toBe(200);
  for (const { body } of [...responses, next]) if (body && !body.locked) await body.cancel();
  await manager.close();
});

test('a stream that cannot begin counts for nobody', async () => {
  const streams = new EventStreams();
  const broken = () => {
    throw new Error('closed');
  };
  for (let i = 0; i < 2 * LIMITS.streamsOfOne; i++) expect(() => streams.open('a', broken)).toThrow('closed');
  await streams.open('a', () => () => {}).cancel();
});

test('over Node.js they come one by one, and a client that leaves is forgotten', async () => {
  const { manager, api } = eventsWorld();
  await manager.credits.addCredits('a', 5);
  const server = createServer(toNode(api)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  let text = '';
  const client = request({ port, host: '127.0.0.1', path: `${PATH}?merchant_ids=a` });
  const answer = await new Promise<IncomingMessage>((resolve) => client.once('response', resolve).end());
  answer
    .setEncoding('utf8')
    .on('data', (chunk: string) => (text += chunk))
    .on('error', () => {});
  await until(() => text.includes('"enabled"'), 'the status is told');
  expect(text.startsWith('retry: 5000\n\nevent: plugin_status\ndata: {"merchant_id":"a",')).toBe(true);
  await manager.credits.deductCredits('a', 5);
  await until(() => text.includes('"disabled"'), 'the change is told');
  client.destroy();
  await until(async () => (await connections(server)) === 0, 'the connection is gone');
  await manager.close();
});

test('a client that does not read holds the newest event of each topic, and no more', async () => {
  let tell: (name: string, topic: string, data: number) => void = () => {};
  let [ended, stopped] = [0, 0];
  const stream = eventStream(
    (given) => {
      tell = given;
      return () => void stopped++;
    },
    () => void ended++,
  );
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const read = async () => decoder.decode((await reader.read()).value);
  expect(await read()).toBe('retry: 5000\n\n');
  for (let i = 0; i < 1_000; i++) tell('count', `topic-${i % 2}`, i);
  let text = '';
  while (!text.includes('data: 999')) text += await read();
  expect(text.length).toBeLessThan(200);
  await reader.cancel();
  await reader.cancel();
  expect([ended, stopped]).toEqual([1, 1]);
});

function connections(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
