/** Entities that Razorpay's API answers, told as the events that would have said the same. */
import type { JsonObject } from '../models/values.js';
import type { ProviderEvent } from '../ports/payment-provider.js';
import { told } from './razorpay-events.js';
import { instantAt, objectsAt, textAt } from './reading.js';

const OF_A_LINK: ReadonlyMap<string | null, string> = new Map([
  ['paid', 'payment_link.paid'],
  ['partially_paid', 'payment_link.partially_paid'],
  ['expired', 'payment_link.expired'],
  ['cancelled', 'payment_link.cancelled'],
]);
const OF_A_PAYMENT: ReadonlyMap<string | null, string> = new Map([
  ['authorized', 'payment.authorized'],
  ['captured', 'payment.captured'],
  ['refunded', 'payment.captured'],
  ['failed', 'payment.failed'],
]);

/** One event for each payment of a link; none for a link that nobody has paid yet. */
export function fetchedLink(link: JsonObject): readonly ProviderEvent[] {
  const type = OF_A_LINK.get(textAt(link, 'status'));
  if (type === undefined) return [];
  const payments = objectsAt(link, 'payments');
  const each = payments.length > 1 ? payments.map((payment) => ({ ...link, payments: [payment] })) : [link];
  return each.map((one) => told(type, { link: one }, lastChangeOf(link)));
}

/**
 * Null for a payment that was not tried yet.
 *
 * @param captured the kind of a captured payment: `paid` for one that was asked for by its own id.
 */
export function fetchedPayment(payment: JsonObject, captured?: 'paid'): ProviderEvent | null {
  const type = OF_A_PAYMENT.get(textAt(payment, 'status'));
  if (type === undefined) return null;
  const event = told(type, { payment }, lastChangeOf(payment));
  const isPaid = captured !== undefined && type === 'payment.captured' && event.kind !== 'ignored';
  return isPaid ? { ...event, kind: captured, paid: event.asked } : event;
}

export function fetchedRefund(refund: JsonObject): ProviderEvent {
  return told('refund.created', { refund }, lastChangeOf(refund));
}

function lastChangeOf(entity: JsonObject): Date {
  return instantAt(entity, 'updated_at') ?? instantAt(entity, 'created_at') ?? new Date(0);
}
