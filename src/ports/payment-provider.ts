/** The port to payment providers. Run `testPaymentProvider` from `credit-management/testing` on yours. */
import type { MinorMoney, ProviderEvent } from '../models/provider-event.js';
import type { JsonObject } from '../models/values.js';

export type {
  MinorMoney,
  ProviderDispute,
  ProviderEvent,
  ProviderEventKind,
  ProviderRefund,
  ProviderSubscription,
} from '../models/provider-event.js';

/** A webhook that was verified: its events, and its body without what nobody should keep. */
export interface ProviderWebhook {
  /** The events of the body, at least one; each of them is applied by itself. */
  readonly events: readonly ProviderEvent[];
  /** The body, without data of cards, without secrets and without signatures. It is stored. */
  readonly payload: JsonObject;
}

/** A request for a link at which somebody pays once. */
export interface NewPaymentLink extends MinorMoney {
  /** Our payment's id. It is also the idempotency key: the same reference never makes a second link. */
  readonly reference: string;
  /** The user who pays. */
  readonly userId: string;
  /** A text for the one who pays. */
  readonly description: string;
  /** The address that the provider writes to. */
  readonly customerEmail: string | null;
  /** The number that the provider writes to. */
  readonly customerPhone: string | null;
  /** The page that follows the payment. */
  readonly callbackUrl: string;
  /** Credits that the payment grants, for the provider's pages. */
  readonly creditsToAdd: number;
  /** Data that the host gave with the payment. */
  readonly metadata: JsonObject;
  /** The provider's id of a price that renews: the link then begins a subscription. */
  readonly priceId: string | null;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/** A request to the provider and its answer, for the log of traffic; without what nobody should keep. */
export interface ProviderTraffic {
  /** The body that was sent. */
  readonly request: JsonObject;
  /** The body of the answer; null without one. */
  readonly response: JsonObject | null;
  /** The status of the answer; null without one. */
  readonly httpStatus: number | null;
}

export interface PaymentLink {
  /** The page at which it is paid. */
  readonly url: string;
  /** The provider's id of the link. */
  readonly providerLinkId: string;
  /** The provider's id of the payment, where it has one already. */
  readonly providerPaymentId: string | null;
  /** The request and its answer, for the log. */
  readonly traffic: ProviderTraffic;
}

/** Names a payment of ours at the provider. */
export interface ProviderPaymentRef {
  readonly reference: string;
  readonly providerLinkId: string | null;
  readonly providerPaymentId: string | null;
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
