/** The records as they were written by hand, before they were inferred from schemas: users wrote code against these. */
import type {
  AccessStatus,
  CreditErrorCode,
  DeliveryStatus,
  EntryType,
  GrantSource,
  JsonObject,
  NotificationType,
  PaymentStatus,
  ReservationStatus,
  TransactionType,
} from '../../src/index.js';

export interface Draw {
  readonly grantId: string;
  readonly amount: number;
}

export interface UserCreditsInfo {
  userId: string;
  creditType: string;
  balance: number;
  reserved: number;
  available: number;
  debt: number;
  asOf: Date;
}

export interface Transaction {
  readonly id: string;
  readonly operationId: string;
  readonly userId: string;
  readonly creditType: string;
  readonly seq: number;
  readonly type: TransactionType;
  readonly amount: number;
  readonly delta: number;
  readonly reservedDelta: number;
  readonly balanceAfter: number;
  readonly availableAfter: number;
  readonly debtAfter: number;
  readonly shortfall: number;
  readonly draws: readonly Draw[];
  readonly grantId: string | null;
  readonly source: GrantSource | null;
  readonly reference: string | null;
  readonly reservationId: string | null;
  readonly reverses: string | null;
  readonly description: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly correlationId: string | null;
  readonly idempotencyKey: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: Date;
}

export interface Grant {
  id: string;
  userId: string;
  creditType: string;
  source: GrantSource;
  amount: number;
  remaining: number;
  held: number;
  priority: number;
  effectiveAt: Date;
  expiresAt: Date | null;
  planId: string | null;
  createdAt: Date;
}

export interface Reservation {
  id: string;
  userId: string;
  creditType: string;
  amount: number;
  committed: number;
  released: number;
  remaining: number;
  status: ReservationStatus;
  expiresAt: Date;
  createdAt: Date;
  reason: string | null;
  metadata: JsonObject;
}

export interface SubscriptionPlan {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly creditType: string;
  readonly creditLimit: number;
  readonly alsoGrants: readonly { readonly creditType: string; readonly creditLimit: number }[];
  readonly price: number;
  readonly currency: string | null;
  readonly billingPeriod: 'daily' | 'weekly' | 'monthly' | 'yearly';
  readonly validityDays: number | null;
  readonly trialDays: number;
  readonly rolloverCap: number | null;
  readonly timeZone: string | null;
  readonly metadata: JsonObject;
  readonly isActive: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface UserSubscription {
  readonly id: string;
  readonly userId: string;
  readonly planId: string;
  readonly planName: string;
  readonly status: 'trialing' | 'active' | 'past_due' | 'paused' | 'cancelled' | 'ended';
  readonly startedAt: Date;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly allocationStart: Date;
  readonly allocationEnd: Date;
  readonly validUntil: Date | null;
  readonly autoRenew: boolean;
  readonly nextPlanId: string | null;
  readonly graceUntil: Date | null;
  readonly paidAhead: readonly string[];
}

export interface SubscriptionChange {
  readonly id: string;
  readonly at: Date;
  readonly message: string;
  readonly subscription: UserSubscription;
}

export interface ChangePreview {
  readonly granted: Readonly<Record<string, number>>;
  readonly subscription: UserSubscription;
}

export interface Cycle {
  readonly id: string;
  readonly userId: string;
  readonly creditType: string;
  readonly amount: number;
  readonly days: number;
  readonly recurring: boolean;
  readonly status: 'active' | 'canceled' | 'ended';
  readonly start: Date;
  readonly end: Date;
  readonly createdAt: Date;
}

export interface Promo {
  readonly id: string;
  readonly code: string;
  readonly credits: number;
  readonly creditType: string;
  readonly description: string | null;
  readonly targetType: 'all_users' | 'specific_users';
  readonly targetUserIds: readonly string[];
  readonly maxUses: number | null;
  readonly maxUsesPerUser: number;
  readonly maxUsesPerDay: number | null;
  readonly maxUsesPerUserPerDay: number | null;
  readonly validityDays: number | null;
  readonly referrerId: string | null;
  readonly referrerCredits: number | null;
  readonly validFrom: Date;
  readonly validUntil: Date | null;
  readonly isActive: boolean;
  readonly metadata: JsonObject;
  readonly totalClaims: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface PromoClaim {
  readonly userId: string;
  readonly promoId: string;
  readonly promoCode: string;
  readonly creditsAwarded: number;
  readonly transactionId: string;
  readonly referrerId: string | null;
  readonly referrerCreditsAwarded: number | null;
  readonly referrerTransactionId: string | null;
  readonly claimedAt: Date;
  readonly metadata: JsonObject;
}

export type Eligibility =
  | { eligible: true; promoCode: string; credits: number; description: string | null }
  | { eligible: false; promoCode: string; reason: string };

export type ClaimResult =
  | {
      success: true;
      creditsAwarded: number;
      promoCode: string;
      message: string;
      transactionId: string;
      referrerId: string | null;
      referrerCreditsAwarded: number | null;
    }
  | { success: false; creditsAwarded: 0; promoCode: string; message: string };

export interface Notification {
  readonly id: string;
  readonly userId: string;
  readonly creditType: string;
  readonly type: NotificationType;
  readonly payload: JsonObject;
  readonly status: DeliveryStatus;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
}

export interface ExpiringReport {
  readonly status: 'completed' | 'stopped';
  readonly processed: number;
  readonly notified: number;
  readonly cursor: string | null;
  readonly skippedCount: number;
  readonly skipped: readonly { readonly id: string; readonly code: CreditErrorCode; readonly message: string }[];
}

export interface LedgerEntry {
  readonly id: string;
  readonly eventType: 'transaction' | 'error' | 'system';
  readonly type: EntryType;
  readonly operation: string;
  readonly operationId: string;
  readonly userId: string | null;
  readonly creditType: string | null;
  readonly seq: number;
  readonly message: string;
  readonly amount: number;
  readonly delta: number;
  readonly balanceAfter: number;
  readonly availableAfter: number;
  readonly correlationId: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly description: string | null;
  readonly metadata: JsonObject;
  readonly details: JsonObject;
  readonly createdAt: Date;
  readonly hash: string | null;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly checked: number;
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  readonly file: { readonly lines: number; readonly foreign: number; readonly torn: number } | null;
}

export type ProblemKind =
  | 'sequence'
  | 'chain'
  | 'hash'
  | 'balance'
  | 'available'
  | 'time'
  | 'columns'
  | 'future'
  | 'account'
  | 'grant'
  | 'hold'
  | 'subscription'
  | 'cycle'
  | 'promo'
  | 'payment'
  | 'top_up'
  | 'file_missing'
  | 'file_differs'
  | 'file_unknown'
  | 'file_damaged';

export interface Problem {
  readonly kind: ProblemKind;
  readonly id: string;
  readonly message: string;
}

export interface Health {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly components: Readonly<Record<'database' | 'ledgerFile' | 'cache' | 'messaging', 'up' | 'down' | 'disabled'>>;
  readonly isDatabaseOlder: boolean;
  readonly ledgerFile: { readonly state: 'up' | 'degraded'; readonly lag: number } | null;
  readonly differingSettings: readonly string[];
  readonly undelivered: readonly { readonly receiver: string; readonly waitingSince: Date }[];
}

export type JobName =
  | 'expiration'
  | 'allocation'
  | 'reservation_expiry'
  | 'expiring_notifications'
  | 'outbox'
  | 'payments';

export interface JobProgress {
  readonly job: JobName;
  readonly processed: number;
  readonly remaining: number | null;
}

export interface JobReport<J extends JobName = JobName> {
  readonly job: J;
  readonly status: 'completed' | 'stopped' | 'lease_held_elsewhere';
  readonly processed: number;
  readonly granted: number;
  readonly expired: number;
  readonly delivered: number;
  readonly skippedCount: number;
  readonly skipped: readonly { readonly id: string; readonly code: CreditErrorCode; readonly message: string }[];
  readonly startedAt: string;
  readonly durationMs: number;
}

export interface OutboxReport {
  readonly status: 'completed' | 'stopped';
  readonly processed: number;
  readonly delivered: number;
  readonly failed: number;
  readonly waiting: number;
  readonly deleted: number;
  readonly skippedCount: number;
  readonly skipped: readonly { readonly id: string; readonly code: CreditErrorCode; readonly message: string }[];
}

export interface SinkInfo {
  readonly name: string;
  readonly types: readonly string[] | null;
  readonly registeredAt: Date;
  readonly pending: number;
  readonly failed: number;
}

export type NotificationMessage = { readonly notification_id: string; readonly user_id: string } & (
  | {
      readonly type: 'low_credits';
      readonly payload: {
        readonly current_credits: { readonly balance: number; readonly reserved: number; readonly available: number };
        readonly credit_type?: string;
      };
    }
  | {
      readonly type: 'expiring_credits';
      readonly payload: {
        readonly expiring_credits: number;
        readonly within_days: number;
        readonly credit_type?: string;
      };
    }
  | { readonly type: 'transaction_error'; readonly payload: { readonly message: string; readonly details: JsonObject } }
);

type Movement = {
  amount: number;
  balance: number;
  available: number;
  transactionId: string;
  reference: string | null;
  referenceType: GrantSource | 'transaction' | null;
  metadata?: JsonObject | undefined;
};
type OfReservation = Movement & { reservationId: string };
type OfSubscription = {
  subscriptionId: string;
  planId: string;
  planName: string;
  previousPlanId: string | null;
  nextPlanId: string | null;
  status: UserSubscription['status'];
  periodStart: string;
  periodEnd: string;
  validUntil: string | null;
  autoRenew: boolean;
  reason: string | null;
};
type OfPayment = {
  paymentId: string;
  provider: string;
  providerPaymentId: string | null;
  status: PaymentStatus;
  amount: number;
  currency: string;
  paid: number;
  creditsToAdd: number;
  creditsAdded: number;
  creditsTakenBack: number;
  reason: string | null;
};
type OfTopUp = {
  paymentId: string | null;
  provider: string;
  amount: number | null;
  currency: string;
  creditsToAdd: number | null;
  threshold: number;
  available: number;
  declines: number;
  nextAt: string | null;
  url: string | null;
  reason: string;
};
type Edge = { previousBalance: number; balance: number; available: number; transactionId: string | null };

export interface CreditEventMap {
  'credits.recharged': Movement & { source: GrantSource };
  'credits.grant_activated': Movement & { grantId: string; source: GrantSource };
  'credits.transferred': Movement & { from: string; to: string };
  'credits.refunded': Movement & { reason: string | null };
  'credits.adjusted': Movement & { actor: string; reason: string };
  'credits.deducted': Movement;
  'credits.expired': Movement;
  'credits.shortfall': OfReservation;
  'credits.reserved': OfReservation;
  'credits.committed': OfReservation & { released: number };
  'credits.released': OfReservation;
  'credits.reservation_expired': OfReservation;
  'credits.account.created': { balance: number; initial_balance: number };
  'credits.low_balance_reached': Edge & { threshold: number; level: number };
  'credits.balance_restored': Edge & { threshold: number; level: number };
  'credits.balance_exhausted': Edge;
  'credits.plugin_status_changed': Edge & {
    previousStatus: AccessStatus;
    status: AccessStatus;
    reason: 'Sufficient credits' | 'Insufficient credits';
  };
  'subscription.assigned': OfSubscription;
  'subscription.changed': OfSubscription;
  'subscription.renewed': OfSubscription;
  'subscription.past_due': OfSubscription;
  'subscription.paused': OfSubscription;
  'subscription.resumed': OfSubscription;
  'subscription.cancelled': OfSubscription;
  'subscription.ended': OfSubscription;
  'subscription.allocated': Movement & { subscriptionId: string; periodStart: string };
  'payment.paid': OfPayment;
  'payment.partially_paid': OfPayment;
  'payment.failed': OfPayment;
  'payment.expired': OfPayment;
  'payment.cancelled': OfPayment;
  'payment.refunded': OfPayment;
  'payment.disputed': OfPayment;
  'payment.mismatch': OfPayment;
  'top_up.started': OfTopUp;
  'top_up.skipped': OfTopUp;
  'top_up.link_made': OfTopUp;
  'top_up.succeeded': OfTopUp;
  'top_up.failed': OfTopUp;
  'top_up.turned_off': OfTopUp;
  'inbox.dead_lettered': {
    deadLetterId: string;
    subject: string;
    eventId: string | null;
    code: string;
    reason: string;
    stream: string | null;
    streamSequence: number | null;
    bytes: number;
  };
}

type CreditEventType = keyof CreditEventMap;
export type CreditEvent<K extends CreditEventType = CreditEventType> = {
  [T in K]: {
    readonly id: string;
    readonly version: 1;
    readonly type: T;
    readonly userId: string;
    readonly creditType: string;
    readonly sequence: number;
    readonly occurredAt: string;
    readonly correlationId: string | null;
    readonly data: CreditEventMap[T];
  };
}[K];
