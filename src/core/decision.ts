/** The surroundings that a decision is given, and its answer. */
import type { CreditErrorCode, CreditErrorDetails } from '../errors.js';
import type { AccountOptions } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { CreditEvent, CreditEventType } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Rows, SideRows } from '../models/rows.js';
import type { Account } from './account.js';
import type { SealedEntry } from './entry-line.js';
import type { TemporalLike } from './periods.js';

/** The models whose rows a decision may ask for. */
export type FactName = 'grant' | 'reservation' | keyof SideRows;

/** Stored rows, beside the accounts, that a decision may ask for. A row is `undefined` until it has been read. */
export interface Facts {
  row<M extends FactName>(model: M, key: string): Rows[M] | null | undefined;
  reversals(entryId: string): readonly EntryRow[] | undefined;
  /** The entries after an instant by which grants of an account lapsed or were made. */
  lapses(account: string, since: number): readonly EntryRow[] | undefined;
}

/** The service's settings for a credit type, with amounts in units. A null `overdraftLimit` means unlimited. */
export interface Defaults {
  readonly trialCredits: number;
  readonly overdraftLimit: number | null;
  readonly lowCreditThreshold: AccountOptions['lowCreditThreshold'];
  readonly lowCreditHysteresis: number;
}

export interface Context {
  readonly now: number;
  readonly scale: number;
  readonly ledgerId: string;
  /** The settings for the account's credit type. */
  readonly defaults: Defaults;
  readonly defaultsOf: (creditType: string) => Defaults;
  readonly limits: {
    readonly openGrants: number;
    readonly activeReservations: number;
    /** How long after an instant usage of it may draw on what has lapsed since. */
    readonly lateUsageMs: number;
  };
  /** Whether each deduction and each expiry makes an event too. */
  readonly allEvents: boolean;
  /** Whether events about credits that moved carry the metadata of their call. */
  readonly eventMetadata: boolean;
  readonly facts: Facts;
  /** Needed for plans in a time zone alone. */
  readonly temporal: TemporalLike | null;
}

/** A row to write: inserted, or put in place of the version before. */
export type RowWrite<R> = { readonly op: 'insert' | 'replace'; readonly row: R };

/** A row to write of a model beside the accounts. */
export type SideWrite = {
  [M in keyof SideRows]: { readonly model: M } & RowWrite<SideRows[M]>;
}[keyof SideRows];

/** An event of an operation. It is made for those who hear of it: of most events nobody does. */
export interface SealedEvent {
  readonly type: CreditEventType;
  /** Each call makes an event of its own, always the same. */
  make(): CreditEvent;
}

/** One account after an operation, and everything that commits with it. */
export interface AccountChange {
  readonly account: Account;
  readonly entries: readonly SealedEntry[];
  readonly events: readonly SealedEvent[];
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
 * - `nothing`: there was nothing to do, and nothing is written. Where the stored due instant has passed and brought
 *   nothing, because a hold had ended before it, `dueAt` is the one to be stored.
 * - `repeated`: the same call did this before; its entry is the answer.
 * - `pending`: a fact has to be read first.
 */
export type Decision =
  | { readonly kind: 'applied'; readonly changes: readonly AccountChange[]; readonly entry: EntryRow }
  | { readonly kind: 'nothing'; readonly dueAt?: number | null }
  | { readonly kind: 'repeated'; readonly entryId: string }
  | { readonly kind: 'pending' }
  | Refusal;

/** The answer of a decision on a draft: null when the draft stands, else the reason why it does not. */
export type Verdict = Exclude<Decision, { kind: 'applied' }> | null;

export function refuse<C extends CreditErrorCode>(
  code: C,
  message: string,
  details: CreditErrorDetails[C],
): Refusal<C> {
  return { kind: 'refused', code, message, details };
}

export const PENDING = { kind: 'pending' } as const;
