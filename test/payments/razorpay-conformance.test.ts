/** Razorpay passes the conformance suite, against a local server that speaks its API. */
import { describe, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { testPaymentProvider } from '../../src/testing/payment-provider.js';
import { RazorpayServer } from './razorpay-server.js';

describe('razorpayProvider', () => {
  testPaymentProvider({ describe, test }, async () => {
    const server = await new RazorpayServer().listen();
    const { keyId, keySecret, webhookSecret, baseUrl } = server;
    return {
      provider: razorpayProvider({ keyId, keySecret, webhookSecret, baseUrl }),
      now: new Date(server.now * 1000),
      pay: (reference) => server.paidWebhook(reference, server.pay(reference)),
      sign: (body) => server.signed(body).headers,
      refuseNext: () => server.failNext({ status: 401, body: { error: { code: 'BAD_REQUEST_ERROR' } } }),
      secrets: [keySecret, webhookSecret, Buffer.from(`${keyId}:${keySecret}`).toString('base64')],
      close: () => server.close(),
    };
  });
});
