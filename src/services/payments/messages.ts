/** The rows of messages: what came from a provider, and what went to it. */

import { sha256 } from '../../core/canonical-json.js';
import type { InboxMessage } from '../../core/command.js';
import type { StoredEvent, StoredSubscription } from '../../core/payment-state.js';
import type { MessageStatus, PaymentMessageRow } from '../../models/payment.js';
import type { MinorMoney, ProviderEvent } from '../../models/provider-event.js';
import type { JsonObject } from '../../models/values.js';
import type { ProviderTraffic } from '../../ports/payment-provider.js';

const TEXT_MAX = 1_000;
const ID = /^[A-Za-z0-9][A-Za-z0-9_:.-]{0,199}$/;

/**
 * The message of an event; `place` names the event where its provider gives it no id, and `part` says which it is where
 * several share an id.
 */
export function inboxMessage(
  provider: string,
  event: ProviderEvent,
  { place, payload, at }: { place: string; payload: JsonObject; at: Date },
  part = '',
): InboxMessage {
  const stored = storedEvent(event);
  const named = idOf(event.eventId);
  const id = `${provider}/${named === null ? place : `${named}${part}`}`;
  return {
    ...{ id, direction: 'inbound', provider, type: textOf(event.type) ?? 'unknown' },
    ...{ status: 'waiting', reason: null, paymentId: null, userId: stored.userId, reference: stored.reference },
    ...{
      providerLinkId: stored.subscription?.id ?? stored.providerLinkId,
      providerPaymentId: stored.providerPaymentId,
    },
    ...{ httpStatus: null, event: stored, payload, createdAt: at, processedAt: null },
  };
}

/** Names an event by what it says, for providers that give it no id: the same again is the same message. */
export function placeOf(kind: string, event: ProviderEvent): string {
  return `${kind}.${sha256(JSON.stringify(storedEvent(event)))}`;
}

/** The message of a request to a provider, written with the change that it made. */
export function sentMessage(
  about: { id: string; provider: string; type: string; status: MessageStatus; reason?: string },
  payment: { id: string | null; userId: string },
  { request, response, httpStatus }: ProviderTraffic,
  at: Date,
  named: { providerLinkId?: string | null; providerPaymentId?: string | null } = {},
): PaymentMessageRow {
  const { id, provider, type, status, reason = null } = about;
  const { providerLinkId = null, providerPaymentId = null } = named;
  return {
    ...{ id, version: 1, direction: 'outbound', provider, type, status, reason: textOf(reason) },
    ...{ paymentId: payment.id, userId: payment.userId, reference: payment.id, providerLinkId, providerPaymentId },
    ...{ httpStatus, event: null, payload: { request, response }, createdAt: at, processedAt: at },
  };
}

/** The event that a stored message has. */
export function messageOf(row: PaymentMessageRow): InboxMessage | null {
  const { version: _, event, ...message } = row;
  return event === null ? null : { ...message, event: event as unknown as StoredEvent };
}

/** An event with the fields that we know and no others; what is not an id, a text or money is nothing. */
function storedEvent(event: ProviderEvent): StoredEvent {
  const { occurredAt, refund, dispute, kind } = event;
  const refundId = idOf(refund?.id);
  const disputeId = idOf(dispute?.id);
  const stored = {
    eventId: idOf(event.eventId),
    type: textOf(event.type) ?? 'unknown',
    kind,
    occurredAt: Number.isFinite(occurredAt?.getTime()) ? occurredAt.getTime() : 0,
    reference: textOf(event.reference),
    providerLinkId: idOf(event.providerLinkId),
    providerPaymentId: idOf(event.providerPaymentId),
    providerOrderId: idOf(event.providerOrderId),
    userId: textOf(event.userId),
    asked: moneyOf(event.asked),
    paid: moneyOf(event.paid),
    arrived: moneyOf(event.arrived ?? null),
    refund: refund && refundId !== null ? { id: refundId, status: refund.status, ...sumOf(refund) } : null,
    dispute: dispute && disputeId !== null ? { id: disputeId, status: dispute.status, ...sumOf(dispute) } : null,
    subscription: subscriptionOf(event.subscription),
    method: textOf(event.method),
    reason: textOf(event.reason),
  };
  const says = { refunded: stored.refund, disputed: stored.dispute } as const;
  const isWhole = !(kind === 'refunded' || kind === 'disputed') || says[kind] !== null;
  return isWhole ? stored : { ...stored, kind: 'ignored', reason: 'The event names no refund and no dispute.' };
}

/** The subscription of an event; null where it has no id. */
function subscriptionOf(told: ProviderEvent['subscription']): StoredSubscription | null {
  const id = idOf(told?.id);
  if (!told || id === null) return null;
  const [start, end] = [msOf(told.periodStart), msOf(told.periodEnd)];
  const isPeriod = start !== null && end !== null && start < end;
  return {
    ...{ id, customerId: idOf(told.customerId), invoiceId: idOf(told.invoiceId) },
    priceIds: told.priceIds.map((price) => idOf(price)).filter((price) => price !== null),
    ...{ periodStart: isPeriod ? start : null, periodEnd: isPeriod ? end : null },
    cancelsAtPeriodEnd: told.cancelsAtPeriodEnd === true,
  };
}

function msOf(instant: Date | null): number | null {
  const ms = instant?.getTime() ?? Number.NaN;
  return Number.isSafeInteger(ms) ? ms : null;
}

function moneyOf(money: MinorMoney | null): MinorMoney | null {
  return money && sumOf(money);
}

/** Money that is none becomes money that fits no payment. */
function sumOf({ amountMinor, currency }: MinorMoney): MinorMoney {
  const isMoney = Number.isSafeInteger(amountMinor) && amountMinor >= 0;
  return { amountMinor: isMoney ? amountMinor : -1, currency: textOf(currency) ?? '' };
}

function idOf(value: unknown): string | null {
  return typeof value === 'string' && ID.test(value) ? value : null;
}

function textOf(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return value.replaceAll('\0', '').slice(0, TEXT_MAX).toWellFormed();
}
