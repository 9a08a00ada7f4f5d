/** Objects that Stripe's API answers, told as the events that would have said the same. */
import type { JsonObject } from '../models/values.js';
import type { ProviderEvent, ProviderPaymentRef } from '../ports/payment-provider.js';
import { at, instantAt, objectAt, objectsAt, textAt } from './reading.js';
import { accepted, found, pagesOf, type StripeApi } from './stripe-api.js';
import { told } from './stripe-events.js';
import { idAt } from './stripe-subscriptions.js';

/** An id that can be a part of a path: other characters could name another path. */
export const ID = /^[A-Za-z0-9_]{1,255}$/;

const OF_AN_INTENT: ReadonlyMap<string | null, string> = new Map([
  ['succeeded', 'payment_intent.succeeded'],
  ['requires_capture', 'payment_intent.amount_capturable_updated'],
  ['canceled', 'payment_intent.canceled'],
]);

/** A payment by its link, else by itself, else by the reference in its metadata; with its refunds and disputes. */
export async function fetchPayment(api: StripeApi, payment: ProviderPaymentRef): Promise<readonly ProviderEvent[]> {
  const { reference, providerLinkId, signal } = payment;
  const sessions = providerLinkId === null ? [] : await sessionsOf(api, providerLinkId, signal);
  const events = sessions.flatMap(sessionStates);
  const ids = new Set(sessions.map((session) => idAt(session, 'payment_intent')));
  if (providerLinkId === null) {
    const intent = await intentOf(api, payment);
    if (intent === null) return [];
    events.push(...intentStates(intent));
    ids.add(textAt(intent, 'id'));
  }
  for (const id of ids) {
    if (id === null || !ID.test(id)) continue;
    const named = { reference, providerPaymentId: id };
    for await (const refund of pagesOf(api, `/v1/refunds?payment_intent=${id}`, signal)) {
      events.push(...states('refund.updated', refund).map((event) => ({ ...event, ...named })));
    }
    for await (const dispute of pagesOf(api, `/v1/disputes?payment_intent=${id}`, signal)) {
      events.push(...states('charge.dispute.updated', dispute).map((event) => ({ ...event, ...named })));
    }
  }
  return events;
}

async function sessionsOf(api: StripeApi, id: string, signal: AbortSignal): Promise<readonly JsonObject[]> {
  const task = 'show a payment link';
  if (!ID.test(id)) return [];
  if (!id.startsWith('plink_')) {
    const session = found(await api({ task, method: 'GET', path: `/v1/checkout/sessions/${id}`, signal }), task);
    return session === null ? [] : [session];
  }
  const path = `/v1/checkout/sessions?payment_link=${id}&limit=100`;
  const answer = found(await api({ task, method: 'GET', path, signal }), task);
  return objectsAt(answer, 'data');
}

async function intentOf(api: StripeApi, payment: ProviderPaymentRef): Promise<JsonObject | null> {
  const { reference, providerPaymentId: id, signal } = payment;
  const task = 'show a payment';
  if (id !== null) {
    if (!ID.test(id)) return null;
    return found(await api({ task, method: 'GET', path: `/v1/payment_intents/${id}`, signal }), task);
  }
  const query = `metadata['reference']:'${reference.toWellFormed().replace(/[\\']/g, '\\$&')}'`;
  const path = `/v1/payment_intents/search?query=${encodeURIComponent(query)}`;
  const answer = accepted(await api({ task, method: 'GET', path, signal }), task);
  const own = objectsAt(answer, 'data').filter((intent) => textAt(intent, 'metadata', 'reference') === reference);
  return own.find((intent) => at(intent, 'status') === 'succeeded') ?? own[0] ?? null;
}

/** None for a session that is still open. */
function sessionStates(session: JsonObject): readonly ProviderEvent[] {
  const status = textAt(session, 'status');
  if (status === 'complete') return states('checkout.session.completed', session);
  return status === 'expired' ? states('checkout.session.expired', session) : [];
}

/** None for a payment that was not tried yet. */
function intentStates(intent: JsonObject): readonly ProviderEvent[] {
  const failed = objectAt(intent, 'last_payment_error') === null ? undefined : 'payment_intent.payment_failed';
  const type = OF_AN_INTENT.get(textAt(intent, 'status')) ?? failed;
  return type === undefined ? [] : states(type, intent);
}

function states(type: string, object: JsonObject): readonly ProviderEvent[] {
  return told(type, object, stateBase(object));
}

/** A state has no id of an event. It is as old as its object. */
export function stateBase(object: JsonObject): Pick<ProviderEvent, 'eventId' | 'occurredAt'> {
  return { eventId: null, occurredAt: instantAt(object, 'created') ?? new Date(0) };
}
