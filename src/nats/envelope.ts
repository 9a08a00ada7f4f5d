/** Messages of events: the envelope that consumers of the merchant service know, or CloudEvents 1.0. */
import type { CreditEvent } from '../models/events.js';
import { sortKeys } from '../models/sort-keys.js';
import type { Json, JsonObject } from '../models/values.js';
import { wireName } from '../models/wire-name.js';

export type NatsFormat = 'envelope' | 'cloudevents';

/** The subject of an event: `evt.` and its type, or for a dead letter `dlq.credits.` and the subject it came by. */
export function subjectOf(event: CreditEvent): string {
  return event.type === 'inbox.dead_lettered' ? `dlq.credits.${event.data.subject}` : `evt.${event.type}`;
}

/** A subject by which to look for the stream that takes events of a type. */
export function subjectOfType(type: string): string {
  return type === 'inbox.dead_lettered' ? 'dlq.credits.message' : `evt.${type}`;
}

export interface MessageStyle {
  readonly format: NatsFormat;
  readonly source: string;
}

/** The body of a message and its media type. The bytes depend on the event alone, however often it is sent. */
export function messageOf(event: CreditEvent, { format, source }: MessageStyle): { body: string; mediaType: string } {
  const { id, type, version, occurredAt, correlationId, traceparent } = event;
  const payload = payloadOf(event);
  if (format === 'envelope') {
    const body = {
      ...{ event_id: id, event_type: type, correlation_id: correlationId, idempotency_key: id, timestamp: occurredAt },
      ...{ metadata: { source_service: source, version: String(version) }, payload },
    };
    return { body: JSON.stringify(body), mediaType: 'application/json' };
  }
  // https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
  const body = {
    ...{ specversion: '1.0', id, source: `/${source}`, type, subject: event.userId, time: occurredAt },
    ...{ datacontenttype: 'application/json', data: payload },
    ...(correlationId !== null && { correlationid: correlationId }),
    ...(traceparent !== undefined && { traceparent }),
  };
  return { body: JSON.stringify(body), mediaType: 'application/cloudevents+json' };
}

/** The data of the event by the names of the wire, and by those that consumers of the merchant service know. */
function payloadOf(event: CreditEvent): JsonObject {
  const { userId, creditType, sequence, data } = event;
  const payload: Record<string, Json> = {};
  for (const [name, value] of Object.entries(data as JsonObject)) payload[onWire(name)] = value;
  Object.assign(payload, knownAs(event), { merchant_id: userId, credit_type: creditType, sequence });
  return sortKeys<Json>(payload) as JsonObject;
}

/** Fields are few and events are many. */
const wireNames = new Map<string, string>();

function onWire(name: string): string {
  const known = wireNames.get(name) ?? wireName(name);
  wireNames.set(name, known);
  return known;
}

/** The names of the merchant service, where they differ. */
function knownAs(event: CreditEvent): JsonObject {
  switch (event.type) {
    case 'credits.recharged':
      return { new_balance: event.data.balance, reference_id: event.data.reference };
    case 'credits.refunded':
      return { new_balance: event.data.balance, original_reference_id: event.data.reference };
    case 'credits.adjusted':
      return { new_balance: event.data.balance, admin_id: event.data.actor };
    case 'credits.plugin_status_changed':
      return { current_status: event.data.status, timestamp: event.occurredAt };
    default:
      return {};
  }
}
