/** The public promise of payments: the verbs, and the errors of each. */
import type { ListOptions, ReadOptions } from '../../models/inputs/credits.js';
import type {
  AutoTopUpCallOptions,
  AutoTopUpInput,
  CheckoutInput,
  CheckoutOptions,
  NewPaymentInput,
  PaymentCallOptions,
  ReconcileOptions,
  RecordedPaymentInput,
  RefundInput,
  RefundOptions,
  WebhookCallOptions,
} from '../../models/inputs/payments.js';
import type { MessageStatus } from '../../models/payment.js';
import type { Applied } from '../../models/records/applied.js';
import type {
  AutoTopUp,
  Payment,
  PaymentHistory,
  PaymentMessage,
  PlanCheckout,
  ReconcileReport,
  WebhookResult,
} from '../../models/records/payment.js';
import type { Page } from '../../models/values.js';
import type { PaymentProvider } from '../../ports/payment-provider.js';

export type { AutoTopUp, Payment, PaymentHistory, PaymentMessage, PlanCheckout, ReconcileReport, WebhookResult };

/** The headers of a request: a `Headers`, or a plain object such as `request.headers` of Node. */
export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

export type PaymentListOptions<S> = ReadOptions<S> &
  ListOptions & {
    /** Payments to leave out before the page, 0–10,000; a cursor is quicker. */
    skip?: number | undefined;
  };

export type AutoTopUpReadOptions<S> = ReadOptions<S> & {
  /** The credit type; default `credits`. */
  creditType?: string | undefined;
};

export type PaymentMessageOptions<S> = ReadOptions<S> &
  ListOptions & {
    /** Messages of one payment. */
    paymentId?: string | undefined;
    /** Messages that name one link of a provider. */
    providerLinkId?: string | undefined;
    /** Messages of one user's payments. */
    userId?: string | undefined;
    /** Messages of one status, such as `waiting`. */
    status?: MessageStatus | undefined;
  };

/**
 * Payments: credits for money. A payment is made before its provider hears of it, and every event of the provider goes
 * through an inbox: the message, the payment and the credits are one commit. So an event that comes twice, late, out of
 * order, or to several processes at once ends in the one right balance: credits are granted once, when everything is
 * paid, and refunds and disputes take back their part, rounded once, together never more than was granted.
 *
 * Terms are fixed when the payment is made. An event that differs from its payment in user, amount, currency or
 * reference changes nothing; it is kept, and told by `payment.mismatch`.
 *
 * Errors of every verb, besides those named: `INVALID_ARGUMENT`, `STORAGE_UNAVAILABLE`, `CONTENTION` and `TIMEOUT` (not
 * applied, safe to repeat) and `OUTCOME_UNKNOWN` (repeat with `details.idempotencyKey`).
 */
export interface PaymentService<S = unknown> {
  /**
   * Registers a provider under its name; one of the same name is replaced. Do it in every process, at its start.
   * @throws INVALID_ARGUMENT for an object that is no provider
   * @example manager.payments.registerProvider(stripeProvider({ secretKey, webhookSecret }));
   */
  registerProvider(provider: PaymentProvider): void;

  /** The provider of a name. @throws PROVIDER_NOT_FOUND, with the names that there are */
  getProvider(name: string): PaymentProvider;

  /** The names of the registered providers. */
  listProviders(): readonly string[];

  /**
   * Makes a payment and the link at which it is paid. The payment is stored before the provider is asked, so no link is
   * ever without its payment. A call that is repeated with its key goes on where the first one stopped, and never makes
   * a second link; without a key it makes another payment. It cannot be part of the host's own transaction.
   *
   * @throws PROVIDER_NOT_FOUND; INVALID_AMOUNT; PROVIDER_ERROR where the provider failed: repeat it with the same key;
   * IDEMPOTENCY_CONFLICT
   * @example
   * const { url } = await manager.payments.createPaymentLink(
   *   { userId: 'user-1', amount: 500, currency: 'INR' },
   *   { idempotencyKey: 'top-up-7' },
   * );
   * @example await manager.payments.createPaymentLink({ userId: 'user-1', pack: 'starter' });
   */
  createPaymentLink(payment: NewPaymentInput, options?: PaymentCallOptions): Promise<Applied<Payment>>;

  /**
   * Makes the page at which a user subscribes to a plan that the provider bills: one whose `providerPrices` name a
   * price of it. Nothing is granted by the page. `handleWebhook` takes the provider's events: each invoice that is paid
   * grants the period that it pays for, once, whatever the order and number of events, and also when it is late; one
   * that fails makes the subscription `past_due`; a change to a higher plan grants the rest of its limit in proportion
   * to the provider's period, one to a lower plan waits for the next; its end is the end of the subscription.
   *
   * Subscriptions that were made at the provider without this call count too: their events need the user in the
   * metadata `user_id`, or in `client_reference_id` of their page. Others wait until their customer is known.
   *
   * @throws PROVIDER_NOT_FOUND; PLAN_NOT_FOUND; PLAN_INACTIVE; INVALID_ARGUMENT for a plan without a price of the
   * provider; PROVIDER_ERROR: repeat it, with a key
   * @example const { url } = await manager.payments.checkout({ userId: 'user-1', plan: 'pro' });
   */
  checkout(checkout: CheckoutInput, options?: CheckoutOptions): Promise<PlanCheckout>;

  /**
   * Records a payment that was paid outside of our links, and grants its credits, once for ever: a payment that is
   * recorded already for the same user and money is answered with `replayed`. Refunds and disputes of it, also those
   * that came before, take their part back.
   *
   * @throws PROVIDER_NOT_FOUND; PAYMENT_MISMATCH where it is recorded with another user, amount or currency
   */
  recordPayment(payment: RecordedPaymentInput, options?: PaymentCallOptions): Promise<Applied<Payment>>;

  /**
   * A payment; null where there is none, or where it is another user's. With null for the user, anybody's.
   * @example const payment = await manager.payments.getPayment(id, 'user-1');
   */
  getPayment(id: string, userId: string | null, options?: ReadOptions<S>): Promise<Payment | null>;

  /** The payments of a user, the newest first: 20 unless `limit` says otherwise. */
  getPaymentHistory(userId: string, options?: PaymentListOptions<S>): Promise<PaymentHistory>;

  /**
   * Takes a webhook of a provider: verifies the signature over exactly these bytes, then applies its events, each once.
   * It resolves when everything is stored, so answer 2xx after it, 401 to `WEBHOOK_SIGNATURE_INVALID`, and 5xx to any
   * other error: the provider sends again. An event whose payment is not known yet is stored and waits for it.
   *
   * @throws WEBHOOK_SIGNATURE_INVALID; PROVIDER_NOT_FOUND; INVALID_ARGUMENT for a body that is not the bytes that came,
   * or is no event
   * @example await manager.payments.handleWebhook('stripe', await request.text(), request.headers);
   */
  handleWebhook(
    provider: string,
    rawBody: Uint8Array | string,
    headers: HeadersLike,
    options?: WebhookCallOptions,
  ): Promise<WebhookResult>;

  /**
   * Gives money back through the provider, all that is left or a part, and takes back the credits of it. The key makes
   * it safe to repeat: the provider gives no money back twice for one key.
   *
   * @throws PAYMENT_NOT_FOUND; INVALID_AMOUNT and INVALID_ARGUMENT where so much is not left; PROVIDER_ERROR: repeat it
   * with the same key; IDEMPOTENCY_CONFLICT
   * @example
   * await manager.payments.refundPayment(id, { amount: 100 }, { idempotencyKey: 'r-1', actor: 'ann', reason: 'bug' });
   */
  refundPayment(id: string, refund: RefundInput, options: RefundOptions): Promise<Payment>;

  /**
   * Sets the automatic top-up of an account, or turns it off with null. The operation that leaves fewer credits than
   * `threshold` begins a payment in its own commit, if no other is in flight and every limit allows it; credits in
   * flight count as there. A customer whose method the provider keeps is charged; without one, or where the provider
   * cannot charge, a link is made, and `top_up.link_made` carries its page. A charge runs at once in the process whose
   * operation began it, and `jobs.runPayments` goes on with what is left: schedule it every few minutes.
   *
   * After a failure it waits, twice as long each time, at most a day; after `offAfter` failures in a row it is off, and
   * so it is after a refund or a dispute of one of its payments. To set it again turns it on and forgets failures, but
   * no limit: what was bought counts on. Prices are those of now. Operations that are refused begin nothing.
   *
   * Answers null where there was none to turn off.
   * @throws PROVIDER_NOT_FOUND; INVALID_AMOUNT; INVALID_ARGUMENT unless there is one of `pack`, `amount` and `target`;
   * IDEMPOTENCY_CONFLICT
   * @example
   * await manager.payments.setAutoTopUp('user-1', {
   *   threshold: 100, amount: 500, currency: 'INR', customerId: 'cus_7', maxAmount: 5_000,
   * });
   * @example await manager.payments.setAutoTopUp('user-1', null);
   */
  setAutoTopUp(
    userId: string,
    settings: AutoTopUpInput | null,
    options?: AutoTopUpCallOptions,
  ): Promise<AutoTopUp | null>;

  /**
   * The automatic top-up of an account, with its purchases of the window; null where none was ever set.
   * @example const topUp = await manager.payments.getAutoTopUp('user-1');
   */
  getAutoTopUp(userId: string, options?: AutoTopUpReadOptions<S>): Promise<AutoTopUp | null>;

  /**
   * Makes good what webhooks missed: it looks again at messages that wait, asks the providers for payments that are
   * open, and for the events since `since` (default three days ago). It is safe in any number of processes at once, and
   * beside webhooks. `jobs.runPayments` does it for a scheduler.
   */
  reconcilePayments(options?: ReconcileOptions): Promise<ReconcileReport>;

  /**
   * The messages of providers, and ours to them: of a payment, of a provider's link or of a user, or those of a status
   * such as `waiting`. The newest come first.
   * @example const { items } = await manager.payments.listMessages({ status: 'waiting' });
   */
  listMessages(options?: PaymentMessageOptions<S>): Promise<Page<PaymentMessage>>;
}
