/** Reads messages: bytes to JSON, the envelope, and the payload by its schema. What does not fit is refused. */
import { fingerprintOf, sha256 } from '../../core/canonical-json.js';
import { creditError } from '../../errors.js';
import { cloudEventSchema, envelopeSchema, subjectSchema } from '../../models/inputs/inbox.js';
import { isIdentifier } from '../../models/inputs/values.js';
import type { Json, JsonObject } from '../../models/values.js';
import type { InboundMessage } from '../../ports/message-source.js';
import { notValid, parse } from '../input/parse.js';

/** A larger body is a dead letter unread. */
const BODY_BYTES_MAX = 1024 * 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A message whose place and bytes are known. */
export interface RawMessage {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly stream: string | null;
  readonly sequence: number | null;
}

/** A message whose envelope is read. */
export interface Envelope {
  readonly eventId: string;
  readonly eventType: string;
  readonly correlationId: string;
  readonly payload: JsonObject;
  /** SHA-256 of the payload. */
  readonly fingerprint: string;
}

/** @throws INVALID_ARGUMENT for what is no message of a broker: a mistake of the caller, not of the sender */
export function rawMessage(given: InboundMessage): RawMessage {
  const { subject, body, stream = null, sequence = null } = Object(given) as InboundMessage;
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw notValid('message.body', 'bytes or a text');
  if (stream !== null && !isIdentifier(stream)) throw notValid('message.stream', 'a name of 1 to 255 characters');
  if (sequence !== null && !(Number.isSafeInteger(sequence) && sequence >= 0)) {
    throw notValid('message.sequence', 'a whole number from 0 on');
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return { subject: parse(subjectSchema, subject, 'message.subject'), body: bytes, stream, sequence };
}

/** The body as JSON. @throws PAYLOAD_TOO_LARGE, INVALID_ARGUMENT */
export function jsonOf({ body }: RawMessage): unknown {
  if (body.length > BODY_BYTES_MAX) {
    const message = `The body has ${body.length} bytes; at most ${BODY_BYTES_MAX} are taken.`;
    throw creditError('PAYLOAD_TOO_LARGE', message, { maxBytes: BODY_BYTES_MAX });
  }
  try {
    return JSON.parse(UTF8.decode(body));
  } catch (cause) {
    throw notValid('body', 'JSON in UTF-8', cause);
  }
}

/**
 * The envelope of a body.
 *
 * @param subject that the event must be of; null where any type goes.
 * @throws INVALID_ARGUMENT
 */
export function envelopeOf(body: unknown, subject: string | null): Envelope {
  const isCloudEvent = typeof body === 'object' && body !== null && Object.hasOwn(body, 'specversion');
  const [id, eventType, correlation, payload] = isCloudEvent ? cloudEvent(body) : merchantEvent(body);
  if (subject !== null && eventType !== subject && `evt.${eventType}` !== subject) {
    throw notValid(isCloudEvent ? 'type' : 'event_type', subject);
  }
  return { eventId: id, eventType, correlationId: correlation ?? id, payload, fingerprint: fingerprint(payload) };
}

/** The envelope of a body that is the payload itself. @throws INVALID_ARGUMENT where it has no id */
export function bareEnvelope(body: unknown, subject: string, eventId: unknown): Envelope {
  if (!isIdentifier(eventId)) throw notValid('eventId', 'a string of 1 to 255 characters');
  const payload = body as JsonObject;
  return { eventId, eventType: subject, correlationId: eventId, payload, fingerprint: fingerprint(payload) };
}

type Parts = readonly [id: string, type: string, correlation: string | null | undefined, payload: JsonObject];

function merchantEvent(body: unknown): Parts {
  const { event_id, event_type, correlation_id, payload } = parse(envelopeSchema, body, 'body');
  return [event_id, event_type, correlation_id, payload];
}

function cloudEvent(body: unknown): Parts {
  const { id, type, correlationid, data } = parse(cloudEventSchema, body, 'body');
  return [id, type, correlationid, data];
}

function fingerprint(payload: JsonObject): string {
  try {
    return fingerprintOf(payload as Json);
  } catch (cause) {
    // It has more levels than the stack.
    throw notValid('payload', 'JSON of fewer levels', cause);
  }
}

/** Everything that can be read of a message that could not be applied. */
export function readable(message: RawMessage): {
  eventId: string | null;
  userId: string | null;
  correlationId: string | null;
} {
  const idOf = (value: unknown) => (isIdentifier(value) ? value : null);
  try {
    const body = Object(jsonOf(message)) as Record<string, unknown>;
    const payload = Object(body.payload ?? body.data) as Record<string, unknown>;
    return {
      eventId: idOf(body.event_id ?? body.id),
      userId: idOf(payload.merchant_id ?? payload.shop_domain ?? payload.shopDomain),
      correlationId: idOf(body.correlation_id ?? body.correlationid),
    };
  } catch {
    return { eventId: null, userId: null, correlationId: null };
  }
}

/** Names a dead letter by all that is known of its message, so that the same one is kept once. */
export function deadLetterId({ subject, stream, sequence, body }: RawMessage): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  return `dl_${sha256(JSON.stringify([subject, stream, sequence, text])).slice(0, 40)}`;
}
