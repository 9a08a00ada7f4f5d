/** An account as decisions see it: totals, open grants in burn-down order, open holds. Immutable once handed out. */
import { type AccountOptions, accountKey, type OpenGrant, type OpenHold } from '../models/account.js';
import type { Mutable } from '../models/values.js';
import { NO_TOTALS, type Totals } from './totals.js';

/** Amounts are in units, instants in epoch milliseconds. The totals hold at `at`, the instant of the last operation. */
export interface Account {
  readonly key: string;
  readonly userId: string;
  readonly creditType: string;
  readonly seq: number;
  readonly hash: string | null;
  readonly at: number;
  readonly balance: number;
  readonly reserved: number;
  readonly debt: number;
  readonly dueAt: number | null;
  readonly createdAt: number;
  readonly grants: readonly OpenGrant[];
  readonly holds: readonly OpenHold[];
  readonly options: AccountOptions;
  readonly trialAmount: number | null;
  readonly planLimit: number | null;
  /** The instant at which the user's subscription is due next. A decision after it renews the subscription first. */
  readonly planDueAt: number | null;
  readonly lastPurchase: number | null;
  /** The thresholds above which credits have risen by no more than the hysteresis: they still are low. */
  readonly low: readonly number[] | null;
  readonly created: { readonly fingerprint: string; readonly entryId: string } | null;
  readonly refusals: number;
  /** Null where an older version of the library wrote the account: then the entries alone tell them. */
  readonly totals: Totals | null;
  /** Parts of the stored state that a later version of the library knows; they are written back as they are. */
  readonly unknown: Readonly<Record<string, unknown>> | null;
}

const NO_OPTIONS: AccountOptions = Object.freeze({
  overdraftLimit: null,
  lowCreditThreshold: null,
  metadata: null,
});
const NONE: readonly never[] = Object.freeze([]);

/** The account before its first operation. */
export function emptyAccount(creditType: string, userId: string): Account {
  return {
    key: accountKey(creditType, userId),
    userId,
    creditType,
    seq: 0,
    hash: null,
    at: 0,
    balance: 0,
    reserved: 0,
    debt: 0,
    dueAt: null,
    createdAt: 0,
    grants: NONE,
    holds: NONE,
    options: NO_OPTIONS,
    trialAmount: null,
    planLimit: null,
    planDueAt: null,
    lastPurchase: null,
    low: null,
    created: null,
    refusals: 0,
    totals: NO_TOTALS,
    unknown: null,
  };
}

/** A copy to be changed. It lists the fields: a spread keeps nearly all of them in a second object. */
export function accountCopy(account: Account): Mutable<Account> {
  return {
    key: account.key,
    userId: account.userId,
    creditType: account.creditType,
    seq: account.seq,
    hash: account.hash,
    at: account.at,
    balance: account.balance,
    reserved: account.reserved,
    debt: account.debt,
    dueAt: account.dueAt,
    createdAt: account.createdAt,
    grants: account.grants,
    holds: account.holds,
    options: account.options,
    trialAmount: account.trialAmount,
    planLimit: account.planLimit,
    planDueAt: account.planDueAt,
    lastPurchase: account.lastPurchase,
    low: account.low,
    created: account.created,
    refusals: account.refusals,
    totals: account.totals,
    unknown: account.unknown,
  };
}

interface Parts {
  readonly grants?: readonly unknown[] | undefined;
  readonly holds?: readonly Pick<OpenHold, 'draws'>[] | undefined;
}

/** How many grants, holds and draws an account consists of. What cannot be read counts nothing. */
export function partsOf({ grants, holds }: Parts): number {
  let parts = Array.isArray(grants) ? grants.length : 0;
  if (Array.isArray(holds)) for (const hold of holds) parts += 1 + (hold?.draws?.length ?? 0);
  return parts;
}

/**
 * The number of binary digits of an amount; 0 for an amount that is not positive. It never falls as the amount grows.
 */
export function magnitudeOf(amount: number): number {
  if (amount <= 0) return 0;
  // Bit operations see the lowest 32 bits alone.
  return amount < 2 ** 32 ? 32 - Math.clz32(amount) : 64 - Math.clz32(amount / 2 ** 32);
}

/** The credits that can be spent or held now. Negative while reserved credits exceed the balance, which debt lowers. */
export function availableOf(account: Account): number {
  return account.balance - account.reserved;
}

/** The next instant at which time changes the account, by itself or through its user's subscription; null for none. */
export function nextChange({ dueAt, planDueAt }: Account): number | null {
  return dueAt === null || planDueAt === null ? (dueAt ?? planDueAt) : Math.min(dueAt, planDueAt);
}
