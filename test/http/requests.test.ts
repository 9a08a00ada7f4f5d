/** One request at a time: its id, its key, its limits, its errors, and what an answer has in its headers. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/http/limits.js';
import { MEMORY, onDatabases, type Store } from './stores.js';

const ADD = '/admin/credits/add';
const BODY = { user_id: 'user-1', amount: 5 };

const deep = (levels: number) => `${'{"metadata":'.repeat(levels)}1${'}'.repeat(levels)}`;

function suite(store: Store): void {
  test('the id of a request is returned and stored; one that is no identifier is replaced', async () => {
    const world = await store.open();
    const given = await world.send('admin', 'POST', ADD, BODY, { 'x-request-id': 'req-7' });
    expect(given.headers.get('x-request-id')).toBe('req-7');
    expect(given.body.transaction).toMatchObject({ correlation_id: 'req-7', actor: 'ops' });
    const made = await world.send('admin', 'POST', ADD, BODY);
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.body.transaction.correlation_id).toBe(made.headers.get('x-request-id'));
    for (const bad of ['two words', 'ä', 'x'.repeat(256)]) {
      const replaced = await world.send('admin', 'POST', ADD, BODY, { 'x-request-id': bad });
      expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    const failed = await world.send('admin', 'POST', ADD, {}, { 'x-request-id': 'req-8' });
    expect(failed).toMatchObject({ status: 400, body: { request_id: 'req-8' } });
  });

  test('a request with a key is applied once, whether the key is in the header or in the body', async () => {
    const world = await store.open();
    const first = await world.send('admin', 'POST', ADD, BODY, { 'idempotency-key': 'k-1' });
    const again = await world.send('admin', 'POST', ADD, { ...BODY, idempotency_key: 'k-1' });
    const both = await world.send(
      'admin',
      'POST',
      ADD,
      { ...BODY, idempotency_key: 'k-1' },
      { 'idempotency-key': 'k-1' },
    );
    expect(first.headers.has('idempotency-replayed')).toBe(false);
    for (const replay of [again, both]) {
      expect(replay.body).toEqual(first.body);
      expect(replay.headers.get('idempotency-replayed')).toBe('true');
    }
    const other = await world.send('admin', 'POST', ADD, { ...BODY, amount: 6 }, { 'idempotency-key': 'k-1' });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_CONFLICT', details: { key: 'k-1' } } });
    const two = await world.send('admin', 'POST', ADD, { ...BODY, idempotency_key: 'a' }, { 'idempotency-key': 'b' });
    expect(two).toMatchObject({ status: 400, body: { details: { path: 'idempotency_key' } } });
    const wrong = await world.send('admin', 'POST', ADD, BODY, { 'idempotency-key': 'x'.repeat(256) });
    expect(wrong).toMatchObject({ status: 400, body: { details: { path: 'idempotency_key' } } });
  });

  test('a hundred requests at once with one key are applied once', async () => {
    const world = await store.open();
    const before = await world.send('user', 'GET', '/credits/balance/user-1');
    const sent = Array.from({ length: 100 }, () => world.send('admin', 'POST', ADD, BODY, { 'idempotency-key': 'k' }));
    const answers = await Promise.all(sent);
    expect(answers.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body.transaction.id)).size).toBe(1);
    const after = await world.send('user', 'GET', '/credits/balance/user-1');
    expect(after.body.credits - before.body.credits).toBe(5);
  });

  test('every answer is JSON that nobody keeps, reads as something else, or shares with other sites', async () => {
    const world = await store.open();
    const answers = [
      await world.send('user', 'GET', '/credits/balance/user-1', undefined, { origin: 'https://evil.example' }),
      await world.send(null, 'GET', '/health'),
      await world.send(null, 'GET', '/nothing'),
      await world.send('user', 'OPTIONS', '/credits/balance/user-1', undefined, { origin: 'https://evil.example' }),
    ];
    for (const { headers } of answers) {
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const names = [...headers.keys()];
      expect(names.filter((name) => /^access-control-|x-powered-by|set-cookie/.test(name))).toEqual([]);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 405]);
    expect(answers[3]?.headers.get('allow')).toBe('GET');
  });

  test('HEAD has the headers of GET and no body', async () => {
    const world = await store.open();
    const answer = await world.send('user', 'HEAD', '/credits/balance/user-1');
    expect(answer).toMatchObject({ status: 200, body: null });
  });

  test.each(
    store.some([
      ['no JSON', '{', 400],
      ['a list', '[]', 400],
      ['null', 'null', 400],
      ['a text', '"x"', 400],
      ['JSON that is nested too deep', deep(17), 400],
      ['a hundred thousand brackets', '['.repeat(100_000), 400],
      ['a forged prototype', '{"user_id":"user-1","amount":1,"__proto__":{"amount":9}}', 400],
      ['a forged constructor', '{"user_id":"user-1","amount":1,"constructor":{"prototype":{}}}', 400],
      ['a forged prototype in metadata', '{"user_id":"user-1","amount":1,"metadata":{"__proto__":{"x":1}}}', 400],
      ['an object for an amount', '{"user_id":"user-1","amount":{"$gt":0}}', 400],
      ['an object for a user', '{"user_id":{"$ne":null},"amount":1}', 400],
      ['a list for a user', '{"user_id":["user-1"],"amount":1}', 400],
      ['an amount beyond all numbers', '{"user_id":"user-1","amount":1e400}', 400],
      ['an amount with too many digits', '{"user_id":"user-1","amount":123456789012345678901234567890}', 400],
      ['an amount in the notation of science', '{"user_id":"user-1","amount":"1e3"}', 400],
      ['an amount of zero', '{"user_id":"user-1","amount":0}', 400],
      ['a negative amount', '{"user_id":"user-1","amount":-1}', 400],
      ['an amount with too many decimals', '{"user_id":"user-1","amount":0.30000000000000004}', 400],
      ['no amount', '{"user_id":"user-1"}', 400],
      ['a user with a control character', '{"user_id":"a\\u0000b","amount":1}', 400],
      ['half of a letter', '{"user_id":"\\ud800","amount":1}', 400],
      ['a day that there is not', '{"user_id":"user-1","amount":1,"expires_at":"2031-02-30T00:00:00Z"}', 400],
      ['an unknown credit type', '{"user_id":"user-1","amount":1,"credit_type":"gold"}', 400],
      ['metadata that is too large', JSON.stringify({ ...BODY, metadata: { x: 'x'.repeat(17_000) } }), 400],
      ['a body of a megabyte and a byte', `${' '.repeat(LIMITS.bodyBytes)}1`, 413],
    ]),
  )('%s is refused and changes nothing', async (_, body, status) => {
    const world = await store.open();
    const before = await world.send('admin', 'GET', '/admin/credits/ledger?limit=1');
    const answer = await world.send('admin', 'POST', ADD, body);
    expect(answer.status).toBe(status);
    expect(answer.body.request_id).not.toBe('');
    const after = await world.send('admin', 'GET', '/admin/credits/ledger?limit=1');
    expect(after.body).toEqual(before.body);
    expect(Object.prototype).not.toHaveProperty('amount');
  });

  test.each(store.some(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']))(
    'a body of the type "%s" is refused, as forms of other sites send it',
    async (type) => {
      const world = await store.open();
      const answer = await world.send('admin', 'POST', ADD, JSON.stringify(BODY), { 'content-type': type });
      expect(answer).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    },
  );

  test('a change without a body needs the type too: other sites can send one without any', async () => {
    const world = await store.open();
    const toggle = '/admin/credits/promos/LAUNCH100/toggle';
    expect(await world.send('admin', 'POST', toggle)).toMatchObject({ status: 415 });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await world.send('admin', 'POST', toggle, '', form)).toMatchObject({ status: 415 });
    const json = { 'content-type': 'application/json' };
    expect(await world.send('admin', 'POST', toggle, '', json)).toMatchObject({
      status: 200,
      body: { is_active: false },
    });
  });

  test('a body of two types, of another charset or of packed bytes is refused', async () => {
    const world = await store.open();
    for (const headers of [
      { 'content-type': 'application/json, text/plain' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-encoding': 'gzip' },
    ]) {
      const answer = await world.send('admin', 'POST', ADD, JSON.stringify(BODY), headers as never);
      expect(answer.status).toBe(415);
    }
  });

  test('a URL and headers that no client needs are refused', async () => {
    const world = await store.open();
    const url = await world.send('user', 'GET', `/credits/history/user-1?cursor=${'x'.repeat(LIMITS.urlChars)}`);
    expect(url).toMatchObject({ status: 413, body: { details: { max_bytes: LIMITS.urlChars } } });
    const headers = { 'x-more': 'x'.repeat(LIMITS.headerChars) };
    expect(await world.send('user', 'GET', '/health', undefined, headers)).toMatchObject({ status: 413 });
  });

  test.each(
    store.some([
      ['/credits/history/user-1?limit=101', 'limit'],
      ['/credits/history/user-1?limit=ten', 'limit'],
      ['/credits/history/user-1?limit=1&limit=2', 'limit'],
      ['/credits/history/user-1?types=add,nothing', 'types.1'],
      ['/credits/history/user-1?from=yesterday', 'from'],
      ['/credits/history/user-1?cursor=x', 'cursor'],
      ['/credits/history/user-1?more=1', 'more'],
      ['/credits/balance/user-1?fresh=maybe', 'fresh'],
      ['/credits/balance/user-1?credit_type=gold', 'credit_type'],
      ['/credits/promo/eligibility', 'promo_code'],
      ['/credits/subscription/user-1/preview', 'plan_id'],
    ]),
  )('%s is refused, and told where', async (path, field) => {
    const world = await store.open();
    const answer = await world.send('user', 'GET', path);
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    expect(answer.body.details.path).toBe(field);
  });

  test('a path is taken as it is written', async () => {
    const world = await store.open();
    const own = await world.send('user', 'GET', '/credits/balance/user%2D1');
    expect(own.status).toBe(200);
    for (const path of ['/credits/balance/%ff', '/credits/balance/%']) {
      expect(await world.send('user', 'GET', path)).toMatchObject({ status: 400 });
    }
    for (const path of ['/credits/balance/', '/credits/balance/user-1/x', '/credits//balance/user-1', '/', '//x']) {
      expect(await world.send('user', 'GET', path)).toMatchObject({ status: 404 });
    }
  });

  test('the same page of two lists is told by its cursor', async () => {
    const world = await store.open();
    for (let i = 0; i < 3; i++) await world.send('admin', 'POST', ADD, BODY);
    const first = await world.send('user', 'GET', '/credits/history/user-1?limit=2&types=add');
    const cursor = encodeURIComponent(first.body.next_cursor);
    const second = await world.send('user', 'GET', `/credits/history/user-1?limit=2&types=add&cursor=${cursor}`);
    const ids = [...first.body.items, ...second.body.items].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  test('a list of promo codes is bare, and its next page is told in a header', async () => {
    const world = await store.open();
    await world.send('admin', 'POST', '/admin/credits/promos', { code: 'TWO', credits: 1 });
    const first = await world.send('admin', 'GET', '/admin/credits/promos?limit=1');
    expect(first.body).toMatchObject([{ code: 'TWO', total_claims: 0, valid_until: null }]);
    const cursor = encodeURIComponent(first.headers.get('x-next-cursor') as string);
    const second = await world.send('admin', 'GET', `/admin/credits/promos?limit=1&cursor=${cursor}`);
    expect(second.body).toMatchObject([{ code: 'LAUNCH100' }]);
    expect(second.headers.has('x-next-cursor')).toBe(false);
  });

  test('a claim that is refused is an answer, and a replayed one is marked', async () => {
    const world = await store.open();
    const claim = (code: string) => world.send('user', 'POST', '/credits/promo/claim', { promo_code: code });
    const first = await claim(' launch100 ');
    expect(first).toMatchObject({
      status: 200,
      body: { success: true, credits_awarded: 100, promo_code: 'LAUNCH100' },
    });
    expect(await claim('LAUNCH100')).toMatchObject({ status: 200, body: { success: false, credits_awarded: 0 } });
    expect(await claim('NONE')).toMatchObject({ status: 200, body: { success: false, transaction_id: null } });
  });

  test('a plan without a validity is valid for the days of its period', async () => {
    const world = await store.open();
    for (const [period, days] of [
      ['DAILY', 1],
      ['weekly', 7],
      ['monthly', 30],
      ['Yearly', 365],
    ] as const) {
      const plan = { name: 'P', credit_limit: 1, price: 0, billing_period: period };
      const answer = await world.send('admin', 'POST', '/credits/plans', plan);
      expect(answer.body).toMatchObject({ billing_period: period.toLowerCase(), validity_days: days });
    }
  });

  test('requests that come too often are answered with 429, before the database is asked', async () => {
    const asked: unknown[] = [];
    const rateLimit = (who: { userId: string }, action: object) => {
      asked.push([who.userId, action]);
      return 17;
    };
    const world = await store.open({ rateLimit });
    const answer = await world.send('user', 'GET', '/credits/transactions/x');
    expect(answer).toMatchObject({ status: 429, body: { details: { retry_after_seconds: 17 } } });
    expect(answer.headers.get('retry-after')).toBe('17');
    await world.send('user', 'POST', '/credits/promo/claim', { promo_code: 'A' });
    expect(asked).toEqual([
      ['user-1', { name: 'getTransaction', userId: null }],
      ['user-1', { name: 'claimPromo', userId: 'user-1' }],
    ]);
  });

  test('a dry run tells what would be written, and writes nothing', async () => {
    const world = await store.open();
    const before = await world.send('user', 'GET', '/credits/balance/user-1');
    const dry = await world.send('admin', 'POST', '/admin/credits/deduct', {
      user_id: 'user-1',
      amount: 5,
      dry_run: true,
    });
    expect(dry).toMatchObject({ status: 200, body: { credits: before.body.credits - 5 } });
    expect(dry.body.dry_run.transactions).toMatchObject([{ user_id: 'user-1', delta: -5 }]);
    const after = await world.send('user', 'GET', '/credits/balance/user-1');
    expect(after.body).toEqual({ ...before.body, as_of: expect.any(String) });
    // It would show the account of the user who referred the one who claims.
    const claim = await world.send('user', 'POST', '/credits/promo/claim', { promo_code: 'LAUNCH100', dry_run: true });
    expect(claim).toMatchObject({ status: 400, body: { details: { path: 'dry_run' } } });
  });

  test('a user who claims a referral code is not told whose it is', async () => {
    const world = await store.open();
    const promo = { code: 'ANN', credits: 10, referrer_id: 'user-2', referrer_credits: 20 };
    await world.send('admin', 'POST', '/admin/credits/promos', promo);
    const claim = await world.send('user', 'POST', '/credits/promo/claim', { promo_code: 'ann' });
    expect(claim).toMatchObject({ status: 200, body: { success: true, credits_awarded: 10 } });
    const claims = await world.send('user', 'GET', '/credits/claims/user-1');
    expect(claims.body.items).toMatchObject([{ promo_code: 'ANN', credits_awarded: 10 }]);
    expect(JSON.stringify([claim.body, claims.body])).not.toContain('user-2');
    const all = await world.send('admin', 'GET', '/admin/credits/claims?code=ANN');
    expect(all.body.items).toMatchObject([{ referrer_id: 'user-2', referrer_credits_awarded: 20 }]);
  });

  test('a deduction may name the grants that pay', async () => {
    const world = await store.open();
    const from = { grant_ids: [world.ids['g-1']], sources: ['purchase'] };
    const paid = await world.send('admin', 'POST', '/admin/credits/deduct', { user_id: 'user-1', amount: 5, from });
    expect(paid.body.transaction.draws).toEqual([{ grant_id: world.ids['g-1'], amount: 5 }]);
    const wrong = { user_id: 'user-1', amount: 5, from: { grantIds: ['x'] } };
    const refused = await world.send('admin', 'POST', '/admin/credits/deduct', wrong);
    expect(refused).toMatchObject({ status: 400, body: { details: { path: 'from.grantIds' } } });
  });
}

describe('in memory', () => suite(MEMORY));
await onDatabases(suite);
