/** Plays Stripe: sessions of Checkout, payment links, payments, refunds, disputes, events; and signs webhooks. */
import { createHmac } from 'node:crypto';
import { type ApiReply, type ApiRequest, ApiServer, type Webhook } from './api-server.js';

export type StripeObject = Record<string, unknown>;

const refused = (status: number, error: StripeObject): ApiReply => ({ status, body: { error } });
const MISSING = refused(404, { type: 'invalid_request_error', code: 'resource_missing', param: 'id' });

export class StripeServer extends ApiServer {
  readonly secretKey = 'sk_test_51Qk7secretkeyofstripe';
  readonly webhookSecret = 'whsec_secret_of_the_endpoint';
  readonly customerId = 'cus_NffrFeUfNV2Hib';
  readonly objects = new Map<string, StripeObject>();
  readonly events: StripeObject[] = [];
  /** The methods of payment that are kept for the customer, the newest first. */
  readonly methods: string[] = ['pm_1NewestMethod', 'pm_1OlderMethod'];
  defaultMethod: string | null = null;
  /** The ends of the next charges of customers. */
  readonly declines: ('card_declined' | 'authentication_required')[] = [];
  readonly #done = new Map<string, { readonly text: string; readonly reply: ApiReply }>();
  #count = 0;
  /** Seconds since 1970, of everything that happens. */
  now = 1_700_000_000;

  /** Pays the session of a reference; answers the session. */
  pay(reference: string): StripeObject {
    const session = this.sessionOf(reference);
    const intent = this.#intent(Number(session.amount_total), String(session.currency), session.metadata, 'succeeded');
    return Object.assign(session, { status: 'complete', payment_status: 'paid', payment_intent: intent.id, url: null });
  }

  /** The session of a reference. The first look at a payment link makes one. */
  sessionOf(reference: string): StripeObject {
    const all = [...this.objects.values()];
    const session = all.find((each) => each.object === 'checkout.session' && referenceOf(each) === reference);
    if (session) return session;
    const link = all.find((each) => each.object === 'payment_link' && referenceOf(each) === reference);
    if (!link) throw new Error(`no session of ${reference}`);
    return this.#session({ ...(link.asked as StripeObject), mode: 'payment' }, String(link.id));
  }

  /** An event, as a webhook tells it and the list of events. */
  event(type: string, object: StripeObject): StripeObject {
    const event = {
      ...{ id: this.#id('evt'), object: 'event', api_version: '2026-10-28.endive', created: this.now },
      ...{ data: { object: structuredClone(object) }, livemode: false, pending_webhooks: 1 },
      ...{ request: { id: null, idempotency_key: null }, type },
    };
    this.events.push(event);
    return event;
  }

  webhook(type: string, object: StripeObject): Webhook {
    return this.signed(Buffer.from(JSON.stringify(this.event(type, object), null, 2)));
  }

  signed(body: Uint8Array): Webhook {
    const signature = createHmac('sha256', this.webhookSecret).update(`${this.now}.`).update(body).digest('hex');
    return { body, headers: new Headers({ 'stripe-signature': `t=${this.now},v1=${signature},v0=${'0'.repeat(64)}` }) };
  }

  refund(intentId: string, amount: number, metadata: unknown = {}, status = 'succeeded'): StripeObject {
    const intent = this.objects.get(intentId) as StripeObject;
    intent.amount_refunded = Number(intent.amount_refunded ?? 0) + amount;
    const { currency, latest_charge: charge } = intent;
    return this.#keep({
      ...{ id: this.#id('re'), object: 'refund', amount, balance_transaction: null, charge, created: this.now },
      ...{ currency, destination_details: { card: { reference: '123456789012' }, type: 'card' }, metadata },
      ...{ payment_intent: intentId, reason: null, receipt_number: null, status },
    });
  }

  dispute(intentId: string, status = 'needs_response'): StripeObject {
    const { amount, currency, latest_charge: charge } = this.objects.get(intentId) as StripeObject;
    return this.#keep({
      ...{
        id: this.#id('du'),
        object: 'dispute',
        amount,
        balance_transactions: [],
        charge,
        created: this.now,
        currency,
      },
      ...{ evidence: { customer_email_address: 'somebody@example.com', customer_name: 'Some Body' }, livemode: false },
      ...{ is_charge_refundable: false, metadata: {}, payment_intent: intentId, reason: 'fraudulent', status },
    });
  }

  protected answer(request: ApiRequest): ApiReply {
    if (request.headers.authorization !== `Bearer ${this.secretKey}`) {
      return refused(401, { type: 'invalid_request_error', message: 'Invalid API Key provided: sk_test_****' });
    }
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || typeof key !== 'string') return this.#answer(request);
    const earlier = this.#done.get(key);
    const text = JSON.stringify([...new URLSearchParams(request.text)].sort());
    if (earlier && earlier.text !== text) return refused(400, { type: 'idempotency_error' });
    const reply = earlier?.reply ?? this.#answer(request);
    this.#done.set(key, { text, reply });
    return reply;
  }

  #answer({ method, path, query, text }: ApiRequest): ApiReply {
    const all = [...this.objects.values()];
    const own = (object: string, field: string) =>
      all.filter((each) => each.object === object && each[field] === query.get(field));
    const params = parsed(text);
    switch (`${method} ${path}`) {
      case `GET /v1/customers/${this.customerId}`:
        return this.#ok({
          ...{ id: this.customerId, object: 'customer', email: 'jenny@example.com', default_source: null },
          invoice_settings: { default_payment_method: this.defaultMethod },
        });
      case `GET /v1/customers/${this.customerId}/payment_methods`:
        return this.#list(
          this.methods.map((id) => ({ id, object: 'payment_method', card: { last4: '4242' } })).reverse(),
          query,
        );
      case 'POST /v1/checkout/sessions':
        return this.#ok(this.#session(params, null));
      case 'POST /v1/payment_links':
        return this.#ok(this.#link(params));
      case 'POST /v1/refunds':
        return this.#makeRefund(params);
      case 'POST /v1/payment_intents':
        return this.#charge(params);
      case 'GET /v1/checkout/sessions':
        return this.#list(own('checkout.session', 'payment_link'), query);
      case 'GET /v1/refunds':
        return this.#list(own('refund', 'payment_intent'), query);
      case 'GET /v1/disputes':
        return this.#list(own('dispute', 'payment_intent'), query);
      case 'GET /v1/events':
        return this.#list(
          this.events.filter(({ created }) => Number(created) >= Number(query.get('created[gte]'))),
          query,
        );
      case 'GET /v1/payment_intents/search': {
        const reference = /^metadata\['reference'\]:'(.*)'$/.exec(query.get('query') ?? '')?.[1];
        return this.#list(
          all.filter((each) => each.object === 'payment_intent' && referenceOf(each) === reference),
          query,
        );
      }
      default: {
        const found = method === 'GET' ? this.objects.get(path.split('/').at(-1) ?? '') : undefined;
        return found ? this.#ok(found) : MISSING;
      }
    }
  }

  #session(params: StripeObject, paymentLink: string | null): StripeObject {
    const id = this.#id('cs_test');
    const { price_data: price } = (params.line_items as StripeObject[])[0] as { price_data?: StripeObject };
    const amount = price ? Number(price.unit_amount) : 2_000;
    return this.#keep({
      ...{ id, object: 'checkout.session', amount_subtotal: amount, amount_total: amount, created: this.now },
      ...{ cancel_url: params.cancel_url ?? null, client_reference_id: params.client_reference_id ?? null },
      ...{ currency: price?.currency ?? 'usd', customer: null, customer_email: params.customer_email ?? null },
      customer_details: { email: 'somebody@example.com', name: 'Some Body', phone: null, address: null },
      ...{ expires_at: this.now + 86_400, invoice: null, livemode: false, metadata: params.metadata ?? {} },
      ...{ mode: params.mode, payment_intent: null, payment_link: paymentLink, payment_status: 'unpaid' },
      ...{ status: 'open', subscription: null, success_url: params.success_url ?? null },
      url: `https://checkout.stripe.com/c/pay/${id}#fidkdWxOYHwnPyd1blpxYHZxWjA0SDdPUW5JbmFMck1w%2F`,
    });
  }

  #link(params: StripeObject): StripeObject {
    const id = this.#id('plink');
    const { metadata, restrictions } = params;
    const url = `https://buy.stripe.com/test_${id.slice(-8)}`;
    return this.#keep({
      ...{ id, object: 'payment_link', active: true, livemode: false },
      ...{ metadata, restrictions, url, asked: params },
    });
  }

  #intent(amount: number, currency: string, metadata: unknown, status: string): StripeObject {
    return this.#keep({
      ...{ id: this.#id('pi'), object: 'payment_intent', amount, amount_capturable: 0 },
      ...{ amount_received: status === 'succeeded' ? amount : 0, created: this.now, currency, customer: null },
      ...{ client_secret: 'pi_secret_part', last_payment_error: null, latest_charge: this.#id('ch'), livemode: false },
      ...{
        metadata,
        payment_method: 'pm_1Oxyz',
        payment_method_types: ['card'],
        receipt_email: 'somebody@example.com',
      },
      status,
    });
  }

  #charge(params: StripeObject): ApiReply {
    const isKept = [...this.methods, this.defaultMethod].includes(String(params.payment_method));
    if (params.customer !== this.customerId || !isKept) return MISSING;
    const declined = this.declines.shift();
    const status = declined ? 'requires_payment_method' : 'succeeded';
    const intent = this.#intent(Number(params.amount), String(params.currency), params.metadata, status);
    if (!declined) return this.#ok(intent);
    const decline = declined === 'card_declined' ? { decline_code: 'insufficient_funds' } : {};
    const error = { type: 'card_error', code: declined, ...decline, message: 'Your card was declined.' };
    intent.last_payment_error = {
      ...error,
      payment_method: { card: { last4: '0341', fingerprint: 'Xt5EWLLDS7FJjR1c' } },
    };
    return refused(402, { ...error, payment_intent: intent });
  }

  #makeRefund(params: StripeObject): ApiReply {
    const intent = this.objects.get(String(params.payment_intent));
    if (!intent) return MISSING;
    const open = Number(intent.amount) - Number(intent.amount_refunded ?? 0);
    const isTooMuch = Number(params.amount) > open;
    if (isTooMuch) return refused(400, { type: 'invalid_request_error', code: 'charge_already_refunded' });
    return this.#ok(this.refund(String(params.payment_intent), Number(params.amount), params.metadata));
  }

  #list(entries: readonly StripeObject[], query: URLSearchParams): ApiReply {
    const newest = entries.toReversed();
    const from = newest.findIndex(({ id }) => id === query.get('starting_after')) + 1;
    const limit = Number(query.get('limit') ?? 10);
    const data = newest.slice(from, from + limit);
    return { status: 200, body: { object: 'list', data, has_more: from + limit < newest.length, url: '/v1' } };
  }

  #ok(object: StripeObject): ApiReply {
    // As it is now: a reply that is kept for its key does not change any more.
    return { status: 200, body: structuredClone(object) };
  }

  #keep(object: StripeObject): StripeObject {
    this.objects.set(String(object.id), object);
    return object;
  }

  #id(kind: string): string {
    this.#count += 1;
    return `${kind}_${String(this.#count).padStart(24, 'a')}`;
  }
}

function referenceOf(object: StripeObject): unknown {
  return (object.metadata as StripeObject | undefined)?.reference;
}

/** Reads `parent[child]=value`; a list is an object with numbers as keys. */
export function parsed(text: string): StripeObject {
  const params: StripeObject = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = name.split(/\[|\]\[|\]/).filter((key) => key !== '');
    let holder = params;
    for (const key of keys.slice(0, -1)) {
      holder[key] ??= {};
      holder = holder[key] as StripeObject;
    }
    holder[keys.at(-1) as string] = value;
  }
  if (params.line_items) params.line_items = Object.values(params.line_items);
  return params;
}
