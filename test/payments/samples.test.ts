/** Each event of both providers, as they publish it, becomes the event of the port; nothing of a card is kept. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { eventOf } from '../../src/payments/reading.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import type { ProviderEvent } from '../../src/ports/payment-provider.js';
import { RAZORPAY_AT, RAZORPAY_SAMPLES } from './razorpay-samples.js';
import { STRIPE_AT, STRIPE_SAMPLES, STRIPE_VARIANTS } from './stripe-samples.js';

const webhookSecret = 'secret-of-the-webhook';
const razorpay = razorpayProvider({ keyId: 'k', keySecret: 's', webhookSecret });
const stripeFor = (secretKey: string) => stripeProvider({ secretKey, webhookSecret });
const stripe = stripeFor('sk_test_1');
const now = new Date('2030-01-01T00:00:00Z');

async function readRazorpay(value: unknown) {
  const body = Buffer.from(JSON.stringify(value));
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex');
  return razorpay.readWebhook(body, new Headers({ 'x-razorpay-signature': signature }), now);
}

async function readStripe(value: unknown, provider = stripe) {
  const body = Buffer.from(JSON.stringify(value));
  const t = now.getTime() / 1000;
  const v1 = createHmac('sha256', webhookSecret).update(`${t}.`).update(body).digest('hex');
  return provider.readWebhook(body, new Headers({ 'stripe-signature': `t=${t},v1=${v1}` }), now);
}

const stripeEvent = (type: unknown, object: unknown, more: object = {}) => ({
  ...{ id: 'evt_1NG8Du2eZvKYlo2CUI79vXWy', object: 'event', api_version: '2026-10-28.endive' },
  ...{ created: STRIPE_AT.getTime() / 1000, data: { object }, livemode: false, pending_webhooks: 0 },
  ...{ request: { id: null, idempotency_key: null }, type, ...more },
});

/** Texts of a person or a card, in the samples. */
const PRIVATE = [
  ...['example.com', '9988998899', '4155552671', 'Gaurav', 'Jenny', '1111', '4242', '9995', '411111', 'card_DZ'],
  ...[
    'Xt5EWLLDS7FJjR1c',
    '064381',
    'client_secret',
    '_secret_',
    '123456789012',
    'Townsend',
    '1.1.1.1',
    'hosted_invoice',
  ],
  ...['receipts', 'network_token', 'last4', 'pm_1', 'Visa', 'visa'],
];

function expectNothingPrivate(payload: unknown) {
  const kept = JSON.stringify(payload);
  for (const text of PRIVATE) expect(kept).not.toContain(text);
}

describe('Razorpay', () => {
  test.each(Object.entries(RAZORPAY_SAMPLES))('%s', async (_title, { body, told }) => {
    const { events, payload } = await readRazorpay(body);
    const type = String(body.event);
    const expected = eventOf({ type, occurredAt: RAZORPAY_AT, ...told });
    expect(events).toEqual([{ ...expected, eventId: null }]);
    expect(payload).toMatchObject({ event: type, account_id: 'acc_BFQ7uQEaa7j2z7' });
    expectNothingPrivate(payload);
  });

  test('the original credited on the events of this table, and ours tells of each of them', () => {
    const types = new Set(Object.values(RAZORPAY_SAMPLES).map(({ body }) => body.event));
    expect(types.size).toBe(22);
  });

  test.each(['__proto__', 'constructor', 'toString', 'payment_link.paid ', 'PAYMENT_LINK.PAID'])(
    'an event called %s is ignored',
    async (event) => {
      const { events } = await readRazorpay({ ...RAZORPAY_SAMPLES['payment_link.paid']?.body, event });
      expect(events.map(({ kind }) => kind)).toEqual(['ignored']);
    },
  );
});

describe('Stripe', () => {
  test.each([...STRIPE_SAMPLES, ...STRIPE_VARIANTS])('%s', async (_title, { type, object, told }) => {
    const { events, payload } = await readStripe(stripeEvent(type, object));
    const base = { type, occurredAt: STRIPE_AT, eventId: 'evt_1NG8Du2eZvKYlo2CUI79vXWy' };
    expect(events).toEqual(told.map((each): ProviderEvent => eventOf({ ...base, ...each })));
    expect(payload).toMatchObject({ id: base.eventId, type });
    expectNothingPrivate(payload);
  });

  test('an event of the other mode is ignored', async () => {
    const [, { type, object }] = STRIPE_SAMPLES[0] as (typeof STRIPE_SAMPLES)[number];
    const kinds = async (secretKey: string, livemode: unknown) => {
      const { events } = await readStripe(stripeEvent(type, object, { livemode }), stripeFor(secretKey));
      return events.map(({ kind, reason }) => [kind, reason]);
    };
    expect(await kinds('sk_test_1', false)).toEqual([['paid', null]]);
    expect(await kinds('sk_test_1', true)).toEqual([['ignored', 'an event of the live mode']]);
    expect(await kinds('sk_live_1', true)).toEqual([['paid', null]]);
    expect(await kinds('rk_live_1', false)).toEqual([['ignored', 'an event of the test mode']]);
    expect(await kinds('rk_live_1', undefined)).toEqual([['ignored', 'an event of the test mode']]);
    expect(await kinds('sk_live_1', 'true')).toEqual([['ignored', 'an event of the test mode']]);
  });

  test.each(['__proto__', 'constructor', 'toString', 'invoice.paid '])(
    'an event called %s is ignored',
    async (type) => {
      const [, { object }] = STRIPE_SAMPLES[0] as (typeof STRIPE_SAMPLES)[number];
      const { events } = await readStripe(stripeEvent(type, object));
      expect(events.map(({ kind }) => kind)).toEqual(['ignored']);
    },
  );
});
