/** The port to payment providers. Run `testPaymentProvider` from `credit-management/testing` on yours. */
import type { JsonObject } from '../models/values.js';

/**
 * Money in minor units, as providers speak it: 1999 is 19.99 in a currency of two decimals. The decimals are those of
 * ISO 4217 (INR 2, JPY 0, KWD 3); an adapter converts where its provider counts a currency otherwise.
 */
export interface MinorMoney {
  /** A safe integer, at least 0. */
  readonly amountMinor: number;
  /** Three capital letters. */
  readonly currency: string;
}

/** A refund, or a part of one; as it stands at the event. */
export interface ProviderRefund extends MinorMoney {
  /** The provider's id of it: it counts once, however often it is told. */
  readonly id: string;
  /** `open`: asked for, and not yet done. One that failed takes no credits back. */
  readonly status: 'open' | 'done' | 'failed';
}

/** A dispute of a payment: the money is gone while it is open, and comes back when it is won. */
export interface ProviderDispute extends MinorMoney {
  /** The provider's id of it: it counts once, however often it is told. */
  readonly id: string;
  /** `open`: nobody has decided yet. */
  readonly status: 'open' | 'won' | 'lost';
}

/** A subscription that the provider bills, as an event tells of it. */
export interface ProviderSubscription {
  /** The provider's id of it. */
  readonly id: string;
  /** The provider's id of the customer. */
  readonly customerId: string | null;
  /** The prices that it bills; a plan names them in `providerPrices`. */
  readonly priceIds: readonly string[];
  /** The invoice that the event is about. */
  readonly invoiceId: string | null;
  /** The period that the event pays for, or the current one. */
  readonly periodStart: Date | null;
  /** The end of that period. */
  readonly periodEnd: Date | null;
  /** Whether the period is the last one. */
  readonly cancelsAtPeriodEnd: boolean;
}

/**
 * - `authorized`, `failed`: an attempt to pay, which says nothing of later ones.
 * - `partially_paid`, `paid`: money that arrived. `paid` means that everything arrived.
 * - `expired`, `cancelled`: the link or the checkout takes no payment any more.
 * - `refunded`, `disputed`: see `refund` and `dispute`.
 * - `invoice_paid`, `invoice_failed`, `subscription_changed`, `subscription_ended`: see `subscription`.
 * - `ignored`: stored, without an effect.
 */
export type ProviderEventKind =
  | 'authorized'
  | 'failed'
  | 'partially_paid'
  | 'paid'
  | 'expired'
  | 'cancelled'
  | 'refunded'
  | 'disputed'
  | 'invoice_paid'
  | 'invoice_failed'
  | 'subscription_changed'
  | 'subscription_ended'
  | 'ignored';

/** One event of a provider, in words that are the same for all of them. */
export interface ProviderEvent {
  /** The provider's id of the event, if it is part of the signed content; null otherwise. */
  readonly eventId: string | null;
  /** The provider's name of the event, such as `payment_link.paid`. */
  readonly type: string;
  /** Its meaning for a payment or a subscription. */
  readonly kind: ProviderEventKind;
  /** When it happened, by the provider. */
  readonly occurredAt: Date;
  /** Our payment's id, where the event carries it. */
  readonly reference: string | null;
  /** The link or the checkout at the provider. */
  readonly providerLinkId: string | null;
  /** The payment at the provider: `pay_…` of Razorpay, `pi_…` of Stripe. Refunds and disputes name it. */
  readonly providerPaymentId: string | null;
  /** The order at the provider, where it has orders. */
  readonly providerOrderId: string | null;
  /** The user that we gave along, or that the host did. */
  readonly userId: string | null;
  /** The money that was asked for. */
  readonly asked: MinorMoney | null;
  /** The money that arrived for this payment so far, all parts together. */
  readonly paid: MinorMoney | null;
  /** Present in the kind `refunded`. */
  readonly refund: ProviderRefund | null;
  /** Present in the kind `disputed`. */
  readonly dispute: ProviderDispute | null;
  /** Present in the kinds that begin with `invoice_` and `subscription_`. */
  readonly subscription: ProviderSubscription | null;
  /** `card`, `upi` and the like. */
  readonly method: string | null;
  /** The provider's reason of a failure, or ours for ignoring the event. */
  readonly reason: string | null;
}

/** A webhook that was verified: its events, and its body without what nobody should keep. */
export interface ProviderWebhook {
  /** At least one. */
  readonly events: readonly ProviderEvent[];
  /** The body, without data of cards, without secrets and without signatures. It is stored. */
  readonly payload: JsonObject;
}

/** A request for a link at which somebody pays once. */
export interface NewPaymentLink extends MinorMoney {
  /** Our payment's id. It is also the idempotency key: the same reference never makes a second link. */
  readonly reference: string;
  /** The user that the credits are for. */
  readonly userId: string;
  /** The page says that this is paid for. */
  readonly description: string;
  /** The address that the provider may write to. */
  readonly customerEmail: string | null;
  /** The number that the provider may write to. */
  readonly customerPhone: string | null;
  /** The page that follows the payment. */
  readonly callbackUrl: string;
  /** Credits that the payment will add; only told along. */
  readonly creditsToAdd: number;
  /** Given by the host, and told along. */
  readonly metadata: JsonObject;
  /** The provider's id of a price that renews: the link then begins a subscription. */
  readonly priceId: string | null;
  /** Ends the request early. */
  readonly signal: AbortSignal;
}

/** What was sent to the provider and what it answered, for the log of its traffic; without what nobody should keep. */
export interface ProviderTraffic {
  /** The request, with its method and path. */
  readonly request: JsonObject;
  /** The answer; null when none came. */
  readonly response: JsonObject | null;
  /** Its status; null when nothing came back. */
  readonly httpStatus: number | null;
}

/** A link at which somebody pays. */
export interface PaymentLink {
  /** The page to pay on. */
  readonly url: string;
  /** The provider's id of the link or the checkout. */
  readonly providerLinkId: string;
  /** The payment at the provider, where it has an id before anybody has paid. */
  readonly providerPaymentId: string | null;
  /** For the log. */
  readonly traffic: ProviderTraffic;
}

/** Names a payment of ours at the provider. */
export interface ProviderPaymentRef {
  /** Our payment's id. */
  readonly reference: string;
  /** The link or the checkout, if it is known. */
  readonly providerLinkId: string | null;
  /** The payment at the provider, if it is known. */
  readonly providerPaymentId: string | null;
  /** Ends the request early. */
  readonly signal: AbortSignal;
}

/**
 * A provider of payments. Every method that asks the provider rejects with `PROVIDER_ERROR` alone (or with the reason
 * of the signal), within its own time limit; the message names the provider's code and status and never a secret. The
 * error is `retryable` where the same request may succeed later. A request that could move money twice carries an
 * idempotency key, or is not repeated.
 */
export interface PaymentProvider {
  /** `[a-z][a-z0-9_-]{0,31}`: the name in routes and rows. */
  readonly name: string;

  /** Makes a link, or answers the one that the same `reference` made before. */
  createPaymentLink(link: NewPaymentLink): Promise<PaymentLink>;

  /**
   * Verifies the signature over exactly these bytes, then reads the events. Nothing is parsed before.
   * @throws WEBHOOK_SIGNATURE_INVALID for any signature that is missing, wrong or too old; INVALID_ARGUMENT for a
   * signed body that is no event of this provider.
   */
  readWebhook(rawBody: Uint8Array, headers: Headers, now: Date): ProviderWebhook | Promise<ProviderWebhook>;

  /**
   * A payment as it stands now, told as events; of one that the provider does not know, none. The events of two calls
   * are equal while nothing has changed, and have no `eventId`.
   */
  fetchPayment(payment: ProviderPaymentRef): Promise<readonly ProviderEvent[]>;

  /** Gives money back. `done` may come later, by a webhook. */
  refund?(
    refund: MinorMoney & {
      readonly reference: string;
      readonly providerPaymentId: string;
      readonly idempotencyKey: string;
      readonly reason: string;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly event: ProviderEvent; readonly traffic: ProviderTraffic }>;

  /** Charges a payment method that the provider keeps for a customer. */
  charge?(
    charge: MinorMoney & {
      readonly customerId: string;
      /** Our payment's id, which is also the idempotency key. */
      readonly reference: string;
      readonly userId: string;
      readonly description: string;
      readonly creditsToAdd: number;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly event: ProviderEvent; readonly traffic: ProviderTraffic }>;

  /** The events since an instant, oldest first where the provider can: what webhooks may have missed. */
  listSince?(since: Date, signal: AbortSignal): AsyncIterable<ProviderEvent>;
}
