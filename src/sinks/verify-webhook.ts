/** The receiver's side of a webhook: makes a secret, and checks what was signed with it. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { creditError } from '../errors.js';
import type { CreditEvent } from '../models/events.js';
import { digestOf, keysOf, wallNow, wrongOption } from './webhook-signature.js';

/** The headers of a request: those of `fetch`, or the plain object of `node:http`. The case of a name is ignored. */
export type WebhookHeaders =
  | {
      /** The value of a header, by its name in any case. */
      get(name: string): string | null;
    }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyWebhookOptions {
  /** Seconds that the sender's clock may be behind or ahead, 1–86,400, default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** The present instant; the default is the machine's clock. */
  readonly now?: Date | undefined;
}

const SECRET_BYTES = 32;
const TOLERANCE_SECONDS = 300;
const TOLERANCE_MAX_SECONDS = 86_400;
const WHERE = 'verifyWebhook';

/**
 * Makes a secret for `webhookSink` and {@link verifyWebhook}: `whsec_` and 32 random bytes as base64. Store it where
 * both sides read it; each call makes another one.
 *
 * @example console.log(createWebhookSecret()); // once, into your secret store
 */
export function createWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/**
 * Checks a request that `webhookSink` has sent, and answers its event. The signature is compared in constant time, and
 * it must be of a time within `toleranceSeconds` on both sides of now. Several secrets may be given while one is being
 * replaced; one that fits is enough.
 *
 * The check keeps nothing, so a request passes it again when it is delivered again: remember `event.id`.
 *
 * @param body the bytes as they came, before any JSON parser: parsed and written again they are not the same.
 * @param headers the headers of the request.
 * @param secret the secret that the sink signs with, or several.
 * @throws `WEBHOOK_SIGNATURE_INVALID` for a request that the sink did not send, or not lately: answer 401. A retry of
 * the same request is of no use. `INVALID_ARGUMENT` for a body that is already parsed or holds no event;
 * `CONFIGURATION` for a secret or an option of another form.
 * @example
 * const event = verifyWebhook(await request.text(), request.headers, process.env.CREDIT_WEBHOOK_SECRET);
 * if (event.type === 'credits.low_balance_reached') await offerMore(event.userId, event.data.available);
 */
export function verifyWebhook(
  body: string | Uint8Array | ArrayBuffer,
  headers: WebhookHeaders,
  secret: string | readonly string[] | undefined,
  options: VerifyWebhookOptions = {},
): CreditEvent {
  const keys = keysOf(secret, WHERE);
  const { toleranceSeconds = TOLERANCE_SECONDS, now = new Date(wallNow()) } = options;
  if (!(toleranceSeconds >= 1 && toleranceSeconds <= TOLERANCE_MAX_SECONDS)) {
    throw wrongOption(WHERE, `toleranceSeconds must be a number from 1 to ${TOLERANCE_MAX_SECONDS}`);
  }
  const bytes = bytesOf(body);
  const [id, seconds, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    headerOf(headers, name),
  ) as [string, string, string];
  const age = /^\d{1,12}$/.test(seconds) ? now.getTime() / 1000 - Number(seconds) : Number.NaN;
  if (!(Math.abs(age) <= toleranceSeconds)) {
    throw invalid(`webhook-timestamp is not within ${toleranceSeconds} seconds of now`);
  }
  const given = signatures.split(' ').map((text) => Buffer.from(text.startsWith('v1,') ? text.slice(3) : '', 'base64'));
  // All of them are compared, so that the time tells neither which secret fits nor how far a signature does.
  let isSigned = false;
  for (const key of keys) {
    const expected = digestOf(key, id, seconds, bytes);
    for (const signature of given) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
    }
  }
  if (!isSigned) throw invalid('no signature fits. The secret must be that of the sink, and the body as it came');
  return eventOf(bytes);
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw notAn('the raw body, as text or bytes, before any JSON parser');
}

function headerOf(headers: WebhookHeaders, wanted: string): string {
  const values =
    typeof headers?.get === 'function'
      ? [headers.get(wanted)]
      : Object.entries(headers ?? {}).flatMap(([name, value]) => (name.toLowerCase() === wanted ? value : []));
  const [value] = values;
  if (values.length === 1 && typeof value === 'string' && value !== '') return value;
  throw invalid(`the request has no header ${wanted}, or more than one`);
}

/** The event in a body that was signed. The sink adds `timestamp`, which the specification recommends. */
function eventOf(bytes: Uint8Array): CreditEvent {
  try {
    const { timestamp: _, ...event } = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof event.id === 'string' && typeof event.type === 'string') return event;
  } catch {
    // It is signed and no event: another sender has the secret.
  }
  throw notAn('an event, as webhookSink sends it');
}

function invalid(problem: string) {
  const message = `The webhook is refused: ${problem}.`;
  return creditError('WEBHOOK_SIGNATURE_INVALID', message, { provider: 'credit-management' });
}

function notAn(expected: string) {
  return creditError('INVALID_ARGUMENT', `body must be ${expected}.`, { path: 'body', expected });
}
