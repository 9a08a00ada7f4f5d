/** The API on real servers: plain Node.js, HTTP/2, Express 4 and 5, Koa, Fastify, Hono, and as Next.js calls it. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { createRequire } from 'node:module';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { type Api, type ApiOptions, createCreditsApi, toFastify, toNext, toNode } from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import { LIMITS } from '../../src/http/limits.js';
import { QUIET } from '../support/quiet.js';
import { type Answer, answerOf, authenticate, isAdmin } from './world.js';

/** The part of Express that these tests use; it has no types of its own. */
interface Express {
  (): { use(...handlers: unknown[]): void; get(path: string, handler: unknown): void } & RequestListener;
  json(options?: object): unknown;
  raw(options?: object): unknown;
}
const load = createRequire(import.meta.url);
const EXPRESS = { express4: load('express4') as Express, express5: load('express') as Express };

/** The part of Koa that is used; it has no types of its own. */
interface KoaContext {
  readonly path: string;
  readonly req: unknown;
  readonly res: unknown;
  respond: boolean;
  body: unknown;
}
interface Koa {
  use(answer: (ctx: KoaContext, next: () => Promise<void>) => unknown): Koa;
  callback(): RequestListener;
}
const Koa = load('koa') as new () => Koa;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function apiOf(basePath?: string, asks: ApiOptions['authenticate'] = authenticate): Api {
  const manager = createTestCredits();
  closing.push(() => manager.close());
  return createCreditsApi({ manager, authenticate: asks, authorize: isAdmin, basePath, logger: QUIET });
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ADMIN = 'Authorization: Bearer admin\r\n';
const HEADERS = { authorization: 'Bearer admin', 'content-type': 'application/json' };

async function send(url: string, body?: unknown): Promise<Answer> {
  const init =
    body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
  return answerOf(await fetch(url, { headers: HEADERS, ...init }));
}

/** The same requests wherever the API is mounted, and the answers they must have. */
async function works(root: string): Promise<void> {
  const added = await send(`${root}/admin/credits/add`, { user_id: 'ops', amount: 12.5 });
  expect(added).toMatchObject({ status: 200, body: { user_id: 'ops', credits: 12.5 } });
  expect(await send(`${root}/credits/balance/ops`)).toMatchObject({ status: 200, body: { credits: 12.5 } });
  expect(await send(`${root}/credits/balance/${encodeURIComponent('a/b ä')}`)).toMatchObject({ status: 404 });
  expect(await send(`${root}/credits/history/ops?limit=1&types=add`)).toMatchObject({ body: { items: [{}] } });
  expect(await send(`${root}/credits/deduct`, '{')).toMatchObject({ status: 400 });
  expect(await send(`${root}/credits/nothing`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  const anonymous = await fetch(`${root}/credits/balance/ops`);
  expect(anonymous.status).toBe(401);
  const large = await fetch(`${root}/credits/add`, {
    ...{ method: 'POST', headers: HEADERS, body: ' '.repeat(LIMITS.bodyBytes + 1) },
  });
  expect(large.status).toBe(413);
}

test('plain Node.js, at the root and below a path', async () => {
  await works(await listen(createServer(toNode(apiOf()))));
  await works(`${await listen(createServer(toNode(apiOf('/billing/'))))}/billing`);
});

test('HTTP/2', async () => {
  const server = createHttp2Server(toNode(apiOf()) as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  closing.push(
    () => client.close(),
    () => server.close(),
  );
  const stream = client.request({ ':path': '/credits/balance/ops', authorization: 'Bearer admin' });
  let text = '';
  for await (const chunk of stream) text += chunk;
  expect(JSON.parse(text)).toMatchObject({ user_id: 'ops', credits: 0 });
});

describe.each(Object.entries(EXPRESS))('%s', (_, express) => {
  test.each(['/billing', '/api/v1', '/'])('mounted at %s', async (path) => {
    const app = express();
    app.use(path, toNode(apiOf()));
    await works(`${await listen(createServer(app))}${path === '/' ? '' : path}`);
  });

  test('a documented prefix is not doubled', async () => {
    const app = express();
    app.use('/credits', toNode(apiOf()));
    app.use('/admin', toNode(apiOf()));
    const root = await listen(createServer(app));
    expect(await send(`${root}/credits/balance/ops`)).toMatchObject({ status: 200 });
    expect(await send(`${root}/credits/add`, { user_id: 'ops', amount: 1 })).toMatchObject({ status: 200 });
    expect(await send(`${root}/admin/credits/add`, { user_id: 'ops', amount: 1 })).toMatchObject({ status: 200 });
    expect(await send(`${root}/admin/credits/promos`)).toMatchObject({ status: 200, body: [] });
  });

  test('above a body parser it works, and so do the routes behind it', async () => {
    const app = express();
    app.use('/billing', toNode(apiOf()));
    app.use(express.json());
    app.use('/echo', (req: { body: unknown }, res: { json(body: unknown): void }) => res.json(req.body));
    const root = await listen(createServer(app));
    await works(`${root}/billing`);
    expect(await send(`${root}/echo`, { a: 1 })).toMatchObject({ status: 200, body: { a: 1 } });
  });

  test('below a body parser the error names the line to move', async () => {
    const app = express();
    const errors: { code?: string; message: string }[] = [];
    app.use(express.json());
    app.use('/billing', toNode(apiOf()));
    app.use((error: Error, _req: unknown, res: { sendStatus(status: number): void }, _next: unknown) => {
      errors.push(error);
      res.sendStatus(500);
    });
    const root = await listen(createServer(app));
    const answer = await fetch(`${root}/billing/credits/add`, { method: 'POST', headers: HEADERS, body: '{"a":1}' });
    expect(answer.status).toBe(500);
    expect(errors).toMatchObject([{ code: 'CONFIGURATION' }]);
    expect(errors[0]?.message).toContain('move app.use(toNode(api)) above app.use(express.json())');
    // Nothing was read of these.
    expect(await send(`${root}/billing/credits/balance/ops`)).toMatchObject({ status: 200 });
  });

  test('below a parser that keeps the bytes it works', async () => {
    const keep = (req: { rawBody?: Buffer }, _: unknown, bytes: Buffer) => {
      req.rawBody = bytes;
    };
    for (const parser of [express.json({ verify: keep }), express.raw({ type: '*/*' })]) {
      const app = express();
      app.use(parser);
      app.use('/billing', toNode(apiOf()));
      const root = await listen(createServer(app));
      const added = await send(`${root}/billing/credits/add`, { user_id: 'ops', amount: 3 });
      expect(added).toMatchObject({ status: 200, body: { credits: 3 } });
    }
  });
});

describe('Fastify', () => {
  test.each(['/billing', undefined])('with the prefix %s', async (prefix) => {
    const app = fastify();
    await app.register(toFastify(apiOf()), prefix === undefined ? {} : { prefix });
    app.post('/echo', async (request) => request.body);
    closing.push(() => app.close());
    const root = await app.listen({ port: 0, host: '127.0.0.1' });
    await works(`${root}${prefix ?? ''}`);
    expect(await send(`${root}/echo`, { a: 1 })).toMatchObject({ status: 200, body: { a: 1 } });
  });

  test('a documented prefix is not doubled', async () => {
    const app = fastify();
    await app.register(toFastify(apiOf()), { prefix: '/credits' });
    closing.push(() => app.close());
    const root = await app.listen({ port: 0, host: '127.0.0.1' });
    expect(await send(`${root}/credits/add`, { user_id: 'ops', amount: 1 })).toMatchObject({ status: 200 });
  });
});

test.each(['/billing', '/'])("Hono's own mount at %s", async (path) => {
  const app = new Hono();
  app.mount(path, apiOf().fetch);
  const root = `http://localhost${path === '/' ? '' : path}`;
  const init = { method: 'POST', headers: HEADERS, body: '{"user_id":"ops","amount":2}' };
  expect((await app.request(`${root}/admin/credits/add`, init)).status).toBe(200);
  const answer = await app.request(`${root}/credits/balance/ops`, { headers: HEADERS });
  expect(await answer.json()).toMatchObject({ credits: 2 });
});

test("Hono's own mount at /credits does not double the prefix", async () => {
  const app = new Hono();
  app.mount('/credits', apiOf().fetch);
  expect((await app.request('http://localhost/credits/balance/ops', { headers: HEADERS })).status).toBe(200);
});

test('route handlers of Next.js, below a path that nobody strips', async () => {
  const { GET, POST, DELETE } = toNext(apiOf('/api/billing'));
  const at = (path: string, init = {}) =>
    new Request(`http://localhost/api/billing${path}`, { headers: HEADERS, ...init });
  const init = { method: 'POST', body: '{"user_id":"ops","amount":2}' };
  expect((await POST(at('/admin/credits/add', init))).status).toBe(200);
  expect((await GET(at('/credits/balance/ops'))).status).toBe(200);
  expect((await DELETE(at('/credits/balance/ops', { method: 'DELETE' }))).status).toBe(405);
});

test('Koa, beside its own answers', async () => {
  const credits = toNode(apiOf('/billing'));
  const app = new Koa().use((ctx, next) => {
    if (!ctx.path.startsWith('/billing/')) return next();
    ctx.respond = false;
    return credits(ctx.req, ctx.res);
  });
  app.use((ctx) => {
    ctx.body = { path: ctx.path };
  });
  const root = await listen(createServer(app.callback()));
  await works(`${root}/billing`);
  expect(await send(`${root}/billingx`)).toMatchObject({ status: 200, body: { path: '/billingx' } });
});

/** Writes to a server byte by byte, and answers what it sends until it ends. */
async function raw(root: string, text: string, end = true): Promise<string> {
  const socket = connectTcp(Number(new URL(root).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(text);
  if (end) socket.end();
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

test.each([
  ['a method that Fetch does not know', 'TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 405],
  ['a path that names a host', 'GET //evil.example/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
  ['a whole URL', 'GET http://evil.example/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 200],
  ['no path', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
  ['a host that is none', 'GET /health HTTP/1.1\r\nHost: [::\r\nConnection: close\r\n\r\n', 200],
  ['a body of a GET', 'GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}', 200],
])('%s is answered', async (_, text, status) => {
  const root = await listen(createServer(toNode(apiOf())));
  expect(await raw(root, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test.each([
  ['two who ask', 'GET /credits/balance/ops', 'Authorization: Bearer admin\r\nAuthorization: Bearer admin\r\n', 401],
  ['two types', 'POST /credits/add', `${ADMIN}Content-Type: application/json\r\nContent-Type: text/plain\r\n`, 415],
  ['one of each', 'GET /credits/balance/ops', ADMIN, 200],
])('%s in the headers', async (_, line, headers, status) => {
  const root = await listen(createServer(toNode(apiOf())));
  const text = `${line} HTTP/1.1\r\nHost: x\r\n${headers}Connection: close\r\n\r\n`;
  expect(await raw(root, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test('an authenticate of the host gets a whole request of Fetch, whose body is not its to read', async () => {
  const seen: unknown[] = [];
  const asks = (request: Request) => {
    const { method, url, headers } = request.clone();
    seen.push([request instanceof Request, method, new URL(url).pathname, headers.get('x-tenant')]);
    return { userId: 'ops' };
  };
  const init = { method: 'POST', headers: { ...HEADERS, 'x-tenant': 't-1' }, body: '{"user_id":"ops","amount":2}' };
  const root = await listen(createServer(toNode(apiOf('', asks))));
  expect((await fetch(`${root}/admin/credits/add`, init)).status).toBe(403);
  expect(seen).toEqual([[true, 'POST', '/admin/credits/add', 't-1']]);
  const reads = async (request: Request) => ({ userId: ((await request.json()) as { user_id: string }).user_id });
  const reading = await listen(createServer(toNode(apiOf('', reads))));
  const answer = await answerOf(await fetch(`${reading}/admin/credits/add`, init));
  expect(answer).toMatchObject({ status: 500, body: { code: 'CONFIGURATION' } });
});

test('a client that leaves in the middle of its body harms nobody', async () => {
  const root = await listen(createServer(toNode(apiOf())));
  const head = `POST /credits/add HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n`;
  const half = `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user_id":`;
  expect(await raw(root, half)).not.toContain('200');
  expect(await send(`${root}/credits/balance/ops`)).toMatchObject({ status: 200, body: { credits: 0 } });
});
