/** Whose word counts: payers can write notes and descriptions, and no money may follow from them. */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { razorpayProvider } from '../../src/payments/razorpay.js';
import { stripeProvider } from '../../src/payments/stripe.js';
import { memoryWorld } from '../support/plan-world.js';
import { type PlainProvider, plainProvider } from './plain-provider.js';

const link = { userId: 'u', amount: 500, currency: 'INR' } as const;

/** A world whose webhooks are read by an adapter; links are made without the network. */
function adapterWorld(name: string, readWebhook: PlainProvider['readWebhook'], providerLinkId: string) {
  const plain = plainProvider(name);
  const createPaymentLink: PlainProvider['createPaymentLink'] = async (given) => {
    return { ...(await plain.createPaymentLink(given)), providerLinkId };
  };
  return memoryWorld({ payments: { providers: [{ ...plain, createPaymentLink, readWebhook }] } });
}

const webhookSecret = 'secret-of-the-webhook';
const hmac = (text: string) => createHmac('sha256', webhookSecret).update(text).digest('hex');

function razorpayWorld() {
  const { readWebhook } = razorpayProvider({ keyId: 'k', keySecret: 's', webhookSecret });
  const world = adapterWorld('razorpay', readWebhook, 'plink_FOGqq3O6E5bkml');
  const deliver = (event: string, payload: Record<string, unknown>) => {
    const entities = Object.fromEntries(Object.entries(payload).map(([of, entity]) => [of, { entity }]));
    const body = JSON.stringify({ event, created_at: 1_767_225_600, payload: entities });
    return world.manager.payments.handleWebhook('razorpay', body, { 'x-razorpay-signature': hmac(body) });
  };
  return { world, manager: world.manager, deliver };
}

/** A payment for shoes, which the host sells too, and the order of the host for it. */
const shoes = {
  payment: {
    ...{ id: 'pay_X', amount: 50_000, currency: 'INR', status: 'captured', captured: true, order_id: 'order_X' },
    ...{ description: 'Shoes', method: 'card', notes: {} },
  },
  order: { id: 'order_X', amount: 50_000, amount_paid: 50_000, currency: 'INR', status: 'paid', notes: [] },
};

test('our reference in notes that the payer wrote leads no money of others to us', async () => {
  const { world, manager, deliver } = razorpayWorld();
  const ours = await manager.payments.createPaymentLink(link);
  const payment = { ...shoes.payment, notes: { reference_id: ours.id } };
  await deliver('payment.captured', { payment });
  await deliver('order.paid', { payment, order: shoes.order });
  expect(await world.balance('u')).toBe(0);
  await world.expectSound();
});

test('our link in a description that the payer wrote leads no money of others to us', async () => {
  const { world, manager, deliver } = razorpayWorld();
  await manager.payments.createPaymentLink(link);
  const payment = { ...shoes.payment, description: '#FOGqq3O6E5bkml' };
  await deliver('order.paid', { payment, order: shoes.order });
  expect(await world.balance('u')).toBe(0);
  await world.expectSound();
});

test.each([{ reference_id: 'order-77' }, { reference_id: `pay_${'0'.repeat(32)}` }, { user_id: 'somebody' }])(
  'notes of a payment, which its payer can write, keep no refund and no dispute away: %j',
  async (notes) => {
    const { world, manager, deliver } = razorpayWorld();
    await manager.payments.recordPayment({ ...link, provider: 'razorpay', providerPaymentId: 'pay_X' });
    const payment = { ...shoes.payment, notes };
    const of = { payment_id: 'pay_X', currency: 'INR' };
    await deliver('refund.processed', {
      payment,
      refund: { ...of, id: 'rfnd_1', amount: 10_000, status: 'processed' },
    });
    await deliver('payment.dispute.lost', { payment, dispute: { ...of, id: 'disp_1', amount: 40_000 } });
    expect(await world.balance('u')).toBe(0);
    await world.expectSound();
  },
);

test('a charge.refunded of Stripe that names two refunds takes back both', async () => {
  const { readWebhook } = stripeProvider({ secretKey: 'sk_test_1', webhookSecret });
  const world = adapterWorld('stripe', readWebhook, 'cs_1');
  await world.manager.payments.recordPayment({ ...link, provider: 'stripe', providerPaymentId: 'pi_1' });
  const t = Date.parse('2026-01-01T00:00:00Z') / 1000;
  const of = { amount: 10_000, currency: 'inr', payment_intent: 'pi_1', status: 'succeeded' };
  const object = {
    id: 'ch_1',
    payment_intent: 'pi_1',
    refunds: {
      data: [
        { id: 're_2', ...of },
        { id: 're_1', ...of },
      ],
    },
  };
  const event = { id: 'evt_1', created: t, livemode: false, type: 'charge.refunded', data: { object } };
  const body = JSON.stringify(event);
  const headers = { 'stripe-signature': `t=${t},v1=${hmac(`${t}.${body}`)}` };
  await world.manager.payments.handleWebhook('stripe', body, headers);
  expect(await world.balance('u')).toBe(300);
  await world.expectSound();
});

/** 5,000 of each, as Stripe counts them: all but the ariary have two decimals there, and by ISO 4217. */
test.each([
  ['HUF', 500_000],
  ['IDR', 500_000],
  ['COP', 500_000],
  ['PKR', 500_000],
  ['ALL', 500_000],
  ['MGA', 5_000],
])('Stripe is asked for the money that the credits are sold for: 5,000 %s', async (currency, unitAmount) => {
  const bodies: string[] = [];
  const answer = { id: 'cs_1', object: 'checkout.session', url: 'https://pay.example/cs_1' };
  const fetch: typeof globalThis.fetch = async (_, init) => {
    bodies.push(String(init?.body));
    return new Response(JSON.stringify(answer), { status: 200, headers: { 'content-type': 'application/json' } });
  };
  const provider = stripeProvider({ secretKey: 'sk_test_1', webhookSecret, fetch });
  const world = memoryWorld({ payments: { providers: [provider], pricing: { [currency]: { creditsPerUnit: 1 } } } });
  const payment = await world.manager.payments.createPaymentLink({ userId: 'u', amount: 5_000, currency });
  expect(payment.creditsToAdd).toBe(5_000);
  const params = new URLSearchParams(bodies[0]);
  expect(params.get('line_items[0][price_data][unit_amount]')).toBe(String(unitAmount));
});
