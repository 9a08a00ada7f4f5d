/** Stripe's events in the words of the port. The table is above `stripeProvider`. */
import type { Json, JsonObject } from '../models/values.js';
import type { ProviderEvent, ProviderRefund } from '../ports/payment-provider.js';
import { at, eventOf, instantAt, listAt, notAnEvent, objectAt, textAt } from './reading.js';
import { fromStripe } from './stripe-money.js';
import { idAt, invoiceTold, subscriptionTold } from './stripe-subscriptions.js';
import type { Told } from './stripe-told.js';

/** Answers the message of an object under an event's name, or the reason why it has none. */
type Reader = (object: JsonObject) => Told | readonly Told[] | string;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['checkout.session.completed', (session) => completed(session)],
  ['checkout.session.async_payment_succeeded', (session) => completed(session)],
  ['checkout.session.async_payment_failed', (session) => ({ kind: 'failed', ...ofSession(session) })],
  ['checkout.session.expired', (session) => ({ kind: 'expired', ...ofSession(session) })],
  ['payment_intent.succeeded', (intent) => succeeded(intent)],
  ['payment_intent.payment_failed', (intent) => ({ kind: 'failed', ...ofIntent(intent) })],
  ['payment_intent.canceled', (intent) => ({ kind: 'cancelled', ...ofIntent(intent) })],
  ['payment_intent.amount_capturable_updated', (intent) => ({ kind: 'authorized', ...ofIntent(intent) })],
  ['payment_intent.partially_funded', (intent) => partlyFunded(intent)],
  ['charge.refunded', (charge) => refundsOf(charge)],
  ['charge.refund.updated', (refund) => refundTold(refund, null)],
  ['refund.created', (refund) => refundTold(refund, null)],
  ['refund.updated', (refund) => refundTold(refund, null)],
  ['refund.failed', (refund) => refundTold(refund, 'failed')],
  ['charge.dispute.created', (dispute) => disputeTold(dispute)],
  ['charge.dispute.updated', (dispute) => disputeTold(dispute)],
  ['charge.dispute.funds_withdrawn', (dispute) => disputeTold(dispute)],
  ['charge.dispute.funds_reinstated', (dispute) => disputeTold(dispute)],
  ['charge.dispute.closed', (dispute) => disputeTold(dispute)],
  ['invoice.paid', (invoice) => invoiceTold(invoice, 'invoice_paid')],
  ['invoice.payment_failed', (invoice) => invoiceTold(invoice, 'invoice_failed')],
  ['customer.subscription.created', (subscription) => subscriptionTold(subscription, 'subscription_changed')],
  ['customer.subscription.updated', (subscription) => subscriptionTold(subscription, 'subscription_changed')],
  ['customer.subscription.deleted', (subscription) => subscriptionTold(subscription, 'subscription_ended')],
]);

/**
 * The events of an event of Stripe, from a webhook or a list.
 *
 * @param livemode whether the key is one of the live mode; null when that is not known.
 * @throws INVALID_ARGUMENT for an object that has no id or no type of an event.
 */
export function stripeEvents(event: JsonObject, now: Date, livemode: boolean | null): readonly ProviderEvent[] {
  const [type, eventId] = [textAt(event, 'type'), textAt(event, 'id')];
  if (type === null || eventId === null) throw notAnEvent('stripe', 'an id and a type of an event');
  const occurredAt = instantAt(event, 'created') ?? now;
  const ignored = (reason: string) => [eventOf({ type, eventId, occurredAt, kind: 'ignored', reason })];
  if (livemode !== null && at(event, 'livemode') !== livemode) {
    return ignored(livemode ? 'an event of the test mode' : 'an event of the live mode');
  }
  const object = objectAt(event, 'data', 'object');
  if (object === null) return ignored('it has no object that can be read');
  return told(type, object, { eventId, occurredAt });
}

/** The events of that name about an object; one that is `ignored` when the name is unknown or it cannot be read. */
export function told(
  type: string,
  object: JsonObject,
  base: Pick<ProviderEvent, 'eventId' | 'occurredAt'>,
): readonly ProviderEvent[] {
  const said = READERS.get(type)?.(object) ?? 'an event without an effect';
  if (typeof said === 'string') return [eventOf({ type, ...base, kind: 'ignored', reason: said })];
  return [said].flat().map((each) => eventOf({ type, ...base, ...each }));
}

/**
 * A session of Checkout. Its metadata are the host's. `client_reference_id` is only where no payment link was used: on
 * the address of a link anybody can write one, also on a link to another product.
 */
function ofSession(session: JsonObject): Omit<Told, 'kind'> {
  const reference = textAt(session, 'metadata', 'reference');
  const client = idAt(session, 'payment_link') === null ? textAt(session, 'client_reference_id') : null;
  const renews = at(session, 'mode') === 'subscription';
  return {
    reference: reference ?? (renews ? null : client),
    // Hosts that make sessions for subscriptions themselves write the user there.
    userId: textAt(session, 'metadata', 'user_id') ?? (renews && reference === null ? client : null),
    providerLinkId: idAt(session, 'payment_link') ?? textAt(session, 'id'),
    providerPaymentId: idAt(session, 'payment_intent'),
    asked: fromStripe(at(session, 'amount_total'), at(session, 'currency')),
  };
}

function completed(session: JsonObject): Told | string {
  const known = ofSession(session);
  const subscription = idAt(session, 'subscription');
  if (subscription !== null) {
    const ids = { id: subscription, customerId: idAt(session, 'customer'), invoiceId: idAt(session, 'invoice') };
    // The session names no prices and no period: the events of the invoice and the subscription do.
    const open = { priceIds: [], periodStart: null, periodEnd: null, cancelsAtPeriodEnd: false };
    return { kind: 'subscription_changed', ...known, subscription: { ...ids, ...open } };
  }
  if (!known.asked) return 'the session has no amount that can be read';
  // Some methods of payment take days: until the money arrives, the session is complete and unpaid.
  if (at(session, 'payment_status') === 'unpaid') return { kind: 'authorized', ...known };
  return { kind: 'paid', ...known, paid: known.asked };
}

function ofIntent(intent: JsonObject): Omit<Told, 'kind'> {
  const error = objectAt(intent, 'last_payment_error');
  return {
    reference: textAt(intent, 'metadata', 'reference'),
    userId: textAt(intent, 'metadata', 'user_id'),
    providerPaymentId: textAt(intent, 'id'),
    asked: fromStripe(at(intent, 'amount'), at(intent, 'currency')),
    method: textAt(intent, 'payment_method_types', '0'),
    reason: textAt(error, 'decline_code') ?? textAt(error, 'code') ?? textAt(intent, 'cancellation_reason'),
  };
}

function succeeded(intent: JsonObject): Told | string {
  const known = ofIntent(intent);
  const paid = fromStripe(at(intent, 'amount_received'), at(intent, 'currency'));
  if (!known.asked || paid === null) return 'the payment has no amounts that can be read';
  const kind = paid.amountMinor < known.asked.amountMinor ? 'partially_paid' : 'paid';
  return { kind, ...known, paid, reason: null };
}

function partlyFunded(intent: JsonObject): Told | string {
  const instructions = objectAt(intent, 'next_action', 'display_bank_transfer_instructions');
  const missing = fromStripe(at(instructions, 'amount_remaining'), at(intent, 'currency'));
  const known = ofIntent(intent);
  const arrived = known.asked && missing ? known.asked.amountMinor - missing.amountMinor : -1;
  if (!known.asked || arrived < 0) return 'the payment has no amounts that can be read';
  return { kind: 'partially_paid', ...known, paid: { ...known.asked, amountMinor: arrived } };
}

function refundsOf(charge: JsonObject): readonly Told[] | string {
  const refunds = listAt(charge, 'refunds', 'data').map((each) => refundOf(each, charge));
  const readable = refunds.filter((each) => typeof each !== 'string');
  // Versions of the API since 2022-11-15 leave the list out. Without an id a refund would count at every event again.
  return readable.length > 0 ? readable : 'it names no refund; refund.created and refund.updated do';
}

function refundTold(refund: JsonObject, status: ProviderRefund['status'] | null): Told | string {
  const found = refundOf(refund, null);
  return typeof found === 'string' || status === null || !found.refund
    ? found
    : { ...found, refund: { ...found.refund, status } };
}

const REFUND_STATUS: ReadonlyMap<string | null, ProviderRefund['status']> = new Map([
  ['succeeded', 'done'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

function refundOf(refund: Json, charge: JsonObject | null): Told | string {
  const id = textAt(refund, 'id');
  const money = fromStripe(at(refund, 'amount'), at(refund, 'currency'));
  if (id === null || money === null) return 'the refund has no id or no amount that can be read';
  return {
    kind: 'refunded',
    reference: textAt(refund, 'metadata', 'reference') ?? textAt(charge, 'metadata', 'reference'),
    userId: textAt(charge, 'metadata', 'user_id'),
    providerPaymentId: idAt(refund, 'payment_intent') ?? idAt(charge, 'payment_intent') ?? idAt(refund, 'charge'),
    refund: { ...money, id, status: REFUND_STATUS.get(textAt(refund, 'status')) ?? 'open' },
    reason: textAt(refund, 'failure_reason'),
  };
}

const DISPUTE_STATUS: ReadonlyMap<string | null, 'open' | 'won' | 'lost'> = new Map([
  ['needs_response', 'open'],
  ['under_review', 'open'],
  ['appeal_needs_response', 'open'],
  ['appeal_under_review', 'open'],
  ['won', 'won'],
  // Settled before it took money, by a refund that has events of its own.
  ['prevented', 'won'],
  ['lost', 'lost'],
]);

function disputeTold(dispute: JsonObject): Told | string {
  const id = textAt(dispute, 'id');
  const money = fromStripe(at(dispute, 'amount'), at(dispute, 'currency'));
  if (id === null || money === null) return 'the dispute has no id or no amount that can be read';
  const status = DISPUTE_STATUS.get(textAt(dispute, 'status'));
  if (status === undefined) return 'an inquiry, which takes no money';
  return {
    kind: 'disputed',
    reference: textAt(dispute, 'metadata', 'reference'),
    providerPaymentId: idAt(dispute, 'payment_intent') ?? idAt(dispute, 'charge'),
    dispute: { ...money, id, status },
    reason: textAt(dispute, 'reason'),
  };
}
