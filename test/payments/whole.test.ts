/** A payment from its link to its refund, through the real adapters and servers that speak the providers' APIs. */
import { afterEach, describe, expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';
import type { Payment, PaymentProvider } from '../../src/index.js';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import type { Webhook } from './api-server.js';
import { RazorpayServer } from './razorpay-server.js';
import { StripeServer } from './stripe-server.js';

/** A provider, and what its side does. */
interface Side {
  readonly provider: PaymentProvider;
  readonly now: Date;
  /** Somebody pays; the webhook that tells of it. */
  readonly pay: (payment: Payment) => Webhook;
  /** The payment at the provider that its server made. */
  readonly paid: (payment: Payment) => string;
  readonly requests: () => number;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const SIDES: Readonly<Record<string, () => Promise<Side>>> = {
  async razorpay() {
    const server = await new RazorpayServer().listen();
    closing.push(() => server.close());
    const { keyId, keySecret, webhookSecret, baseUrl } = server;
    const made = new Map<string, string>();
    return {
      provider: razorpayProvider({ keyId, keySecret, webhookSecret, baseUrl }),
      now: new Date(server.now * 1000),
      pay({ id }) {
        const payment = server.pay(id);
        made.set(id, String(payment.id));
        return server.paidWebhook(id, payment);
      },
      paid: ({ id }) => made.get(id) as string,
      requests: () => server.requests.length,
    };
  },
  async stripe() {
    const server = await new StripeServer().listen();
    closing.push(() => server.close());
    const { secretKey, webhookSecret, baseUrl } = server;
    return {
      provider: stripeProvider({ secretKey, webhookSecret, baseUrl }),
      now: new Date(server.now * 1000),
      pay: ({ id }) => server.webhook('checkout.session.completed', server.pay(id)),
      paid: ({ id }) => String(server.sessionOf(id).payment_intent),
      requests: () => server.requests.length,
    };
  },
};

describe.each(Object.entries(SIDES))('%s', (name, openSide) => {
  async function open() {
    const side = await openSide();
    const services = createTestCredits({ now: side.now, payments: { providers: [side.provider] } });
    closing.push(() => services.close());
    const made = await services.payments.createPaymentLink(
      { userId: 'u', amount: 500, currency: 'INR', customerEmail: 'u@example.com' },
      { idempotencyKey: 'k' },
    );
    const take = ({ body, headers }: Webhook) => services.payments.handleWebhook(name, body, headers);
    return { ...services, side, made, take };
  }

  test('a link is made once, its payment credits once, and its refunds take back their part', async () => {
    const { payments, credits, ledger, side, made, take } = await open();
    expect(made).toMatchObject({ status: 'pending', creditsToAdd: 500, url: expect.stringMatching(/^https?:/) });
    const requests = side.requests();
    const again = payments.createPaymentLink(
      { userId: 'u', amount: 500, currency: 'INR', customerEmail: 'u@example.com' },
      { idempotencyKey: 'k' },
    );
    expect(await again).toMatchObject({ id: made.id, url: made.url, replayed: true });
    expect(side.requests()).toBe(requests);
    const webhook = side.pay(made);
    expect(await take(webhook)).toMatchObject({ success: true, status: 'paid', creditsAdded: 500 });
    expect(await take(webhook)).toMatchObject({ idempotent: true });
    const paid = await payments.getPayment(made.id, 'u');
    expect(paid).toMatchObject({ providerPaymentId: side.paid(made), paid: 500 });
    const by = { idempotencyKey: 'r', actor: 'ann', reason: 'bug' };
    const refunded = await payments.refundPayment(made.id, { amount: 200 }, by);
    expect(refunded).toMatchObject({ status: 'partially_refunded', refunded: 200, creditsTakenBack: 200 });
    expect(await payments.refundPayment(made.id, { amount: 200 }, by)).toMatchObject({ refunded: 200 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(300);
    expect(await ledger.verify()).toMatchObject({ ok: true });
  });

  test('a webhook that never came is made good, and what is stored names nobody', async () => {
    const { payments, credits, db, side, made } = await open();
    side.pay(made);
    expect(await payments.reconcilePayments()).toMatchObject({ skippedCount: 0 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(500);
    expect(await payments.reconcilePayments()).toMatchObject({ changed: 0, skippedCount: 0 });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(500);
    const { rows } = await db.find('payment_message', { index: 'created', limit: 100 });
    expect(rows.length).toBeGreaterThan(1);
    expect(JSON.stringify(rows)).not.toContain('u@example.com');
  });
});
