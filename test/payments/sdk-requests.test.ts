/** Each request is, field by field, what the provider's own SDK sends for the same call. */
import Razorpay from 'razorpay';
import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import { newLink } from '../../src/testing/payment-provider-fixture.js';
import type { ApiRequest } from './api-server.js';
import { RazorpayServer } from './razorpay-server.js';
import { parsed, StripeServer } from './stripe-server.js';

const signal = new AbortController().signal;
const link = newLink({
  ...{ reference: 'pay_0190f7', userId: 'ü-1', description: '50 % off & "more" [a]=b 😀', creditsToAdd: 499.5 },
  metadata: { campaign: 'spring', list: [1, 'two'] },
});

describe('Razorpay', () => {
  let server: RazorpayServer;
  beforeEach(async () => {
    server = await new RazorpayServer().listen();
  });
  afterEach(() => server.close());

  /** The two requests that came last, without what each client says of itself. */
  function lastTwo() {
    const [theirs, ours] = server.requests.slice(-2).map(({ method, path, query, headers, text }: ApiRequest) => ({
      ...{ method, path: path.replace(/\/$/, ''), query: [...query].sort() },
      ...{ body: text === '' ? null : JSON.parse(text), authorization: headers.authorization },
      contentType: headers['content-type'],
    }));
    return { theirs, ours };
  }

  const provider = () => {
    const { keyId, keySecret, webhookSecret, baseUrl } = server;
    return razorpayProvider({ keyId, keySecret, webhookSecret, baseUrl });
  };

  function sdk() {
    const client = new Razorpay({ key_id: server.keyId, key_secret: server.keySecret });
    // The SDK takes no address: axios behind it does.
    const { rq } = (client as unknown as { api: { rq: { defaults: { baseURL: string } } } }).api;
    rq.defaults.baseURL = server.baseUrl;
    return client;
  }

  test('a payment link', async () => {
    const notes = {
      ...{ campaign: 'spring', list: '[1,"two"]', user_id: 'ü-1', purpose: 'credit_topup' },
      ...{ reference_id: link.reference, credits_to_add: 499.5 },
    };
    await sdk().paymentLink.create({
      ...{ amount: link.amountMinor, currency: 'INR', accept_partial: false, reference_id: link.reference },
      ...{ description: link.description, notes: notes as never, notify: { email: true, sms: true } },
      customer: { email: link.customerEmail as string, contact: link.customerPhone as string },
      ...{ callback_url: link.callbackUrl, callback_method: 'get' },
    });
    server.links.clear();
    const made = await provider().createPaymentLink(link);
    const { theirs, ours } = lastTwo();
    expect(ours).toEqual(theirs);
    expect(made.url).toMatch(/^https:\/\/rzp\.io\/i\//);
    expect(made.traffic.httpStatus).toBe(200);
  });

  test('nobody is told of a link without an address', async () => {
    await provider().createPaymentLink(newLink({ customerEmail: null, customerPhone: null }));
    expect(JSON.parse(server.requests[0]?.text ?? '')).toMatchObject({
      customer: {},
      notify: { email: false, sms: false },
    });
  });

  test('a refund, with the header that makes it one', async () => {
    await provider().createPaymentLink(link);
    const { id } = server.pay(link.reference) as { id: string };
    await sdk().payments.refund(id, { amount: 100, notes: { reference_id: link.reference, reason: 'asked' } });
    const ours = {
      amountMinor: 100,
      currency: 'INR',
      reference: link.reference,
      providerPaymentId: id,
      reason: 'asked',
    };
    await provider().refund?.({ ...ours, idempotencyKey: 'refund-0123456789', signal });
    const two = lastTwo();
    expect(two.ours).toEqual(two.theirs);
    expect(server.requests.at(-1)?.headers['x-refund-idempotency']).toBe('refund-0123456789');
    // A key of other characters is told by its hash, which Razorpay takes.
    await provider().refund?.({ ...ours, idempotencyKey: 'a b', signal });
    expect(server.requests.at(-1)?.headers['x-refund-idempotency']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the questions', async () => {
    await provider().createPaymentLink(link);
    const { id } = server.pay(link.reference) as { id: string };
    const [linkId] = [...server.links.keys()] as [string];
    const ref = { reference: link.reference, providerLinkId: null, providerPaymentId: null, signal };

    await sdk().paymentLink.fetch(linkId);
    await provider().fetchPayment({ ...ref, providerLinkId: linkId });
    const [theirLink, ourLink, ourRefunds] = server.requests.slice(-3);
    expect(ourLink?.path).toBe(theirLink?.path);
    await sdk().payments.fetchMultipleRefund(id, { count: 100, skip: 0 });
    expect(server.requests.at(-1)?.path).toBe(ourRefunds?.path);
    expect([...(server.requests.at(-1)?.query ?? [])].sort()).toEqual([...(ourRefunds?.query ?? [])].sort());

    await sdk().paymentLink.all({ reference_id: link.reference } as never);
    await provider().fetchPayment(ref);
    const [theirs, ours] = server.requests.slice(-3);
    expect(ours?.path).toBe(theirs?.path);
    expect(ours?.query.get('reference_id')).toBe(theirs?.query.get('reference_id'));
  });
});

describe('Stripe', () => {
  let server: StripeServer;
  beforeEach(async () => {
    server = await new StripeServer().listen();
  });
  afterEach(() => server.close());

  function lastTwo() {
    const [theirs, ours] = server.requests.slice(-2).map(({ method, path, query, headers, text }: ApiRequest) => ({
      ...{ method, path, query: [...query].sort(), body: parsed(text), authorization: headers.authorization },
      ...{ key: headers['idempotency-key'], version: headers['stripe-version'] },
      contentType: method === 'POST' ? headers['content-type'] : null,
    }));
    return { theirs, ours };
  }

  const provider = (mode: 'checkout' | 'payment_link' = 'checkout') => {
    const { secretKey, webhookSecret, baseUrl } = server;
    return stripeProvider({ secretKey, webhookSecret, baseUrl, mode });
  };

  const sdk = () =>
    new Stripe(server.secretKey, { host: '127.0.0.1', port: server.port, protocol: 'http', telemetry: false });

  const metadata = {
    ...{ campaign: 'spring', list: '[1,"two"]', reference: link.reference, user_id: 'ü-1' },
    ...{ purpose: 'credit_topup', credits_to_add: '499.5' },
  };

  const price = (currency: string, unit_amount: number) => [
    { price_data: { currency, unit_amount, product_data: { name: link.description } }, quantity: 1 },
  ];

  test.each([
    ['INR', 49_900, 49_900],
    ['JPY', 500, 500],
    ['KWD', 1_230, 1_230],
    // Stripe wants these with two decimals that ISO 4217 does not know.
    ['ISK', 700, 70_000],
    ['UGX', 9_000, 900_000],
    // Stripe knows no decimals of this one, and ISO 4217 two.
    ['MGA', 90_000, 900],
  ])('a session of Checkout, in %s', async (currency, amountMinor, sent) => {
    const asked = { ...link, currency, amountMinor };
    await sdk().checkout.sessions.create(
      {
        ...{ mode: 'payment', client_reference_id: link.reference, customer_email: link.customerEmail as string },
        ...{ success_url: link.callbackUrl, cancel_url: link.callbackUrl, metadata, payment_intent_data: { metadata } },
        line_items: price(currency.toLowerCase(), sent),
      },
      { idempotencyKey: `${link.reference}:session` },
    );
    const made = await provider().createPaymentLink(asked);
    const { theirs, ours } = lastTwo();
    expect(ours).toEqual(theirs);
    expect(made.url).toMatch(/^https:\/\/checkout\.stripe\.com\//);
    expect(made.providerLinkId).toMatch(/^cs_test_/);
  });

  test('an amount that Stripe cannot take is not rounded', async () => {
    const call = provider().createPaymentLink({ ...link, currency: 'MGA', amountMinor: 901 });
    await expect(call).rejects.toMatchObject({ code: 'PROVIDER_ERROR', retryable: false });
    expect(server.requests).toEqual([]);
  });

  test('a session that begins a subscription', async () => {
    await sdk().checkout.sessions.create(
      {
        ...{ mode: 'subscription', client_reference_id: link.reference, customer_email: link.customerEmail as string },
        ...{ success_url: link.callbackUrl, cancel_url: link.callbackUrl, metadata, subscription_data: { metadata } },
        line_items: [{ price: 'price_1', quantity: 1 }],
      },
      { idempotencyKey: `${link.reference}:session` },
    );
    await provider().createPaymentLink({ ...link, priceId: 'price_1' });
    const { theirs, ours } = lastTwo();
    expect(ours).toEqual(theirs);
  });

  test('a payment link', async () => {
    await sdk().paymentLinks.create(
      {
        ...{ line_items: price('inr', link.amountMinor), metadata, payment_intent_data: { metadata } },
        restrictions: { completed_sessions: { limit: 1 } },
        after_completion: { type: 'redirect', redirect: { url: link.callbackUrl } },
      },
      { idempotencyKey: `${link.reference}:link` },
    );
    const made = await provider('payment_link').createPaymentLink(link);
    const { theirs, ours } = lastTwo();
    expect(ours).toEqual(theirs);
    expect(made.providerLinkId).toMatch(/^plink_/);
  });

  test('a refund and a charge', async () => {
    await provider().createPaymentLink(link);
    const { payment_intent: id } = server.pay(link.reference) as { payment_intent: string };
    const refund = { payment_intent: id, amount: 100, metadata: { reference: link.reference, reason: 'asked' } };
    await sdk().refunds.create(refund, { idempotencyKey: 'refund-1' });
    const ours = {
      amountMinor: 100,
      currency: 'INR',
      reference: link.reference,
      providerPaymentId: id,
      reason: 'asked',
    };
    await provider().refund?.({ ...ours, idempotencyKey: 'refund-1', signal });
    const refunds = lastTwo();
    expect(refunds.ours).toEqual(refunds.theirs);

    const { reference, userId, description, creditsToAdd } = link;
    const own = { reference, user_id: userId, purpose: 'credit_topup', credits_to_add: '499.5' };
    const { customerId } = server;
    await sdk().paymentIntents.create(
      {
        ...{ amount: 70_000, currency: 'isk', customer: customerId, description, confirm: true, off_session: true },
        ...{ payment_method: 'pm_1NewestMethod', metadata: own },
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      },
      { idempotencyKey: `${reference}:charge` },
    );
    const charge = { amountMinor: 700, currency: 'ISK', customerId, reference, userId, description, creditsToAdd };
    const { event } = (await provider().charge?.({ ...charge, signal })) ?? {};
    const asked = server.requests.slice(-3, -1).map(({ path }) => path);
    expect(asked).toEqual([`/v1/customers/${customerId}`, `/v1/customers/${customerId}/payment_methods`]);
    server.requests.splice(-3, 2);
    const charges = lastTwo();
    expect(charges.ours).toEqual(charges.theirs);
    expect(event?.paid).toEqual({ amountMinor: 700, currency: 'ISK' });
  });

  test('the questions', async () => {
    const { providerLinkId } = await provider().createPaymentLink(link);
    const { payment_intent: id } = server.pay(link.reference) as { payment_intent: string };
    const ref = { reference: link.reference, providerLinkId: null, providerPaymentId: null, signal };
    await provider().fetchPayment({ ...ref, providerLinkId });
    await provider().fetchPayment(ref);
    for await (const _ of provider().listSince?.(new Date(1_000), signal) ?? []);
    const asked = (requests: readonly ApiRequest[]) =>
      requests.filter(({ method }) => method === 'GET').map(({ path, query }) => [path, [...query].sort()]);
    const ours = asked(server.requests);
    server.requests.length = 0;

    await sdk().checkout.sessions.retrieve(providerLinkId);
    await sdk().refunds.list({ payment_intent: id, limit: 100 });
    await sdk().disputes.list({ payment_intent: id, limit: 100 });
    await sdk().paymentIntents.search({ query: `metadata['reference']:'${link.reference}'` });
    await sdk().refunds.list({ payment_intent: id, limit: 100 });
    await sdk().disputes.list({ payment_intent: id, limit: 100 });
    await sdk().events.list({ created: { gte: 1 }, limit: 100 });
    expect(ours).toEqual(asked(server.requests));
  });
});
