/** Turns accounts, grants and holds into their rows, and back: the one place that knows both. */
import { creditError } from '../errors.js';
import {
  type AccountNumbers,
  type AccountRow,
  accountStateSchema,
  type OpenGrant,
  type OpenHold,
} from '../models/account.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Mutable } from '../models/values.js';
import { type Account, availableOf, magnitudeOf } from './account.js';
import { grantFromEarlier, grantFromStored, grantNumbers, grantToStored } from './open-grant.js';
import { NO_TOTALS } from './totals.js';

/** The row of an account. Where the state of its row before still tells it, it is given back as it is. */
export function accountToRow(account: Account, version: number, before?: AccountRow['state']): AccountRow {
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
    state: before !== undefined && isStateOf(before, account) ? before : Object.freeze(stateOf(account)),
    numbers: Object.freeze(numbersOf(account)),
  };
}

/** The parts that most accounts do not have are added one by one: spreads would cost as much as all the rest. */
function stateOf(account: Account): AccountRow['state'] {
  const { options, trialAmount, planLimit, created, unknown } = account;
  const facts = Object.freeze(account.grants.map(grantToStored));
  const state: Mutable<AccountRow['state']> = { facts, options, trialAmount, planLimit, created };
  if (account.planDueAt !== null) state.planDueAt = account.planDueAt;
  if (account.lastPurchase !== null) state.lastPurchase = account.lastPurchase;
  if (account.low !== null) state.low = account.low;
  return unknown === null ? state : { ...state, ...unknown };
}

/** Whether this is what {@link stateOf} would make of the account. Nothing changes what only a later version knows. */
function isStateOf(state: AccountRow['state'], account: Account): boolean {
  const { facts } = state;
  const { grants } = account;
  // An earlier version wrote none.
  if (facts?.length !== grants.length) return false;
  for (let i = 0; i < grants.length; i++) if (facts[i] !== grantToStored(grants[i] as OpenGrant)) return false;
  return (
    state.options === account.options &&
    state.trialAmount === account.trialAmount &&
    state.planLimit === account.planLimit &&
    state.created === account.created &&
    (state.planDueAt ?? null) === account.planDueAt &&
    (state.lastPurchase ?? null) === account.lastPurchase &&
    (state.low ?? null) === account.low
  );
}

function numbersOf({ grants, holds, refusals, totals, seq }: Account): AccountNumbers {
  const numbers: Mutable<AccountNumbers> = { grants: Object.freeze(grants.map(grantNumbers)), holds };
  if (refusals > 0) numbers.refusals = refusals;
  if (totals !== null && seq > 0) {
    numbers.totals = { seq, added: totals.added, spent: totals.spent, rechargedAt: totals.rechargedAt };
  }
  return numbers;
}

/**
 * Reads an account from its row. Every reader of accounts comes here, so that a row that nobody can read concerns its
 * own account alone.
 *
 * @throws INVARIANT_VIOLATION for a row that holds no account.
 */
export function accountFromRow(row: AccountRow): Account {
  try {
    return readAccount(row);
  } catch (cause) {
    const message = 'The stored account cannot be read. Nothing was written.';
    throw creditError('INVARIANT_VIOLATION', message, {}, { cause });
  }
}

function readAccount(row: AccountRow): Account {
  const { state } = row;
  const { holds, refusals = 0 } = changingOf(row);
  if (!Array.isArray(holds) || typeof state.options !== 'object') {
    throw new TypeError('The row lists no holds or options.');
  }
  if (!isCount(row.seq) || !isCount(row.reserved) || !isCount(row.debt) || !Number.isSafeInteger(row.balance)) {
    throw new TypeError('A total of the row is no number of units.');
  }
  if (state.planDueAt != null && !Number.isSafeInteger(state.planDueAt)) {
    throw new TypeError('The instant at which the subscription is due is none.');
  }
  const grants = grantsOf(row);
  if (!grants.every(isGrant) || !holds.every(isHold)) {
    throw new TypeError('A grant or a hold of the row has an instant or a number of units that is none.');
  }
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
    grants,
    holds,
    options: state.options,
    trialAmount: state.trialAmount,
    planLimit: state.planLimit,
    planDueAt: state.planDueAt ?? null,
    lastPurchase: state.lastPurchase ?? null,
    low: state.low ?? null,
    created: state.created,
    refusals,
    totals: totalsOf(row),
    unknown: unknownOf(state),
  };
}

interface Changing {
  /** As many as there are open grants. */
  readonly grants?: readonly unknown[] | undefined;
  readonly holds?: AccountNumbers['holds'] | undefined;
  readonly refusals?: AccountNumbers['refusals'];
  readonly totals?: AccountNumbers['totals'];
}

/** The part of a row that has its holds, refusals and totals: an earlier version wrote them into the state. */
export function changingOf({ numbers, state }: AccountRow): Changing {
  return numbers ?? state ?? {};
}

function grantsOf({ state, numbers }: AccountRow): readonly OpenGrant[] {
  const stored = numbers == null ? state.grants : state.facts;
  const touched = numbers == null ? stored : numbers.grants;
  if (!Array.isArray(stored) || !Array.isArray(touched) || stored.length !== touched.length) {
    throw new TypeError('The row does not list its grants and their numbers.');
  }
  if (numbers == null) return stored.map(grantFromEarlier);
  return stored.map((grant, i) => grantFromStored(grant, numbers.grants[i] ?? null));
}

/** Null where the totals are not those of the last entry: an older version keeps them as they were, and counts on. */
function totalsOf(row: AccountRow): Account['totals'] {
  const { seq } = row;
  const { totals } = changingOf(row);
  if (seq === 0) return NO_TOTALS;
  if (totals?.seq !== seq) return null;
  const { added, spent, rechargedAt } = totals;
  const isInstant = rechargedAt === null || Number.isSafeInteger(rechargedAt);
  return isTotal(added) && isTotal(spent) && isInstant ? { added, spent, rechargedAt } : null;
}

function isTotal(value: unknown): boolean {
  return isCount(value) || (typeof value === 'string' && /^[1-9]\d{15,}$/.test(value));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether decisions can count with the grant, and time ends it. */
function isGrant({ amount, remaining, held, effectiveAt, expiresAt }: OpenGrant): boolean {
  const isTimed = Number.isSafeInteger(effectiveAt) && (expiresAt === null || Number.isSafeInteger(expiresAt));
  return isTimed && isCount(amount) && isCount(remaining) && isCount(held);
}

function isHold({ amount, committed, expiresAt }: OpenHold): boolean {
  return Number.isSafeInteger(expiresAt) && isCount(amount) && isCount(committed);
}

/** The parts of a state that only a later version of the library knows; null without any. */
function unknownOf(state: object): Account['unknown'] {
  const names = Object.keys(state).filter((name) => !Object.hasOwn(accountStateSchema.shape, name));
  return names.length === 0 ? null : Object.fromEntries(Object.entries(state).filter(([name]) => names.includes(name)));
}

export function grantRow(
  account: Pick<Account, 'key' | 'userId' | 'creditType'>,
  grant: OpenGrant,
  version: number,
): GrantRow {
  return {
    id: grant.id,
    version,
    account: account.key,
    userId: account.userId,
    creditType: account.creditType,
    source: grant.source,
    open: grant.remaining > 0,
    amount: grant.amount,
    remaining: grant.remaining,
    held: grant.held,
    expired: grant.expired,
    expiredLate: grant.expiredLate ?? null,
    revoked: grant.revoked,
    priority: grant.priority,
    effectiveAt: new Date(grant.effectiveAt),
    expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt),
    seq: grant.seq,
    place: grant.place,
    createdAt: new Date(grant.createdAt),
    planId: grant.planId,
    paymentId: grant.paymentId ?? null,
    reference: grant.reference,
  };
}

export function grantFromRow(row: GrantRow, rowVersion: number): OpenGrant {
  return {
    id: row.id,
    source: row.source,
    amount: row.amount,
    remaining: row.remaining,
    held: row.held,
    expired: row.expired,
    ...(row.expiredLate !== null && { expiredLate: row.expiredLate }),
    revoked: row.revoked,
    priority: row.priority,
    effectiveAt: row.effectiveAt.getTime(),
    expiresAt: row.expiresAt === null ? null : row.expiresAt.getTime(),
    seq: row.seq,
    place: row.place,
    createdAt: row.createdAt.getTime(),
    planId: row.planId,
    ...(row.paymentId !== null && { paymentId: row.paymentId }),
    reference: row.reference,
    rowVersion,
  };
}

/**
 * The row of a hold as the end of the hold writes it. With {@link ACTIVE}, an entry keeps it of a hold that is open.
 */
export function reservationRow(
  account: Account,
  hold: OpenHold,
  end: Pick<ReservationRow, 'status' | 'released' | 'expired' | 'closing'>,
): ReservationRow {
  return {
    id: hold.id,
    version: 2,
    account: account.key,
    userId: account.userId,
    creditType: account.creditType,
    status: end.status,
    amount: hold.amount,
    committed: hold.committed,
    released: end.released,
    expired: end.expired,
    expiresAt: new Date(hold.expiresAt),
    createdAt: new Date(hold.createdAt),
    closedAt: new Date(account.at),
    planId: hold.planId,
    closing: end.closing,
    lateCharge: null,
  };
}

/** The row of a hold as it is made; it is written again when the hold ends. */
export function newReservationRow(account: Account, hold: OpenHold): ReservationRow {
  return { ...reservationRow(account, hold, ACTIVE), version: 1, closedAt: null };
}

/** The state of a hold that has not ended. */
export const ACTIVE = { status: 'active', released: 0, expired: 0, closing: null } as const;
