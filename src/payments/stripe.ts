/** Stripe Checkout and payment links, over Stripe's REST API (https://docs.stripe.com/api). */
import type { NewPaymentLink, PaymentLink, PaymentProvider } from '../ports/payment-provider.js';
import { providerError } from './exchange.js';
import { baseUrlOf, keyOf, secretsOf, timeoutOf, wholeOf, wrongOption } from './options.js';
import { requireBytes, signedObject, textAt, urlAt } from './reading.js';
import { redacted } from './redaction.js';
import { wrongSignature } from './signature.js';
import {
  accepted,
  apiOverClient,
  apiOverHttp,
  pagesOf,
  type StripeApi,
  type StripeLike,
  type StripeRequest,
  trafficOf,
} from './stripe-api.js';
import { chargeCustomer } from './stripe-charge.js';
import { stripeEvents, told } from './stripe-events.js';
import { amountOf, linkParams, sessionParams } from './stripe-requests.js';
import { isSigned } from './stripe-signature.js';
import { fetchPayment, stateBase } from './stripe-states.js';
import { idAt } from './stripe-subscriptions.js';

export interface StripeOptions {
  /** `sk_live_…`, `sk_test_…` or a restricted key. Give it, or `client`. */
  readonly secretKey?: string | undefined;
  /** Your `new Stripe(key)`: requests then go through it, with its address, its key and its proxy. */
  readonly client?: StripeLike | undefined;
  /** The secret of the endpoint, `whsec_…`; several while you replace one. */
  readonly webhookSecret: string | readonly string[];
  /** The address of the API. Default `https://api.stripe.com`. */
  readonly baseUrl?: string | undefined;
  /** The version of the API that answers are read in. Default `2026-10-28.endive`. */
  readonly apiVersion?: string | undefined;
  /** Milliseconds for one request, 1–600,000. Default 15,000. */
  readonly timeoutMs?: number | undefined;
  /** Seconds that a webhook may be older or newer than this clock, 1–3,600. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** `checkout` makes a session of Checkout, `payment_link` a payment link for one payment. Default `checkout`. */
  readonly mode?: 'checkout' | 'payment_link' | undefined;
  /** Whether events of the live mode count, or those of the test mode. The default is as the secret key says. */
  readonly livemode?: boolean | undefined;
  /** The default is the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

const NAME = 'stripe';
/** The version that the SDK of these tests pins. */
const API_VERSION = '2026-10-28.endive';

/**
 * Makes the provider for Stripe. Every request that makes something carries an idempotency key of the payment's
 * `reference`, which Stripe remembers for a day at least.
 *
 * | event of Stripe | kind |
 * |---|---|
 * | `checkout.session.completed`, `.async_payment_succeeded` | `paid`; `authorized` while it is unpaid |
 * | the same of a session that began a subscription | `subscription_changed`, without prices and period |
 * | `checkout.session.async_payment_failed` | `failed` |
 * | `checkout.session.expired` | `expired` |
 * | `payment_intent.succeeded` | `paid`, or `partially_paid` when less than asked was captured |
 * | `payment_intent.payment_failed` | `failed` |
 * | `payment_intent.canceled` | `cancelled` |
 * | `payment_intent.amount_capturable_updated` | `authorized` |
 * | `payment_intent.partially_funded` | `partially_paid` |
 * | `refund.created`, `refund.updated`, `charge.refund.updated` | `refunded`, with the status of the refund |
 * | `refund.failed` | `refunded`: `failed` |
 * | `charge.refunded` | `refunded`, one event for each refund that it names; `ignored` when it names none |
 * | `charge.dispute.created`, `.updated`, `.funds_withdrawn`, `.funds_reinstated`, `.closed` | `disputed`, with the
 * status of the dispute; `ignored` for an inquiry |
 * | `invoice.paid`, `invoice.payment_failed` | `invoice_paid`, `invoice_failed`, if it is of a subscription |
 * | `customer.subscription.created`, `.updated` | `subscription_changed`; `subscription_ended` when it is over |
 * | `customer.subscription.deleted` | `subscription_ended` |
 * | one of the other mode, and any other event | `ignored` |
 *
 * @throws CONFIGURATION for options that are missing or wrong; it never contains a secret.
 * @example
 * const stripe = stripeProvider({ secretKey, webhookSecret });
 */
export function stripeProvider(options: StripeOptions): PaymentProvider {
  const where = 'stripeProvider';
  const secrets = secretsOf(options.webhookSecret, where);
  const toleranceSeconds = wholeOf(options.toleranceSeconds ?? 300, 'toleranceSeconds', 3_600, where);
  const mode = options.mode ?? 'checkout';
  if (mode !== 'checkout' && mode !== 'payment_link') throw wrongOption(where, 'mode is checkout or payment_link');
  const { api, livemode } = connectionOf(options, where);

  return {
    name: NAME,
    createPaymentLink: (link) => createLink(api, mode, link),

    readWebhook(rawBody, headers, now) {
      requireBytes(rawBody);
      const header = headers.get('stripe-signature');
      if (!isSigned(rawBody, header, secrets, { now, toleranceSeconds })) throw wrongSignature(NAME);
      const body = signedObject(rawBody, NAME);
      return { events: stripeEvents(body, now, livemode), payload: redacted(body) };
    },

    fetchPayment: (payment) => fetchPayment(api, payment),

    async refund({ reference, providerPaymentId, idempotencyKey, reason, signal, ...money }) {
      const task = 'refund a payment';
      const of = providerPaymentId.startsWith('ch_') ? 'charge' : 'payment_intent';
      const params = { [of]: providerPaymentId, amount: amountOf(money), metadata: { reference, reason } };
      const request: StripeRequest = { task, method: 'POST', path: '/v1/refunds', params, idempotencyKey, signal };
      const answer = await api(request);
      const body = accepted(answer, task);
      const [event] = told('refund.created', body, stateBase(body));
      const isRight = event?.kind === 'refunded' && event.refund?.currency === money.currency;
      if (!isRight) throw providerError(NAME, `${NAME} gave an answer without the refund`);
      return { event: { ...event, reference, providerPaymentId }, traffic: trafficOf(request, answer) };
    },

    charge: (charge) => chargeCustomer(api, charge),

    async *listSince(since, signal) {
      const path = `/v1/events?created[gte]=${Math.floor(since.getTime() / 1000)}`;
      for await (const event of pagesOf(api, path, signal)) {
        if (textAt(event, 'type') !== null && textAt(event, 'id') !== null) yield* stripeEvents(event, since, livemode);
      }
    },
  };
}

function connectionOf(options: StripeOptions, where: string): { api: StripeApi; livemode: boolean | null } {
  const { client, secretKey, apiVersion = API_VERSION } = options;
  const timeoutMs = timeoutOf(options.timeoutMs ?? 15_000, where);
  const version = keyOf(apiVersion, 'apiVersion', where);
  if (client !== undefined) {
    if (typeof client?.rawRequest !== 'function') throw wrongOption(where, 'client is no Stripe SDK of version 18 on');
    if (secretKey !== undefined) throw wrongOption(where, 'give secretKey or client, not both');
    return { api: apiOverClient(client, timeoutMs, version), livemode: options.livemode ?? null };
  }
  const key = keyOf(secretKey, 'secretKey', where);
  const baseUrl = baseUrlOf(options.baseUrl ?? 'https://api.stripe.com', where);
  const settings = { provider: NAME, baseUrl, timeoutMs, fetch: options.fetch };
  const stated = /^[rs]k_(live|test)_/.exec(key)?.[1];
  const livemode = options.livemode ?? (stated === undefined ? null : stated === 'live');
  return { api: apiOverHttp(settings, key, version), livemode };
}

async function createLink(api: StripeApi, mode: 'checkout' | 'payment_link', link: NewPaymentLink) {
  const task = 'make a payment link';
  const isSession = mode === 'checkout';
  const request: StripeRequest = {
    task,
    method: 'POST',
    path: isSession ? '/v1/checkout/sessions' : '/v1/payment_links',
    params: isSession ? sessionParams(link) : linkParams(link),
    idempotencyKey: `${link.reference}:${isSession ? 'session' : 'link'}`,
    signal: link.signal,
  };
  const answer = await api(request);
  const made = accepted(answer, task);
  const [url, providerLinkId] = [urlAt(made, 'url'), textAt(made, 'id')];
  if (url === null || providerLinkId === null) throw providerError(NAME, `${NAME} gave an answer without the link`);
  const providerPaymentId = idAt(made, 'payment_intent');
  return { url, providerLinkId, providerPaymentId, traffic: trafficOf(request, answer) } satisfies PaymentLink;
}
