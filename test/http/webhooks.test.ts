/** Webhooks of payments over HTTP: on every framework, under any prefix, and the status of whatever may come. */
import { createServer, type RequestListener, request, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { type Api, createCreditsApi, createWebhookApi, toFastify, toNext, toNode } from '../../src/entries/http.js';
import { createTestCredits, type FakeProvider, fakeProvider } from '../../src/entries/testing.js';
import { LIMITS } from '../../src/http/limits.js';
import type { LoggerLike } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { authenticate } from './world.js';

interface Express {
  (): { use(...handlers: unknown[]): void } & RequestListener;
  json(options?: object): unknown;
  raw(options?: object): unknown;
}
const load = createRequire(import.meta.url);
const EXPRESS = { express4: load('express4') as Express, express5: load('express') as Express };
const SECRET = 'fake-webhook-secret';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Everything that is logged. */
function recorder(): { logger: LoggerLike; text: () => string } {
  const lines: string[] = [];
  const note = (fields: object, text?: string) => void lines.push(`${text} ${JSON.stringify(fields)}`);
  return { logger: { debug: note, info: note, warn: note, error: note }, text: () => lines.join('\n') };
}

async function open(options: { basePath?: string; logger?: LoggerLike; webhooks?: string[] } = {}) {
  const services = createTestCredits();
  const provider = fakeProvider({ clock: services.clock });
  services.payments.registerProvider(provider);
  const api = createWebhookApi({ manager: services, logger: QUIET, ...options });
  const { id } = await services.payments.createPaymentLink({ userId: 'u', amount: 500, currency: 'INR' });
  closing.push(() => services.close());
  return { ...services, manager: services, provider, api, id };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Signed = { readonly body: Uint8Array; readonly headers: Headers };
type Send = (path: string, init: RequestInit) => Promise<Response>;

const post = ({ body, headers }: Signed, more: Record<string, string> = {}): RequestInit => ({
  ...{ method: 'POST', body: Buffer.from(body) },
  headers: { ...Object.fromEntries(headers), 'content-type': 'application/json', ...more },
});
const told = async (response: Response) => [response.status, await response.json()] as const;
const OK = [200, { status: 'ok' }] as const;

/** The same deliveries wherever the API is mounted. */
async function takes(send: Send, world: { provider: FakeProvider; id: string; credits: never } | object, path: string) {
  const { provider, id, credits } = world as Awaited<ReturnType<typeof open>>;
  const paid = provider.pay(id);
  expect(await told(await send(path, post(paid)))).toEqual(OK);
  expect(await told(await send(path, post(paid, { 'content-type': 'text/plain' })))).toEqual(OK);
  expect((await send(path, post({ ...paid, headers: new Headers() }))).status).toBe(401);
  expect((await send(`${path}x`, post(paid))).status).toBe(404);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(500);
}

const over =
  (root: string): Send =>
  (path, init) =>
    fetch(`${root}${path}`, init);

describe('is mounted on', () => {
  test('plain Node.js, at the root and below a path', async () => {
    const plain = await open();
    await takes(over(await listen(createServer(toNode(plain.api)))), plain, '/webhooks/fake');
    const below = await open({ basePath: '/billing' });
    await takes(over(await listen(createServer(toNode(below.api)))), below, '/billing/webhooks/fake');
  });

  test.each(Object.entries(EXPRESS))(
    '%s, above its parsers, and below those that keep the bytes',
    async (_, express) => {
      const keep = (req: object, __: unknown, rawBody: Buffer) => void Object.assign(req, { rawBody });
      const parsers = [null, express.json({ verify: keep }), express.raw({ type: '*/*' })];
      for (const parser of parsers) {
        const world = await open();
        const app = express();
        if (parser) app.use(parser);
        app.use('/api/v1', toNode(world.api));
        await takes(over(await listen(createServer(app))), world, '/api/v1/webhooks/fake');
      }
    },
  );

  test.each(Object.entries(EXPRESS))(
    '%s below a parser that ate the bytes: the answer names the line',
    async (_, express) => {
      const { api, provider, id, credits } = await open();
      const app = express();
      app.use(express.json());
      let told: unknown;
      app.use(
        '/api',
        toNode(api),
        (error: unknown, __: unknown, res: { status: (code: number) => { end: () => void } }, ___: unknown) => {
          told = error;
          res.status(500).end();
        },
      );
      const root = await listen(createServer(app));
      const { status } = await fetch(`${root}/api/webhooks/fake`, post(provider.pay(id)));
      expect(status).toBe(500);
      expect(told).toMatchObject({ code: 'CONFIGURATION', message: expect.stringContaining('express.json()') });
      expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    },
  );

  test('Fastify, Hono and Next.js', async () => {
    const one = await open();
    const app = fastify();
    await app.register(toFastify(one.api), { prefix: '/pay' });
    closing.push(() => app.close());
    await takes(over(await app.listen({ port: 0, host: '127.0.0.1' })), one, '/pay/webhooks/fake');
    const two = await open({ basePath: '/pay' });
    const hono = new Hono().all('/pay/*', (c) => two.api.fetch(c.req.raw));
    await takes(
      async (path, init) => hono.fetch(new Request(`http://localhost${path}`, init)),
      two,
      '/pay/webhooks/fake',
    );
    const three = await open();
    const { POST } = toNext(three.api);
    await takes((path, init) => POST(new Request(`http://localhost${path}`, init)), three, '/webhooks/fake');
  });
});

const direct =
  (api: Api): Send =>
  (path, init) =>
    api.fetch(new Request(`http://localhost${path}`, init));

describe('answers', () => {
  test('each signature that is not right alike, without a word of it in answers and logs', async () => {
    const { logger, text } = recorder();
    const world = await open({ logger });
    const { provider, id, clock, api, credits } = world;
    const send = direct(api);
    const { body, headers } = provider.pay(id);
    const signature = headers.get('fake-signature') as string;
    const other = fakeProvider({ clock, webhookSecret: 'another-secret-of-sixteen' }).sign(body);
    const wrong = [
      ...['', 'x', signature.slice(0, -1), `${signature}0`, signature.replace('v1=', 'v0='), 'é'.repeat(3)],
      ...[other.headers.get('fake-signature') as string, signature.replace(/t=\d+/, 't=1')],
    ].map((value) => new Headers(/^[\x20-\x7e]+$/.test(value) ? { 'fake-signature': value } : {}));
    const answers: string[] = [];
    for (const given of wrong) {
      const response = await send('/webhooks/fake', post({ body, headers: given }));
      expect(response.status).toBe(401);
      const { request_id: _, ...rest } = (await response.json()) as Record<string, string>;
      answers.push(JSON.stringify(rest));
    }
    expect(new Set(answers).size).toBe(1);
    for (let at = 0; at < body.length; at += 7) {
      const changed = Uint8Array.from(body, (byte, i) => (i === at ? byte ^ 1 : byte));
      expect((await send('/webhooks/fake', post({ body: changed, headers }))).status).toBe(401);
    }
    for (const seconds of [301, -602]) {
      clock.set(new Date(clock.now().getTime() + seconds * 1_000));
      expect((await send('/webhooks/fake', post({ body, headers }))).status).toBe(401);
    }
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    expect((await world.payments.listMessages()).items.filter(({ direction }) => direction === 'inbound')).toEqual([]);
    expect(`${text()} ${answers.join()}`).not.toContain(SECRET);
    expect(text()).not.toContain(signature.slice(-20));
  });

  test('what is no webhook, or too large, or packed', async () => {
    const { api, provider, id } = await open();
    const send = direct(api);
    for (const text of ['', 'null', '[]', '"x"', '1', '{', '\ufeff{}']) {
      const { status } = await send('/webhooks/fake', post(provider.sign(Buffer.from(text))));
      expect([text, status]).toEqual([text, 400]);
    }
    const paid = provider.pay(id);
    for (const name of ['paypal', '__proto__', 'constructor', '%00']) {
      const { status } = await send(`/webhooks/${name}`, post(paid));
      expect([name, [400, 404].includes(status)]).toEqual([name, true]);
    }
    expect((await send('/webhooks/fake', {})).status).toBe(405);
    const large = provider.sign(Buffer.alloc(LIMITS.bodyBytes + 1, 32));
    expect((await send('/webhooks/fake', post(large))).status).toBe(413);
    const packed = { body: gzipSync(paid.body), headers: paid.headers };
    expect((await send('/webhooks/fake', post(packed, { 'content-encoding': 'gzip' }))).status).toBe(415);
  });

  test('a body in pieces, and one in pieces that is too large', async () => {
    const { api, provider, id } = await open();
    const root = await listen(createServer(toNode(api)));
    const pieces = ({ body, headers }: Signed, size: number) =>
      new Promise<number>((resolve, reject) => {
        const sent = request(`${root}/webhooks/fake`, { method: 'POST', headers: Object.fromEntries(headers) });
        sent.on('response', (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject);
        for (let at = 0; at < body.length; at += size) sent.write(body.subarray(at, at + size));
        sent.end();
      });
    expect(await pieces(provider.pay(id), 7)).toBe(200);
    expect(await pieces(provider.sign(Buffer.alloc(LIMITS.bodyBytes + 1, 32)), 65_536)).toBe(413);
  });

  test('5xx while the database is away, and the same delivery later grants the credits once', async () => {
    const { api, provider, id, credits, failNext, payments } = await open();
    const send = direct(api);
    const paid = provider.pay(id);
    failNext('before_commit');
    const { status } = await send('/webhooks/fake', post(paid));
    expect(status).toBe(503);
    expect(await told(await send('/webhooks/fake', post(paid)))).toEqual(OK);
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(500);
    expect((await payments.listMessages({ status: 'applied' })).items).toHaveLength(1);
  });
});

test('is not made without providers, or for one that is not registered', async () => {
  const empty = createTestCredits();
  expect(() => createWebhookApi({ manager: empty })).toThrow('webhooks need a payment provider');
  const { manager, provider, id, credits } = await open();
  expect(() => createWebhookApi({ manager, webhooks: ['stripe'] })).toThrow('there is no payment provider stripe');
  manager.payments.registerProvider(fakeProvider({ name: 'other' }));
  const api = createCreditsApi({ manager, authenticate, webhooks: ['fake'], logger: QUIET });
  expect(Object.keys(api.openapi().paths as object)).toContain('/webhooks/{provider}');
  const paid = provider.pay(id);
  expect((await direct(api)('/webhooks/other', post(paid))).status).toBe(404);
  expect(await told(await direct(api)('/webhooks/fake', post(paid)))).toEqual(OK);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(500);
  expect(() => createCreditsApi({ manager, authenticate, webhooks: ['stripe'] })).toThrow('no payment provider stripe');
});
