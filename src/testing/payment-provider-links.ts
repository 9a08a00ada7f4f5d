/** Tests of the `PaymentProvider` suite: making links, and what is told once they are paid. */
import assert from 'node:assert/strict';
import type { ProviderTest } from './payment-provider-contract.js';
import { calm, moneyOf, newLink, read, refused } from './payment-provider-fixture.js';

export const linkTests: Readonly<Record<string, ProviderTest>> = {
  'has a name that fits a route and a row': async ({ provider }) => {
    assert.match(provider.name, /^[a-z][a-z0-9_-]{0,31}$/);
  },

  'makes a link with an address and an id': async ({ provider }) => {
    const made = await provider.createPaymentLink(newLink());
    assert.match(made.url, /^https?:\/\//);
    assert.ok(made.providerLinkId.length > 0);
  },

  'tells what it sent without address, phone and secrets': async ({ provider, secrets }) => {
    const { traffic } = await provider.createPaymentLink(newLink());
    const told = JSON.stringify(traffic);
    for (const secret of [...secrets, 'somebody@example.com', '9876543210']) assert.ok(!told.includes(secret), told);
    assert.notDeepEqual(traffic.request, {});
  },

  'answers the same link to the same reference': async ({ provider }) => {
    const link = newLink();
    const first = await provider.createPaymentLink(link);
    const again = await provider.createPaymentLink({ ...link, signal: calm() });
    assert.deepEqual([again.providerLinkId, again.url], [first.providerLinkId, first.url]);
  },

  'makes one link when two ask for the same reference at once': async ({ provider }) => {
    const link = newLink();
    const made = await Promise.all([1, 2].map(() => provider.createPaymentLink({ ...link, signal: calm() })));
    assert.equal(new Set(made.map(({ providerLinkId }) => providerLinkId)).size, 1);
  },

  'makes two links for two references': async ({ provider }) => {
    const made = [await provider.createPaymentLink(newLink()), await provider.createPaymentLink(newLink())];
    assert.equal(new Set(made.map(({ providerLinkId }) => providerLinkId)).size, 2);
  },

  'refuses another amount for a reference that has a link': async ({ provider, secrets }) => {
    const link = newLink();
    await provider.createPaymentLink(link);
    const other = { ...link, amountMinor: link.amountMinor + 100, signal: calm() };
    await refused(() => provider.createPaymentLink(other), ['PROVIDER_ERROR'], secrets);
  },

  'knows nothing of a link that nobody has paid': async ({ provider }) => {
    const link = newLink();
    const { providerLinkId } = await provider.createPaymentLink(link);
    const ref = { reference: link.reference, providerLinkId, providerPaymentId: null, signal: calm() };
    assert.deepEqual(await provider.fetchPayment(ref), []);
  },

  'tells by a webhook that a link is paid': async (given) => {
    const link = newLink();
    await given.provider.createPaymentLink(link);
    const { events } = await read(given, await given.pay(link.reference));
    const [event] = events.filter(({ kind }) => kind === 'paid');
    assert.ok(event, 'an event of the kind "paid"');
    assert.equal(event.reference, link.reference);
    assert.equal(event.userId, link.userId);
    assert.deepEqual(event.paid, moneyOf(link));
    assert.deepEqual(event.asked, moneyOf(link));
    assert.ok(event.providerPaymentId, 'the payment at the provider');
  },

  'tells amounts of currencies with no, two and three decimals as they were asked': async (given) => {
    for (const [currency, amountMinor] of [
      ['JPY', 500],
      ['USD', 1_999],
      ['KWD', 1_230],
      ['ISK', 700],
      ['UGX', 9_000],
    ] as const) {
      const link = newLink({ currency, amountMinor });
      await given.provider.createPaymentLink(link);
      const { events } = await read(given, await given.pay(link.reference));
      assert.deepEqual(events.find(({ kind }) => kind === 'paid')?.paid, { currency, amountMinor });
    }
  },

  'takes texts as they are': async (given) => {
    const link = newLink({
      description: '50 % off & "more" 😀 = [a]',
      metadata: { note: 'ü + ü = 2ü', list: [1, 'two'] },
    });
    await given.provider.createPaymentLink(link);
    const { events } = await read(given, await given.pay(link.reference));
    assert.equal(events.find(({ kind }) => kind === 'paid')?.reference, link.reference);
  },
};
