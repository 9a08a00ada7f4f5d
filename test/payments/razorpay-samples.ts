/** A webhook of each event of Razorpay, in the shape of its published samples, and the event that is read from it. */
import type { ProviderEvent } from '../../src/ports/payment-provider.js';

export interface Sample {
  readonly body: Record<string, unknown>;
  readonly told: Partial<ProviderEvent> & Pick<ProviderEvent, 'kind'>;
}

const AT = 1_596_890_289;
const NOTES = { user_id: 'user-1', purpose: 'credit_topup', reference_id: 'pay_ref_1', credits_to_add: 100 };

const payment = {
  ...{ id: 'pay_FOGsH8uHkF2FbR', entity: 'payment', amount: 10_000, currency: 'INR', status: 'captured' },
  ...{ order_id: 'order_FOGs9Hz3ZaAjsm', invoice_id: null, international: false, method: 'card', amount_refunded: 0 },
  ...{ amount_transferred: 0, refund_status: null, captured: true, description: '#FOGqq3O6E5bkml' },
  ...{ card_id: 'card_DZon6fd8J3IcA2', bank: null, wallet: null, vpa: null, base_amount: 10_000 },
  card: {
    ...{ id: 'card_DZon6fd8J3IcA2', entity: 'card', name: 'Gaurav Kumar', last4: '1111', network: 'Visa' },
    ...{ type: 'debit', issuer: 'HDFC', international: false, emi: false, sub_type: 'consumer', token_iin: '411111' },
  },
  ...{
    email: 'gaurav.kumar@example.com',
    contact: '+919988998899',
    notes: [],
    fee: 236,
    tax: 36,
    fee_bearer: 'platform',
  },
  ...{ error_code: null, error_description: null, error_reason: null, error_source: null, error_step: null },
  ...{ acquirer_data: { auth_code: '064381', rrn: '123456789012' }, created_at: AT },
};
const failed = {
  ...payment,
  ...{ status: 'failed', captured: false, error_code: 'BAD_REQUEST_ERROR', error_reason: 'payment_failed' },
  ...{ error_description: 'Payment failed due to incorrect card details', error_source: 'customer' },
};
const order = {
  ...{
    id: 'order_FOGs9Hz3ZaAjsm',
    entity: 'order',
    amount: 10_000,
    amount_paid: 10_000,
    amount_due: 0,
    currency: 'INR',
  },
  ...{ receipt: 'pay_ref_1', offer_id: null, status: 'paid', attempts: 1, notes: NOTES, created_at: AT },
};
const link = {
  ...{
    accept_partial: false,
    amount: 10_000,
    amount_paid: 10_000,
    callback_method: 'get',
    callback_url: 'https://x.dev',
  },
  ...{
    cancelled_at: 0,
    created_at: AT,
    currency: 'INR',
    description: 'Credits',
    expire_by: 1_598_898_599,
    expired_at: 0,
  },
  customer: { contact: '+919988998899', email: 'gaurav.kumar@example.com', name: 'Gaurav Kumar' },
  ...{ first_min_partial_amount: 0, id: 'plink_FOGqq3O6E5bkml', notes: NOTES, notify: { email: true, sms: true } },
  ...{
    order_id: 'order_FOGs9Hz3ZaAjsm',
    reference_id: 'pay_ref_1',
    reminder_enable: true,
    reminders: { status: 'failed' },
  },
  ...{ short_url: 'https://rzp.io/i/bQj7WBE', status: 'paid', updated_at: AT, user_id: 'API' },
};
const invoice = {
  ...{ id: 'inv_DEW1rqhJxTyZwz', entity: 'invoice', receipt: null, invoice_number: null, customer_id: 'cust_1' },
  customer_details: { name: 'Gaurav Kumar', email: 'gaurav.kumar@example.com', contact: '9988998899' },
  ...{
    order_id: 'order_FOGs9Hz3ZaAjsm',
    line_items: [],
    payment_id: 'pay_FOGsH8uHkF2FbR',
    status: 'paid',
    amount: 10_000,
  },
  ...{
    amount_paid: 10_000,
    amount_due: 0,
    currency: 'INR',
    description: null,
    notes: NOTES,
    short_url: 'https://rzp.io/i/1',
  },
  ...{ type: 'invoice', partial_payment: true, expired_at: null, paid_at: AT, created_at: AT },
};
const refund = {
  ...{ id: 'rfnd_FS8TWyPrCsa0OB', entity: 'refund', amount: 4_000, currency: 'INR', payment_id: 'pay_FOGsH8uHkF2FbR' },
  ...{
    notes: { comment: 'asked for it' },
    receipt: null,
    acquirer_data: { arn: null },
    created_at: AT,
    batch_id: null,
  },
  ...{ status: 'pending', speed_processed: 'normal', speed_requested: 'optimum' },
};
const dispute = {
  ...{
    id: 'disp_EsIAlDcoUr8CaQ',
    entity: 'dispute',
    payment_id: 'pay_FOGsH8uHkF2FbR',
    amount: 10_000,
    currency: 'INR',
  },
  ...{ amount_deducted: 0, reason_code: 'chargeback', respond_by: 1_600_000_000, status: 'open', phase: 'chargeback' },
  ...{ created_at: AT, evidence: null },
};

function body(event: string, entities: Readonly<Record<string, object>>, contains = Object.keys(entities)) {
  const payload = Object.fromEntries(Object.entries(entities).map(([name, entity]) => [name, { entity }]));
  return { entity: 'event', account_id: 'acc_BFQ7uQEaa7j2z7', event, contains, payload, created_at: AT };
}

const inr = (amountMinor: number) => ({ amountMinor, currency: 'INR' });
const ids = {
  providerLinkId: 'plink_FOGqq3O6E5bkml',
  providerPaymentId: 'pay_FOGsH8uHkF2FbR',
  providerOrderId: 'order_FOGs9Hz3ZaAjsm',
  method: 'card',
};
const ours = { ...ids, reference: 'pay_ref_1', userId: 'user-1' };
const onlyLink = { ...ours, providerPaymentId: null, method: null };
const part = { ...link, amount_paid: 4_000, status: 'partially_paid' };
const ofRefund = (status: 'open' | 'done' | 'failed') => ({
  ...{ kind: 'refunded' as const, ...ids, refund: { id: 'rfnd_FS8TWyPrCsa0OB', status, ...inr(4_000) } },
});
const ofDispute = (status: 'open' | 'won' | 'lost') => ({
  ...{ kind: 'disputed' as const, ...ids, reason: 'chargeback' },
  dispute: { id: 'disp_EsIAlDcoUr8CaQ', status, ...inr(10_000) },
});
const disputed = (name: string, more: object = {}) =>
  body(`payment.dispute.${name}`, { payment, dispute: { ...dispute, ...more } }, ['payment', 'dispute']);

export const RAZORPAY_AT = new Date(AT * 1000);

export const RAZORPAY_SAMPLES: Readonly<Record<string, Sample>> = {
  'payment.authorized': {
    body: body('payment.authorized', { payment: { ...payment, status: 'authorized', captured: false } }),
    told: { kind: 'authorized', ...ids, asked: inr(10_000) },
  },
  'payment.captured': {
    body: body('payment.captured', { payment }),
    told: { kind: 'authorized', ...ids, asked: inr(10_000) },
  },
  'payment.captured, with notes': {
    body: body('payment.captured', { payment: { ...payment, notes: NOTES } }),
    told: { kind: 'authorized', ...ours, asked: inr(10_000) },
  },
  'payment.failed': {
    body: body('payment.failed', { payment: failed }),
    told: { kind: 'failed', ...ids, asked: inr(10_000), reason: 'payment_failed' },
  },
  'payment_link.paid': {
    body: body('payment_link.paid', { payment_link: link, order, payment }),
    told: { kind: 'paid', ...ours, asked: inr(10_000), paid: inr(10_000), arrived: inr(10_000) },
  },
  'payment_link.paid, with less than asked': {
    body: body('payment_link.paid', { payment_link: { ...link, amount_paid: 9_999 }, order, payment }),
    told: { kind: 'partially_paid', ...ours, asked: inr(10_000), paid: inr(9_999), arrived: inr(10_000) },
  },
  'payment_link.partially_paid': {
    body: body('payment_link.partially_paid', { payment_link: part, order, payment: { ...payment, amount: 4_000 } }),
    told: { kind: 'partially_paid', ...ours, asked: inr(10_000), paid: inr(4_000), arrived: inr(4_000) },
  },
  'payment_link.expired': {
    body: body('payment_link.expired', { payment_link: { ...link, amount_paid: 0, status: 'expired' } }),
    told: { kind: 'expired', ...onlyLink, asked: inr(10_000) },
  },
  'payment_link.cancelled': {
    body: body('payment_link.cancelled', { payment_link: { ...link, amount_paid: 0, status: 'cancelled' } }),
    told: { kind: 'cancelled', ...onlyLink, asked: inr(10_000) },
  },
  'order.paid': {
    body: body('order.paid', { payment, order }),
    told: { kind: 'paid', ...ours, providerLinkId: null, asked: inr(10_000), paid: inr(10_000), arrived: inr(10_000) },
  },
  'order.paid of another product, whose payer wrote our reference into the notes of the payment': {
    body: body('order.paid', { payment: { ...payment, notes: NOTES }, order: { ...order, notes: [] } }),
    told: {
      kind: 'paid',
      ...ids,
      providerLinkId: null,
      reference: null,
      userId: null,
      asked: inr(10_000),
      paid: inr(10_000),
      arrived: inr(10_000),
    },
  },
  'invoice.paid': {
    body: body('invoice.paid', { payment, order, invoice }),
    told: { kind: 'paid', ...ours, providerLinkId: null, asked: inr(10_000), paid: inr(10_000), arrived: inr(10_000) },
  },
  'invoice.partially_paid': {
    body: body('invoice.partially_paid', { payment, order, invoice: { ...invoice, amount_paid: 4_000 } }),
    told: {
      kind: 'partially_paid',
      ...ours,
      providerLinkId: null,
      asked: inr(10_000),
      paid: inr(4_000),
      arrived: inr(10_000),
    },
  },
  'invoice.expired': {
    body: body('invoice.expired', { invoice: { ...invoice, payment_id: null, amount_paid: 0, status: 'expired' } }),
    told: { kind: 'expired', reference: 'pay_ref_1', userId: 'user-1', asked: inr(10_000) },
  },
  'refund.created': { body: body('refund.created', { refund, payment }), told: ofRefund('open') },
  'refund.created, done at once': {
    body: body('refund.created', { refund: { ...refund, status: 'processed' }, payment }),
    told: ofRefund('done'),
  },
  'refund.processed': {
    body: body('refund.processed', { refund: { ...refund, status: 'processed' }, payment }),
    told: ofRefund('done'),
  },
  'refund.failed': {
    body: body('refund.failed', { refund: { ...refund, status: 'failed' }, payment }),
    told: ofRefund('failed'),
  },
  'refund.speed_changed': { body: body('refund.speed_changed', { refund, payment }), told: ofRefund('open') },
  'refund.processed of a payment that was never captured': {
    body: body('refund.processed', { refund, payment: { ...payment, captured: false } }),
    told: { kind: 'ignored', ...ids, reason: 'the refund of a payment that was never captured' },
  },
  'payment.dispute.created': { body: disputed('created'), told: ofDispute('open') },
  'payment.dispute.under_review': { body: disputed('under_review'), told: ofDispute('open') },
  'payment.dispute.action_required': { body: disputed('action_required'), told: ofDispute('open') },
  'payment.dispute.won': { body: disputed('won', { status: 'won' }), told: ofDispute('won') },
  'payment.dispute.lost': {
    body: disputed('lost', { status: 'lost', amount_deducted: 10_000 }),
    told: ofDispute('lost'),
  },
  'payment.dispute.closed': { body: disputed('closed', { status: 'closed' }), told: ofDispute('won') },
  'payment.dispute.closed, with money taken': {
    body: disputed('closed', { status: 'closed', amount_deducted: 10_000 }),
    told: ofDispute('lost'),
  },
  'settlement.processed': {
    body: body('settlement.processed', { settlement: { id: 'setl_1', entity: 'settlement', amount: 9_973_635 } }),
    told: { kind: 'ignored', reason: 'an event without an effect' },
  },
};
