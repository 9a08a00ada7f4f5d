/** Sends events as signed HTTP requests, in the format of Standard Webhooks (https://www.standardwebhooks.com). */
import type { CreditEvent, CreditEventType } from '../models/events.js';
import { sortKeys } from '../models/sort-keys.js';
import type { JsonObject } from '../models/values.js';
import type { Delivery, EventSink } from '../ports/event-sink.js';
import { digestOf, keysOf, wallNow, wrongOption } from './webhook-signature.js';

export interface WebhookSinkOptions {
  /** The name of the sink in the database: `[a-z][a-z0-9_-]{0,31}`. */
  readonly name: string;
  /** An `https:` URL; `http:` is allowed only to this machine, or with `allowHttp`. */
  readonly url: string | URL;
  /** The types of events that are posted; without a list, all. See {@link EventSink}. */
  readonly types?: readonly CreditEventType[] | undefined;
  /**
   * `whsec_` and 24 to 64 bytes as base64. Give several while you replace a secret: each of them signs, and a receiver
   * that knows any of them accepts the request.
   */
  readonly secret: string | readonly string[];
  /** The default is the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Milliseconds for the whole exchange, 1–600,000, default 15,000. Keep it below the relay's limit of a delivery. */
  readonly timeoutMs?: number | undefined;
  /** Allows `http:` to other machines: anybody on the way can then read the events. They are signed all the same. */
  readonly allowHttp?: boolean | undefined;
}

/** The most that one delivery of the relay may take. */
const TIMEOUT_MAX_MS = 600_000;
/** The most bytes of a refusing answer that are kept as the reason. */
const REASON_BYTES_MAX = 500;
/** The statuses of a refusal for now: too slow, too early, too many. Any other 4xx refuses this request for good. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Makes a sink that posts each event to `url` as signed JSON. `webhook-id` is the event's id, and the body has the same
 * bytes at every delivery; timestamp and signature belong to the attempt. A status of 2xx is a delivery. A 4xx is a
 * refusal, except 408, 425 and 429. Every other answer, redirects too, counts as unreachable, and the event is tried
 * again. The receiver is not trusted: no redirect is followed, and little more than 500 bytes of a refusal are read.
 *
 * The body is the event, with `timestamp` beside `type` and `data` as the specification recommends. The host decides
 * where events go. If customers may choose the `url`, send through an egress proxy that cannot reach your own network.
 *
 * @throws `CONFIGURATION`; it names the wrong option, and never contains the secret.
 * @example
 * const sink = webhookSink({ name: 'billing', url: 'https://example.com/hooks', secret: hookSecret });
 * const manager = createCreditManagement({ sinks: [sink] });
 */
export function webhookSink(options: WebhookSinkOptions): EventSink {
  const { name, types, timeoutMs = 15_000 } = options;
  const where = `webhookSink ${JSON.stringify(name)}`;
  const url = urlOf(options, where);
  const keys = keysOf(options.secret, where);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > TIMEOUT_MAX_MS) {
    throw wrongOption(where, `timeoutMs must be a whole number of milliseconds from 1 to ${TIMEOUT_MAX_MS}`);
  }
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));

  return {
    name,
    ...(types && { types }),
    async publish(event): Promise<Delivery> {
      const body = bodyOf(event);
      const seconds = String(Math.floor(wallNow() / 1000));
      const response = await send(url.href, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'credit-management',
          'webhook-id': event.id,
          ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
          'webhook-timestamp': seconds,
          'webhook-signature': keys
            .map((key) => `v1,${digestOf(key, event.id, seconds, body).toString('base64')}`)
            .join(' '),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { status } = response;
      const isRefused = status >= 400 && status < 500 && !TRY_AGAIN.has(status);
      const reason = isRefused ? await reasonOf(response) : '';
      // The rest of the answer is of no use.
      void response.body?.cancel().catch(() => {});
      if (status >= 200 && status < 300) return undefined;
      if (isRefused) return { rejected: `HTTP ${status}${reason && `: ${reason}`}` };
      throw new Error(`HTTP ${status}`);
    },
  };
}

/** The body of an event. Its bytes depend on the event alone, whatever the order of keys that a database gave back. */
function bodyOf(event: CreditEvent): string {
  const { id, version, type, userId, creditType, sequence, occurredAt, correlationId } = event;
  const data = sortKeys(event.data as JsonObject);
  const about = { id, version, userId, creditType, sequence, occurredAt, correlationId };
  return JSON.stringify({ type, timestamp: occurredAt, data, ...about });
}

/** The first bytes of an answer as text. */
async function reasonOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    while (reader && bytes < REASON_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      bytes += value.length;
    }
  } catch {
    // The refusal counts even if its text cannot be read.
  }
  reader?.releaseLock();
  return Buffer.concat(parts).subarray(0, REASON_BYTES_MAX).toString('utf8').trim();
}

function urlOf({ url: given, allowHttp }: WebhookSinkOptions, where: string): URL {
  if (!URL.canParse(String(given))) throw wrongOption(where, 'url is not a URL');
  const url = new URL(String(given));
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && (isLocal || allowHttp === true));
  if (!isAllowed) throw wrongOption(where, 'url must begin with https: (http: to this machine, or with allowHttp)');
  if (url.username !== '' || url.password !== '')
    throw wrongOption(where, 'url may not hold a user name or a password');
  return url;
}
