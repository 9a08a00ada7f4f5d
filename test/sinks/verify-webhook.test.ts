/** The receiver's side of a webhook: the exact counterpart of what the sink signs. */
import { describe, expect, test } from 'vitest';
import { type CreditEvent, createWebhookSecret, verifyWebhook, webhookSink } from '../../src/index.js';
import { codeOf } from '../support/codes.js';

const event: CreditEvent = {
  ...{ id: 'e-0190-7.3', version: 1, type: 'credits.balance_exhausted', userId: 'ü-1', creditType: 'credits' },
  ...{ sequence: 4, occurredAt: '2030-01-01T00:00:00.000Z', correlationId: null },
  data: { previousBalance: 1, balance: -0.5, available: -0.5, transactionId: 't-1' },
};

/** A request as the sink sends it. */
async function requestOf(secret: string | readonly string[]) {
  let sent: { body: string; headers: Record<string, string> } | undefined;
  const send = async (_: unknown, init: RequestInit) => {
    sent = init as typeof sent;
    return new Response(null, { status: 204 });
  };
  await webhookSink({ name: 'hook', url: 'https://example.com', secret, fetch: send as typeof fetch }).publish(event);
  return sent as NonNullable<typeof sent>;
}

const [OLD, NEW] = [createWebhookSecret(), createWebhookSecret()];
const { body, headers } = await requestOf(NEW);
const signedAt = Number(headers['webhook-timestamp']) * 1000;
const at = (seconds: number) => ({ now: new Date(signedAt + seconds * 1000) });
const verify = async (...args: Parameters<typeof verifyWebhook>) => verifyWebhook(...args);

describe('verifyWebhook', () => {
  test('answers the event of the sink, from text and bytes, with the headers of fetch and of node', async () => {
    const bytes = Buffer.from(body);
    const raised = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]));
    for (const given of [body, bytes, new Uint8Array(bytes).buffer]) {
      for (const how of [headers, raised, new Headers(headers)]) {
        expect(verifyWebhook(given, how, NEW, at(0))).toEqual(event);
      }
    }
    expect(verifyWebhook(body, headers, NEW)).toEqual(event);
  });

  test('agrees with the example of the specification', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const request = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const now = new Date(1_614_265_330_000);
    // It is signed, and no event of ours.
    expect(await codeOf(verify('{"test": 2432232314}', request, secret, { now }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(verify('{"test": 2432232315}', request, secret, { now }))).toBe('WEBHOOK_SIGNATURE_INVALID');
  });

  test('takes several secrets on either side while one is replaced', async () => {
    const both = await requestOf([NEW, OLD]);
    for (const secret of [OLD, NEW, [OLD, NEW], [createWebhookSecret(), OLD]]) {
      expect(verifyWebhook(both.body, both.headers, secret)).toEqual(event);
    }
    expect(verifyWebhook(body, headers, [OLD, NEW])).toEqual(event);
    expect(await codeOf(verify(body, headers, OLD))).toBe('WEBHOOK_SIGNATURE_INVALID');
  });

  test('accepts a time within the tolerance on both sides, and none beyond it', async () => {
    for (const seconds of [-300, 300]) expect(verifyWebhook(body, headers, NEW, at(seconds))).toEqual(event);
    for (const seconds of [-301, 301]) {
      expect(await codeOf(verify(body, headers, NEW, at(seconds)))).toBe('WEBHOOK_SIGNATURE_INVALID');
    }
    expect(verifyWebhook(body, headers, NEW, { ...at(600), toleranceSeconds: 600 })).toEqual(event);
  });

  const signature = headers['webhook-signature'] as string;
  const wrong: [what: string, args: [unknown, unknown?]][] = [
    ['another byte in the body', [`${body} `]],
    ['an empty body', ['']],
    ['another id', [body, { ...headers, 'webhook-id': 'e-1' }]],
    ['another time', [body, { ...headers, 'webhook-timestamp': String(signedAt / 1000 + 1) }]],
    ['a time that is no number', [body, { ...headers, 'webhook-timestamp': '1e9' }]],
    ['another version of the signature', [body, { ...headers, 'webhook-signature': signature.replace('v1,', 'v2,') }]],
    ['a signature without its version', [body, { ...headers, 'webhook-signature': signature.slice(3) }]],
    ['a signature that begins right', [body, { ...headers, 'webhook-signature': signature.slice(0, -5) }]],
    ['no signature', [body, { ...headers, 'webhook-signature': undefined }]],
    ['two ids', [body, { ...headers, 'webhook-id': [event.id, event.id] }]],
    ['no headers', [body, undefined]],
  ];
  test.each(wrong)('refuses %s', async (_, [given, how = undefined]) => {
    const used = (_ === 'no headers' ? undefined : (how ?? headers)) as typeof headers;
    expect(await codeOf(verify(given as string, used, NEW))).toBe('WEBHOOK_SIGNATURE_INVALID');
  });

  test('says what it needs where it is given a parsed body, no secret or a wrong option', async () => {
    await expect(verify(JSON.parse(body), headers, NEW)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('before any JSON parser'),
    });
    for (const secret of [undefined, [], 'hunter2']) {
      const refused = { code: 'CONFIGURATION', message: expect.not.stringContaining('hunter2') };
      await expect(verify(body, headers, secret)).rejects.toMatchObject(refused);
    }
    for (const toleranceSeconds of [0, 86_401, Number.NaN]) {
      expect(await codeOf(verify(body, headers, NEW, { toleranceSeconds }))).toBe('CONFIGURATION');
    }
    const noDate = { now: new Date(Number.NaN) };
    expect(await codeOf(verify(body, headers, NEW, noDate))).toBe('WEBHOOK_SIGNATURE_INVALID');
  });
});

test('createWebhookSecret makes another secret at each call, of 32 bytes', () => {
  const secrets = Array.from({ length: 50 }, () => createWebhookSecret());
  expect(new Set(secrets).size).toBe(50);
  for (const secret of secrets) expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
});
