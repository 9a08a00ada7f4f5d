/** An account as decisions see it: totals, open grants in burn-down order, open holds. Immutable once handed out. */
import { type AccountOptions, accountKey, type OpenGrant, type OpenHold } from '../models/account.js';

/** Amounts are units, instants epoch milliseconds. The totals are of `at`, the last operation's instant. */
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
  readonly created: { readonly fingerprint: string; readonly entryId: string } | null;
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
    created: null,
  };
}

/** How many binary digits an amount has; 0 for what is not positive. Never falls as the amount grows. */
export function magnitudeOf(amount: number): number {
  if (amount <= 0) return 0;
  // The operations on bits see 32 of them.
  return amount < 2 ** 32 ? 32 - Math.clz32(amount) : 64 - Math.clz32(amount / 2 ** 32);
}

/** What can be spent or held now. Negative while holds outweigh what is left after debt. */
export function availableOf(account: Account): number {
  return account.balance - account.reserved;
}
