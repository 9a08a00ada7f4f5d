/** An account as decisions see it: totals, open grants in burn-down order, open holds. Immutable once handed out. */
import { type AccountOptions, type AccountRow, accountKey, type OpenGrant, type OpenHold } from '../models/account.js';

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

export function accountToRow(account: Account, version: number): AccountRow {
  return {
    id: account.key,
    version,
    userId: account.userId,
    creditType: account.creditType,
    visible: account.seq > 0,
    seq: account.seq,
    hash: account.hash,
    at: new Date(account.at),
    balance: account.balance,
    reserved: account.reserved,
    debt: account.debt,
    available: availableOf(account),
    magnitude: magnitudeOf(availableOf(account)),
    dueAt: account.dueAt === null ? null : new Date(account.dueAt),
    createdAt: new Date(account.createdAt),
    state: Object.freeze({
      grants: account.grants,
      holds: account.holds,
      options: account.options,
      trialAmount: account.trialAmount,
      planLimit: account.planLimit,
      created: account.created,
    }),
  };
}

export function accountFromRow(row: AccountRow): Account {
  return {
    key: row.id,
    userId: row.userId,
    creditType: row.creditType,
    seq: row.seq,
    hash: row.hash,
    at: row.at.getTime(),
    balance: row.balance,
    reserved: row.reserved,
    debt: row.debt,
    dueAt: row.dueAt === null ? null : row.dueAt.getTime(),
    createdAt: row.createdAt.getTime(),
    grants: row.state.grants,
    holds: row.state.holds,
    options: row.state.options,
    trialAmount: row.state.trialAmount,
    planLimit: row.state.planLimit,
    created: row.state.created,
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
