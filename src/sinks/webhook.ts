/** Events as signed HTTP requests, in the format of Standard Webhooks (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import { creditError } from '../errors.js';
import type { CreditEvent } from '../models/events.js';
import type { Delivery, EventSink } from '../ports/event-sink.js';

export interface WebhookSinkOptions {
  /** Names the sink in the database: `[a-z][a-z0-9_-]{0,31}`. */
  readonly name: string;
  /** `https:`; `http:` only to this very machine, or with `allowHttp`. */
  readonly url: string | URL;
  /**
   * `whsec_` and 24 to 64 bytes as base64. Several while a secret is being replaced: every one of them signs, and a
   * receiver that knows any of them accepts.
   */
  readonly secret: string | readonly string[];
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  /** Milliseconds for the whole exchange, default 15,000. Keep it below the relay's own limit for one delivery. */
  readonly timeoutMs?: number | undefined;
  /** Lets events travel where anybody on the way can read them. They are signed all the same. */
  readonly allowHttp?: boolean | undefined;
}

/** Of a refusal, so much of the answer is read for the reason. */
const REASON_BYTES = 500;
/** Refused for now: too slow, too early, too many. All other 4xx say that this very request will never be taken. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);
// As it was when the library was loaded: with a host's fake timers every receiver would find the signature too old.
const wallNow = Date.now.bind(Date);

/**
 * A sink that posts each event to `url` as JSON, signed. `webhook-id` is the event's id and the body has the same bytes
 * at every delivery; timestamp and signature are of the attempt. A status of 2xx is a delivery, any 4xx but 408, 425
 * and 429 a refusal; everything else, redirects too, counts as unreachable and is tried again. What answers is not
 * trusted: no redirect is followed, and of a refusal little more than 500 bytes are read.
 *
 * The body is the event, with `timestamp` beside `type` and `data` as the specification recommends. The host decides
 * where events go; a `url` that a customer may choose needs an egress proxy that keeps out of your own network.
 *
 * @throws `CONFIGURATION` that names what is wrong; never the secret.
 * @example
 * const sink = webhookSink({ name: 'billing', url: 'https://example.com/hooks', secret: hookSecret });
 * const manager = createCreditManagement({ sinks: [sink] });
 */
export function webhookSink(options: WebhookSinkOptions): EventSink {
  const { name, timeoutMs = 15_000 } = options;
  const url = urlOf(options);
  const keys = [options.secret].flat().map((secret, i) => keyOf(secret, i, name));
  if (keys.length === 0) throw wrong(name, 'secret needs at least one entry');
  if (!Number.isFinite(timeoutMs) || timeoutMs < 1) throw wrong(name, 'timeoutMs is a number of milliseconds from 1');
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));

  return {
    name,
    async publish(event): Promise<Delivery> {
      const body = bodyOf(event);
      const seconds = String(Math.floor(wallNow() / 1000));
      const response = await send(url.href, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'credit-management',
          'webhook-id': event.id,
          'webhook-timestamp': seconds,
          'webhook-signature': keys.map((key) => signatureOf(key, event.id, seconds, body)).join(' '),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { status } = response;
      const isRefused = status >= 400 && status < 500 && !TRY_AGAIN.has(status);
      const reason = isRefused ? await reasonOf(response) : '';
      // Nobody waits for the rest of the answer.
      void response.body?.cancel().catch(() => {});
      if (status >= 200 && status < 300) return undefined;
      if (isRefused) return { rejected: `HTTP ${status}${reason && `: ${reason}`}` };
      throw new Error(`HTTP ${status}`);
    },
  };
}

/** The bytes depend on the event alone, whatever order a database gave its keys back in. */
function bodyOf(event: CreditEvent): string {
  const { id, type, userId, creditType, sequence, occurredAt, correlationId } = event;
  const data = Object.fromEntries(Object.entries(event.data).sort(([a], [b]) => (a < b ? -1 : 1)));
  const whole = { type, timestamp: occurredAt, data, id, userId, creditType, sequence, occurredAt, correlationId };
  return JSON.stringify(whole);
}

function signatureOf(key: Buffer, id: string, seconds: string, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;
}

/** The first bytes of an answer as text. */
async function reasonOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    while (reader && bytes < REASON_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      bytes += value.length;
    }
  } catch {
    // The refusal stands, whatever became of its text.
  }
  reader?.releaseLock();
  return Buffer.concat(parts).subarray(0, REASON_BYTES).toString('utf8').trim();
}

function urlOf({ name, url: given, allowHttp }: WebhookSinkOptions): URL {
  if (!URL.canParse(String(given))) throw wrong(name, 'url is not a URL');
  const url = new URL(String(given));
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && (isLocal || allowHttp === true));
  if (!isAllowed) throw wrong(name, 'url must begin with https: (http: to this machine, or with allowHttp)');
  if (url.username !== '' || url.password !== '') throw wrong(name, 'url may not hold a user name or a password');
  return url;
}

function keyOf(secret: unknown, i: number, name: string): Buffer {
  const text = typeof secret === 'string' && secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : '';
  const key = Buffer.from(text, 'base64');
  // Decoding skips what is no base64: what does not come back the same was something else.
  const isWhole = key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  if (isWhole && key.length >= 24 && key.length <= 64) return key;
  throw wrong(name, `secret ${i + 1} is not whsec_ and 24 to 64 bytes as base64`);
}

function wrong(name: string, problem: string) {
  return creditError('CONFIGURATION', `webhookSink ${JSON.stringify(name)}: ${problem}.`, { problems: [problem] });
}
