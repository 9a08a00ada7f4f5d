/** A provider that is set up wrongly is not made, and the error says which option it was, but never its value. */
import Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { type RazorpayOptions, razorpayProvider } from '../../src/entries/razorpay.js';
import { type StripeOptions, stripeProvider } from '../../src/entries/stripe.js';

const secret = 'whsec_0123456789';
const razorpay = { keyId: 'rzp_test_1', keySecret: 'secret-of-the-key', webhookSecret: secret };
const stripe = { secretKey: 'sk_test_secret', webhookSecret: secret };

function problemOf(make: () => unknown): string {
  try {
    make();
    return 'none';
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: { problems: string[] } };
    expect(code).toBe('CONFIGURATION');
    for (const text of ['secret-of-the-key', 'sk_test_secret', '0123456789', 'tooshort'])
      expect(message).not.toContain(text);
    expect(message).toContain(details.problems[0]);
    return details.problems[0] ?? '';
  }
}

const SECRETS: readonly [given: unknown, problem: string][] = [
  [undefined, 'webhookSecret is missing'],
  [null, 'webhookSecret is missing'],
  ['', 'webhookSecret is missing'],
  [7, 'webhookSecret is missing'],
  [[], 'webhookSecret needs at least one entry'],
  [[secret, ''], 'webhookSecret is missing'],
  [` ${secret}`, 'webhookSecret has blanks around it'],
  [`${secret}\n`, 'webhookSecret has blanks around it'],
  ['tooshort-tooshor', 'none'],
  ['tooshort-toosho', 'webhookSecret needs at least 16 characters'],
  [[secret, 'tooshort'], 'webhookSecret needs at least 16 characters'],
  [[secret, `${secret}2`], 'none'],
];

const URLS: readonly [given: unknown, problem: string][] = [
  ['https://api.example.com/', 'none'],
  ['http://127.0.0.1:3000', 'none'],
  ['http://localhost:3000', 'none'],
  ['http://api.example.com', 'baseUrl must begin with https: (http: to this machine)'],
  ['ftp://localhost', 'baseUrl must begin with https: (http: to this machine)'],
  ['https://user:pass@api.example.com', 'baseUrl may hold neither a password nor a query'],
  ['https://api.example.com?x=1', 'baseUrl may hold neither a password nor a query'],
  ['api.example.com', 'baseUrl is not a URL'],
  [7, 'baseUrl is not a URL'],
];

describe.each([
  ['razorpayProvider', (more: object) => razorpayProvider({ ...razorpay, ...more } as RazorpayOptions)],
  ['stripeProvider', (more: object) => stripeProvider({ ...stripe, ...more } as StripeOptions)],
])('%s', (_name, make) => {
  test.each(SECRETS)('webhookSecret: %j', (webhookSecret, problem) => {
    expect(problemOf(() => make({ webhookSecret }))).toBe(problem);
  });

  test.each(URLS)('baseUrl: %j', (baseUrl, problem) => {
    expect(problemOf(() => make({ baseUrl }))).toBe(problem);
  });

  test.each([0, -1, 1.5, 600_001, Number.NaN, '15000', null])('timeoutMs: %j', (timeoutMs) => {
    const taken = timeoutMs === null ? 'none' : 'timeoutMs must be a whole number from 1 to 600000';
    expect(problemOf(() => make({ timeoutMs }))).toBe(taken);
  });
});

test.each([
  [{ keyId: '' }, 'keyId is missing'],
  [{ keySecret: undefined }, 'keySecret is missing'],
  [{ keySecret: ' secret-of-the-key' }, 'keySecret has blanks or letters that no key has'],
  [{ keySecret: 'secret-of-the-key\r\nx: y' }, 'keySecret has blanks or letters that no key has'],
])('razorpayProvider: %j', (more, problem) => {
  expect(problemOf(() => razorpayProvider({ ...razorpay, ...more } as RazorpayOptions))).toBe(problem);
});

test.each([
  [{ secretKey: undefined }, 'secretKey is missing'],
  [{ secretKey: 'sk_test_secret ' }, 'secretKey has blanks or letters that no key has'],
  [{ client: new Stripe('sk_test_1') }, 'give secretKey or client, not both'],
  [{ client: new Stripe('sk_test_1'), secretKey: undefined }, 'none'],
  [{ client: {}, secretKey: undefined }, 'client is no Stripe SDK of version 18 on'],
  [{ client: null, secretKey: undefined }, 'client is no Stripe SDK of version 18 on'],
  [{ mode: 'other' }, 'mode is checkout or payment_link'],
  [{ toleranceSeconds: 0 }, 'toleranceSeconds must be a whole number from 1 to 3600'],
  [{ toleranceSeconds: 3_601 }, 'toleranceSeconds must be a whole number from 1 to 3600'],
  [{ apiVersion: '' }, 'apiVersion is missing'],
])('stripeProvider: %j', (more, problem) => {
  expect(problemOf(() => stripeProvider({ ...stripe, ...more } as StripeOptions))).toBe(problem);
});
