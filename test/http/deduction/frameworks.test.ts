/** Automatic deduction does the same on every framework: what is held, what is charged, what reaches the client. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { addLlmUsage, getLlmUsages, initUsageContext } from '../../../src/index.js';
import { eventually, gate, sleep } from '../../support/wait.js';
import { FRAMEWORKS, type Handle } from './frameworks.js';
import { left, worldOf } from './world.js';

const call = (cost: number) => addLlmUsage({ model: 'gpt-4o', provider: 'openai', cost });
const BODY = { usage: 'body', responseUsageKey: 'total_token' } as const;

describe.each(FRAMEWORKS)('$name', (framework) => {
  test('paths outside the prefix, and free ones with all below them, are left alone', async () => {
    const options = { pathPrefix: '/api/', skipPaths: ['/api/health'] };
    const world = await worldOf(framework, options, ({ reservation }) => {
      call(1);
      return { json: { held: reservation?.amount ?? null } };
    });
    for (const path of ['/', '/apix', '/ap', '/api/health', '/api/health/deep?x=1', '/other/api']) {
      const { status, headers, text } = await world.send(path);
      expect([path, status, headers['x-credits-deducted'], text]).toEqual([path, 200, undefined, '{"held":null}']);
    }
    expect(await left(world.credits)).toEqual({ balance: 1000, reserved: 0 });
    for (const path of ['/api', '/api/', '/api/x', '/api?x', '/api/healthy', '/api/health%2f..', '/api/health//x']) {
      expect([path, (await world.send(path)).status]).toEqual([path, 401]);
    }
  });

  test('a path that a router may read as one with the prefix costs credits', async () => {
    const world = await worldOf(framework, { pathPrefix: '/api', skipPaths: ['/api/health'] }, () => ({ json: 1 }));
    const tricks = ['/API/x', '//api/x', '/%61pi/x', '/api%2Fx', '/api;x', '/Api', '\\api\\x', 'http://h/api/x'];
    const beyond = [
      '/api/HEALTH',
      '/api/health/../x',
      '/api/health/%2e%2e/x',
      '/api/health/..%2fx',
      '/api/health/..;/x',
    ];
    for (const path of [...tricks, ...beyond]) {
      const { status } = await world.send(path);
      expect([path, [400, 401].includes(status)]).toEqual([path, true]);
    }
    expect(world.calls).toEqual([]);
  });

  test('nobody is 401, too few credits are 402, and the handler does not run', async () => {
    const world = await worldOf(framework, BODY, () => ({ json: { total_token: 1 } }));
    const nobody = await world.send('/api/x', { 'x-request-id': 'req-1' });
    expect(nobody).toMatchObject({ status: 401, headers: { 'content-type': 'application/json; charset=utf-8' } });
    expect(JSON.parse(nobody.text)).toMatchObject({ code: 'UNAUTHENTICATED', request_id: 'req-1' });
    const poor = await world.send('/api/x', { 'x-user-id': 'poor' }, '{}');
    expect(poor.status).toBe(402);
    expect(JSON.parse(poor.text)).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      detail: 'There are not enough credits.',
      details: { requested: 100, available: 0 },
    });
    expect(world.calls).toEqual([]);
  });

  test('usage in the body, at a path too, is charged, and the hold is gone', async () => {
    const bodies = [{ total_token: 42 }, { total_token: '42.000' }];
    const world = await worldOf(framework, BODY, () => ({ json: bodies.shift() }));
    expect(await world.asUser('/api/x')).toMatchObject({
      headers: { 'x-credits-deducted': '42' },
      text: '{"total_token":42}',
    });
    expect(await world.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': '42' } });
    expect(await left(world.credits)).toEqual({ balance: 916, reserved: 0 });

    const nested = await worldOf(framework, { ...BODY, responseUsageKey: 'usage.total_tokens' }, () => ({
      json: { usage: { total_tokens: 42 } },
    }));
    expect(await nested.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': '42' } });
    expect(await left(nested.credits)).toEqual({ balance: 958, reserved: 0 });
  });

  test.each([
    ['no key', { json: { other: 1 } }],
    ['no number', { json: { total_token: 'many' } }],
    ['a negative number', { json: { total_token: -5 } }],
    ['an exponent in a text', { json: { total_token: '1e3' } }],
    ['a number beyond all', { headers: [['content-type', 'application/json']], body: '{"total_token":1e400}' }],
    ['more than any account can have', { json: { total_token: 1e300 } }],
    ['an inherited key', { json: { total: 1 } }, 'constructor.length'],
    ['an array at the top', { json: [{ total_token: 1 }] }],
    ['a text', { headers: [['content-type', 'text/plain']], body: '{"total_token":42}' }],
    ['a body that is no JSON', { headers: [['content-type', 'application/json']], body: '{"total_token":42' }],
    ['a body that is too large', { json: { filler: 'x'.repeat(1024 * 1024), total_token: 42 } }],
    ['no body', { status: 204 }],
    ['an error', { status: 500, json: { total_token: 42 } }],
    ['a refusal', { status: 400, json: { total_token: 42 } }],
  ] as const)('%s in the answer charges nothing', async (_name, reply, key?: string) => {
    const world = await worldOf(framework, { ...BODY, responseUsageKey: key ?? 'total_token' }, () => reply as never);
    const { status, text } = await world.asUser('/api/x');
    const { json, body = json === undefined ? '' : JSON.stringify(json) } = reply as { json?: unknown; body?: string };
    expect([status, text]).toEqual([(reply as { status?: number }).status ?? 200, body]);
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 1000, reserved: 0 }));
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('usage in a body that is packed with %s is charged, and its bytes stay', async (encoding, pack) => {
    const bytes = pack(JSON.stringify({ total_token: 42 }));
    const headers = [
      ['content-type', 'application/json'],
      ['content-encoding', encoding],
    ] as const;
    const world = await worldOf(framework, BODY, () => ({ headers, body: bytes }));
    const answer = await world.asUser('/api/x');
    expect(answer.headers).toMatchObject({ 'content-encoding': encoding, 'x-credits-deducted': '42' });
    expect(answer.bytes.equals(bytes)).toBe(true);
  });

  test('a small body that unpacks to more than 1 MiB is no usage', async () => {
    const bomb = gzipSync(`{"filler":"${'x'.repeat(64 * 1024 * 1024)}","total_token":42}`);
    const headers = [
      ['content-type', 'application/json'],
      ['content-encoding', 'gzip'],
    ] as const;
    const world = await worldOf(framework, BODY, () => ({ headers, body: bomb }));
    expect(await world.asUser('/api/x')).toMatchObject({ status: 200, headers: { 'x-credits-deducted': '0' } });
  });

  test('usage in a header is charged by its price', async () => {
    const options = { usage: 'header', responseUsageKey: 'X-Tokens', creditsPerUnit: '0.0003' } as const;
    const world = await worldOf(framework, options, () => ({ headers: [['x-tokens', '1234']], json: 1 }));
    expect(await world.asUser('/api/x')).toMatchObject({
      headers: { 'x-credits-deducted': '0.3702', 'x-tokens': '1234' },
    });
    expect(await left(world.credits)).toEqual({ balance: 999.6298, reserved: 0 });
  });

  test('a handler that throws is not charged, and its error passes through', async () => {
    const world = await worldOf(framework, {}, () => {
      call(5);
      throw new Error('the model failed');
    });
    expect(await world.asUser('/api/x')).toMatchObject({ status: 500, text: '{"error":"failed"}' });
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 1000, reserved: 0 }));
  });

  test('chargeOnError charges an answer that failed', async () => {
    const world = await worldOf(framework, { chargeOnError: true }, () => {
      call(5);
      return { status: 503, json: 1 };
    });
    expect(await world.asUser('/api/x')).toMatchObject({ status: 503, headers: { 'x-credits-deducted': '5' } });
  });

  test('usage that the handler records is charged, with the records, the reason and the request id', async () => {
    const handle: Handle = async ({ reservation }) => {
      call(0.02);
      await sleep(1);
      addLlmUsage({ model: 'm', provider: 'p', cost: 0.03, metadata: { promptTokens: 100, cost: 9 } });
      call(0);
      return { json: { held: reservation?.amount, calls: getLlmUsages().length } };
    };
    const world = await worldOf(framework, {}, handle);
    const answer = await world.asUser('/api/x', { 'x-request-id': 'req-7' });
    expect(answer).toMatchObject({ headers: { 'x-credits-deducted': '0.05' }, text: '{"held":100,"calls":3}' });
    const { items } = await world.credits.getCreditHistory('u', { types: ['commit_reserved'] });
    expect(items).toMatchObject([
      {
        ...{ amount: 0.05, reason: 'api-middleware', correlationId: 'req-7' },
        metadata: {
          llm_usage: [
            { model: 'gpt-4o', provider: 'openai', cost: 0.02 },
            { model: 'm', provider: 'p', cost: 0.03, promptTokens: 100 },
          ],
        },
      },
    ]);
  });

  test('a free call costs nothing', async () => {
    const world = await worldOf(framework, {}, () => ({ json: 1 }));
    expect(await world.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': '0' } });
    expect((await world.credits.getCreditHistory('u')).items).toHaveLength(1);
  });

  test.each([
    [{}, '1', 100],
    [{}, '250', 250],
    [{}, '5000', 1000],
    [{}, '-5', 100],
    [{}, '1e3', 100],
    [{}, '0x99', 100],
    [{ defaultEstimatedTokens: 5 }, '1', 5],
    [{ estimateRange: [1, 20] as const }, '7', 7],
    [{ estimateRange: [1, 20] as const }, '70', 20],
    [{ creditsPerUnit: 0.01, estimatedTokensHeader: 'X-Guess' }, '170', 1],
    [{ creditsPerUnit: '0.01' }, '170', 1.7],
  ])('with %j an estimate of %s holds %d', async (options, estimate, held) => {
    const world = await worldOf(framework, options, ({ reservation }) => ({ json: reservation?.amount }));
    expect((await world.asUser('/api/x', { 'x-estimated-tokens': estimate })).text).toBe(String(held));
  });

  test('two requests of 60 on 100 credits are never both admitted', async () => {
    const held = gate();
    const world = await worldOf(framework, { defaultEstimatedTokens: 60 }, async () => {
      await held.opened;
      call(60);
      return { json: 1 };
    });
    await world.credits.addCredits('two', 100);
    const both = [1, 2].map(() => world.send('/api/x', { 'x-user-id': 'two' }));
    expect((await Promise.race(both)).status).toBe(402);
    held.open();
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 402]);
    expect(await left(world.credits, 'two')).toEqual({ balance: 40, reserved: 0 });
  });

  test('what the account cannot pay is a shortfall, and the answer arrives', async () => {
    const world = await worldOf(framework, {}, () => {
      call(1100);
      return { json: 1 };
    });
    await world.credits.updateAccount('u', { overdraftLimit: 0 });
    expect(await world.asUser('/api/x')).toMatchObject({ status: 200, headers: { 'x-credits-deducted': '1000' } });
    expect(await left(world.credits)).toEqual({ balance: 0, reserved: 0 });
  });

  test.each([
    ['reject', 150, '100'],
    ['charge', 150, '150'],
    ['charge', 1500, '100'],
    ['overdraft', 1500, '100'],
  ] as const)('with overage: %s a request of %d on a hold of 100 is charged %s', async (overage, cost, deducted) => {
    const world = await worldOf(framework, { overage }, () => {
      call(cost);
      return { json: 1 };
    });
    await world.credits.updateAccount('u', { overdraftLimit: 0 });
    expect(await world.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': deducted } });
    expect(await left(world.credits)).toEqual({ balance: 1000 - Number(deducted), reserved: 0 });
  });

  test('a handler that begins a record of its own is charged all the same', async () => {
    const world = await worldOf(framework, {}, async () => {
      initUsageContext();
      await sleep(1);
      call(5);
      return { json: 1 };
    });
    expect(await world.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': '5' } });
  });

  test('requests of many users with nested work are charged their own usage', async () => {
    const world = await worldOf(framework, { defaultEstimatedTokens: 1 }, async ({ text }) => {
      const cost = Number(await text());
      const part = async (share: number): Promise<void> => {
        await sleep((share * 8) % 3);
        call(share);
      };
      await Promise.all([part(cost), Promise.resolve().then(() => part(cost)), new Promise((r) => setImmediate(r))]);
      return { json: getLlmUsages().map((usage) => usage.cost) };
    });
    const users = Array.from({ length: 100 }, (_, i) => ({ user: `u${i}`, cost: i / 8 }));
    for (const { user } of users) await world.credits.addCredits(user, 100);
    const answers = await Promise.all(
      users.map(({ user, cost }) => world.send('/api/x', { 'x-user-id': user }, String(cost))),
    );
    for (const [i, { user, cost }] of users.entries()) {
      expect(JSON.parse(answers[i]?.text ?? '')).toEqual([cost, cost]);
      expect(await left(world.credits, user)).toEqual({ balance: 100 - 2 * cost, reserved: 0 });
    }
  });

  test('work that goes on after the answer is charged too', async () => {
    const answered = gate();
    const world = await worldOf(framework, {}, () => {
      call(1);
      void answered.opened.then(() => call(2));
      return { json: 1 };
    });
    expect(await world.asUser('/api/x')).toMatchObject({ headers: { 'x-credits-deducted': '1' } });
    answered.open();
    await eventually(async () => expect(await left(world.credits)).toEqual({ balance: 997, reserved: 0 }));
  });
});
