/** The requests to a provider: bounded in time and size, never redirected, never repeated, and silent about secrets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CreditError, isCreditError } from '../../src/index.js';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import { newLink } from '../../src/testing/payment-provider-fixture.js';
import type { Fault } from './api-server.js';
import { RazorpayServer } from './razorpay-server.js';
import { StripeServer } from './stripe-server.js';

let server: StripeServer;
beforeEach(async () => {
  server = await new StripeServer().listen();
});
afterEach(() => server.close());

/** A short limit for what never answers, and a long one for everything else. */
const provider = (timeoutMs = 60_000, more: object = {}) => {
  const { secretKey, webhookSecret, baseUrl } = server;
  return stripeProvider({ secretKey, webhookSecret, baseUrl, timeoutMs, ...more });
};

async function errorOf(call: Promise<unknown>): Promise<CreditError> {
  const error = await call.then(
    () => 'resolved',
    (reason: unknown) => reason,
  );
  if (!isCreditError(error)) throw new Error(`no error of the library: ${String(error)}`);
  return error;
}

async function failing(fault: Fault, timeoutMs?: number): Promise<CreditError> {
  server.failNext(fault);
  return errorOf(provider(timeoutMs).createPaymentLink(newLink()));
}

function expectSilence(error: CreditError): void {
  const told = `${error.message} ${JSON.stringify(error.details)}`;
  for (const secret of [server.secretKey, server.webhookSecret, '127.0.0.1', 'somebody@example.com']) {
    expect(told).not.toContain(secret);
  }
}

describe('an answer that refuses', () => {
  test.each([
    [400, { error: { type: 'invalid_request_error', code: 'parameter_missing' } }, false, 'HTTP 400 parameter_missing'],
    [
      401,
      { error: { type: 'invalid_request_error', message: 'Invalid API Key: sk_test_1' } },
      false,
      'invalid_request',
    ],
    [402, { error: { type: 'card_error', code: 'card_declined' } }, false, 'HTTP 402 card_declined'],
    [403, { error: { code: 'x'.repeat(100) } }, false, '(HTTP 403)'],
    [403, { error: { code: 'sk_live_1 is wrong' } }, false, '(HTTP 403)'],
    [403, { error: 'text' }, false, '(HTTP 403)'],
    [408, {}, true, '(HTTP 408)'],
    [409, { error: { code: 'lock_timeout' } }, true, 'HTTP 409 lock_timeout'],
    [425, {}, true, '(HTTP 425)'],
    [429, { error: { code: 'rate_limit' } }, true, 'HTTP 429 rate_limit'],
    [500, { error: { type: 'api_error' } }, true, 'HTTP 500 api_error'],
    [503, {}, true, '(HTTP 503)'],
    [599, [], true, '(HTTP 599)'],
  ])('%i %j', async (status, body, retryable, told) => {
    const error = await failing({ status, body });
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', details: { provider: 'stripe' }, retryable });
    expect(error.message).toContain(told);
    expectSilence(error);
    expect(server.requests).toHaveLength(1);
  });

  test.each([301, 302, 307, 308])('a redirect with %i is not followed', async (status) => {
    const error = await failing({ status, body: {} });
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: false });
    expect(server.requests).toHaveLength(1);
  });
});

describe('an answer that cannot be read', () => {
  const answering = (body: string | ReadableStream | null, status = 200) =>
    provider(60_000, { fetch: async () => new Response(body, { status }) });

  test.each([
    ['nothing', ''],
    ['half of JSON', '{"id":'],
    ['a page', '<html>502 Bad Gateway</html>'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['a number', '1e400'],
    ['an object without a link', '{}'],
    ['an address that is none', '{"id":"cs_1","url":"javascript:alert(1)"}'],
    ['an id that is none', '{"id":7,"url":"https://x.dev"}'],
  ])('%s', async (_what, text) => {
    const error = await errorOf(answering(text).createPaymentLink(newLink()));
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true });
  });

  test('more than 1 MiB, of which the rest is not read', async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    });
    const error = await errorOf(answering(body).createPaymentLink(newLink()));
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true });
    expect(sent).toBeLessThan(20);
  });

  test('1 MiB is read', async () => {
    const object = '{"id":"cs_1","url":"https://x.dev/1"}';
    const { url } = await answering(object.padEnd(1024 * 1024)).createPaymentLink(newLink());
    expect(url).toBe('https://x.dev/1');
  });

  test('a body that breaks off', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('{"id":'));
        controller.error(new Error('reset'));
      },
    });
    expect(await errorOf(answering(body).createPaymentLink(newLink()))).toMatchObject({ code: 'PROVIDER_ERROR' });
  });
});

describe('no answer', () => {
  test.each(['hang', 'hang after the effect'] as const)('%s: the time limit ends it', async (fault) => {
    const error = await failing(fault, 50);
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true });
    expect(error.message).toContain('within 50 ms');
    expectSilence(error);
  });

  test('headers and then nothing: the time limit ends it too', async () => {
    const fetch = async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    const error = await errorOf(provider(50, { fetch }).createPaymentLink(newLink()));
    expect(error.message).toContain('within 50 ms');
  });

  test('a fetch that minds no signal', async () => {
    const error = await errorOf(provider(50, { fetch: () => new Promise(() => {}) }).createPaymentLink(newLink()));
    expect(error.message).toContain('within 50 ms');
  });

  test.each(['cut', 'cut after the effect'] as const)('a connection that is %s is not opened again', async (fault) => {
    const error = await failing(fault);
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true });
    expectSilence(error);
    expect(server.requests).toHaveLength(1);
  });

  test('nobody listens', async () => {
    const { secretKey, webhookSecret, baseUrl } = server;
    const away = stripeProvider({ secretKey, webhookSecret, baseUrl });
    await server.close();
    const error = await errorOf(away.createPaymentLink(newLink()));
    expect(error).toMatchObject({ code: 'PROVIDER_ERROR', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
    server = await new StripeServer().listen();
  });

  test('the signal ends it with its reason', async () => {
    server.failNext('hang');
    const controller = new AbortController();
    const call = provider().createPaymentLink(newLink({ signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test('a signal that lives long keeps no listener of what is over', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    }) as typeof add;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    }) as typeof remove;
    const own = async () => new Response('{"id":"cs_1","url":"https://x.dev/1"}');
    for (let i = 0; i < 3; i++) await provider(60_000, { fetch: own }).createPaymentLink(newLink({ signal }));
    expect(listeners).toBe(0);
  });
});

describe('a request that is sent again, by whoever sent it', () => {
  test.each(['hang after the effect', 'cut after the effect'] as const)('%s: one link was made', async (fault) => {
    const link = newLink();
    server.failNext(fault);
    await errorOf(provider(fault.startsWith('hang') ? 50 : 60_000).createPaymentLink(link));
    const made = await provider().createPaymentLink({ ...link });
    expect([...server.objects.keys()]).toEqual([made.providerLinkId]);
  });

  test('of Razorpay: the link of the reference is found', async () => {
    const other = await new RazorpayServer().listen();
    try {
      const { keyId, keySecret, webhookSecret, baseUrl } = other;
      const razorpay = razorpayProvider({ keyId, keySecret, webhookSecret, baseUrl });
      const link = newLink();
      other.failNext('cut after the effect');
      await errorOf(razorpay.createPaymentLink(link));
      const made = await razorpay.createPaymentLink(link);
      expect([...other.links.keys()]).toEqual([made.providerLinkId]);
      // A request that is bad for another reason stays refused.
      other.failNext({ status: 400, body: { error: { code: 'BAD_REQUEST_ERROR' } } });
      const error = await errorOf(razorpay.createPaymentLink(newLink()));
      expect(error).toMatchObject({ retryable: false });
      expect(error.message).toContain('HTTP 400 BAD_REQUEST_ERROR');
      for (const secret of [keySecret, webhookSecret]) expect(error.message).not.toContain(secret);
    } finally {
      await other.close();
    }
  });
});

describe('a charge of a customer', () => {
  const charge = (how: ReturnType<typeof provider>) => {
    const { reference, userId, description, creditsToAdd, signal } = newLink();
    const money = { amountMinor: 500, currency: 'USD' };
    const customerId = server.customerId;
    return how.charge?.({ ...money, customerId, reference, userId, description, creditsToAdd, signal });
  };

  test.each(['card_declined', 'authentication_required'] as const)('that ends with %s is an event', async (decline) => {
    server.declines.push(decline);
    const { event, traffic } = (await charge(provider())) ?? {};
    const reason = decline === 'card_declined' ? 'insufficient_funds' : decline;
    expect(event).toMatchObject({ kind: 'failed', reason, eventId: null });
    expect(traffic?.httpStatus).toBe(402);
    for (const text of ['"0341"', 'Xt5EWLLDS7FJjR1c', 'client_secret'])
      expect(JSON.stringify(traffic)).not.toContain(text);
    expect((await charge(provider()))?.event.kind).toBe('paid');
  });

  test('goes to the method that the customer prefers, and fails where there is none', async () => {
    server.defaultMethod = 'pm_1Preferred';
    await charge(provider());
    expect(server.requests.at(-1)?.text).toContain('payment_method=pm_1Preferred');
    server.defaultMethod = null;
    server.methods.length = 0;
    const count = server.objects.size;
    const { event, traffic } = (await charge(provider())) ?? {};
    expect(event).toMatchObject({ kind: 'failed', reason: 'the customer has no payment method' });
    expect([traffic?.httpStatus, server.objects.size]).toEqual([null, count]);
  });

  test('that is refused for another reason is an error', async () => {
    server.defaultMethod = 'pm_1Preferred';
    const customer = { status: 200, body: { invoice_settings: { default_payment_method: 'pm_1Preferred' } } };
    server.failNext(customer, { status: 402, body: { error: { code: 'x' } } });
    expect(await errorOf(charge(provider()) as Promise<unknown>)).toMatchObject({ code: 'PROVIDER_ERROR' });
  });
});
