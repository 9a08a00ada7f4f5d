/** A payment that is asked for stands as the events would have told it, however many pages its lists have. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import type { PaymentProvider, ProviderEvent } from '../../src/ports/payment-provider.js';
import { checkEvent, newLink } from '../../src/testing/payment-provider-fixture.js';
import { RazorpayServer } from './razorpay-server.js';
import { type StripeObject, StripeServer } from './stripe-server.js';

const signal = new AbortController().signal;

const shortly = (events: readonly ProviderEvent[]) =>
  events.map(({ kind, paid, refund, dispute, reason }) => {
    const part = refund ?? dispute;
    return [kind, part?.status, part?.amountMinor ?? paid?.amountMinor, reason]
      .filter((word) => word != null)
      .join(' ');
  });

async function since(provider: PaymentProvider, instant: Date): Promise<ProviderEvent[]> {
  const events: ProviderEvent[] = [];
  for await (const event of provider.listSince?.(instant, signal) ?? []) {
    checkEvent(event);
    events.push(event);
  }
  return events;
}

describe('Razorpay', () => {
  let server: RazorpayServer;
  let provider: PaymentProvider;
  beforeEach(async () => {
    server = await new RazorpayServer().listen();
    const { keyId, keySecret, webhookSecret, baseUrl } = server;
    provider = razorpayProvider({ keyId, keySecret, webhookSecret, baseUrl });
  });
  afterEach(() => server.close());

  const made = async () => {
    const link = newLink({ amountMinor: 10_000 });
    const { providerLinkId } = await provider.createPaymentLink(link);
    const ref = { reference: link.reference, providerLinkId, providerPaymentId: null, signal };
    return { reference: link.reference, ref, states: async () => shortly(await provider.fetchPayment(ref)) };
  };

  test('a link that is paid in parts, and given back in part', async () => {
    const { reference, states } = await made();
    const { id } = server.pay(reference, 4_000) as { id: string };
    expect(await states()).toEqual(['partially_paid 4000']);
    server.pay(reference);
    server.refund(id, 1_000, 'pending');
    server.refund(id, 500, 'failed');
    expect(await states()).toEqual(['paid 10000', 'paid 10000', 'refunded failed 500', 'refunded open 1000']);
  });

  test.each(['expired', 'cancelled'] as const)('a link that is %s', async (status) => {
    const { reference, states } = await made();
    server.end(reference, status);
    expect(await states()).toEqual([status]);
  });

  test('a payment by its own id: authorized, failed, captured', async () => {
    const { reference, ref } = await made();
    const byId = async ({ id }: Record<string, unknown>) =>
      shortly(await provider.fetchPayment({ ...ref, providerLinkId: null, providerPaymentId: String(id) }));
    expect(await byId(server.attempt(reference, 'authorized'))).toEqual(['authorized']);
    expect(await byId(server.attempt(reference, 'failed'))).toEqual(['failed insufficient_funds']);
    expect(await byId(server.pay(reference))).toEqual(['paid 10000']);
  });

  test('250 refunds of one payment, and 250 payments', async () => {
    const { reference, ref } = await made();
    const { id } = server.pay(reference) as { id: string };
    for (let i = 0; i < 250; i++) server.refund(id, 1);
    const events = await provider.fetchPayment(ref);
    expect(new Set(events.map(({ refund }) => refund?.id)).size).toBe(251);
    for (let i = 0; i < 250; i++) server.attempt(reference, 'failed');
    const listed = await since(provider, new Date(0));
    expect(listed.filter(({ kind }) => kind === 'failed')).toHaveLength(250);
    expect(listed.filter(({ kind }) => kind === 'refunded')).toHaveLength(250);
    expect(listed.filter(({ kind, reference: of }) => kind === 'paid' && of === reference)).toHaveLength(1);
  });

  test('what happened before is not listed', async () => {
    const { reference } = await made();
    server.pay(reference);
    server.now += 100;
    server.attempt(reference, 'failed');
    expect(shortly(await since(provider, new Date((server.now - 50) * 1000)))).toEqual(['failed insufficient_funds']);
  });

  test('a captured payment without a link says nothing of the whole', async () => {
    const { reference } = await made();
    Object.assign(server.pay(reference), { description: 'Shoes', notes: { reference_id: reference } });
    expect(shortly(await since(provider, new Date(0)))).toEqual(['authorized']);
  });
});

describe('Stripe', () => {
  let server: StripeServer;
  let provider: PaymentProvider;
  beforeEach(async () => {
    server = await new StripeServer().listen();
    const { secretKey, webhookSecret, baseUrl } = server;
    provider = stripeProvider({ secretKey, webhookSecret, baseUrl });
  });
  afterEach(() => server.close());

  const made = async () => {
    const link = newLink({ amountMinor: 10_000 });
    const { providerLinkId } = await provider.createPaymentLink(link);
    const ref = { reference: link.reference, providerLinkId, providerPaymentId: null, signal };
    const session = server.sessionOf(link.reference);
    return { reference: link.reference, ref, session, states: async () => shortly(await provider.fetchPayment(ref)) };
  };

  test('a session with refunds and disputes', async () => {
    const { reference, states } = await made();
    const { payment_intent: id } = server.pay(reference) as { payment_intent: string };
    server.refund(id, 1_000, {}, 'pending');
    server.dispute(id, 'lost');
    server.dispute(id, 'warning_needs_response');
    expect(await states()).toEqual([
      ...[
        'paid 10000',
        'refunded open 1000',
        'ignored an inquiry, which takes no money',
        'disputed lost 10000 fraudulent',
      ],
    ]);
  });

  test('a session that is complete and unpaid, and one that is expired', async () => {
    const { session, states } = await made();
    Object.assign(session, { status: 'complete', payment_status: 'unpaid' });
    expect(await states()).toEqual(['authorized']);
    Object.assign(session, { status: 'expired' });
    expect(await states()).toEqual(['expired']);
  });

  test.each([
    ['requires_capture', {}, ['authorized']],
    ['canceled', { cancellation_reason: 'abandoned' }, ['cancelled abandoned']],
    ['requires_payment_method', { last_payment_error: { code: 'card_declined' } }, ['failed card_declined']],
    ['requires_payment_method', {}, []],
    ['processing', {}, []],
  ])('a payment that is %s %j', async (status, more, told) => {
    const { reference, ref } = await made();
    const { payment_intent: id } = server.pay(reference) as { payment_intent: string };
    Object.assign(server.objects.get(id) as StripeObject, { status, amount_received: 0, ...more });
    const byId = { ...ref, providerLinkId: null, providerPaymentId: id };
    expect(shortly(await provider.fetchPayment(byId))).toEqual(told);
  });

  test('250 refunds of one payment, and 250 events', async () => {
    const { reference, ref } = await made();
    const session = server.pay(reference);
    const id = String(session.payment_intent);
    for (let i = 0; i < 250; i++) server.event('refund.created', server.refund(id, 1));
    const events = await provider.fetchPayment(ref);
    expect(new Set(events.map(({ refund }) => refund?.id)).size).toBe(251);
    const listed = await since(provider, new Date(0));
    expect(new Set(listed.map(({ eventId }) => eventId)).size).toBe(250);
  });

  test('events of the list are those of the webhooks, with the same ids', async () => {
    const { reference } = await made();
    const { body, headers } = server.webhook('checkout.session.completed', server.pay(reference));
    const { events } = await provider.readWebhook(body, headers, new Date(server.now * 1000));
    expect(await since(provider, new Date(0))).toEqual(events);
    expect(await since(provider, new Date((server.now + 1) * 1000))).toEqual([]);
  });
});
