/** The commands that decisions carry out. Time, ids and every other input from outside come with them. */
import type { AccountOptions } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { GrantSource, Overage } from '../models/enums.js';
import type { PaymentMessageRow, PaymentRow } from '../models/payment.js';
import type { TopUpSettings } from '../models/top-up.js';
import type { JsonObject } from '../models/values.js';
import type { StoredEvent } from './payment-state.js';

/** The terms of a grant to be made, in units and epoch milliseconds. */
export interface GrantTerms {
  readonly source: GrantSource;
  readonly priority: number;
  readonly effectiveAt: number | null;
  readonly expiresAt: number | null;
  readonly planId: string | null;
  readonly paymentId: string | null;
  readonly reference: string | null;
}

/** The grants that a deduction may draw on: those that meet every condition that is named. */
export interface DrawnFrom {
  readonly grantIds?: readonly string[];
  readonly sources?: readonly GrantSource[];
  readonly planId?: string;
}

/** One credit operation, with amounts in units. It belongs to the first of the accounts that it is decided on. */
export type Command =
  | { readonly type: 'add'; readonly amount: number; readonly terms: GrantTerms }
  | {
      readonly type: 'deduct';
      readonly amount: number;
      readonly afterService: boolean;
      /** Absent: every grant. */
      readonly from?: DrawnFrom | undefined;
      /** The instant of usage that is told late. */
      readonly occurredAt?: number | undefined;
    }
  | { readonly type: 'adjust'; readonly delta: number }
  | {
      readonly type: 'reserve';
      readonly amount: number;
      readonly ttlMs: number;
      readonly planId: string | null;
      readonly reservationId: string;
    }
  | {
      readonly type: 'commit';
      readonly reservationId: string;
      readonly amount: number | null;
      readonly final: boolean;
      readonly overage: Overage;
      readonly ifExpired: Overage;
      readonly occurredAt?: number | undefined;
      readonly fingerprint: string;
    }
  | { readonly type: 'release'; readonly reservationId: string; readonly fingerprint: string }
  | { readonly type: 'extend'; readonly reservationId: string; readonly ttlMs: number }
  | { readonly type: 'reverse'; readonly original: EntryRow; readonly amount: number | null }
  | {
      readonly type: 'void_grant';
      readonly grantId: string;
      /** The entry that made the grant. */
      readonly madeBy: string;
      /** Null: all that is free. */
      readonly amount: number | null;
    }
  | {
      readonly type: 'update_grant';
      readonly grantId: string;
      /** A term that is not named stays. */
      readonly terms: { readonly expiresAt?: number | null; readonly priority?: number };
    }
  | {
      readonly type: 'claw_back';
      readonly amount: number;
      readonly grantIds: readonly string[];
      readonly reference: string;
    }
  | { readonly type: 'transfer'; readonly amount: number }
  | { readonly type: 'expire'; readonly asOf: number | null }
  | {
      readonly type: 'create_account';
      /** An option that is not named stays as it is. */
      readonly options: Partial<AccountOptions>;
      readonly trialCredits: number | null;
      readonly fingerprint: string;
    }
  | { readonly type: 'update_account'; readonly options: Partial<AccountOptions> }
  | {
      readonly type: 'subscribe';
      readonly planId: string;
      /** The id for a subscription that this command starts. */
      readonly subscriptionId: string;
      /** Null means true. */
      readonly autoRenew: boolean | null;
      readonly allocate: boolean;
      /** Whether to move the current subscription, where there is one, to the plan. */
      readonly upgrade: boolean;
      /** Null: at the period's end where the new limit is lower, else now. */
      readonly when: 'now' | 'period_end' | null;
      readonly proration: 'none' | 'time' | 'full';
      /** Whether what was granted for the old period counts against the new limit. */
      readonly credit: 'deduct' | 'keep';
    }
  | { readonly type: 'renew'; readonly subscriptionId: string }
  | {
      readonly type: 'pay_period';
      readonly paymentId: string;
      /** Null: the next period that is not paid. */
      readonly periodStart: number | null;
    }
  | {
      readonly type: 'change_subscription';
      readonly to: 'cancelled' | 'cancelled at the end of the period' | 'paused' | 'resumed' | 'removed' | 'waited for';
      /** How long it waits for the payment of its next period. */
      readonly until?: number;
      /** Whether a pause keeps what the running period granted from lapsing. */
      readonly freezeCredits?: boolean;
    }
  | {
      readonly type: 'start_cycle';
      readonly cycleId: string;
      readonly amount: number;
      readonly days: number;
      readonly recurring: boolean;
    }
  | { readonly type: 'stop_cycle' | 'renew_cycle'; readonly cycleId: string }
  | { readonly type: 'claim_promo'; readonly code: string; readonly creditType: string }
  | {
      readonly type: 'change_payment';
      readonly paymentId: string;
      /** Makes the payment. */
      readonly opened?: NewPayment;
      /** The link that the provider made for it. */
      readonly link?: { readonly provider: string; readonly url: string; readonly id: string };
      /** Messages that are applied, each once: those that are applied already are left out. */
      readonly messages: readonly InboxMessage[];
      /** Further messages that are written with it, such as the request that made the link. */
      readonly sent: readonly PaymentMessageRow[];
    }
  | {
      readonly type: 'bill_subscription';
      /** The key of the subscription at its provider. */
      readonly id: string;
      /** The key of its customer, where the event names one. */
      readonly customerId: string | null;
      /** The plan of the price that the event names. */
      readonly planId: string | null;
      readonly message: InboxMessage;
    }
  | {
      readonly type: 'change_top_up';
      /** Null turns it off; `look` judges it again, where its instant has come. */
      readonly settings: TopUpSettings | null | 'look';
      /** Makes the ids of its payments, where it is set for the first time. */
      readonly seed: string;
    };

/** A payment before it is known how it goes. */
export type NewPayment = Pick<
  PaymentRow,
  | 'provider'
  | 'amountMinor'
  | 'currency'
  | 'creditsToAdd'
  | 'pack'
  | 'terms'
  | 'callbackUrl'
  | 'customerEmail'
  | 'customerPhone'
> & {
  /** The payment at the provider, where it was paid outside of our links. */
  readonly paidAs: string | null;
};

/** A message of a provider, with its event. */
export type InboxMessage = Omit<PaymentMessageRow, 'version' | 'event'> & { readonly event: StoredEvent };

/** The fields that every call may carry; they are stored on its entries. */
export interface CallInfo {
  /** The name of the verb, which is also the scope of its idempotency keys. */
  readonly operation: string;
  readonly operationId: string;
  readonly description: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly correlationId: string | null;
  readonly metadata: JsonObject;
  readonly idempotencyKey: string | null;
  readonly scopedKey: string | null;
  readonly fingerprint: string | null;
  /** The span of the call, for its events; none where it is not traced. */
  span?: { readonly traceparent: string | null };
}

export type CommandOf<T extends Command['type']> = Command extends infer C
  ? C extends { type: infer U }
    ? T extends U
      ? C
      : never
    : never
  : never;
