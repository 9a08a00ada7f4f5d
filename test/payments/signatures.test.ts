/** The providers' own helpers and ours agree on signatures, and no webhook that was changed is believed. */
import Razorpay from 'razorpay';
import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import { codeOf } from '../support/codes.js';
import { RazorpayServer } from './razorpay-server.js';
import { StripeServer } from './stripe-server.js';

const [OLD, NEW, OTHER] = ['secret-of-last-year', 'secret-of-this-year', 'secret-of-nobody-at-all'] as const;
const now = new Date(1_700_000_000_000);
const t = now.getTime() / 1000;

/** The same event in bytes that a parser would not give back. */
const EVENT = { id: 'evt_1', object: 'event', type: 'product.created', event: 'product.created', data: { object: {} } };
const ODD_BODIES: readonly [what: string, body: string][] = [
  ['compact', JSON.stringify(EVENT)],
  ['pretty-printed', JSON.stringify(EVENT, null, 2)],
  ['with line ends of Windows', `${JSON.stringify(EVENT, null, '\t').replaceAll('\n', '\r\n')}\r\n`],
  ['with letters beyond ASCII', JSON.stringify({ ...EVENT, note: 'Zoë zahlt 5 € für日本語' })],
  ['with an emoji', JSON.stringify({ ...EVENT, note: '😀 👩‍👩‍👧‍👦' })],
  ['with escaped letters', JSON.stringify(EVENT).replaceAll('v', '\\u0076')],
  [
    'with duplicate keys',
    '{"id":"x","id":"evt_1","type":"a","type":"product.created","event":"b","event":"product.created"}',
  ],
  ['with numbers that are written oddly', JSON.stringify(EVENT).replace('{', '{"a":50000.0,"b":1e3,"c":-0,')],
];

const razorpay = (webhookSecret: string | string[] = NEW) =>
  razorpayProvider({ keyId: 'k', keySecret: 's', webhookSecret });
const stripe = (webhookSecret: string | string[] = NEW) => stripeProvider({ secretKey: 'sk_test_1', webhookSecret });

/** The end of a webhook: the kinds of its events, or the code of its error. */
async function end(
  provider: ReturnType<typeof stripe>,
  body: Uint8Array,
  headers: Headers | Record<string, string>,
  at = now,
) {
  const read = async () => provider.readWebhook(body, new Headers(headers), at);
  const code = await codeOf(read());
  return code === 'resolved' ? (await read()).events.map(({ kind }) => kind).join() : code;
}

const INVALID = 'WEBHOOK_SIGNATURE_INVALID';

describe("Razorpay's helper and ours", () => {
  test.each(ODD_BODIES)('agree on a body %s', async (_what, text) => {
    const body = Buffer.from(text);
    const headers = signedByServer(new RazorpayServer(), body).get('x-razorpay-signature') ?? '';
    // Theirs accepts what our server signs, and ours the same: both are the HMAC of these bytes.
    expect(Razorpay.validateWebhookSignature(text, headers, new RazorpayServer().webhookSecret)).toBe(true);
    const provider = razorpay(new RazorpayServer().webhookSecret);
    expect(await end(provider, body, { 'x-razorpay-signature': headers })).toBe('ignored');
    expect(await end(provider, Buffer.from(`${text} `), { 'x-razorpay-signature': headers })).toBe(INVALID);
    expect(Razorpay.validateWebhookSignature(`${text} `, headers, new RazorpayServer().webhookSecret)).toBe(false);
  });
});

describe("Stripe's helper and ours", () => {
  const { webhooks } = new Stripe('sk_test_1');

  test.each(ODD_BODIES)('agree on a body %s', async (_what, payload) => {
    const header = webhooks.generateTestHeaderString({ payload, secret: NEW, timestamp: t });
    expect(await end(stripe(), Buffer.from(payload), { 'stripe-signature': header })).toBe('ignored');
    const server = new StripeServer();
    const ours = signedByServer(server, Buffer.from(payload)).get('stripe-signature') ?? '';
    const event = webhooks.constructEvent(payload, ours, server.webhookSecret, 300, undefined, now.getTime());
    expect(event.type).toBe('product.created');
    expect(await end(stripe(server.webhookSecret), Buffer.from(payload), { 'stripe-signature': ours })).toBe('ignored');
  });

  test.each([
    [-301, INVALID],
    [-300, 'ignored'],
    [-299, 'ignored'],
    [299, 'ignored'],
    [300, 'ignored'],
    [301, INVALID],
  ])('a clock that is %i seconds away', async (seconds, expected) => {
    const payload = JSON.stringify(EVENT);
    const header = webhooks.generateTestHeaderString({ payload, secret: NEW, timestamp: t + seconds });
    expect(await end(stripe(), Buffer.from(payload), { 'stripe-signature': header })).toBe(expected);
  });

  test('a tolerance of its own', async () => {
    const payload = JSON.stringify(EVENT);
    const header = webhooks.generateTestHeaderString({ payload, secret: NEW, timestamp: t - 11 });
    const at = (toleranceSeconds: number) => stripeProvider({ secretKey: 'k', webhookSecret: NEW, toleranceSeconds });
    expect(await end(at(11), Buffer.from(payload), { 'stripe-signature': header })).toBe('ignored');
    expect(await end(at(10), Buffer.from(payload), { 'stripe-signature': header })).toBe(INVALID);
  });
});

test('a byte order mark is part of what is signed, and no part of JSON', async () => {
  const text = `\ufeff${JSON.stringify(EVENT)}`;
  const signature = signedByServer(new RazorpayServer(), Buffer.from(text)).get('x-razorpay-signature') ?? '';
  const { webhookSecret } = new RazorpayServer();
  expect(Razorpay.validateWebhookSignature(text, signature, webhookSecret)).toBe(true);
  const headers = { 'x-razorpay-signature': signature };
  expect(await end(razorpay(webhookSecret), Buffer.from(text), headers)).toBe('INVALID_ARGUMENT');
  expect(await end(razorpay(webhookSecret), Buffer.from(text.slice(1)), headers)).toBe(INVALID);
  const { webhooks } = new Stripe('sk_test_1');
  const header = webhooks.generateTestHeaderString({ payload: text, secret: NEW, timestamp: t });
  expect(await end(stripe(), Buffer.from(text), { 'stripe-signature': header })).toBe('INVALID_ARGUMENT');
});

function signedByServer(server: RazorpayServer | StripeServer, body: Uint8Array): Headers {
  return server.signed(body).headers;
}

const body = Buffer.from(JSON.stringify({ ...EVENT, note: 'ü' }));
const razorpaySigned = async (secret: string) => {
  const server = Object.assign(new RazorpayServer(), { webhookSecret: secret });
  return server.signed(body).headers.get('x-razorpay-signature') ?? '';
};
const stripeSigned = (secret: string) => {
  const server = Object.assign(new StripeServer(), { webhookSecret: secret });
  return server.signed(body).headers.get('stripe-signature') ?? '';
};

describe('a secret that is replaced', () => {
  test.each([
    ['the new one alone', NEW, [NEW], true],
    ['the old one beside the new one', OLD, [NEW, OLD], true],
    ['the new one beside the old one', NEW, [OLD, NEW], true],
    ['the old one after it was taken away', OLD, [NEW], false],
    ['another one', OTHER, [NEW, OLD], false],
  ])('%s', async (_what, signedWith, secrets, isRight) => {
    const expected = isRight ? 'ignored' : INVALID;
    const ofRazorpay = { 'x-razorpay-signature': await razorpaySigned(signedWith) };
    expect(await end(razorpay([...secrets]), body, ofRazorpay)).toBe(expected);
    expect(await end(stripe([...secrets]), body, { 'stripe-signature': stripeSigned(signedWith) })).toBe(expected);
  });

  test('Stripe signs with both of them, in either order', async () => {
    const v1 = (secret: string) => /v1=([0-9a-f]+)/.exec(stripeSigned(secret))?.[1];
    for (const pair of [
      [OLD, NEW],
      [NEW, OLD],
    ] as const) {
      const header = `t=${t},${pair.map((secret) => `v1=${v1(secret)}`).join(',')},v0=${'0'.repeat(64)}`;
      for (const secret of pair)
        expect(await end(stripe(secret), body, { 'stripe-signature': header })).toBe('ignored');
      expect(await end(stripe(OTHER), body, { 'stripe-signature': header })).toBe(INVALID);
    }
  });
});

describe('nothing is believed', async () => {
  const signature = await razorpaySigned(NEW);
  const header = stripeSigned(NEW);
  const v1 = /v1=([0-9a-f]+)/.exec(header)?.[1] ?? '';

  test('of which a byte was changed, in the body', async () => {
    for (let at = 0; at < body.length; at++) {
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ 0x20;
      expect(await end(razorpay(), changed, { 'x-razorpay-signature': signature })).toBe(INVALID);
      expect(await end(stripe(), changed, { 'stripe-signature': header })).toBe(INVALID);
    }
    for (const other of [
      Buffer.alloc(0),
      body.subarray(1),
      body.subarray(0, -1),
      Buffer.concat([body, Buffer.of(0)]),
    ]) {
      expect(await end(razorpay(), other, { 'x-razorpay-signature': signature })).toBe(INVALID);
      expect(await end(stripe(), other, { 'stripe-signature': header })).toBe(INVALID);
    }
  });

  test('of which a character was changed, in the signature', async () => {
    for (let at = 0; at < signature.length; at++) {
      const changed = `${signature.slice(0, at)}${signature[at] === '0' ? '1' : '0'}${signature.slice(at + 1)}`;
      expect(await end(razorpay(), body, { 'x-razorpay-signature': changed })).toBe(INVALID);
      const digit = `${v1.slice(0, at)}${v1[at] === '0' ? '1' : '0'}${v1.slice(at + 1)}`;
      expect(await end(stripe(), body, { 'stripe-signature': header.replace(v1, digit) })).toBe(INVALID);
    }
  });

  test.each([
    ['an empty one', ''],
    ['blanks', '   '],
    ['one that is too short', signature.slice(0, -1)],
    ['one that is too long', `${signature}0`],
    ['one in capitals', signature.toUpperCase()],
    ['one that is no hexadecimal', `${signature.slice(0, -1)}g`],
    ['one beyond ASCII', `${signature.slice(0, -1)}\u00e9`],
    ['base64 of the same bytes', Buffer.from(signature, 'hex').toString('base64')],
    ['two in one header', `${signature}, ${signature}`],
    ['a scheme before it', `sha256=${signature}`],
    ['a million characters', 'a'.repeat(1_000_000)],
  ])('by the signature of Razorpay: %s', async (_what, given) => {
    expect(await end(razorpay(), body, { 'x-razorpay-signature': given })).toBe(INVALID);
  });

  test.each([
    ['an empty one', ''],
    ['no time', `v1=${v1}`],
    ['no signature', `t=${t}`],
    ['an empty signature', `t=${t},v1=`],
    ['only an old scheme', `t=${t},v0=${v1}`],
    ['another scheme', `t=${t},v2=${v1}`],
    ['two times', `t=${t},t=${t},v1=${v1}`],
    ['another time', `t=${t + 1},v1=${v1}`],
    ['a time that is no number', `t=now,v1=${v1}`],
    ['a time that is negative', `t=-${t},v1=${v1}`],
    ['a time with decimals', `t=${t}.0,v1=${v1}`],
    ['a time with an exponent', `t=17e8,v1=${v1}`],
    ['a time with a zero before it', `t=0${t},v1=${v1}`],
    ['a time with blanks', `t= ${t},v1=${v1}`],
    ['blanks after the comma', `t=${t}, v1=${v1}`],
    ['capitals', `T=${t},V1=${v1}`],
    ['a signature in capitals', `t=${t},v1=${v1.toUpperCase()}`],
    ['a signature that is too short', `t=${t},v1=${v1.slice(2)}`],
    ['a signature beyond ASCII', `t=${t},v1=${v1.slice(1)}\u00e9`],
    ['a million signatures', `t=${t}${`,v1=${'0'.repeat(64)}`.repeat(1_000)},v1=${v1}`],
  ])('by the header of Stripe: %s', async (_what, given) => {
    expect(await end(stripe(), body, { 'stripe-signature': given })).toBe(INVALID);
  });

  test('without a header, or with the header of another provider', async () => {
    expect(await end(razorpay(), body, {})).toBe(INVALID);
    expect(await end(stripe(), body, {})).toBe(INVALID);
    expect(await end(razorpay(), body, { 'stripe-signature': header })).toBe(INVALID);
    expect(await end(stripe(), body, { 'x-stripe-signature': header })).toBe(INVALID);
  });

  test('twice under one name: the headers come together, and no time is taken from the second', async () => {
    const twice = new Headers();
    twice.append('stripe-signature', `t=${t},v1=${'0'.repeat(64)}`);
    twice.append('stripe-signature', header);
    expect(await end(stripe(), body, twice)).toBe('ignored');
    const stale = new Headers();
    stale.append('stripe-signature', `t=${t + 1},v1=${'0'.repeat(64)}`);
    stale.append('stripe-signature', header);
    expect(await end(stripe(), body, stale)).toBe(INVALID);
  });

  test('all of it with one error, which tells nothing', async () => {
    const messages = new Set<string>();
    for (const given of ['', 'x', header.replace(v1, '0'.repeat(64)), stripeSigned(OTHER)]) {
      const call = async () => stripe().readWebhook(body, new Headers({ 'stripe-signature': given }), now);
      messages.add(await call().then(String, (error: Error) => error.message));
    }
    expect(messages.size).toBe(1);
    expect([...messages][0]).not.toContain(NEW);
  });
});
