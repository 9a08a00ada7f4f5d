/** An event of a payment provider, in words that are the same for all of them. */

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
  /** The provider's id of it. */
  readonly id: string;
  /** How it stands. */
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
  /** Whether it renews no more. */
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
  /** The effect that it has. */
  readonly kind: ProviderEventKind;
  /** When it happened, by the provider. */
  readonly occurredAt: Date;
  /** Our payment's id, where the event carries it. */
  readonly reference: string | null;
  /** The provider's id of the link or the checkout. */
  readonly providerLinkId: string | null;
  /** The payment at the provider: `pay_…` of Razorpay, `pi_…` of Stripe. Refunds and disputes name it. */
  readonly providerPaymentId: string | null;
  /** The provider's id of the order. */
  readonly providerOrderId: string | null;
  /** The user that we gave along, or that the host did. */
  readonly userId: string | null;
  /** The money that was asked for. */
  readonly asked: MinorMoney | null;
  /** The money that arrived for this payment so far, all parts together. */
  readonly paid: MinorMoney | null;
  /**
   * The money that arrived by `providerPaymentId` alone; null where that is all of `paid`. A provider that takes a
   * payment in parts has to tell it, so that refunds of money that came too much take nothing back.
   */
  readonly arrived: MinorMoney | null;
  /** The refund that `refunded` tells of. */
  readonly refund: ProviderRefund | null;
  /** The dispute that `disputed` tells of. */
  readonly dispute: ProviderDispute | null;
  /** The subscription that the event is about. */
  readonly subscription: ProviderSubscription | null;
  /** `card`, `upi` and the like. */
  readonly method: string | null;
  /** The provider's reason of a failure, or ours for ignoring the event. */
  readonly reason: string | null;
}
