/** The fake provider passes the conformance suite of the real ones. */
import { describe, test } from 'vitest';
import { fakeProvider, testPaymentProvider } from '../../src/entries/testing.js';

describe('fakeProvider', () => {
  testPaymentProvider({ describe, test }, () => {
    const now = new Date('2030-01-01T00:00:00Z');
    const fake = fakeProvider({ webhookSecret: 'a-secret-that-nobody-told', clock: { now: () => now } });
    return {
      provider: fake,
      now,
      pay: (reference) => fake.pay(reference),
      sign: (body) => fake.sign(body).headers,
      refuseNext: () => fake.failNext('refused'),
      customerId: 'customer-1',
      secrets: ['a-secret-that-nobody-told'],
    };
  });
});
