/** The fake provider does what a test tells it to: every step queues a signed webhook, which the test delivers. */
import { describe, expect, test } from 'vitest';
import { type FakeProvider, type FakeWebhook, fakeProvider, testClock } from '../../src/entries/testing.js';
import type { ProviderEvent } from '../../src/ports/payment-provider.js';
import { newLink } from '../../src/testing/payment-provider-fixture.js';
import { codeOf } from '../support/codes.js';

const clock = testClock();
const signal = new AbortController().signal;

/** A fake with the link of one payment of 1000, and the events that were delivered so far. */
async function started(options: Parameters<typeof fakeProvider>[0] = {}) {
  const fake = fakeProvider({ clock, ...options });
  const link = newLink({ amountMinor: 1_000, currency: 'USD' });
  const { providerLinkId } = await fake.createPaymentLink(link);
  const got: ProviderEvent[] = [];
  const handle = async ({ body, headers }: FakeWebhook) => {
    got.push(...(await fake.readWebhook(body, headers, clock.now())).events);
  };
  return { fake, link, reference: link.reference, providerLinkId, got, handle };
}

const shortly = (events: readonly ProviderEvent[]) =>
  events.map(({ kind, paid, refund, dispute }) => {
    const part = refund ?? dispute;
    const amount = part?.amountMinor ?? paid?.amountMinor;
    return [kind, part?.status, amount].filter((word) => word !== undefined).join(' ');
  });

describe('the steps of a payment', () => {
  const STEPS: readonly [what: string, steps: (fake: FakeProvider, reference: string) => void, told: string[]][] = [
    ['is paid', (fake, ref) => fake.pay(ref), ['paid 1000']],
    [
      'is paid in parts',
      (fake, ref) => {
        fake.pay(ref, { amount: 400 });
        fake.pay(ref);
      },
      ['partially_paid 400', 'paid 1000'],
    ],
    [
      'is authorized, declined and paid',
      (fake, ref) => {
        fake.authorize(ref);
        fake.decline(ref);
        fake.pay(ref);
      },
      ['authorized', 'failed', 'paid 1000'],
    ],
    ['expires', (fake, ref) => fake.expire(ref), ['expired']],
    ['is cancelled', (fake, ref) => fake.cancel(ref), ['cancelled']],
    [
      'is given back in parts, of which one fails',
      (fake, ref) => {
        fake.pay(ref);
        fake.giveBack(ref, { amount: 400, status: 'open' });
        fake.settleRefund(ref, 'failed');
        fake.giveBack(ref);
      },
      ['paid 1000', 'refunded open 400', 'refunded failed 400', 'refunded done 1000'],
    ],
    [
      'is disputed, won and lost',
      (fake, ref) => {
        fake.pay(ref);
        fake.dispute(ref);
        fake.settleDispute(ref, 'won');
        fake.dispute(ref, { amount: 300 });
        fake.settleDispute(ref, 'lost');
      },
      ['paid 1000', 'disputed open 1000', 'disputed won 1000', 'disputed open 300', 'disputed lost 300'],
    ],
  ];
  test.each(STEPS)('%s', async (_what, steps, told) => {
    const { fake, reference, got, handle } = await started();
    steps(fake, reference);
    expect(await fake.deliver(handle)).toBe(told.length);
    expect(shortly(got)).toEqual(told);
    expect(new Set(got.map(({ eventId }) => eventId)).size).toBe(told.length);
    expect(fake.deliveries()).toEqual([]);
  });

  test('money that arrived is not undone by the end of the link', async () => {
    const { fake, reference, providerLinkId } = await started();
    fake.pay(reference);
    fake.expire(reference);
    const events = await fake.fetchPayment({ reference, providerLinkId, providerPaymentId: null, signal });
    expect(shortly(events)).toEqual(['paid 1000']);
  });
});

describe('the delivery', () => {
  test('comes again until the host takes it, signed anew', async () => {
    const { fake, reference, got, handle } = await started();
    const { headers: first } = fake.pay(reference);
    expect(await fake.deliver(() => Promise.reject(new Error('away')))).toBe(0);
    expect(await fake.deliver(() => new Response(null, { status: 500 }))).toBe(0);
    clock.advance({ days: 1 });
    const [late] = fake.deliveries();
    expect(late?.headers.get('fake-signature')).not.toBe(first.get('fake-signature'));
    expect(await fake.deliver(handle)).toBe(1);
    expect(shortly(got)).toEqual(['paid 1000']);
  });

  test('can be doubled, delayed, lost and shuffled, by a seed', async () => {
    const orders = [7, 7, 8].map(async (seed) => {
      const { fake, reference, got, handle } = await started({ seed });
      const authorized = fake.authorize(reference);
      const declined = fake.decline(reference);
      fake.outbox.duplicate(fake.pay(reference));
      fake.outbox.delay(authorized);
      fake.outbox.lose(declined);
      expect(shortly(fake.deliveries().map(({ event }) => event))).toEqual(['paid 1000', 'paid 1000', 'authorized']);
      for (let i = 0; i < 20; i++) fake.giveBack(reference, { amount: i + 1 });
      fake.outbox.shuffle();
      expect(await fake.deliver(handle)).toBe(23);
      return shortly(got);
    });
    const [one, same, other] = await Promise.all(orders);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
    expect(other?.toSorted()).toEqual(one?.toSorted());
  });

  test('takes any event, also one of a subscription or of a type that nobody knows', async () => {
    const { fake, got, handle } = await started();
    const day = (n: number) => new Date(Date.UTC(2030, 0, n));
    const [priceIds, period] = [['price_1'], { periodStart: day(1), periodEnd: day(31) }];
    const subscription = {
      id: 'sub_1',
      customerId: 'c',
      priceIds,
      invoiceId: 'in_1',
      cancelsAtPeriodEnd: false,
      ...period,
    };
    fake.tell({ kind: 'invoice_paid', subscription });
    fake.tell({ kind: 'ignored', type: 'something.else' });
    await fake.deliver(handle);
    expect(got[0]?.subscription).toEqual(subscription);
    expect(got.map(({ kind }) => kind)).toEqual(['invoice_paid', 'ignored']);
  });
});

describe('the requests', () => {
  test('are counted, and fail before or after the effect', async () => {
    const { fake, reference, providerLinkId } = await started();
    fake.failNext('refused', 'away', 'away after the effect');
    const link = newLink({ amountMinor: 1_000 });
    for (let i = 0; i < 3; i++) expect(await codeOf(fake.createPaymentLink(link))).toBe('PROVIDER_ERROR');
    fake.pay(link.reference);
    const ref = { reference, providerLinkId, providerPaymentId: null };
    expect(await fake.fetchPayment({ ...ref, signal })).toEqual([]);
    expect(fake.requests).toEqual([...Array(4).fill('createPaymentLink'), 'fetchPayment']);
  });

  test('hang until the signal or the test ends them', async () => {
    const { fake } = await started();
    fake.failNext('hang', 'hang after the effect');
    const controller = new AbortController();
    const [one, other] = [newLink({ signal: controller.signal }), newLink()];
    const ends = Promise.all([codeOf(fake.createPaymentLink(one)), codeOf(fake.createPaymentLink(other))]);
    await Promise.resolve();
    controller.abort({ code: 'STOPPED' });
    fake.endHanging();
    expect(await ends).toEqual(['STOPPED', 'PROVIDER_ERROR']);
    expect(() => fake.pay(one.reference)).toThrow('no payment');
    expect(fake.pay(other.reference).event.kind).toBe('paid');
  });

  test('are slow, or come to the end of their time', async () => {
    const { fake } = await started({ timeoutMs: 20 });
    fake.failNext('hang after the effect', 'slow');
    const [one, other] = [newLink(), newLink()];
    expect(await codeOf(fake.createPaymentLink(one))).toBe('PROVIDER_ERROR');
    expect(fake.pay(one.reference).event.kind).toBe('paid');
    const slow = fake.createPaymentLink(other);
    await Promise.resolve();
    fake.endHanging();
    expect((await slow).providerLinkId).toBe(`link_${other.reference}`);
  });

  test('charge a saved method once, decline it, or want the customer', async () => {
    const fake = fakeProvider({ clock });
    const { signal: _, ...link } = newLink();
    const charge = (customerId: string, reference: string) =>
      fake.charge({ ...link, customerId, reference, signal }).then(({ event }) => [event.kind, event.reason]);
    fake.declineCharges(1);
    fake.declineCharges(1, 'authentication_required');
    expect(await charge('customer-1', 'a')).toEqual(['failed', 'card_declined']);
    expect(await charge('customer-1', 'b')).toEqual(['failed', 'authentication_required']);
    expect(await charge('customer-1', 'c')).toEqual(['paid', null]);
    expect(await charge('customer-1', 'c')).toEqual(['paid', null]);
    expect(await charge('nobody', 'd')).toEqual(['failed', 'customer_unknown']);
    expect(fake.deliveries()).toHaveLength(4);
  });
});
