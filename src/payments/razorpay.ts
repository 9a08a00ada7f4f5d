/** Razorpay payment links, over Razorpay's REST API (https://razorpay.com/docs/api). */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../models/values.js';
import type {
  NewPaymentLink,
  PaymentLink,
  PaymentProvider,
  ProviderEvent,
  ProviderPaymentRef,
} from '../ports/payment-provider.js';
import { wallNow } from '../timers.js';
import { exchange, type ProviderAnswer, providerError, refusal } from './exchange.js';
import { baseUrlOf, keyOf, secretsOf, timeoutOf } from './options.js';
import { linkIdOf, razorpayEvent, told } from './razorpay-events.js';
import { fetchedLink, fetchedPayment, fetchedRefund } from './razorpay-states.js';
import { at, listAt, objectsAt, requireBytes, signedObject, textAt, urlAt } from './reading.js';
import { redacted } from './redaction.js';
import { digestOf, isAnyOf, wrongSignature } from './signature.js';

export interface RazorpayOptions {
  /** `rzp_live_…` or `rzp_test_…`. */
  readonly keyId: string;
  /** The secret of the key. */
  readonly keySecret: string;
  /** The secret of the webhook, at least 16 characters; several while you replace one. */
  readonly webhookSecret: string | readonly string[];
  /** The address of the API. Default `https://api.razorpay.com`. */
  readonly baseUrl?: string | undefined;
  /** Milliseconds for one request, 1–600,000. Default 15,000. */
  readonly timeoutMs?: number | undefined;
  /** The default is the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

const NAME = 'razorpay';
/** The most entries that Razorpay gives at once. */
const PAGE = 100;
const ID = /^[A-Za-z0-9_]{1,64}$/;

type Call = (task: string, method: 'GET' | 'POST', path: string, signal: AbortSignal, body?: Body) => Answered;
type Body = { readonly json: JsonObject; readonly headers?: Readonly<Record<string, string>> };
type Answered = Promise<ProviderAnswer>;

/**
 * Makes the provider for Razorpay. The `reference` of a payment becomes the link's `reference_id` (at most 40
 * characters), which Razorpay takes once: a second request with it finds the first link. Razorpay signs no id and no
 * time of an event, so the same event may be told again at any time.
 *
 * | event of Razorpay | kind |
 * |---|---|
 * | `payment.authorized`, `payment.captured` | `authorized` |
 * | `payment.failed` | `failed` |
 * | `payment_link.paid`, `order.paid`, `invoice.paid` | `paid`, or `partially_paid` when less than asked has arrived |
 * | `payment_link.partially_paid`, `invoice.partially_paid` | `partially_paid` |
 * | `payment_link.expired`, `invoice.expired` | `expired` |
 * | `payment_link.cancelled` | `cancelled` |
 * | `refund.created`, `refund.speed_changed` | `refunded`, with the status of the refund |
 * | `refund.processed`, `refund.failed` | `refunded`: `done`, `failed` |
 * | `payment.dispute.created`, `.under_review`, `.action_required` | `disputed`: `open` |
 * | `payment.dispute.won`, `.lost` | `disputed`: `won`, `lost` |
 * | `payment.dispute.closed` | `disputed`: `lost` if money was deducted, else `won` |
 * | a refund of what was never captured, and any other event | `ignored` |
 *
 * `payment.captured` alone credits nothing: the notes of a payment can be written in the payer's browser, also while
 * another product is paid for. Subscribe to `payment_link.paid`.
 *
 * @throws CONFIGURATION for options that are missing or wrong; it never contains a secret.
 * @example
 * const razorpay = razorpayProvider({ keyId, keySecret, webhookSecret });
 */
export function razorpayProvider(options: RazorpayOptions): PaymentProvider {
  const where = 'razorpayProvider';
  const keyId = keyOf(options.keyId, 'keyId', where);
  const keySecret = keyOf(options.keySecret, 'keySecret', where);
  const secrets = secretsOf(options.webhookSecret, where);
  const settings = {
    provider: NAME,
    baseUrl: baseUrlOf(options.baseUrl ?? 'https://api.razorpay.com', where),
    timeoutMs: timeoutOf(options.timeoutMs ?? 15_000, where),
    fetch: options.fetch,
  };
  const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`;
  const call: Call = (task, method, path, signal, body) => {
    const own = { authorization, accept: 'application/json', 'user-agent': 'credit-management' };
    const headers = body ? { ...own, 'content-type': 'application/json', ...body.headers } : own;
    const sent = body ? JSON.stringify(body.json) : null;
    return exchange(settings, { task, method, path, headers, body: sent, signal });
  };

  return {
    name: NAME,
    createPaymentLink: (link) => createLink(call, link),

    readWebhook(rawBody, headers, now) {
      requireBytes(rawBody);
      const signature = headers.get('x-razorpay-signature');
      const digests = secrets.map((secret) => digestOf(secret, rawBody));
      if (signature === null || !isAnyOf([signature], digests)) throw wrongSignature(NAME);
      const body = signedObject(rawBody, NAME);
      return { events: [razorpayEvent(body, now)], payload: redacted(body) };
    },

    fetchPayment: (payment) => fetchPayment(call, payment),

    async refund({ amountMinor, currency, reference, providerPaymentId, idempotencyKey, reason, signal }) {
      const task = 'refund a payment';
      // An id of other characters could name another path.
      const isId = ID.test(providerPaymentId);
      if (!isId) throw providerError(NAME, `${NAME} has no payment with such an id`, { retryable: false });
      const path = `/v1/payments/${providerPaymentId}/refund`;
      // A key of Razorpay has at least 10 of these characters.
      const isKey = /^[A-Za-z0-9_-]{10,64}$/.test(idempotencyKey);
      const key = isKey ? idempotencyKey : createHash('sha256').update(idempotencyKey).digest('hex');
      const json = { amount: amountMinor, notes: { reference_id: reference, reason } };
      const answer = await call(task, 'POST', path, signal, { json, headers: { 'x-refund-idempotency': key } });
      const event = told('refund.created', { refund: accepted(answer, task) }, fetchedAt(answer.body));
      const isRight = event.kind === 'refunded' && event.refund?.currency === currency;
      if (!isRight) throw providerError(NAME, `${NAME} gave an answer without the refund`);
      const traffic = trafficOf('POST', path, json, answer);
      return { event: { ...event, reference, providerPaymentId }, traffic };
    },

    async *listSince(since, signal) {
      const window = `from=${Math.floor(since.getTime() / 1000)}&to=${Math.floor(wallNow() / 1000)}`;
      for await (const payment of pagesOf(call, `/v1/payments?${window}`, signal)) {
        // A payment alone does not say that everything has arrived: its link does.
        const link = linkIdOf(payment);
        const isArrived = link !== null && at(payment, 'captured') === true;
        const found = isArrived ? await findLink(call, { reference: '', providerLinkId: link, signal }) : null;
        const event = found === null ? null : fetchedLink(found);
        if (event !== null && event.length > 0) yield* event;
        else yield* [fetchedPayment(payment)].filter((alone) => alone !== null);
      }
      for await (const refund of pagesOf(call, `/v1/refunds?${window}`, signal)) yield fetchedRefund(refund);
    },
  };
}

async function createLink(call: Call, link: NewPaymentLink): Promise<PaymentLink> {
  const task = 'make a payment link';
  if (link.priceId !== null) {
    throw providerError(NAME, `${NAME} cannot ${task} for a price that renews`, { retryable: false });
  }
  const path = '/v1/payment_links';
  const json = linkRequest(link);
  const answer = await call(task, 'POST', path, link.signal, { json });
  // Razorpay calls a request bad whose reference was used.
  const earlier = answer.status === 400 ? await findLink(call, { ...link, providerLinkId: null }) : null;
  if (earlier !== null && (at(earlier, 'amount') !== json.amount || at(earlier, 'currency') !== json.currency)) {
    throw providerError(NAME, `${NAME} has another payment link with this reference`, { retryable: false });
  }
  const made = earlier ?? accepted(answer, task);
  const [url, providerLinkId] = [urlAt(made, 'short_url'), textAt(made, 'id')];
  if (url === null || providerLinkId === null) throw providerError(NAME, `${NAME} gave an answer without the link`);
  const traffic = trafficOf('POST', path, json, { status: answer.status, body: made });
  return { url, providerLinkId, providerPaymentId: null, traffic };
}

function linkRequest(link: NewPaymentLink) {
  const { amountMinor, currency, reference, userId, description, customerEmail, customerPhone, creditsToAdd } = link;
  const told = Object.entries(link.metadata).map(([key, value]) => {
    return [key, typeof value === 'string' ? value : JSON.stringify(value)] as const;
  });
  const own = { user_id: userId, purpose: 'credit_topup', reference_id: reference, credits_to_add: creditsToAdd };
  return {
    amount: amountMinor,
    currency,
    accept_partial: false,
    reference_id: reference,
    description,
    customer: {
      ...(customerEmail !== null && { email: customerEmail }),
      ...(customerPhone !== null && { contact: customerPhone }),
    },
    notify: { email: customerEmail !== null, sms: customerPhone !== null },
    notes: { ...Object.fromEntries(told), ...own },
    callback_url: link.callbackUrl,
    callback_method: 'get',
  };
}

type LinkRef = Pick<ProviderPaymentRef, 'reference' | 'providerLinkId' | 'signal'>;

async function findLink(call: Call, { reference, providerLinkId, signal }: LinkRef): Promise<JsonObject | null> {
  const task = 'show a payment link';
  if (providerLinkId !== null && !ID.test(providerLinkId)) return null;
  if (providerLinkId !== null) {
    return found(await call(task, 'GET', `/v1/payment_links/${providerLinkId}`, signal), task);
  }
  const path = `/v1/payment_links?reference_id=${encodeURIComponent(reference.toWellFormed())}`;
  const answer = found(await call(task, 'GET', path, signal), task);
  const links = objectsAt(answer, 'payment_links');
  return links.find((link) => textAt(link, 'reference_id') === reference) ?? null;
}

async function fetchPayment(call: Call, { reference, providerLinkId, providerPaymentId, signal }: ProviderPaymentRef) {
  const ids = [providerPaymentId];
  const events: ProviderEvent[] = [];
  if (providerLinkId === null && providerPaymentId !== null) {
    const payment = await findPayment(call, providerPaymentId, signal);
    if (payment === null) return [];
    events.push(...[fetchedPayment(payment, 'paid')].filter((event) => event !== null));
  } else {
    const link = await findLink(call, { reference, providerLinkId, signal });
    if (link === null) return [];
    events.push(...fetchedLink(link));
    ids.push(...listAt(link, 'payments').map((each) => textAt(each, 'payment_id')));
  }
  for (const id of new Set(ids)) {
    if (id === null || !ID.test(id)) continue;
    for await (const refund of pagesOf(call, `/v1/payments/${id}/refunds`, signal)) {
      // The list names the payment, and the caller the reference.
      events.push({ ...fetchedRefund(refund), reference, providerPaymentId: id });
    }
  }
  return events;
}

async function findPayment(call: Call, id: string, signal: AbortSignal): Promise<JsonObject | null> {
  const task = 'show a payment';
  return ID.test(id) ? found(await call(task, 'GET', `/v1/payments/${id}`, signal), task) : null;
}

/**
 * The entries of a list, page by page, newest first. An entry that comes meanwhile moves another one onto the next
 * page, which tells it twice.
 */
async function* pagesOf(call: Call, path: string, signal: AbortSignal): AsyncIterable<JsonObject> {
  const task = 'list what happened';
  for (let skip = 0; ; skip += PAGE) {
    const query = `${path}${path.includes('?') ? '&' : '?'}count=${PAGE}&skip=${skip}`;
    const page = accepted(await call(task, 'GET', query, signal), task);
    yield* objectsAt(page, 'items');
    if (listAt(page, 'items').length < PAGE) return;
  }
}

const fetchedAt = (entity: JsonObject) => fetchedRefund(entity).occurredAt;

function accepted({ status, body }: ProviderAnswer, task: string): JsonObject {
  if (status < 300) return body;
  throw refusal(NAME, task, status, at(body, 'error', 'code'));
}

/** The answer; null when Razorpay does not know the id, which it calls a bad request. */
function found(answer: ProviderAnswer, task: string): JsonObject | null {
  return answer.status === 400 || answer.status === 404 ? null : accepted(answer, task);
}

function trafficOf(method: string, path: string, json: JsonObject, { status, body }: ProviderAnswer) {
  return { request: { method, path, body: redacted(json) }, response: redacted(body), httpStatus: status };
}
