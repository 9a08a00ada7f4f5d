/** Plays Razorpay: payment links, payments, refunds and their lists; and signs webhooks of what happened. */
import { createHmac } from 'node:crypto';
import { type ApiReply, type ApiRequest, ApiServer, type Webhook } from './api-server.js';

type Entity = Record<string, unknown>;

const REFUSED = (description: string): ApiReply => ({
  status: 400,
  body: { error: { code: 'BAD_REQUEST_ERROR', description, source: 'business', step: 'payment_initiation' } },
});

export class RazorpayServer extends ApiServer {
  readonly keyId = 'rzp_test_0123456789abcd';
  readonly keySecret = 'key-secret-of-razorpay';
  readonly webhookSecret = 'webhook-secret-of-razorpay';
  readonly links = new Map<string, Entity>();
  readonly payments = new Map<string, Entity>();
  readonly refunds = new Map<string, Entity>();
  /** Answers to requests with an idempotency key. */
  readonly #done = new Map<string, ApiReply>();
  #count = 0;
  /** Seconds since 1970, of everything that happens. */
  now = 1_700_000_000;

  /** Pays a link, all that is open or a part of it; answers the payment. */
  pay(reference: string, amount?: number): Entity {
    const link = this.linkOf(reference);
    const open = Number(link.amount) - Number(link.amount_paid);
    const payment = this.#payment(link, amount ?? open, 'captured');
    link.amount_paid = Number(link.amount_paid) + Number(payment.amount);
    link.status = Number(link.amount_paid) >= Number(link.amount) ? 'paid' : 'partially_paid';
    link.order_id = payment.order_id;
    link.updated_at = this.now;
    const { id: payment_id, amount: paid, method, status, created_at } = payment;
    link.payments = [...(link.payments as Entity[]), { payment_id, amount: paid, method, status, created_at }];
    return payment;
  }

  /** An attempt to pay a link that was `authorized`, or that `failed`. */
  attempt(reference: string, status: 'authorized' | 'failed'): Entity {
    return this.#payment(this.linkOf(reference), Number(this.linkOf(reference).amount), status);
  }

  end(reference: string, status: 'expired' | 'cancelled'): Entity {
    return Object.assign(this.linkOf(reference), { status, [`${status}_at`]: this.now, updated_at: this.now });
  }

  refund(paymentId: string, amount: number, status = 'processed', notes: unknown = []): Entity {
    const payment = this.payments.get(paymentId) as Entity;
    payment.amount_refunded = Number(payment.amount_refunded) + amount;
    const refund = {
      ...{ id: this.#id('rfnd'), entity: 'refund', amount, currency: payment.currency, payment_id: paymentId, notes },
      ...{ receipt: null, acquirer_data: { arn: null }, created_at: this.now, batch_id: null, status },
      ...{ speed_processed: 'normal', speed_requested: 'normal' },
    };
    this.refunds.set(refund.id, refund);
    return refund;
  }

  dispute(paymentId: string, status = 'open', amountDeducted = 0): Entity {
    const { amount, currency } = this.payments.get(paymentId) as Entity;
    return {
      ...{ id: this.#id('disp'), entity: 'dispute', payment_id: paymentId, amount, currency },
      ...{ amount_deducted: amountDeducted, reason_code: 'chargeback', respond_by: this.now + 864_000, status },
      ...{ phase: 'chargeback', created_at: this.now },
    };
  }

  linkOf(reference: string): Entity {
    const link = [...this.links.values()].find(({ reference_id }) => reference_id === reference);
    if (!link) throw new Error(`no link of ${reference}`);
    return link;
  }

  /** A signed webhook of an event about these entities. */
  webhook(event: string, entities: Readonly<Record<string, Entity | undefined>>): Webhook {
    const named = Object.entries(entities).filter(([, entity]) => entity !== undefined);
    const payload = Object.fromEntries(named.map(([name, entity]) => [name, { entity }]));
    const head = { entity: 'event', account_id: 'acc_BFQ7uQEaa7j2z7', event, contains: Object.keys(payload) };
    return this.signed(Buffer.from(JSON.stringify({ ...head, payload, created_at: this.now })));
  }

  /** The webhook that tells that a link is paid. */
  paidWebhook(reference: string, payment: Entity): Webhook {
    const link = this.linkOf(reference);
    const order = this.orderOf(payment, link);
    return this.webhook(`payment_link.${link.status}`, { payment_link: link, payment, order });
  }

  orderOf(payment: Entity, { amount, amount_paid, currency, notes, reference_id }: Entity): Entity {
    return {
      ...{
        id: payment.order_id,
        entity: 'order',
        amount,
        amount_paid,
        amount_due: Number(amount) - Number(amount_paid),
      },
      ...{ currency, receipt: reference_id, offer_id: null, status: 'paid', attempts: 1, notes, created_at: this.now },
    };
  }

  signed(body: Uint8Array): Webhook {
    const signature = createHmac('sha256', this.webhookSecret).update(body).digest('hex');
    return {
      body,
      headers: new Headers({ 'x-razorpay-signature': signature, 'x-razorpay-event-id': this.#id('evt') }),
    };
  }

  protected answer(request: ApiRequest): ApiReply {
    const { method, path, query } = request;
    const expected = `Basic ${Buffer.from(`${this.keyId}:${this.keySecret}`).toString('base64')}`;
    if (request.headers.authorization !== expected) {
      return { status: 401, body: { error: { code: 'BAD_REQUEST_ERROR', description: 'Authentication failed' } } };
    }
    const [, version, kind, id, action] = path.split('/');
    if (version !== 'v1') return REFUSED('The requested URL was not found on the server.');
    if (method === 'POST' && kind === 'payment_links' && !id) return this.#makeLink(JSON.parse(request.text));
    if (method === 'POST' && kind === 'payments' && id && action === 'refund') return this.#makeRefund(id, request);
    if (method !== 'GET') return REFUSED('The requested URL was not found on the server.');
    if (kind === 'payment_links' && !id) {
      const own = [...this.links.values()].filter((link) => link.reference_id === query.get('reference_id'));
      return { status: 200, body: { payment_links: own } };
    }
    if (kind === 'payment_links' && id) return this.#show(this.links.get(id));
    if (kind === 'payments' && action === 'refunds') {
      return this.#list(
        [...this.refunds.values()].filter(({ payment_id }) => payment_id === id),
        query,
      );
    }
    if (kind === 'payments' && id) return this.#show(this.payments.get(id));
    if (kind === 'payments') return this.#list([...this.payments.values()], query);
    if (kind === 'refunds') return this.#list([...this.refunds.values()], query);
    return REFUSED('The requested URL was not found on the server.');
  }

  #makeLink(given: Entity): ApiReply {
    const isUsed = [...this.links.values()].some((link) => link.reference_id === given.reference_id);
    if (isUsed) return REFUSED(`payment link with given reference_id: (${given.reference_id}) already exists`);
    const id = this.#id('plink');
    const link = {
      ...{ accept_partial: given.accept_partial, amount: given.amount, amount_paid: 0, cancelled_at: 0 },
      ...{ created_at: this.now, currency: given.currency, customer: given.customer, description: given.description },
      ...{ callback_url: given.callback_url, callback_method: given.callback_method, expire_by: 0, expired_at: 0 },
      ...{ first_min_partial_amount: 0, id, notes: given.notes, notify: given.notify, payments: [] },
      ...{ reference_id: given.reference_id, reminder_enable: false, reminders: [], status: 'created' },
      ...{ short_url: `https://rzp.io/i/${id.slice(-8)}`, updated_at: this.now, upi_link: false, user_id: '' },
    };
    this.links.set(id, link);
    return { status: 200, body: link };
  }

  #makeRefund(id: string, { text, headers }: ApiRequest): ApiReply {
    const key = `${id}:${headers['x-refund-idempotency']}`;
    const earlier = this.#done.get(key);
    if (earlier) return earlier;
    const payment = this.payments.get(id);
    const { amount, notes } = JSON.parse(text) as { amount: number; notes?: unknown };
    if (!payment) return REFUSED('The id provided does not exist');
    if (Number(payment.amount_refunded) + amount > Number(payment.amount)) {
      return REFUSED('The total refund amount is greater than the refund payment amount');
    }
    const reply = { status: 200, body: this.refund(id, amount, 'processed', notes) };
    this.#done.set(key, reply);
    return reply;
  }

  #payment(link: Entity, amount: number, status: 'captured' | 'authorized' | 'failed'): Entity {
    const isFailed = status === 'failed';
    const payment = {
      ...{ id: this.#id('pay'), entity: 'payment', amount, currency: link.currency, status },
      ...{ order_id: link.order_id ?? this.#id('order'), invoice_id: null, international: false, method: 'card' },
      ...{ amount_refunded: 0, refund_status: null, captured: status === 'captured', bank: null, wallet: null },
      ...{ description: `#${String(link.id).slice('plink_'.length)}`, card_id: 'card_DZon6fd8J3IcA2', vpa: null },
      card: { id: 'card_DZon6fd8J3IcA2', last4: '1111', network: 'Visa', name: 'Gaurav Kumar', token_iin: '411111' },
      ...{ email: 'gaurav.kumar@example.com', contact: '+919988998899', notes: [], fee: 0, tax: 0 },
      error_code: isFailed ? 'BAD_REQUEST_ERROR' : null,
      error_description: isFailed ? 'Payment failed because of insufficient funds' : null,
      error_reason: isFailed ? 'insufficient_funds' : null,
      ...{ acquirer_data: { auth_code: '064381' }, created_at: this.now },
    };
    this.payments.set(payment.id, payment);
    return payment;
  }

  #show(entity: Entity | undefined): ApiReply {
    return entity ? { status: 200, body: entity } : REFUSED('The id provided does not exist');
  }

  #list(entities: readonly Entity[], query: URLSearchParams): ApiReply {
    const [from, to] = [Number(query.get('from') ?? 0), Number(query.get('to') ?? Number.MAX_SAFE_INTEGER)];
    const [count, skip] = [Number(query.get('count') ?? 10), Number(query.get('skip') ?? 0)];
    const within = entities.filter(({ created_at: at }) => Number(at) >= from && Number(at) <= to);
    const items = within.toReversed().slice(skip, skip + count);
    return { status: 200, body: { entity: 'collection', count: items.length, items } };
  }

  /** Ids have fourteen characters behind the name of their kind. */
  #id(kind: string): string {
    this.#count += 1;
    return `${kind}_${String(this.#count).padStart(14, 'F')}`;
  }
}
