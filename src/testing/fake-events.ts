/** The body of the fake provider's webhooks, and how it is read back: as untrusting as for a real provider. */
import type { JsonObject } from '../models/values.js';
import { at, eventOf, instantAt, listAt, moneyOf, notAnEvent, objectAt, textAt } from '../payments/reading.js';
import type {
  MinorMoney,
  ProviderDispute,
  ProviderEvent,
  ProviderEventKind,
  ProviderRefund,
  ProviderSubscription,
} from '../ports/payment-provider.js';

const KINDS: ReadonlyMap<string, ProviderEventKind> = new Map(
  [
    ...(['authorized', 'failed', 'partially_paid', 'paid', 'expired', 'cancelled', 'refunded', 'disputed'] as const),
    ...(['invoice_paid', 'invoice_failed', 'subscription_changed', 'subscription_ended'] as const),
  ].map((kind) => [`fake.${kind}`, kind]),
);

/** The fields of a body, all of which are kept: no customer has told the fake provider anything. */
export const FAKE_FIELDS: ReadonlySet<string> = new Set([
  ...['id', 'type', 'created', 'data', 'body', 'reference', 'providerLinkId', 'providerPaymentId', 'providerOrderId'],
  ...['userId', 'asked', 'paid', 'refund', 'dispute', 'subscription', 'method', 'reason', 'amountMinor', 'currency'],
  ...['status', 'customerId', 'priceIds', 'invoiceId', 'periodStart', 'periodEnd', 'cancelsAtPeriodEnd'],
  ...['description', 'callbackUrl', 'creditsToAdd', 'metadata', 'priceId'],
]);

/** An event as JSON. Its type is `fake.` and its kind, unless it has another type, which nobody knows. */
export function bodyOf(event: ProviderEvent): JsonObject {
  const { eventId, type, occurredAt, subscription, kind: _, ...data } = event;
  const seconds = (instant: Date | null) => (instant === null ? null : Math.floor(instant.getTime() / 1000));
  const { periodStart = null, periodEnd = null, ...rest } = subscription ?? {};
  const period = { periodStart: seconds(periodStart), periodEnd: seconds(periodEnd) };
  const told = subscription && { ...rest, ...period };
  return { id: eventId, type, created: seconds(occurredAt), data: { ...data, subscription: told } as JsonObject };
}

/** @throws INVALID_ARGUMENT for an object without an id or a type. */
export function readBody(body: JsonObject, now: Date, provider: string): ProviderEvent {
  const [eventId, type] = [textAt(body, 'id'), textAt(body, 'type')];
  if (eventId === null || type === null) throw notAnEvent(provider, 'an id and a type of an event');
  const data = objectAt(body, 'data');
  const money = (name: string) => moneyOf(at(data, name, 'amountMinor'), at(data, name, 'currency'));
  const base = { eventId, type, occurredAt: instantAt(body, 'created') ?? now };
  const event = eventOf({
    ...base,
    kind: KINDS.get(type) ?? 'ignored',
    reference: textAt(data, 'reference'),
    providerLinkId: textAt(data, 'providerLinkId'),
    providerPaymentId: textAt(data, 'providerPaymentId'),
    userId: textAt(data, 'userId'),
    asked: money('asked'),
    paid: money('paid'),
    refund: refundOf(objectAt(data, 'refund'), money('refund')),
    dispute: disputeOf(objectAt(data, 'dispute'), money('dispute')),
    subscription: subscriptionOf(objectAt(data, 'subscription')),
    method: textAt(data, 'method'),
    reason: textAt(data, 'reason'),
  });
  const isWhole =
    (event.kind !== 'refunded' || event.refund !== null) &&
    (event.kind !== 'disputed' || event.dispute !== null) &&
    (!/^(invoice|subscription)_/.test(event.kind) || event.subscription !== null) &&
    ((event.kind !== 'paid' && event.kind !== 'partially_paid') || event.paid !== null);
  return isWhole ? event : eventOf({ ...base, kind: 'ignored', reason: 'it cannot be read' });
}

function refundOf(refund: JsonObject | null, money: MinorMoney | null): ProviderRefund | null {
  const [id, status] = [textAt(refund, 'id'), textAt(refund, 'status')];
  if (id === null || money === null) return null;
  return status === 'open' || status === 'done' || status === 'failed' ? { ...money, id, status } : null;
}

function disputeOf(dispute: JsonObject | null, money: MinorMoney | null): ProviderDispute | null {
  const [id, status] = [textAt(dispute, 'id'), textAt(dispute, 'status')];
  if (id === null || money === null) return null;
  return status === 'open' || status === 'won' || status === 'lost' ? { ...money, id, status } : null;
}

function subscriptionOf(subscription: JsonObject | null): ProviderSubscription | null {
  const id = textAt(subscription, 'id');
  if (id === null) return null;
  return {
    id,
    customerId: textAt(subscription, 'customerId'),
    priceIds: listAt(subscription, 'priceIds').filter((price) => typeof price === 'string' && price !== ''),
    invoiceId: textAt(subscription, 'invoiceId'),
    periodStart: instantAt(subscription, 'periodStart'),
    periodEnd: instantAt(subscription, 'periodEnd'),
    cancelsAtPeriodEnd: at(subscription, 'cancelsAtPeriodEnd') === true,
  } as ProviderSubscription;
}
