/** The merchant API: what a shop's plugin asks, who may ask it, and how often. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { createMerchantApi, limitRate } from '../../src/entries/http.js';
import { createTestCredits } from '../../src/entries/testing.js';
import { merchantRoutes } from '../../src/http/routes/merchants.js';
import { type CreditManagement, createCreditManagement, InMemoryRateLimiter } from '../../src/index.js';
import { QUIET } from '../support/quiet.js';
import { senderOf } from './world.js';

type Manager = CreditManagement<never, never>;
type Content = { readonly schema: object; readonly example: unknown };
type Response = { readonly content: Record<string, Content> };
const CREDITS = '/api/v1/credits';

const authenticate = (request: Request) => {
  const [, who] = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '') ?? [];
  return who === undefined ? null : { userId: who };
};

async function merchantWorld(more: Partial<Parameters<typeof createMerchantApi>[0]> = {}) {
  const test = createTestCredits({ now: '2030-01-01T00:00:00Z', defaults: { trialCredits: 10 } });
  const manager = test as unknown as Manager;
  const api = createMerchantApi({
    ...{ manager, authenticate, logger: QUIET, authorize: ({ userId }) => userId === 'gateway' },
    ...more,
  });
  const send = senderOf(api.fetch);
  const get = (who: string | null, path: string) => send(who, 'GET', `${CREDITS}${path}`);
  const { credits } = manager;
  await credits.createAccount('shop', { metadata: { shop_domain: 'shop.example' } });
  const order = { reference: 'order-7', metadata: { reference_type: 'order_paid', currency: 'USD' } };
  const paid = await credits.addCredits('shop', 10, { source: 'purchase', ...order });
  await credits.reverseTransaction(paid.id, { amount: 4 });
  const ticket = { metadata: { ticket_number: 'T-9' } };
  await credits.adjustCredits('shop', -2, { actor: 'ann', reason: 'goodwill', ...ticket });
  await credits.deductCredits('shop', 1, { description: 'A label' });
  return { test, manager, api, send, get, paid };
}

describe('what it answers', () => {
  test('the status is 200 for a merchant, and for one that nobody knows', async () => {
    const { get, manager } = await merchantWorld();
    const enabled = { status: 'enabled', reason: 'Sufficient credits', balance: 13, account_status: 'active' };
    expect(await get('shop', '/plugin-status/shop')).toMatchObject({ status: 200, body: enabled });
    expect((await get('gateway', '/plugin-status/shop')).body).toEqual(enabled);
    expect((await get('gateway', '/plugin-status/nobody')).body).toEqual({
      ...{ status: 'disabled', reason: 'Merchant not found', balance: 0, account_status: 'not_found' },
    });
    await manager.credits.deductCredits('shop', 13);
    expect((await get('shop', '/plugin-status/shop')).body).toEqual({
      ...{ status: 'disabled', reason: 'Insufficient credits', balance: 0, account_status: 'active' },
    });
    await manager.close();
  });

  test('each answer names its request, what that belongs to, and the service', async () => {
    const { send } = await merchantWorld();
    const named = { 'x-request-id': 'req_1', 'x-correlation-id': 'corr_1' };
    for (const path of ['/plugin-status/shop', '/accounts/nobody', '/nothing']) {
      const { headers } = await send('shop', 'GET', `${CREDITS}${path}`, undefined, named);
      expect(Object.fromEntries(headers)).toMatchObject({ ...named, 'x-service-name': 'credit-service' });
      const { headers: own } = await send('shop', 'GET', `${CREDITS}${path}`, undefined, { 'x-correlation-id': 'a b' });
      expect(own.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('statuses of many by id', async () => {
    const { send } = await merchantWorld();
    const body = { merchant_ids: ['shop', 'nobody', '__proto__'] };
    const answer = await send('gateway', 'POST', `${CREDITS}/plugin-status`, body);
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).toBe(
      '{"statuses":{"shop":"enabled","nobody":"disabled","__proto__":"disabled"}}',
    );
    expect(await send('shop', 'POST', `${CREDITS}/plugin-status`, body)).toMatchObject({ status: 404 });
    const own = await send('shop', 'POST', `${CREDITS}/plugin-status`, { merchant_ids: ['shop'] });
    expect(own.body).toEqual({ statuses: { shop: 'enabled' } });
    for (const wrong of [
      {},
      { merchant_ids: 'shop' },
      { merchant_ids: [''] },
      { merchant_ids: Array(101).fill('a') },
    ]) {
      expect(await send('gateway', 'POST', `${CREDITS}/plugin-status`, wrong)).toMatchObject({ status: 400 });
    }
  });

  test('the account and its balance; 404 where there is none', async () => {
    const { get } = await merchantWorld();
    const at = '2030-01-01T00:00:00.000Z';
    expect((await get('shop', '/accounts/shop')).body).toEqual({
      ...{ id: expect.any(String), merchant_id: 'shop', merchant_domain: 'shop.example' },
      ...{ balance: 13, reserved: 0, available: 13, lifetime_credits: 20 },
      ...{ last_recharge_at: at, created_at: at, updated_at: at },
    });
    const balance = { merchant_id: 'shop', balance: 13, last_recharge_at: at };
    expect((await get('shop', '/accounts/shop/balance')).body).toEqual(balance);
    expect((await get('shop', '/accounts/shop/stats')).body).toEqual({
      ...{ merchant_id: 'shop', total_increases: 20, total_decreases: 3, transaction_count: 6 },
      last_transaction_at: at,
    });
    for (const path of ['/accounts/nobody', '/accounts/nobody/balance', '/accounts/nobody/stats']) {
      expect(await get('gateway', path)).toMatchObject({ status: 404 });
      expect(await get('nobody', path)).toMatchObject({ status: 404 });
    }
  });

  test('transactions by page, type, business event and day', async () => {
    const { get, test, manager, paid } = await merchantWorld();
    test.clock.advance({ days: 1, hours: 5 });
    await manager.credits.addCredits('shop', 1);
    const list = async (query: string) => {
      const { status, body } = await get('shop', `/transactions?merchant_id=shop${query}`);
      expect(status).toBe(200);
      const all = (body.transactions as Record<string, unknown>[]).map(
        ({ transaction_type, delta, reference_type }) => `${transaction_type} ${delta} ${reference_type}`,
      );
      return { all, ...(body.pagination as { total: number; pages: number }) };
    };
    const whole = await list('');
    expect(whole).toMatchObject({
      ...{ page: 1, limit: 50, total: 7, pages: 1, has_next: false, has_previous: false, is_total_capped: false },
      all: [
        ...['RECHARGE 1 null', 'USAGE -1 null', 'ADJUSTMENT -2 MANUAL', 'REFUND -4 null'],
        ...['RECHARGE 10 ORDER_PAID', 'OTHER 0 null', 'RECHARGE 10 TRIAL'],
      ],
    });
    expect(await list('&page=2&limit=3')).toMatchObject({
      ...{ total: 7, pages: 3, has_next: true, has_previous: true, all: whole.all.slice(3, 6) },
    });
    expect(await list('&page=9&limit=1000')).toMatchObject({ total: 7, all: [] });
    expect(await list('&transaction_type=ADJUSTMENT')).toMatchObject({ total: 1, all: ['ADJUSTMENT -2 MANUAL'] });
    expect(await list('&transaction_type=USAGE')).toMatchObject({ total: 1, all: ['USAGE -1 null'] });
    expect(await list('&transaction_type=REFUND')).toMatchObject({ total: 1, all: ['REFUND -4 null'] });
    expect(await list('&transaction_type=RECHARGE')).toMatchObject({ total: 3 });
    expect(await list('&transaction_type=ADJUSTMENT&reference_type=TRIAL')).toMatchObject({ total: 0, all: [] });
    expect(await list('&reference_type=ORDER_PAID')).toMatchObject({ all: ['RECHARGE 10 ORDER_PAID'] });
    expect(await list('&start_date=2030-01-02')).toMatchObject({ all: ['RECHARGE 1 null'] });
    expect(await list('&end_date=2030-01-01')).toMatchObject({ total: 6 });
    expect(await list('&end_date=2030-01-02')).toMatchObject({ total: 7 });
    expect((await get('shop', `/transactions/${paid.id}`)).body).toMatchObject({
      ...{ id: paid.id, merchant_id: 'shop', transaction_type: 'RECHARGE', type: 'add', amount: 10, delta: 10 },
      ...{ balance_before: 10, balance_after: 20, reference_type: 'ORDER_PAID', reference_id: 'order-7' },
      ...{ currency: 'USD', ticket_number: null, shop_domain: null, created_at: '2030-01-01T00:00:00.000Z' },
    });
    for (const query of ['&page=0', '&limit=1001', '&transaction_type=x', '&reference_type=order_paid', '&other=1']) {
      expect(await get('shop', `/transactions?merchant_id=shop${query}`)).toMatchObject({ status: 400 });
    }
    for (const who of ['gateway', 'shop']) {
      const unnamed = await get(who, '/transactions');
      expect(unnamed).toMatchObject({ status: 400, body: { details: { path: 'merchant_id' } } });
    }
  });

  test.each([
    ['/transactions?merchant_id=shop&start_date=2030-01-02&end_date=2030-01-01', 'start_date'],
    ['/transactions?merchant_id=shop&end_date=2030-02-30', 'end_date'],
    ['/transactions?merchant_id=shop&start_date=2030-01-02T00:00:00', 'start_date'],
    ['/plugin-status/%E0%A4%A', 'merchant_id'],
  ])('%s is refused for a field by its name there', async (path, field) => {
    const { get } = await merchantWorld();
    expect(await get('shop', path)).toMatchObject({ status: 400, body: { details: { path: field } } });
  });

  test.each([
    [0, 1_382_977_801_278_549, 65_630_122_895_295],
    [6, 1_413_426_518.800387, 2_157_491_778.116956],
  ])('the balance before a change to the last unit, with %i decimals', async (creditScale, balance, amount) => {
    const manager = createCreditManagement({ creditScale, logger: QUIET }) as unknown as Manager;
    const api = createMerchantApi({ manager, authenticate, logger: QUIET, authorize: () => false });
    await manager.credits.addCredits('shop', balance);
    const { id } = await manager.credits.deductCreditsAfterService('shop', amount);
    const { body } = await senderOf(api.fetch)('shop', 'GET', `${CREDITS}/transactions/${id}`);
    expect(body).toMatchObject({ balance_before: balance, delta: -amount });
    await manager.close();
  });

  test('those with nothing available, for administrators', async () => {
    const { get, manager } = await merchantWorld();
    await manager.credits.deductCreditsAfterService('empty', 15);
    expect(await get('shop', '/admin/zero-balance')).toMatchObject({ status: 403 });
    expect((await get('gateway', '/admin/zero-balance')).body).toEqual({
      ...{ accounts: [{ merchant_id: 'empty', balance: -5, available: -5 }], next_cursor: null },
    });
  });
});

describe('numbers and paths for administrators', () => {
  test('how many may be served', async () => {
    const { get, manager } = await merchantWorld();
    await manager.credits.deductCreditsAfterService('empty', 15);
    await manager.credits.deductCredits('spent', 10);
    expect((await get('gateway', '/admin/plugin-status-metrics')).body).toEqual({
      ...{ total_merchants: 3, enabled_count: 1, disabled_count: 2, enabled_percentage: 33.33, zero_balance_count: 2 },
    });
  });

  test('a correction by hand is sent to the admin API', async () => {
    const { send } = await merchantWorld();
    const path = `${CREDITS}/transactions/admin/manual-adjustment`;
    const answer = await send('gateway', 'POST', `${path}?merchant_id=shop`, {});
    const details = { instead: 'POST /admin/credits/adjust' };
    expect(answer).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED', details } });
    expect(answer.headers.get('allow')).toBe('');
    for (const other of [`${path}/more`, '/toString', '/constructor']) {
      expect(await send('gateway', 'POST', other, {})).toMatchObject({ status: 404 });
    }
  });
});

describe('in an envelope', () => {
  const ids = { 'x-request-id': 'req_1', 'x-correlation-id': 'corr_1' };
  const meta = { request_id: 'req_1', correlation_id: 'corr_1', timestamp: expect.stringMatching(/^20.*Z$/) };
  const ask = async (path: string) => {
    const { send, api } = await merchantWorld({ envelope: true });
    return { answer: await send('shop', 'GET', `${CREDITS}${path}`, undefined, ids), api };
  };

  test('are data, errors and pages with links', async () => {
    const { answer: status } = await ask('/plugin-status/shop');
    expect(status.body).toEqual({ data: expect.objectContaining({ status: 'enabled' }), error: null, meta });
    const { answer: missing } = await ask('/accounts/nobody');
    expect(missing).toMatchObject({ status: 404 });
    const error = { code: 'NOT_FOUND', message: 'There is nothing here.', details: {} };
    expect(missing.body).toEqual({ data: null, error, meta });
    const at = (page: number) => `${CREDITS}/transactions?merchant_id=shop&limit=2&page=${page}`;
    const { answer: page } = await ask('/transactions?merchant_id=shop&limit=2&page=2');
    expect(page.body).toEqual({
      ...{ data: [expect.anything(), expect.anything()], error: null, meta },
      pagination: { page: 2, limit: 2, total: 6, pages: 3, has_next: true, has_previous: true, is_total_capped: false },
      links: { self: at(2), first: at(1), last: at(3), next: at(3), previous: at(1) },
    });
    const { answer: first } = await ask('/transactions?merchant_id=shop');
    const only = `${CREDITS}/transactions?merchant_id=shop&page=1`;
    expect(first.body.links).toEqual({ self: only, first: only, last: only, next: null, previous: null });
  });

  test('fit the document', async () => {
    const { api } = await ask('/plugin-status/shop');
    const document = api.openapi() as { paths: Record<string, { get?: { responses: Record<string, Response> } }> };
    const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema({ $id: 'document', ...document });
    const isOf = (schema: object, body: unknown) => {
      const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/comp', '"document#/comp')));
      return validate(body) || validate.errors;
    };
    const contentOf = (path: string, status: number) =>
      document.paths[`${CREDITS}${path}`]?.get?.responses[status]?.content['application/json'] as Content;
    for (const [path, url] of [
      ['/plugin-status/{merchant_id}', '/plugin-status/shop'],
      ['/accounts/{merchant_id}', '/accounts/shop'],
      ['/accounts/{merchant_id}', '/accounts/nobody'],
      ['/transactions', '/transactions?merchant_id=shop'],
    ] as const) {
      const { answer } = await ask(url);
      const { schema, example } = contentOf(path, answer.status);
      expect([url, isOf(schema, answer.body), isOf(schema, example)]).toEqual([url, true, true]);
      expect([url, isOf(schema, { ...answer.body, data: 5 })]).not.toEqual([url, true]);
    }
  });

  test('are asked for with a boolean', async () => {
    await expect(merchantWorld({ envelope: 'yes' as never })).rejects.toMatchObject({ code: 'CONFIGURATION' });
  });
});

test('the steps of the smoke script: health, statuses, account, balance and transactions', async () => {
  const { send, get, manager } = await merchantWorld();
  expect(await send(null, 'GET', '/api/v1/health')).toMatchObject({ status: 200, body: { status: 'healthy' } });
  const merchant = '7f1c4a52-1d0b-4c8e-9a51-0a6f2f5f3f01';
  const ask = (path: string) => get('gateway', path);
  expect(await ask(`/plugin-status/${merchant}`)).toMatchObject({ status: 200, body: { account_status: 'not_found' } });
  const [account, balance] = [`/accounts/${merchant}`, `/accounts/${merchant}/balance`];
  for (const path of [account, balance]) expect(await ask(path)).toMatchObject({ status: 404 });
  const transactions = `/transactions?merchant_id=${merchant}&page=1&limit=10`;
  const none = { page: 1, limit: 10, total: 0, pages: 0, has_next: false };
  expect(await ask(transactions)).toMatchObject({ status: 200, body: { transactions: [], pagination: none } });
  await manager.credits.createAccount(merchant);
  for (const path of [account, balance]) expect(await ask(path)).toMatchObject({ status: 200, body: { balance: 10 } });
  expect(await ask(transactions)).toMatchObject({ status: 200, body: { pagination: { ...none, total: 2, pages: 1 } } });
  expect(await ask('/plugin-status/another')).toMatchObject({ status: 200, body: { status: 'disabled' } });
});

describe('who may ask', () => {
  const paths = merchantRoutes.map(
    ({ method, path }) => [method, path.replace('{merchant_id}', 'shop').replace('{transaction_id}', 'T')] as const,
  );

  test.each(paths)('%s %s', async (method, path) => {
    const { send, paid } = await merchantWorld();
    const at = path.replace('T', paid.id);
    const isStream = path.endsWith('-events');
    const url = path.endsWith('/transactions') ? `${at}?merchant_id=shop` : isStream ? `${at}?merchant_ids=shop` : at;
    const body = method === 'POST' ? { merchant_ids: ['shop'] } : undefined;
    const isOpen = /\/(health|ready)$/.test(path);
    expect(await send(null, method, url, body)).toMatchObject({ status: isOpen ? 200 : 401 });
    if (isOpen) return;
    const isAdmin = /\/(admin|detailed)\b/.test(path);
    const stranger = await send('other', method, url, body);
    expect(stranger.status).toBe(isAdmin ? 403 : 404);
    const ofNobody = await send('other', method, url.replace('shop', 'nobody').replace(paid.id, 'no-such'), body);
    if (!isAdmin) expect(ofNobody.body).toEqual({ ...stranger.body, request_id: ofNobody.body.request_id });
    if (isStream) return;
    expect((await send('gateway', method, url, body)).status).toBe(200);
    if (!isAdmin) expect((await send('shop', method, url, body)).status).toBe(200);
    for (const other of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => one !== method)) {
      const answer = await send('gateway', other, url, other === 'GET' ? undefined : {});
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe(method);
    }
  });

  test('the document has each route', async () => {
    const { api } = await merchantWorld();
    const { paths } = api.openapi() as { paths: Record<string, Record<string, { responses: object }>> };
    const known = Object.entries(paths).flatMap(([path, at]) => Object.keys(at).map((method) => `${method} ${path}`));
    expect(known).toEqual(merchantRoutes.map(({ method, path }) => `${method.toLowerCase()} ${path}`));
  });

  test('it is not made without authorize', async () => {
    const { manager } = await merchantWorld();
    expect(() => createMerchantApi({ manager, authenticate } as never)).toThrow('authorize');
  });
});

test('nobody uses up the requests of a merchant that is not theirs; what is refused counts for who asks', async () => {
  const limiter = new InMemoryRateLimiter({}, () => 0);
  const { get } = await merchantWorld({ rateLimit: limitRate(limiter, { limit: 2, routes: ['getPluginStatus'] }) });
  for (const status of [404, 404, 429, 429]) {
    expect(await get('stranger', '/plugin-status/shop')).toMatchObject({ status });
  }
  expect(await get('stranger', '/plugin-status/stranger')).toMatchObject({ status: 429 });
  for (const status of [200, 200, 429]) expect(await get('shop', '/plugin-status/shop')).toMatchObject({ status });
});

test('a merchant may ask so often in a window, whoever asks, and then is told when', async () => {
  let now = 0;
  const limiter = new InMemoryRateLimiter({}, () => now);
  const rateLimit = limitRate(limiter, { limit: 3, windowSeconds: 60, routes: ['getPluginStatus'] });
  const { get } = await merchantWorld({ rateLimit });
  for (const who of ['shop', 'gateway', 'shop']) expect((await get(who, '/plugin-status/shop')).status).toBe(200);
  now += 1_000;
  const refused = await get('shop', '/plugin-status/shop');
  expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
  expect(refused.headers.get('retry-after')).toBe('59');
  expect((await get('gateway', '/plugin-status/other')).status).toBe(200);
  expect((await get('shop', '/accounts/shop')).status).toBe(200);
  now += 59_000;
  expect((await get('shop', '/plugin-status/shop')).status).toBe(200);
  const most = { limit: 1_000_000_000, windowSeconds: 1_000_000 };
  const wrong = [{ limit: 0 }, { limit: 1.5 }, { windowSeconds: 0 }, { limit: 1e9 + 1 }, { windowSeconds: 1e6 + 1 }];
  for (const options of wrong) {
    expect(() => limitRate(limiter, options)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
  }
  expect(await limitRate(limiter, most)({ userId: 'u' }, { name: 'getPluginStatus', userId: null })).toBe(null);
  expect(() => limitRate(null as never)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }));
});
