/** Makes the records that callers get from stored rows: copies, with instants as Dates and amounts in credits. */
import type { Account } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { creditError } from '../../errors.js';
import type { OpenGrant, OpenHold } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { ReservationStatus } from '../../models/enums.js';
import type { GrantRow } from '../../models/grant.js';
import type { UserCreditsInfo } from '../../models/records/balance.js';
import type { Grant } from '../../models/records/grant.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { JsonObject } from '../../models/values.js';
import { copyOf } from '../pipeline/transaction-records.js';

export type { Grant, Reservation, Transaction, UserCreditsInfo };

/** The part of a reservation that only the entry that made the hold keeps; its row has the numbers. */
export interface HoldOrigin {
  readonly reason: string | null;
  readonly metadata: JsonObject;
}

export function infoOf(account: Account, asOf: number, scale: number): UserCreditsInfo {
  const { userId, creditType, balance, reserved, debt } = account;
  return fundsInfo({ userId, creditType, balance, reserved, debt }, new Date(asOf), scale);
}

/** The totals of an account after an entry. */
export function infoAfter(entry: EntryRow, asOf: Date, scale: number): UserCreditsInfo {
  const { userId, creditType, balanceAfter, availableAfter, debtAfter } = entry;
  const reserved = balanceAfter - availableAfter;
  return fundsInfo({ userId, creditType, balance: balanceAfter, reserved, debt: debtAfter }, asOf, scale);
}

function fundsInfo(
  of: { userId: string; creditType: string; balance: number; reserved: number; debt: number },
  asOf: Date,
  scale: number,
): UserCreditsInfo {
  return {
    userId: of.userId,
    creditType: of.creditType,
    balance: toCredits(of.balance, scale),
    reserved: toCredits(of.reserved, scale),
    available: toCredits(of.balance - of.reserved, scale),
    debt: toCredits(of.debt, scale),
    asOf: new Date(asOf),
  };
}

export function toGrant(
  account: { readonly userId: string; readonly creditType: string },
  grant: OpenGrant | GrantRow,
  scale: number,
): Grant {
  return {
    id: grant.id,
    userId: account.userId,
    creditType: account.creditType,
    source: grant.source,
    amount: toCredits(grant.amount, scale),
    remaining: toCredits(grant.remaining, scale),
    held: toCredits(grant.held, scale),
    priority: grant.priority,
    effectiveAt: new Date(grant.effectiveAt),
    expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt),
    planId: grant.planId,
    paymentId: grant.paymentId ?? null,
    reference: grant.reference,
    createdAt: new Date(grant.createdAt),
  };
}

/** The numbers of a hold. They come from its row, from the open hold of an account, or from an entry. */
export interface HoldNumbers {
  readonly id: string;
  readonly userId: string;
  readonly creditType: string;
  readonly status: ReservationStatus;
  readonly amount: number;
  readonly committed: number;
  readonly released: number;
  readonly expired: number;
  readonly expiresAt: Date | number;
  readonly createdAt: Date | number;
  readonly planId: string | null;
}

export function toReservation(hold: HoldNumbers, origin: HoldOrigin, scale: number): Reservation {
  const released = hold.released + hold.expired;
  return {
    id: hold.id,
    userId: hold.userId,
    creditType: hold.creditType,
    amount: toCredits(hold.amount, scale),
    committed: toCredits(hold.committed, scale),
    released: toCredits(released, scale),
    remaining: toCredits(hold.amount - hold.committed - released, scale),
    status: hold.status,
    expiresAt: new Date(hold.expiresAt),
    createdAt: new Date(hold.createdAt),
    planId: hold.planId,
    reason: origin.reason,
    metadata: copyOf(origin.metadata),
  };
}

/** The numbers of an account's open hold. */
export function openHoldNumbers(account: Account, hold: OpenHold): HoldNumbers {
  const { userId, creditType } = account;
  return { ...hold, userId, creditType, status: 'active', released: 0, expired: 0 };
}

/** The numbers of a hold after the entry of a reserve, release or extend. */
export function holdAfter(entry: EntryRow): HoldNumbers {
  const { reservation } = entry.details as JsonObject & { reservation: Omit<HoldNumbers, 'id'> };
  // Written out: a spread would cost as much as the rest of the answer.
  return {
    id: entry.reservationId as string,
    userId: entry.userId,
    creditType: entry.creditType,
    status: reservation.status,
    amount: reservation.amount,
    committed: reservation.committed,
    released: reservation.released,
    expired: reservation.expired,
    expiresAt: reservation.expiresAt,
    createdAt: reservation.createdAt,
    planId: reservation.planId,
  };
}

/** The entry of an answer whose call must have written one. */
export function entryOf(entry: EntryRow | null): EntryRow {
  if (entry) return entry;
  throw creditError('INVARIANT_VIOLATION', 'A committed call has no entry. Please report this.', {});
}
