/** Any signed body becomes an event of the right shape or a typed error, and nothing private is kept of it. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCreditError } from '../../src/index.js';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import type { PaymentProvider } from '../../src/ports/payment-provider.js';
import { checkEvent, checkJson } from '../../src/testing/payment-provider-fixture.js';
import { SEED } from '../support/chance.js';
import { RAZORPAY_SAMPLES } from './razorpay-samples.js';
import { STRIPE_AT, STRIPE_SAMPLES, STRIPE_VARIANTS } from './stripe-samples.js';

const webhookSecret = 'secret-of-the-webhook';
const now = STRIPE_AT;
const t = now.getTime() / 1000;
const hmac = (...parts: readonly (string | Uint8Array)[]) => {
  const made = createHmac('sha256', webhookSecret);
  for (const part of parts) made.update(part);
  return made.digest('hex');
};

interface Side {
  readonly provider: PaymentProvider;
  readonly headers: (body: Uint8Array) => Headers;
  readonly samples: readonly unknown[];
}

const SIDES: Readonly<Record<string, Side>> = {
  Razorpay: {
    provider: razorpayProvider({ keyId: 'k', keySecret: 's', webhookSecret }),
    headers: (body) => new Headers({ 'x-razorpay-signature': hmac(body) }),
    samples: Object.values(RAZORPAY_SAMPLES).map(({ body }) => body),
  },
  Stripe: {
    provider: stripeProvider({ secretKey: 'sk_test_1', webhookSecret }),
    headers: (body) => new Headers({ 'stripe-signature': `t=${t},v1=${hmac(`${t}.`, body)}` }),
    samples: [...STRIPE_SAMPLES, ...STRIPE_VARIANTS].map(([, { type, object }]) => {
      return { id: 'evt_1', object: 'event', created: t, data: { object }, livemode: false, type };
    }),
  },
};

/** Texts of JSON that stand for what a reader does not expect. */
const odd = fc.oneof(
  fc.constantFrom('null', 'true', '[]', '{}', '""', '0', '-0', '-1', '0.5', '1e400', '-1e400', '9007199254740993'),
  fc.constantFrom(
    '"50000"',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"__proto__"',
    '[null]',
    '{"id":7}',
    '{"__proto__":{"id":"x"}}',
  ),
  fc.constantFrom('{"toString":1,"valueOf":1,"toJSON":1}', `${'['.repeat(500)}${']'.repeat(500)}`, '{"length":5}'),
  fc.json({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 300 }).map((text) => JSON.stringify(text)),
);

/** Where something is put, and what; null takes the field away. */
const edit = fc.record({ at: fc.nat(), put: fc.option(odd) });

/** The text of a value with its edits; a marker stands for each until the value is text. */
function edited(sample: unknown, edits: readonly { at: number; put: string | null }[]): string {
  const value: unknown = structuredClone(sample);
  edits.forEach(({ at, put }, i) => {
    const places = placesOf(value);
    const place = places[at % places.length];
    if (!place) return;
    const [holder, key] = place;
    if (put === null) delete holder[key];
    else holder[key] = `edit-${i}`;
  });
  return edits.reduce(
    (text, { put }, i) => text.replaceAll(`"edit-${i}"`, () => put ?? 'null'),
    JSON.stringify(value) ?? 'null',
  );
}

function placesOf(value: unknown): [holder: Record<string, unknown>, key: string][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) => {
    return [[value as Record<string, unknown>, key] as [Record<string, unknown>, string], ...placesOf(field)];
  });
}

/** Reads a signed body; answers the kinds of its events, or the code of its error. */
async function end({ provider, headers }: Side, body: Uint8Array): Promise<string> {
  try {
    const { events, payload } = await provider.readWebhook(body, headers(body), now);
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) checkEvent(event);
    checkJson(payload);
    return events.map(({ kind }) => kind).join();
  } catch (error) {
    if (!isCreditError(error)) throw error;
    expect(error.code).toBe('INVALID_ARGUMENT');
    return error.code;
  }
}

describe.each(Object.entries(SIDES))('%s', (_name, side) => {
  test('a sample with fields that are odd or missing', async () => {
    const ends = new Set<string>();
    const sample = fc.constantFrom(...side.samples);
    await fc.assert(
      fc.asyncProperty(sample, fc.array(edit, { minLength: 1, maxLength: 4 }), async (value, edits) => {
        ends.add(await end(side, Buffer.from(edited(value, edits))));
      }),
      { seed: SEED, numRuns: 4_000 },
    );
    // The edits reach every end, and not only the easy ones.
    for (const kind of ['paid', 'refunded', 'disputed', 'ignored', 'INVALID_ARGUMENT']) expect(ends).toContain(kind);
  });

  test('any JSON, and any bytes', async () => {
    const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(json, bytes), async (body) => {
        expect(['ignored', 'INVALID_ARGUMENT']).toContain(await end(side, body));
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  test('a secret under any key that is not known is not kept, and none within a text', async () => {
    const planted = ['4242 4242 4242 4242', '4242424242424242', 'jo@example.com', '+49 170 1234567', 'sk_live_4eC39Hq'];
    const places = fc.constantFrom('notes', 'metadata', 'description', 'reason', 'reference_id', 'card', 'x', 'pin');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...planted), places, places, async (secret, outer, inner) => {
        const value = { ...(side.samples[0] as object), [outer]: { [inner]: `so: ${secret}.` }, reason: secret };
        const body = Buffer.from(JSON.stringify(value));
        const { payload } = await side.provider.readWebhook(body, side.headers(body), now);
        expect(JSON.stringify(payload)).not.toContain(secret);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test('a body of a mebibyte is read in no time that depends on its shape', async () => {
    const shapes = [`[${'['.repeat(500_000)}`, `{"event":"x","type":"x","id":"x","a":${'[1],'.repeat(10)}`];
    for (const shape of shapes) expect(await end(side, Buffer.from(shape))).toBe('INVALID_ARGUMENT');
    const deep = `{"event":"x","type":"x","id":"x","data":${'{"data":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
    expect(await end(side, Buffer.from(deep))).toBe('ignored');
    const wide = { event: 'x', type: 'x', id: 'x', description: 'a@'.repeat(400_000), items: Array(50_000).fill(1) };
    expect(await end(side, Buffer.from(JSON.stringify(wide)))).toBe('ignored');
  });
});
