/** What a decision is given and what it answers. Time, ids and every other input of the world arrive here. */

import type { CreditErrorCode, CreditErrorDetails } from '../errors.js';
import type { AccountOptions } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { GrantSource, Overage } from '../models/enums.js';
import type { CreditEvent } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { SideRows } from '../models/rows.js';
import type { JsonObject } from '../models/values.js';
import type { Account } from './account.js';
import type { SealedEntry } from './entry-line.js';
import type { TemporalLike } from './periods.js';

/** Terms of a grant to be made, in units and epoch milliseconds. */
export interface GrantTerms {
  readonly source: GrantSource;
  readonly priority: number;
  readonly effectiveAt: number | null;
  readonly expiresAt: number | null;
  readonly planId: string | null;
  readonly reference: string | null;
}

/** One credit operation; amounts in units. The first account is the one it belongs to. */
export type Command =
  | { readonly type: 'add'; readonly amount: number; readonly terms: GrantTerms }
  | { readonly type: 'deduct'; readonly amount: number; readonly afterService: boolean }
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
      readonly fingerprint: string;
    }
  | { readonly type: 'release'; readonly reservationId: string; readonly fingerprint: string }
  | { readonly type: 'extend'; readonly reservationId: string; readonly ttlMs: number }
  | { readonly type: 'reverse'; readonly original: EntryRow; readonly amount: number | null }
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
      readonly options: AccountOptions;
      readonly trialCredits: number | null;
      readonly fingerprint: string;
    }
  | { readonly type: 'update_account'; readonly options: Partial<AccountOptions> }
  | {
      readonly type: 'subscribe';
      readonly planId: string;
      /** Of the subscription, where one is started. */
      readonly subscriptionId: string;
      /** Null: as it is, or true for a new one. */
      readonly autoRenew: boolean | null;
      readonly allocate: boolean;
      /** Moves the current subscription to the plan, where there is one. */
      readonly upgrade: boolean;
      readonly when: 'now' | 'period_end';
      readonly proration: 'none' | 'time';
    }
  | { readonly type: 'renew'; readonly subscriptionId: string }
  | {
      readonly type: 'change_subscription';
      readonly to: 'cancelled' | 'cancelled at the end of the period' | 'paused' | 'resumed' | 'removed';
    }
  | {
      readonly type: 'start_cycle';
      readonly cycleId: string;
      readonly amount: number;
      readonly days: number;
      readonly recurring: boolean;
    }
  | { readonly type: 'stop_cycle' | 'renew_cycle'; readonly cycleId: string }
  | { readonly type: 'claim_promo'; readonly code: string; readonly creditType: string };

/** What every call may carry; stored on its entries. */
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
}

/** Stored rows beside the accounts that a decision may ask for; `undefined` until they were read. */
export interface Facts {
  grant(id: string): GrantRow | null | undefined;
  reservation(id: string): ReservationRow | null | undefined;
  reversals(entryId: string): readonly EntryRow[] | undefined;
  /** A row of another model that is decided on with the accounts: a plan, a subscription, a promo. */
  row<M extends keyof SideRows>(model: M, key: string): SideRows[M] | null | undefined;
}

/** The service's settings for the account's credit type; amounts in units, `null` overdraft = unlimited. */
export interface Defaults {
  readonly trialCredits: number;
  readonly overdraftLimit: number | null;
  readonly lowCreditThreshold: AccountOptions['lowCreditThreshold'];
}

export interface Context {
  readonly now: number;
  readonly scale: number;
  readonly ledgerId: string;
  /** Of the account's credit type. */
  readonly defaults: Defaults;
  readonly defaultsOf: (creditType: string) => Defaults;
  readonly limits: { readonly openGrants: number; readonly activeReservations: number };
  /** Also one event per deduction and expiry. */
  readonly allEvents: boolean;
  readonly facts: Facts;
  /** For plans in a time zone. */
  readonly temporal: TemporalLike | null;
}

/** A row to write; `insert` or `replace` of the version before. */
export type RowWrite<R> = { readonly op: 'insert' | 'replace'; readonly row: R };

/** The same for a row of a model beside the accounts. */
export type SideWrite = {
  [M in keyof SideRows]: { readonly model: M } & RowWrite<SideRows[M]>;
}[keyof SideRows];

/** One account after an operation, and everything that commits with it. */
export interface AccountChange {
  readonly account: Account;
  readonly entries: readonly SealedEntry[];
  readonly events: readonly CreditEvent[];
  readonly grants: readonly RowWrite<GrantRow>[];
  readonly reservations: readonly RowWrite<ReservationRow>[];
  readonly side: readonly SideWrite[];
}

export interface Refusal<C extends CreditErrorCode = CreditErrorCode> {
  readonly kind: 'refused';
  readonly code: C;
  readonly message: string;
  readonly details: CreditErrorDetails[C];
}

/**
 * - `applied`: the changes, and the entry that answers the call.
 * - `nothing`: there was nothing to do; nothing is written.
 * - `repeated`: this very final call ended the hold before; its entry is the answer.
 * - `pending`: a fact has to be read first.
 */
export type Decision =
  | { readonly kind: 'applied'; readonly changes: readonly AccountChange[]; readonly entry: EntryRow }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'repeated'; readonly entryId: string }
  | { readonly kind: 'pending' }
  | Refusal;

export type CommandOf<T extends Command['type']> = Command extends infer C
  ? C extends { type: infer U }
    ? T extends U
      ? C
      : never
    : never
  : never;

/** What a decision on a draft answers: null when it stands, else why it does not. */
export type Verdict = Exclude<Decision, { kind: 'applied' }> | null;

export function refuse<C extends CreditErrorCode>(
  code: C,
  message: string,
  details: CreditErrorDetails[C],
): Refusal<C> {
  return { kind: 'refused', code, message, details };
}

export const PENDING = { kind: 'pending' } as const;
