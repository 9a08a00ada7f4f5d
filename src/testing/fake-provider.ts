/** A provider of payments in memory, for the tests of a host: it does what a test tells it to, and signs it. */
import type { JsonObject } from '../models/values.js';
import { providerError } from '../payments/exchange.js';
import { eventOf, requireBytes, signedObject } from '../payments/reading.js';
import { redacted } from '../payments/redaction.js';
import { digestOf, wrongSignature } from '../payments/signature.js';
import { isSigned } from '../payments/stripe-signature.js';
import type { Clock } from '../ports/clock.js';
import type { MinorMoney, PaymentProvider, ProviderEvent } from '../ports/payment-provider.js';
import { bodyOf, FAKE_FIELDS, readBody } from './fake-events.js';
import { FakeOutbox, type FakeWebhook } from './fake-outbox.js';
import { FakePayment } from './fake-payment.js';
import { type FakeFault, FakeRequests } from './fake-requests.js';

export interface FakeProviderOptions {
  /** The name of the provider. Default `fake`. */
  readonly name?: string | undefined;
  /** The secrets of its webhooks; the first one signs. Default `fake-webhook-secret`. */
  readonly webhookSecret?: string | readonly string[] | undefined;
  /** The clock of events and signatures. The default is the clock of this machine. */
  readonly clock?: Clock | undefined;
  /** The number that a random order of webhooks follows from. Default 1. */
  readonly seed?: number | undefined;
  /** Whether a refund is done at once, or open until `settleRefund`. Default `done`. */
  readonly refunds?: 'done' | 'open' | undefined;
  /** Milliseconds after which a request that hangs fails. Default 15,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A provider of payments in memory. A test plays the customer and the bank: each step queues a webhook with a real
 * signature, which the test delivers when it likes, twice, late, or in another order.
 *
 * @example
 * const fake = fakeProvider();
 * const { url } = await fake.createPaymentLink(link);
 * fake.pay(link.reference);
 * await fake.deliver(({ body, headers }) => payments.handleWebhook('fake', body, headers));
 */
export class FakeProvider implements PaymentProvider {
  readonly name: string;
  /** The webhooks that are to be delivered. */
  readonly outbox: FakeOutbox;
  /** Customers with a method of payment that is kept. A charge of anybody else fails. */
  readonly customers: Set<string> = new Set(['customer-1']);
  readonly #secrets: readonly string[];
  readonly #clock: Clock;
  readonly #refunds: 'done' | 'open';
  readonly #requests: FakeRequests;
  readonly #payments = new Map<string, FakePayment>();
  /** Everything that was told, oldest first. */
  readonly #history: ProviderEvent[] = [];
  readonly #declines: string[] = [];

  constructor(options: FakeProviderOptions = {}) {
    this.name = options.name ?? 'fake';
    this.#secrets = [options.webhookSecret ?? 'fake-webhook-secret'].flat();
    this.#clock = options.clock ?? { now: () => new Date() };
    this.#refunds = options.refunds ?? 'done';
    this.#requests = new FakeRequests(this.name, options.timeoutMs ?? 15_000);
    this.outbox = new FakeOutbox((event) => this.sign(bodyOf(event)), options.seed ?? 1);
  }

  /** The requests so far, by their methods, failed ones too. */
  get requests(): readonly string[] {
    return this.#requests.made;
  }

  /** Makes the next requests fail so, one after the other. */
  failNext(...faults: readonly FakeFault[]): void {
    this.#requests.failNext(...faults);
  }

  /** Ends the requests that hang with `PROVIDER_ERROR`, and lets those that are slow answer. */
  endHanging(): void {
    this.#requests.endHanging();
  }

  createPaymentLink: PaymentProvider['createPaymentLink'] = async (link) => {
    const made = await this.#requests.run('createPaymentLink', link.signal, () => {
      const earlier = this.#payments.get(link.reference);
      if (earlier && (earlier.asked.amountMinor !== link.amountMinor || earlier.asked.currency !== link.currency)) {
        throw providerError(this.name, `${this.name} has another link of this reference`, { retryable: false });
      }
      return earlier ?? this.#begin(link.reference, link.userId, link, `link_${link.reference}`);
    });
    const { signal: _, customerEmail: _email, customerPhone: _phone, ...sent } = link;
    const url = `https://fake.example.com/pay/${encodeURIComponent(link.reference)}`;
    const traffic = { request: redacted({ body: sent }, FAKE_FIELDS), response: { url }, httpStatus: 200 };
    return { url, providerLinkId: made.linkId ?? '', providerPaymentId: null, traffic };
  };

  readWebhook: PaymentProvider['readWebhook'] = (rawBody, headers, now) => {
    requireBytes(rawBody);
    const header = headers.get('fake-signature');
    if (!isSigned(rawBody, header, this.#secrets, { now, toleranceSeconds: 300 })) throw wrongSignature(this.name);
    const body = signedObject(rawBody, this.name);
    return { events: [readBody(body, now, this.name)], payload: redacted(body, FAKE_FIELDS) };
  };

  fetchPayment: PaymentProvider['fetchPayment'] = ({ reference, providerLinkId, providerPaymentId, signal }) =>
    this.#requests.run('fetchPayment', signal, () => {
      const named = [...this.#payments.values()].find(({ linkId, paymentId }) =>
        providerLinkId !== null ? linkId === providerLinkId : paymentId === providerPaymentId,
      );
      const isNamed = providerLinkId !== null || providerPaymentId !== null;
      return (isNamed ? named : this.#payments.get(reference))?.states() ?? [];
    });

  refund: NonNullable<PaymentProvider['refund']> = async (request) => {
    const { reference, providerPaymentId, amountMinor, currency, idempotencyKey, signal } = request;
    const event = await this.#requests.run('refund', signal, () => {
      const payment = this.#payments.get(reference);
      const isKnown = payment?.paymentId === providerPaymentId && payment.asked.currency === currency;
      if (!isKnown) throw providerError(this.name, `${this.name} has no such payment`, { retryable: false });
      const earlier = payment.refundByKey(idempotencyKey);
      if (earlier) return payment.refundEvent(earlier);
      if (amountMinor > payment.refundable) {
        throw providerError(this.name, `${this.name} cannot give back more than was paid`, { retryable: false });
      }
      return this.#tell(payment.giveBack(amountMinor, this.#refunds, idempotencyKey));
    });
    const sent = { reference, providerPaymentId, amountMinor, currency, idempotencyKey };
    return { event: { ...event, eventId: null }, traffic: { request: sent, response: {}, httpStatus: 200 } };
  };

  charge: NonNullable<PaymentProvider['charge']> = async (request) => {
    const { customerId, reference, userId, amountMinor, currency, signal } = request;
    const event = await this.#requests.run('charge', signal, () => {
      const earlier = this.#payments.get(reference);
      if (earlier) return earlier.last;
      const payment = this.#begin(reference, userId, request, null);
      const decline = this.customers.has(customerId) ? this.#declines.shift() : 'customer_unknown';
      return this.#tell(decline === undefined ? payment.pay(null) : payment.attempt('failed', decline));
    });
    const sent = { customerId, reference, amountMinor, currency };
    return { event: { ...event, eventId: null }, traffic: { request: sent, response: {}, httpStatus: 200 } };
  };

  async *listSince(since: Date, signal: AbortSignal): AsyncIterable<ProviderEvent> {
    const events = await this.#requests.run('listSince', signal, () =>
      this.#history.filter(({ occurredAt }) => occurredAt >= since),
    );
    yield* events;
  }

  /** Pays what is open, or a part of it. */
  pay(reference: string, part: { readonly amount?: number } = {}): FakeWebhook {
    return this.#step(reference, (payment) => payment.pay(part.amount ?? null));
  }

  /** Reserves the money at the bank: nothing has arrived yet. */
  authorize(reference: string): FakeWebhook {
    return this.#step(reference, (payment) => payment.attempt('authorized', null));
  }

  /** An attempt to pay fails; another one may come. */
  decline(reference: string, reason = 'insufficient_funds'): FakeWebhook {
    return this.#step(reference, (payment) => payment.attempt('failed', reason));
  }

  /** The next charges fail for this reason, such as `authentication_required`, which only the customer can mend. */
  declineCharges(count: number, reason = 'card_declined'): void {
    this.#declines.push(...Array.from({ length: count }, () => reason));
  }

  /** The link takes no payment any more: its time is over. */
  expire(reference: string): FakeWebhook {
    return this.#step(reference, (payment) => payment.end('expired'));
  }

  /** The link takes no payment any more: somebody cancelled it. */
  cancel(reference: string): FakeWebhook {
    return this.#step(reference, (payment) => payment.end('cancelled'));
  }

  /** Gives money back at the provider, without a request of the host: everything that is left, or a part. */
  giveBack(reference: string, part: { readonly amount?: number; readonly status?: 'open' | 'done' | 'failed' } = {}) {
    return this.#step(reference, (payment) =>
      payment.giveBack(part.amount ?? payment.refundable, part.status ?? this.#refunds, null),
    );
  }

  /** Ends a refund that was open. Without its id, the last one of the payment. */
  settleRefund(reference: string, status: 'done' | 'failed', refundId?: string): FakeWebhook {
    return this.#step(reference, (payment) => payment.settleRefund(status, refundId));
  }

  /** The customer's bank takes the money back: everything that was paid, or a part. */
  dispute(reference: string, part: { readonly amount?: number } = {}): FakeWebhook {
    return this.#step(reference, (payment) => payment.dispute(part.amount ?? null));
  }

  /** Ends a dispute. Without its id, the last one of the payment. */
  settleDispute(reference: string, status: 'won' | 'lost', disputeId?: string): FakeWebhook {
    return this.#step(reference, (payment) => payment.settleDispute(status, disputeId));
  }

  /** Queues any event at all: of a subscription, of another product, or of a type that nobody knows. */
  tell(event: Pick<ProviderEvent, 'kind'> & Partial<ProviderEvent>): FakeWebhook {
    const occurredAt = this.#clock.now();
    return this.outbox.add(this.#tell(eventOf({ type: `fake.${event.kind}`, occurredAt, ...event }), false));
  }

  /** A body, signed now. */
  sign(body: JsonObject | Uint8Array): { readonly body: Uint8Array; readonly headers: Headers } {
    const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const seconds = Math.floor(this.#clock.now().getTime() / 1000);
    const signature = digestOf(this.#secrets[0] ?? '', `${seconds}.`, bytes).toString('hex');
    return { body: bytes, headers: new Headers({ 'fake-signature': `t=${seconds},v1=${signature}` }) };
  }

  /** The webhooks that are to be delivered, signed now, in their order. */
  deliveries(): readonly FakeWebhook[] {
    return this.outbox.pending();
  }

  /** Delivers what is queued. See {@link FakeOutbox.deliver}. */
  deliver(handle: (webhook: FakeWebhook) => unknown): Promise<number> {
    return this.outbox.deliver(handle);
  }

  #begin(reference: string, userId: string, { amountMinor, currency }: MinorMoney, linkId: string | null) {
    const payment = new FakePayment({ reference, userId, linkId, asked: { amountMinor, currency } }, this.#clock);
    this.#payments.set(reference, payment);
    return payment;
  }

  #step(reference: string, step: (payment: FakePayment) => ProviderEvent): FakeWebhook {
    const payment = this.#payments.get(reference);
    if (!payment) throw new Error(`The fake provider has no payment of ${reference}. Make a link of it first.`);
    return this.outbox.add(this.#tell(step(payment), false));
  }

  /** Keeps an event under an id, and queues its webhook. */
  #tell(event: ProviderEvent, isQueued = true): ProviderEvent {
    const about = event.reference ?? event.subscription?.id ?? 'unknown';
    const told = { ...event, eventId: event.eventId ?? `evt_${about}_${this.#history.length + 1}` };
    this.#history.push(told);
    if (isQueued) this.outbox.add(told);
    return told;
  }
}

/** Makes a {@link FakeProvider}. */
export function fakeProvider(options?: FakeProviderOptions): FakeProvider {
  return new FakeProvider(options);
}
