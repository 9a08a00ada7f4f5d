/** Webhooks of each event of Stripe, in the shape of its published samples, and the events that are read from them. */
import type { ProviderEvent } from '../../src/ports/payment-provider.js';

export interface StripeSample {
  readonly type: string;
  readonly object: Record<string, unknown>;
  readonly told: readonly (Partial<ProviderEvent> & Pick<ProviderEvent, 'kind'>)[];
}

const AT = 1_700_000_000;
const DAY = 86_400;
const metadata = { reference: 'pay_ref_1', user_id: 'user-1', purpose: 'credit_topup', credits_to_add: '100' };
const usd = (amountMinor: number) => ({ amountMinor, currency: 'USD' });
const named = { reference: 'pay_ref_1', userId: 'user-1' };

const session = {
  ...{ id: 'cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u', object: 'checkout.session' },
  ...{ amount_subtotal: 2_198, amount_total: 2_198, automatic_tax: { enabled: false, status: null }, created: AT },
  ...{ cancel_url: 'https://x.dev', client_reference_id: 'pay_ref_1', currency: 'usd', customer: 'cus_NffrFeUfNV2Hib' },
  customer_details: { email: 'jenny@example.com', name: 'Jenny Rosen', phone: '+14155552671', address: { city: 'SF' } },
  ...{ customer_email: 'jenny@example.com', expires_at: AT + DAY, invoice: null, livemode: false, metadata },
  ...{ mode: 'payment', payment_intent: 'pi_1', payment_link: null, payment_method_types: ['card'] },
  ...{ payment_status: 'paid', status: 'complete', subscription: null, success_url: 'https://x.dev', url: null },
};
const ofSession = { ...named, providerLinkId: session.id, providerPaymentId: 'pi_1', asked: usd(2_198) };

const intent = {
  ...{ id: 'pi_1', object: 'payment_intent', amount: 2_198, amount_capturable: 0, amount_received: 2_198 },
  ...{ cancellation_reason: null, capture_method: 'automatic', client_secret: 'pi_1_secret_YrKJUKribcBjcG8HVhfZluoGH' },
  ...{ created: AT, currency: 'usd', customer: null, description: null, last_payment_error: null, livemode: false },
  ...{ latest_charge: 'ch_1', metadata, next_action: null, payment_method: 'pm_1', payment_method_types: ['card'] },
  ...{
    receipt_email: 'jenny@example.com',
    shipping: { name: 'Jenny Rosen', phone: '+14155552671' },
    status: 'succeeded',
  },
};
const ofIntent = { ...named, providerPaymentId: 'pi_1', asked: usd(2_198), method: 'card' };
const declined = {
  ...{ code: 'card_declined', decline_code: 'insufficient_funds', message: 'Your card has insufficient funds.' },
  payment_method: { id: 'pm_1', card: { last4: '9995', fingerprint: 'Xt5EWLLDS7FJjR1c', exp_month: 4 } },
};

const charge = {
  ...{ id: 'ch_1', object: 'charge', amount: 2_198, amount_captured: 2_198, amount_refunded: 500, captured: true },
  billing_details: { email: 'jenny@example.com', name: 'Jenny Rosen', phone: null, address: { line1: '510 Townsend' } },
  ...{ created: AT, currency: 'usd', livemode: false, metadata, paid: true, payment_intent: 'pi_1', refunded: false },
  payment_method_details: { card: { brand: 'visa', last4: '4242', network_token: { used: false } }, type: 'card' },
  ...{ receipt_url: 'https://pay.stripe.com/receipts/payment/CAcaFwoVYWNjdF8x', status: 'succeeded' },
};
const refund = {
  ...{ id: 're_1', object: 'refund', amount: 500, balance_transaction: 'txn_1', charge: 'ch_1', created: AT },
  destination_details: { card: { reference: '123456789012', reference_status: 'available' }, type: 'card' },
  ...{ currency: 'usd', metadata: {}, payment_intent: 'pi_1', reason: null, receipt_number: null, status: 'succeeded' },
};
const ofRefund = (status: 'open' | 'done' | 'failed') => ({
  ...{ kind: 'refunded' as const, providerPaymentId: 'pi_1', refund: { id: 're_1', status, ...usd(500) } },
});
const dispute = {
  ...{ id: 'du_1', object: 'dispute', amount: 2_198, balance_transactions: [], charge: 'ch_1', created: AT },
  evidence: {
    customer_email_address: 'jenny@example.com',
    customer_name: 'Jenny Rosen',
    customer_purchase_ip: '1.1.1.1',
  },
  ...{ currency: 'usd', is_charge_refundable: false, livemode: false, metadata: {}, payment_intent: 'pi_1' },
  ...{ reason: 'fraudulent', status: 'needs_response' },
};
const ofDispute = (status: 'open' | 'won' | 'lost') => ({
  ...{ kind: 'disputed' as const, providerPaymentId: 'pi_1', reason: 'fraudulent' },
  dispute: { id: 'du_1', status, ...usd(2_198) },
});

const line = (price: string, start: number, proration: boolean, amount = 2_000) => ({
  ...{ id: `il_${price}`, object: 'line_item', amount, currency: 'usd', livemode: false, metadata: {}, quantity: 1 },
  parent: { type: 'subscription_item_details', subscription_item_details: { proration, subscription: 'sub_1' } },
  period: { start, end: AT + 30 * DAY },
  pricing: { price_details: { price, product: 'prod_1' }, type: 'price_details', unit_amount_decimal: '2000' },
});
const invoice = {
  ...{ id: 'in_1', object: 'invoice', amount_due: 2_000, amount_paid: 2_000, amount_remaining: 0, attempt_count: 1 },
  ...{ billing_reason: 'subscription_cycle', created: AT, currency: 'usd', customer: 'cus_1', livemode: false },
  ...{ customer_email: 'jenny@example.com', customer_name: 'Jenny Rosen', status: 'paid', metadata: {} },
  hosted_invoice_url: 'https://invoice.stripe.com/i/acct_1/test_YWNjdF8x',
  lines: { object: 'list', data: [line('price_1', AT, false)], has_more: false },
  parent: { type: 'subscription_details', subscription_details: { metadata, subscription: 'sub_1' } },
  ...{ period_start: AT - 30 * DAY, period_end: AT },
};
const period = { periodStart: new Date(AT * 1000), periodEnd: new Date((AT + 30 * DAY) * 1000) };
const ofInvoice = {
  ...{ ...named, asked: usd(2_000), paid: usd(2_000), reason: 'subscription_cycle' },
  subscription: {
    ...{ id: 'sub_1', customerId: 'cus_1', priceIds: ['price_1'], invoiceId: 'in_1', ...period },
    cancelsAtPeriodEnd: false,
  },
};
/** An invoice as it was before the version basil. */
const oldInvoice = {
  ...{
    ...invoice,
    parent: undefined,
    subscription: 'sub_1',
    subscription_details: { metadata },
    payment_intent: 'pi_9',
  },
  lines: {
    object: 'list',
    data: [{ type: 'subscription', proration: false, period: line('', AT, false).period, price: { id: 'price_1' } }],
  },
};
const changed = [line('price_1', AT + DAY, true, -1_900), line('price_2', AT + DAY, true, 3_900)];

const subscription = {
  ...{
    id: 'sub_1',
    object: 'subscription',
    cancel_at: null,
    cancel_at_period_end: false,
    created: AT,
    currency: 'usd',
  },
  ...{
    customer: 'cus_1',
    latest_invoice: 'in_1',
    livemode: false,
    metadata,
    status: 'active',
    default_payment_method: 'pm_1',
  },
  items: {
    object: 'list',
    data: [
      {
        ...{ id: 'si_1', object: 'subscription_item', price: { id: 'price_1', object: 'price', unit_amount: 2_000 } },
        ...{ current_period_start: AT, current_period_end: AT + 30 * DAY, quantity: 1 },
      },
    ],
  },
};
const ofSubscription = { ...named, subscription: ofInvoice.subscription, reason: 'active' };
const cancelling = { ...ofInvoice.subscription, cancelsAtPeriodEnd: true };

const sample = (type: string, object: object, ...told: StripeSample['told']): StripeSample => ({
  ...{ type, object: object as Record<string, unknown>, told },
});

export const STRIPE_AT = new Date(AT * 1000);

export const STRIPE_SAMPLES: readonly (readonly [title: string, sample: StripeSample])[] = [
  sample('checkout.session.completed', session, { kind: 'paid', ...ofSession, paid: usd(2_198) }),
  sample('checkout.session.async_payment_succeeded', session, { kind: 'paid', ...ofSession, paid: usd(2_198) }),
  sample(
    'checkout.session.async_payment_failed',
    { ...session, payment_status: 'unpaid' },
    { kind: 'failed', ...ofSession },
  ),
  sample('checkout.session.expired', { ...session, status: 'expired' }, { kind: 'expired', ...ofSession }),
  sample('payment_intent.succeeded', intent, { kind: 'paid', ...ofIntent, paid: usd(2_198) }),
  sample(
    'payment_intent.payment_failed',
    { ...intent, amount_received: 0, last_payment_error: declined, status: 'requires_payment_method' },
    { kind: 'failed', ...ofIntent, reason: 'insufficient_funds' },
  ),
  sample(
    'payment_intent.canceled',
    { ...intent, amount_received: 0, cancellation_reason: 'abandoned', status: 'canceled' },
    { kind: 'cancelled', ...ofIntent, reason: 'abandoned' },
  ),
  sample(
    'payment_intent.amount_capturable_updated',
    { ...intent, amount_capturable: 2_198, amount_received: 0, status: 'requires_capture' },
    { kind: 'authorized', ...ofIntent },
  ),
  sample(
    'payment_intent.partially_funded',
    {
      ...intent,
      amount_received: 0,
      next_action: { type: 'x', display_bank_transfer_instructions: { amount_remaining: 1_198, currency: 'usd' } },
    },
    { kind: 'partially_paid', ...ofIntent, paid: usd(1_000) },
  ),
  sample('charge.refunded', charge, {
    kind: 'ignored',
    reason: 'it names no refund; refund.created and refund.updated do',
  }),
  sample('charge.refund.updated', refund, ofRefund('done')),
  sample('refund.created', { ...refund, status: 'pending' }, ofRefund('open')),
  sample('refund.updated', refund, ofRefund('done')),
  sample(
    'refund.failed',
    { ...refund, status: 'failed', failure_reason: 'expired_or_canceled_card' },
    { ...ofRefund('failed'), reason: 'expired_or_canceled_card' },
  ),
  sample('charge.dispute.created', dispute, ofDispute('open')),
  sample('charge.dispute.updated', { ...dispute, status: 'under_review' }, ofDispute('open')),
  sample('charge.dispute.funds_withdrawn', dispute, ofDispute('open')),
  sample('charge.dispute.funds_reinstated', { ...dispute, status: 'won' }, ofDispute('won')),
  sample('charge.dispute.closed', { ...dispute, status: 'lost' }, ofDispute('lost')),
  sample('invoice.paid', invoice, { kind: 'invoice_paid', ...ofInvoice }),
  sample(
    'invoice.payment_failed',
    { ...invoice, amount_paid: 0, status: 'open' },
    { kind: 'invoice_failed', ...ofInvoice, paid: usd(0) },
  ),
  sample('customer.subscription.created', subscription, { kind: 'subscription_changed', ...ofSubscription }),
  sample('customer.subscription.updated', subscription, { kind: 'subscription_changed', ...ofSubscription }),
  sample(
    'customer.subscription.deleted',
    { ...subscription, status: 'canceled' },
    { kind: 'subscription_ended', ...ofSubscription, reason: 'canceled' },
  ),
  sample(
    'product.created',
    { id: 'prod_1', object: 'product' },
    { kind: 'ignored', reason: 'an event without an effect' },
  ),
].map((each) => [each.type, each] as const);

/** The same events in forms that change what they mean. */
export const STRIPE_VARIANTS: readonly (readonly [title: string, sample: StripeSample])[] = [
  [
    'a session that is complete and unpaid',
    sample(
      'checkout.session.completed',
      { ...session, payment_status: 'unpaid' },
      { kind: 'authorized', ...ofSession },
    ),
  ],
  [
    'a session in kronur, which Stripe counts with two decimals',
    sample(
      'checkout.session.completed',
      { ...session, amount_total: 70_000, currency: 'isk' },
      {
        ...{ kind: 'paid', ...ofSession },
        ...{ asked: { amountMinor: 700, currency: 'ISK' }, paid: { amountMinor: 700, currency: 'ISK' } },
      },
    ),
  ],
  [
    'a session in kronur with decimals, which there are none of',
    sample(
      'checkout.session.completed',
      { ...session, amount_total: 70_050, currency: 'isk' },
      {
        kind: 'ignored',
        reason: 'the session has no amount that can be read',
      },
    ),
  ],
  [
    'a session of a link to another product, with our reference on its address',
    sample(
      'checkout.session.completed',
      { ...session, metadata: {}, payment_link: 'plink_other' },
      { kind: 'paid', ...ofSession, reference: null, userId: null, providerLinkId: 'plink_other', paid: usd(2_198) },
    ),
  ],
  [
    'a session that the host made, with our reference',
    sample(
      'checkout.session.completed',
      { ...session, metadata: null },
      { kind: 'paid', ...ofSession, userId: null, paid: usd(2_198) },
    ),
  ],
  [
    'a session that began a subscription of the host, with its user',
    sample(
      'checkout.session.completed',
      {
        ...session,
        metadata: {},
        mode: 'subscription',
        client_reference_id: 'user-9',
        subscription: 'sub_1',
        invoice: 'in_1',
      },
      {
        ...{ kind: 'subscription_changed', ...ofSession, reference: null, userId: 'user-9' },
        subscription: {
          ...{ id: 'sub_1', customerId: 'cus_NffrFeUfNV2Hib', priceIds: [], invoiceId: 'in_1' },
          ...{ periodStart: null, periodEnd: null, cancelsAtPeriodEnd: false },
        },
      },
    ),
  ],
  [
    'a payment of which less was captured',
    sample(
      'payment_intent.succeeded',
      { ...intent, amount_received: 2_000 },
      {
        ...{ kind: 'partially_paid', ...ofIntent, paid: usd(2_000) },
      },
    ),
  ],
  [
    'a charge that names its refunds, as old versions do',
    sample(
      'charge.refunded',
      { ...charge, refunds: { data: [refund, { ...refund, id: 're_2', amount: 100 }, { amount: 5 }] } },
      { ...ofRefund('done'), ...named },
      { ...ofRefund('done'), ...named, refund: { id: 're_2', status: 'done', ...usd(100) } },
    ),
  ],
  ['a refund that was canceled', sample('refund.updated', { ...refund, status: 'canceled' }, ofRefund('failed'))],
  [
    'an inquiry',
    sample(
      'charge.dispute.created',
      { ...dispute, status: 'warning_needs_response' },
      {
        kind: 'ignored',
        reason: 'an inquiry, which takes no money',
      },
    ),
  ],
  [
    'a dispute that was prevented',
    sample('charge.dispute.closed', { ...dispute, status: 'prevented' }, ofDispute('won')),
  ],
  [
    'an invoice of a version before basil',
    sample('invoice.paid', oldInvoice, { kind: 'invoice_paid', ...ofInvoice, providerPaymentId: 'pi_9' }),
  ],
  [
    'an invoice without a subscription',
    sample(
      'invoice.paid',
      { ...invoice, parent: null },
      { kind: 'ignored', reason: 'an invoice without a subscription' },
    ),
  ],
  [
    'an invoice for the rest of a period, which pays for no period of its own',
    sample(
      'invoice.paid',
      { ...invoice, billing_reason: 'subscription_update', lines: { data: changed } },
      {
        ...{ kind: 'invoice_paid', ...ofInvoice, reason: 'subscription_update' },
        subscription: { ...ofInvoice.subscription, priceIds: [], periodStart: null, periodEnd: null },
      },
    ),
  ],
  [
    'a subscription that cancels at the end of its period, by the flag',
    sample(
      'customer.subscription.updated',
      { ...subscription, cancel_at_period_end: true },
      { kind: 'subscription_changed', ...ofSubscription, subscription: cancelling },
    ),
  ],
  [
    'a subscription that cancels at the end of its period, by the instant',
    sample(
      'customer.subscription.updated',
      { ...subscription, cancel_at: AT + 30 * DAY },
      { kind: 'subscription_changed', ...ofSubscription, subscription: cancelling },
    ),
  ],
  [
    'a subscription whose first payment never came',
    sample(
      'customer.subscription.updated',
      { ...subscription, status: 'incomplete_expired' },
      { kind: 'subscription_ended', ...ofSubscription, reason: 'incomplete_expired' },
    ),
  ],
];
