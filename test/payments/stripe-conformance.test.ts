/** Stripe passes the conformance suite in each of its modes, against a local server that speaks its API. */
import Stripe from 'stripe';
import { describe, test } from 'vitest';
import { type StripeOptions, stripeProvider } from '../../src/payments/stripe.js';
import { testPaymentProvider } from '../../src/testing/payment-provider.js';
import { StripeServer } from './stripe-server.js';

const sdk = ({ secretKey, port }: StripeServer) =>
  new Stripe(secretKey, { host: '127.0.0.1', port, protocol: 'http', telemetry: false });

const WAYS: readonly [how: string, options: (server: StripeServer) => Partial<StripeOptions>][] = [
  ['sessions of Checkout', ({ secretKey, baseUrl }) => ({ secretKey, baseUrl })],
  ['payment links', ({ secretKey, baseUrl }) => ({ secretKey, baseUrl, mode: 'payment_link' })],
  ['the SDK of the host', (server) => ({ client: sdk(server) })],
];

describe.each(WAYS)('stripeProvider, %s', (_how, options) => {
  testPaymentProvider({ describe, test }, async () => {
    const server = await new StripeServer().listen();
    const { secretKey, webhookSecret, customerId } = server;
    return {
      provider: stripeProvider({ webhookSecret, ...options(server) }),
      now: new Date(server.now * 1000),
      pay: (reference) => server.webhook('checkout.session.completed', server.pay(reference)),
      sign: (body) => server.signed(body).headers,
      refuseNext: () => server.failNext({ status: 400, body: { error: { type: 'invalid_request_error' } } }),
      customerId,
      secrets: [secretKey, webhookSecret],
      close: () => server.close(),
    };
  });
});
