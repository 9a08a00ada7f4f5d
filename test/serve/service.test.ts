/** The service in this process: what it serves, to whom, what it logs, and its parts that go and come back. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { serviceLogger } from '../../src/serve/logger.js';
import { type OpenedService, openService } from '../../src/serve/service.js';
import { describeOwnNats } from '../backends/nats.js';
import { describePostgres } from '../backends/postgres.js';
import { TcpProxy } from '../backends/proxy.js';
import { describeRedis } from '../backends/redis.js';
import { eventually } from '../support/wait.js';
import { ask, TOKEN, TOKEN_SHA256 } from './service-process.js';

const ENV = { CREDIT_API_ADMIN_TOKENS: TOKEN_SHA256, SERVICE_PORT: '0', SERVICE_HOST: '127.0.0.1' };

async function start(env: Readonly<Record<string, string>> = { CREDIT_ALLOW_MEMORY: '1' }) {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const service = (await openService(
    { ...ENV, ...env },
    serviceLogger({ name: 'credit-service', level: 'info', stream }),
  )) as OpenedService;
  onTestFinished(() => service.close());
  const send = (method: string, path: string, body?: object) => ask(service.url, method, path, body);
  return { ...service, lines, send };
}

describe('the service', () => {
  test('serves both APIs, the document and health on one port', async () => {
    const { send, url } = await start();
    expect(await send('POST', '/admin/credits/add', { user_id: 'shop-7', amount: 10 })).toMatchObject({ status: 200 });
    expect(await send('GET', '/api/v1/credits/plugin-status/shop-7')).toMatchObject({ body: { status: 'enabled' } });
    expect(await send('GET', '/api/v1/health/detailed')).toEqual({
      status: 200,
      body: {
        status: 'healthy',
        components: { database: 'up', redis: 'disabled', messaging: 'disabled', ledger_file: 'disabled' },
        metrics: { total_accounts: 1, total_transactions: expect.any(Number), zero_balance_accounts: 0 },
        problems: [],
      },
    });
    const page = await fetch(`${url}/docs`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('/admin/credits/add')]);
    expect(await send('GET', '/nothing')).toMatchObject({ status: 404 });
    for (const path of ['/api/v1/health', '/api/v1/health/ready']) {
      const answer = await fetch(url + path);
      expect([answer.status, await answer.json()]).toEqual([200, { status: 'healthy' }]);
    }
    for (const path of ['/api/v1/health/detailed', '/admin/credits/health', '/api/v1/credits/plugin-status/x']) {
      expect((await fetch(url + path)).status).toBe(401);
    }
  });

  test('has metrics for administrators, by the template of the route', async () => {
    const { send, url } = await start({ CREDIT_ALLOW_MEMORY: '1', SERVICE_NAME: 'shop-credits' });
    await send('POST', '/admin/credits/add', { user_id: 'u', amount: 5 });
    await send('GET', '/credits/balance/admin');
    await send('GET', '/no/such/path');
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`${url}/metrics`, { headers });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    const text = await answer.text();
    const service = 'service="shop-credits"';
    for (const line of [
      `http_requests_total{${service},method="POST",endpoint="/admin/credits/add",status="200"} 1`,
      `http_requests_total{${service},method="GET",endpoint="/credits/balance/{user_id}",status="200"} 1`,
      `http_requests_total{${service},method="GET",endpoint="none",status="404"} 1`,
      `http_requests_in_progress{${service}} 1`,
      'credits_operations_total{verb="add",outcome="ok"} 1',
      'credits_balance_total{merchant_id="u"} 5',
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect((await fetch(`${url}/api/v1/health`)).headers.get('x-service-name')).toBe('shop-credits');
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
  });

  test('has metrics on a port of their own where that was said, and none where that was', async () => {
    const own = await start({ CREDIT_ALLOW_MEMORY: '1', PROMETHEUS_PORT: '0' });
    const { metricsPort } = own.lines.find(({ msg }) => msg === 'Service started') ?? {};
    expect(await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()).toContain('# HELP credits_');
    expect((await fetch(`http://127.0.0.1:${metricsPort}/`)).status).toBe(404);
    expect(await own.send('GET', '/metrics')).toMatchObject({ status: 404 });
    const without = await start({ CREDIT_ALLOW_MEMORY: '1', ENABLE_METRICS: 'false' });
    expect(await without.send('GET', '/metrics')).toMatchObject({ status: 404 });
  });

  test('is open on this machine only where that was said', async () => {
    const env = { ...ENV, CREDIT_ALLOW_MEMORY: '1', CREDIT_API_ADMIN_TOKENS: '', CREDIT_DANGEROUSLY_OPEN: '1' };
    const { SERVICE_HOST: _, ...open } = env;
    const service = (await openService(open, serviceLogger({ name: 't', level: 'error' }))) as OpenedService;
    onTestFinished(() => service.close());
    expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    const answer = await fetch(`${service.url}/credits/balance/me`, { headers: { 'x-user-id': 'me' } });
    expect(answer.status).toBe(200);
  });

  test('limits the requests about a merchant', async () => {
    const { send } = await start({ CREDIT_ALLOW_MEMORY: '1', PLUGIN_RATE_LIMIT_PER_MERCHANT: '2' });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await send('GET', '/api/v1/credits/plugin-status/shop')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await send('GET', '/api/v1/credits/plugin-status/other')).status).toBe(200);
    for (let i = 0; i < 3; i++) expect((await send('GET', '/api/v1/health/detailed')).status).toBe(200);
  });

  test('logs each request in one line, with its ids and without its content', async () => {
    const { send, lines, url } = await start();
    const body = { user_id: 'u', amount: 5, metadata: { note: 'private' }, idempotency_key: 'k-1' };
    await send('POST', '/admin/credits/add', body);
    await send('POST', '/admin/credits/deduct', { user_id: 'u', amount: 50 });
    await fetch(`${url}/credits/balance/u`, { headers: { 'x-request-id': 'req-1' } });
    const told = lines.filter(({ msg }) => msg === 'Request answered');
    expect(told).toMatchObject([
      { method: 'POST', route: '/admin/credits/add', status: 200, code: null, durationMs: expect.any(Number) },
      { method: 'POST', route: '/admin/credits/deduct', status: 402, code: 'INSUFFICIENT_CREDITS' },
      { method: 'GET', route: '/credits/balance/{user_id}', status: 401, requestId: 'req-1', correlationId: 'req-1' },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(new RegExp(`private|k-1|${TOKEN}`));
  });

  test('answers what it has begun before it closes, and nothing after that', async () => {
    const { url, close, send, manager } = await start();
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { addCredits } = manager.credits;
    Object.assign(manager.credits, {
      addCredits: async (...args: Parameters<typeof addCredits>) => {
        begin();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return addCredits(...args);
      },
    });
    const answer = send('POST', '/admin/credits/add', { user_id: 'u', amount: 5 });
    await begun;
    const closed = close();
    expect(await answer).toMatchObject({ status: 200 });
    await closed;
    await expect(fetch(`${url}/api/v1/health`)).rejects.toThrow();
  });
});

/** Every part that may go, alone and in pairs. */
const PARTS = ['database', 'redis', 'messaging'] as const;
type Part = (typeof PARTS)[number];
const GONE: readonly (readonly Part[])[] = [
  ...PARTS.map((part) => [part]),
  ['database', 'redis'],
  ['database', 'messaging'],
  ['redis', 'messaging'],
];

await describePostgres('the parts of a service', (database) => {
  describeRedis('with Redis', (redis) => {
    describeOwnNats('and NATS', (startNats) => {
      test('are told of as they go and come back, and it serves whatever it can', async () => {
        const nats = await startNats();
        const proxy = await TcpProxy.start(database.url);
        onTestFinished(() => proxy.close());
        const { send } = await start({
          ...{ CREDIT_DATABASE_URL: proxy.url, REDIS_URL: redis().url, NATS_URL: nats.url },
          CREDIT_NATS_CREATE_STREAMS: 'true',
        });
        const stop: Record<Part, () => unknown> = {
          database: () => proxy.down(),
          redis: () => redis().stop(),
          messaging: () => nats.stop(),
        };
        const begin: Record<Part, () => unknown> = {
          database: () => proxy.up(),
          redis: () => redis().start(),
          messaging: () => nats.start(),
        };
        const expectState = (gone: readonly Part[]) =>
          eventually(async () => {
            const isUnhealthy = gone.includes('database');
            const status = isUnhealthy ? 'unhealthy' : gone.length > 0 ? 'degraded' : 'healthy';
            const code = isUnhealthy ? 503 : 200;
            const components = Object.fromEntries(PARTS.map((part) => [part, gone.includes(part) ? 'down' : 'up']));
            expect(await send('GET', '/api/v1/health/ready')).toEqual({ status: code, body: { status } });
            expect(await send('GET', '/api/v1/health/detailed')).toMatchObject({ status: code, body: { components } });
            expect(await send('GET', '/api/v1/health')).toMatchObject({ status: 200 });
          });
        await expectState([]);
        for (const gone of GONE) {
          for (const part of gone) await stop[part]();
          await expectState(gone);
          const added = await send('POST', '/admin/credits/add', { user_id: 'u', amount: 1 });
          expect(added.status).toBe(gone.includes('database') ? 503 : 200);
          for (const part of gone) await begin[part]();
          await expectState([]);
        }
      });
    });
  });
});
