/** A subscription as Stripe tells it: sessions, subscriptions and invoices in the shape of its published samples. */
import { expect, test } from 'vitest';
import { stripeProvider } from '../../src/payments/stripe.js';
import { memoryWorld } from '../support/plan-world.js';
import { StripeServer } from './stripe-server.js';

const DAY = 86_400;
const START = Date.UTC(2026, 0, 1) / 1000;

const line = (price: string, start: number, end: number, proration = false, amount = 2_000) => ({
  ...{ id: `il_${price}_${start}`, object: 'line_item', amount, currency: 'usd', quantity: 1, period: { start, end } },
  parent: { type: 'subscription_item_details', subscription_item_details: { proration, subscription: 'sub_1' } },
  pricing: { price_details: { price, product: 'prod_1' }, type: 'price_details' },
});
const invoice = (id: string, created: number, ...data: object[]) => ({
  ...{ id, object: 'invoice', amount_due: 2_000, amount_paid: 2_000, created, currency: 'usd', customer: 'cus_1' },
  ...{ billing_reason: 'subscription_cycle', status: 'paid', lines: { object: 'list', data } },
  parent: { type: 'subscription_details', subscription_details: { metadata: {}, subscription: 'sub_1' } },
});
const subscription = (price: string, start: number, more: object = {}) => ({
  ...{ id: 'sub_1', object: 'subscription', cancel_at: null, cancel_at_period_end: false, created: START },
  ...{ currency: 'usd', customer: 'cus_1', latest_invoice: 'in_1', metadata: {}, status: 'active' },
  items: {
    data: [{ id: 'si_1', price: { id: price }, current_period_start: start, current_period_end: start + 30 * DAY }],
  },
  ...more,
});
const session = {
  ...{
    id: 'cs_1',
    object: 'checkout.session',
    amount_total: 2_000,
    currency: 'usd',
    customer: 'cus_1',
    created: START,
  },
  ...{ client_reference_id: 'u', mode: 'subscription', subscription: 'sub_1', invoice: 'in_1', metadata: {} },
  ...{ payment_intent: null, payment_link: null, payment_status: 'paid', status: 'complete' },
};

test('a session, a subscription and its invoices grant the periods of Stripe', async () => {
  const server = new StripeServer();
  const { webhookSecret } = server;
  const provider = stripeProvider({ secretKey: 'sk_test_1', webhookSecret });
  const world = memoryWorld({ payments: { providers: [provider] } });
  const { manager, clock } = world;
  const plan = { billingPeriod: 'monthly', price: 20, currency: 'USD' } as const;
  const prices = (price: string) => ({ providerPrices: { stripe: [price] } });
  await manager.subscriptions.addSubscriptionPlan({ ...plan, name: 'Pro', creditLimit: 100, ...prices('price_1') });
  await manager.subscriptions.addSubscriptionPlan({ ...plan, name: 'Max', creditLimit: 300, ...prices('price_2') });
  const tell = async (at: number, type: string, object: object) => {
    clock.set(new Date(at * 1000));
    server.now = at;
    const { body, headers } = server.webhook(type, object as Record<string, unknown>);
    return manager.payments.handleWebhook('stripe', body, headers);
  };

  const [february, march] = [START + 30 * DAY, START + 60 * DAY];
  // The invoice comes first, and names neither a user nor a known customer.
  const first = await tell(START + 1, 'invoice.paid', invoice('in_1', START, line('price_1', START, february)));
  expect(first).toMatchObject({ success: false, status: 'waiting' });
  await tell(START + 2, 'customer.subscription.created', subscription('price_1', START));
  expect(await tell(START + 3, 'checkout.session.completed', session)).toMatchObject({ success: true, userId: 'u' });
  expect(await world.balance('u')).toBe(100);
  expect((await manager.payments.listMessages({ status: 'waiting' })).items).toEqual([]);

  // An upgrade in the middle of the period, and the invoice for the rest of it, which pays for no period of its own.
  const middle = START + 15 * DAY;
  await tell(middle, 'customer.subscription.updated', subscription('price_2', START));
  const rest = [line('price_1', middle, february, true, -1_000), line('price_2', middle, february, true, 3_000)];
  await tell(middle + 1, 'invoice.paid', invoice('in_2', middle, ...rest));
  expect(await world.balance('u')).toBe(200);

  await tell(february, 'customer.subscription.updated', subscription('price_2', february));
  const both = [line('price_2', middle, february, true, 500), line('price_2', february, march)];
  await tell(february + 3_600, 'invoice.paid', invoice('in_3', february, ...both));
  expect(await world.balance('u')).toBe(300);
  const cancelled = subscription('price_2', february, { cancel_at_period_end: true });
  await tell(february + 5 * DAY, 'customer.subscription.updated', cancelled);
  expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
    ...{ status: 'active', autoRenew: false, periodStart: new Date(february * 1000) },
    ...{ periodEnd: new Date(march * 1000), validUntil: new Date(march * 1000) },
  });
  await tell(march, 'customer.subscription.deleted', subscription('price_2', february, { status: 'canceled' }));
  expect(await manager.subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'ended' });
  expect(await world.balance('u')).toBe(0);
  await world.expectSound();
});
