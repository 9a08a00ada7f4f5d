/** Charges of a payment method that Stripe keeps for a customer, who is not there. */
import type { JsonObject } from '../models/values.js';
import type { PaymentProvider, ProviderEvent } from '../ports/payment-provider.js';
import { wallNow } from '../timers.js';
import { providerError } from './exchange.js';
import { eventOf, objectAt, objectsAt, textAt } from './reading.js';
import { accepted, found, type StripeApi, type StripeRequest, trafficOf } from './stripe-api.js';
import { told } from './stripe-events.js';
import { amountOf, metadataOf } from './stripe-requests.js';
import { ID, stateBase } from './stripe-states.js';
import { idAt } from './stripe-subscriptions.js';

type Charge = Parameters<NonNullable<PaymentProvider['charge']>>[0];

const NAME = 'stripe';
const FAILED = 'payment_intent.payment_failed';

const TYPES: ReadonlyMap<string | null, string> = new Map([
  ['succeeded', 'payment_intent.succeeded'],
  // Some methods take days. The event that ends it comes by a webhook.
  ['processing', 'payment_intent.amount_capturable_updated'],
  ['requires_capture', 'payment_intent.amount_capturable_updated'],
  ['canceled', 'payment_intent.canceled'],
]);

/** A card that was declined, or whose owner would have to be there, is an outcome and no error. */
export async function chargeCustomer(api: StripeApi, { customerId, description, signal, ...of }: Charge) {
  const task = 'charge a customer';
  const amount = amountOf(of);
  const method = await methodOf(api, customerId, signal);
  const params = {
    ...{ amount, currency: of.currency.toLowerCase(), customer: customerId, payment_method: method, description },
    // Without it Stripe wants a page to come back to, of a customer who is not there.
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    ...{ confirm: true, off_session: true, metadata: metadataOf(of) },
  };
  const idempotencyKey = `${of.reference}:charge`;
  const path = '/v1/payment_intents';
  const request: StripeRequest = { task, method: 'POST', path, params, idempotencyKey, signal };
  const { reference, userId } = of;
  if (method === null) {
    const reason = 'the customer has no payment method';
    const occurredAt = new Date(wallNow());
    const event = eventOf({ type: FAILED, kind: 'failed', occurredAt, reference, userId, reason });
    return { event, traffic: { ...trafficOf(request, { status: 0, body: {} }), response: null, httpStatus: null } };
  }
  const answer = await api(request);
  const declined = answer.status === 402 ? objectAt(answer.body, 'error', 'payment_intent') : null;
  const intent = declined ?? accepted(answer, task);
  const event = chargeEvent(intent, objectAt(answer.body, 'error'));
  return { event: { ...event, reference, userId }, traffic: trafficOf(request, answer) };
}

function chargeEvent(intent: JsonObject, error: JsonObject | null): ProviderEvent {
  const status = textAt(intent, 'status');
  const [event] = told(TYPES.get(status) ?? FAILED, intent, stateBase(intent));
  if (!event || event.kind === 'ignored') throw providerError(NAME, `${NAME} gave an answer without the payment`);
  const reason = textAt(error, 'decline_code') ?? textAt(error, 'code') ?? event.reason ?? status;
  return event.kind === 'failed' ? { ...event, reason } : event;
}

/** The method that the customer pays invoices with, else the one that was saved last; null when there is none. */
async function methodOf(api: StripeApi, customerId: string, signal: AbortSignal): Promise<string | null> {
  const task = 'show a customer';
  if (!ID.test(customerId)) return null;
  const path = `/v1/customers/${customerId}`;
  const customer = found(await api({ task, method: 'GET', path, signal }), task);
  if (customer === null) return null;
  const preferred = idAt(customer, 'invoice_settings', 'default_payment_method');
  if (preferred !== null) return preferred;
  const answer = await api({ task, method: 'GET', path: `${path}/payment_methods?limit=1`, signal });
  return textAt(objectsAt(accepted(answer, task), 'data')[0], 'id');
}
