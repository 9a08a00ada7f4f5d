/** Tests of the `PaymentProvider` suite: what the provider answers when it is asked. */
import assert from 'node:assert/strict';
import type { ProviderEvent } from '../ports/payment-provider.js';
import type { PaymentProviderUnderTest, ProviderTest } from './payment-provider-contract.js';
import { calm, checkEvent, moneyOf, newLink, read, refused } from './payment-provider-fixture.js';

/** A payment that was made, with the ids that its webhook told. */
async function paid(given: PaymentProviderUnderTest) {
  const link = newLink();
  const { providerLinkId } = await given.provider.createPaymentLink(link);
  const { events } = await read(given, await given.pay(link.reference));
  const event = events.find(({ kind }) => kind === 'paid');
  assert.ok(event?.providerPaymentId);
  return { link, providerLinkId, providerPaymentId: event.providerPaymentId };
}

type Paid = Awaited<ReturnType<typeof paid>>;

const refOf = ({ link, providerLinkId, providerPaymentId }: Paid) => ({
  reference: link.reference,
  providerLinkId,
  providerPaymentId,
  signal: calm(),
});

const refundOf = (payment: Paid, amountMinor: number, idempotencyKey = 'refund-key-0001') => ({
  amountMinor,
  currency: payment.link.currency,
  reference: payment.link.reference,
  providerPaymentId: payment.providerPaymentId,
  idempotencyKey,
  reason: 'asked for it',
  signal: calm(),
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const kindsOf = (events: readonly ProviderEvent[]) => events.map(({ kind }) => kind);

export const askingTests: Readonly<Record<string, ProviderTest>> = {
  'tells a payment by its link, by itself and by its reference': async (given) => {
    const payment = await paid(given);
    const known = refOf(payment);
    for (const ref of [
      known,
      { ...known, providerPaymentId: null },
      { ...known, providerLinkId: null },
      { ...known, providerLinkId: null, providerPaymentId: null },
    ]) {
      const events = await given.provider.fetchPayment(ref);
      assert.deepEqual(kindsOf(events), ['paid']);
      assert.deepEqual(events[0]?.paid, moneyOf(payment.link));
      for (const event of events) checkEvent(event);
    }
  },

  'tells the same of a payment that has not changed, without an id of an event': async (given) => {
    const ref = refOf(await paid(given));
    const events = await given.provider.fetchPayment(ref);
    assert.deepEqual(await given.provider.fetchPayment({ ...ref, signal: calm() }), events);
    assert.deepEqual([...new Set(events.map(({ eventId }) => eventId))], [null]);
  },

  'knows nothing of what is unknown': async ({ provider }) => {
    const unknown = { reference: newLink().reference, providerLinkId: null, providerPaymentId: null, signal: calm() };
    for (const ids of [{}, { providerLinkId: 'nobody_0123456789' }, { providerPaymentId: 'nobody_0123456789' }]) {
      assert.deepEqual(await provider.fetchPayment({ ...unknown, ...ids }), []);
    }
    for (const id of ['../secret', 'a/b', 'a?b=c', 'a#b', '', ' ', '%2e%2e', '\u00e9']) {
      assert.deepEqual(await provider.fetchPayment({ ...unknown, providerLinkId: id }), []);
      assert.deepEqual(await provider.fetchPayment({ ...unknown, providerPaymentId: id }), []);
    }
  },

  'gives a part back, and another': async (given) => {
    if (!given.provider.refund) return;
    const payment = await paid(given);
    const { event, traffic } = await given.provider.refund(refundOf(payment, 10_000));
    checkEvent(event);
    assert.equal(event.kind, 'refunded');
    assert.deepEqual(event.refund && moneyOf(event.refund), { amountMinor: 10_000, currency: payment.link.currency });
    assert.equal(event.reference, payment.link.reference);
    assert.equal(event.providerPaymentId, payment.providerPaymentId);
    assert.ok(traffic.httpStatus === null || traffic.httpStatus < 300);
    const other = await given.provider.refund(refundOf(payment, 5_000, 'refund-key-0002'));
    assert.notEqual(other.event.refund?.id, event.refund?.id);
    const events = await given.provider.fetchPayment(refOf(payment));
    assert.deepEqual(kindsOf(events).sort(), ['paid', 'refunded', 'refunded']);
  },

  'gives back once for one key': async (given) => {
    if (!given.provider.refund) return;
    const payment = await paid(given);
    const first = await given.provider.refund(refundOf(payment, 10_000));
    const again = await given.provider.refund(refundOf(payment, 10_000));
    assert.deepEqual(again.event.refund, first.event.refund);
    const events = await given.provider.fetchPayment(refOf(payment));
    assert.deepEqual(kindsOf(events).sort(), ['paid', 'refunded']);
  },

  'does not give back more than was paid': async (given) => {
    const { provider, secrets } = given;
    if (!provider.refund) return;
    const payment = await paid(given);
    const refund = () => provider.refund?.(refundOf(payment, payment.link.amountMinor + 1));
    await refused(async () => refund(), ['PROVIDER_ERROR'], secrets);
    await refused(
      async () => provider.refund?.({ ...refundOf(payment, 1), providerPaymentId: '../x' }),
      ['PROVIDER_ERROR'],
      secrets,
    );
  },

  'lists what webhooks may have missed': async (given) => {
    const { provider } = given;
    if (!provider.listSince) return;
    const payment = await paid(given);
    const events = await all(provider.listSince(new Date(0), calm()));
    for (const event of events) checkEvent(event);
    const own = events.find(
      ({ kind, providerPaymentId }) => kind === 'paid' && providerPaymentId === payment.providerPaymentId,
    );
    assert.deepEqual(own?.paid, moneyOf(payment.link));
    const century = new Date(given.now.getTime() + 100 * 365 * 86_400_000);
    assert.deepEqual(await all(provider.listSince(century, calm())), []);
  },

  'charges a customer once for one reference': async ({ provider, customerId }) => {
    if (!provider.charge || customerId === undefined) return;
    const { reference, userId, amountMinor, currency, description, creditsToAdd } = newLink();
    const charge = { reference, userId, amountMinor, currency, description, creditsToAdd, customerId };
    const { event } = await provider.charge({ ...charge, signal: calm() });
    checkEvent(event);
    assert.deepEqual([event.kind, event.reference, event.userId], ['paid', reference, userId]);
    assert.deepEqual(event.paid, { amountMinor, currency });
    const again = await provider.charge({ ...charge, signal: calm() });
    assert.equal(again.event.providerPaymentId, event.providerPaymentId);
  },

  'ends with the signal, before anything is sent': async ({ provider }) => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    const isReason = (error: unknown) => error === reason;
    await assert.rejects(provider.createPaymentLink(newLink({ signal })), isReason);
    const unknown = { reference: newLink().reference, providerLinkId: null, providerPaymentId: null };
    await assert.rejects(provider.fetchPayment({ ...unknown, signal }), isReason);
    if (provider.listSince) await assert.rejects(all(provider.listSince(new Date(0), signal)), isReason);
  },

  'says in an error of its own what the provider refused': async ({ provider, refuseNext, secrets }) => {
    if (!refuseNext) return;
    refuseNext();
    await refused(() => provider.createPaymentLink(newLink()), ['PROVIDER_ERROR'], secrets);
    // A refusal of one request is not the end of the next.
    await provider.createPaymentLink(newLink());
  },
};
