/** The public verbs on credits. One service is one credit type; all services of a manager share one pipeline. */
import type {
  AccountDefaults,
  AddOptions,
  CommitOptions,
  HistoryOptions,
  ListOptions,
  MutationOptions,
  ReadOptions,
  ReserveOptions,
} from '../../models/inputs/credits.js';
import type { AccountList, DeductionPreview, UserCreditsInfo } from '../../models/records/balance.js';
import type { Grant } from '../../models/records/grant.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { Amount, Applied, Page } from '../../models/values.js';
import type { Meter, MeterOptions } from './meter-contract.js';

/** A reservation by its id, or an object of which the id alone is taken. */
export type ReservationRef = string | { readonly id: string };

/**
 * Verbs that change credits. Common to all: the call is applied as a whole or not at all; calls on one account are
 * linearizable, from any number of processes; with an `idempotencyKey` a repetition answers the first result with
 * `replayed: true`, and with other input `IDEMPOTENCY_CONFLICT`. With `session` the call joins the host's transaction.
 *
 * Every one may reject with `INVALID_ARGUMENT`, `INVALID_AMOUNT`, `AMOUNT_TOO_LARGE` (nothing written, do not retry),
 * `CONTENTION`, `TIMEOUT`, `STORAGE_UNAVAILABLE` (nothing written, a retry is safe), `OUTCOME_UNKNOWN` (retry with
 * `details.idempotencyKey`), `ABORTED`, `CLOSED`. Amounts are credits, `number | string`, greater than 0, at most
 * `creditScale` decimals and 2^51 units.
 */
export interface CreditMutations<S = never> {
  /**
   * Adds a grant of credits. With `effectiveAt` in the future it is scheduled: the balance moves when it becomes
   * effective. New credits repay debt first.
   *
   * Rejects also with `LIMIT_EXCEEDED` (open grants).
   * @example await credits.addCredits('user-1', 100, { source: 'purchase', expiresAt: '2030-01-01T00:00:00Z' });
   */
  addCredits(userId: string, amount: Amount, options?: AddOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Spends credits from grants in burn-down order (priority, soonest expiry, free before paid, oldest). All or nothing.
   *
   * Rejects also with `INSUFFICIENT_CREDITS` (nothing changes; one ledger error entry says by what numbers).
   * @example await credits.deductCredits('user-1', 5, { idempotencyKey: 'order-7', description: 'Order 7' });
   */
  deductCredits(userId: string, amount: Amount, options?: MutationOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Records what a service already cost. May go below zero: what is missing becomes debt, up to the overdraft limit.
   *
   * Rejects also with `OVERDRAFT_LIMIT`.
   * @example await credits.deductCreditsAfterService('user-1', 12.5);
   */
  deductCreditsAfterService(
    userId: string,
    amount: Amount,
    options?: MutationOptions<S>,
  ): Promise<Applied<Transaction>>;

  /**
   * Corrects a balance by a signed amount: up is a grant without expiry, down a deduction that refuses beyond what is
   * available. `actor` and `reason` are required and stored.
   *
   * Rejects also with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED`.
   * @example await credits.adjustCredits('user-1', -3, { actor: 'admin-2', reason: 'Duplicate import' });
   */
  adjustCredits(
    userId: string,
    delta: Amount,
    options: MutationOptions<S> & { actor: string; reason: string },
  ): Promise<Applied<Transaction>>;

  /**
   * Puts credits on hold for at most `ttlSeconds` (default 900, at most 604,800). A commit within the hold can never
   * fail for funds, and nothing has to run for it to expire.
   *
   * Rejects also with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED` (active reservations).
   * @example const hold = await credits.reserveCredits('user-1', 30, { ttlSeconds: 60 });
   */
  reserveCredits(userId: string, amount: Amount, options?: ReserveOptions<S>): Promise<Applied<Reservation>>;

  /**
   * Captures from a hold. `amount` defaults to everything left; less frees the rest, 0 frees all. `final: false`
   * captures a part and keeps the rest on hold. Above the hold: `overage` `'reject'` (default), `'charge'` (an
   * ordinary deduction of the excess in the same commit) or `'overdraft'`. `ifExpired` says the same for a hold whose
   * time has passed; such a late charge happens once. With an excess two entries are written; the answer is the
   * capture, written last. Repeating the same final call answers the first result.
   *
   * Rejects also with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`, `COMMIT_EXCEEDS_RESERVATION` (the hold stays),
   * `INSUFFICIENT_CREDITS`, `OVERDRAFT_LIMIT`.
   * @example await credits.commitReservedCredits(hold, { amount: 21 });
   */
  commitReservedCredits(ref: ReservationRef, options?: CommitOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Ends a hold and gives its credits back to the grants they came from; what has expired meanwhile lapses at once.
   *
   * Rejects also with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`.
   * @example await credits.releaseReservedCredits(hold.id);
   */
  releaseReservedCredits(ref: ReservationRef, options?: MutationOptions<S>): Promise<Applied<Reservation>>;

  /** The same as {@link releaseReservedCredits}, under the name of the source documents. */
  unreserveCredits(ref: ReservationRef, options?: MutationOptions<S>): Promise<Applied<Reservation>>;

  /**
   * Moves the end of a hold to now + `ttlSeconds`: never earlier than it was, never later than 7 days after its
   * creation.
   *
   * Rejects also with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`.
   * @example await credits.extendReservation(hold, { ttlSeconds: 600 });
   */
  extendReservation(
    ref: ReservationRef,
    options: MutationOptions<S> & { ttlSeconds: number },
  ): Promise<Applied<Reservation>>;

  /**
   * Undoes a deduction, a captured reservation or an addition, in whole or in part, by a new entry that points at it. A
   * debit's credits return to their grants with their original terms; an addition is clawed back.
   *
   * Rejects also with `TRANSACTION_NOT_FOUND`, `ALREADY_REVERSED` (`details.reversible` is what is left).
   * @example await credits.reverseTransaction(tx.id, { amount: 2, reason: 'Half was not delivered' });
   */
  reverseTransaction(
    id: string,
    options?: MutationOptions<S> & { amount?: Amount | undefined },
  ): Promise<Applied<Transaction>>;

  /**
   * Moves credits to another user in burn-down order with their terms, both accounts or neither. Trial credits stay.
   *
   * Rejects also with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED` (open grants of the receiver).
   * @example const { out } = await credits.transferCredits({ from: 'user-1', to: 'user-2', amount: 10 });
   */
  transferCredits(
    transfer: { from: string; to: string; amount: Amount },
    options?: MutationOptions<S>,
  ): Promise<{ out: Applied<Transaction>; in: Applied<Transaction> }>;

  /**
   * Writes what the clock has brought about on this account and answers the credits that this call expired; with `asOf`
   * only grants that lapsed by then count. Nothing depends on it being called: what has lapsed is never spendable.
   * @example const expired = await credits.expireCredits('user-1');
   */
  expireCredits(userId: string, options?: MutationOptions<S> & { asOf?: Date | string | undefined }): Promise<number>;

  /**
   * Creates an account with options. Repeated with the same options it answers the first result, with others it rejects
   * with `IDEMPOTENCY_CONFLICT`. On an account that exists by its first write it sets the options.
   * @example await credits.createAccount('user-1', { trialCredits: 50, lowCreditThreshold: '20%' });
   */
  createAccount(userId: string, options?: MutationOptions<S> & AccountDefaults): Promise<Applied<UserCreditsInfo>>;

  /**
   * Changes an account's options; `null` lets the service's default apply again.
   * @example await credits.updateAccount('user-1', { overdraftLimit: 100, lowCreditThreshold: 'none' });
   */
  updateAccount(
    userId: string,
    options: MutationOptions<S> & Pick<AccountDefaults, 'overdraftLimit' | 'lowCreditThreshold'>,
  ): Promise<Applied<UserCreditsInfo>>;
}

/**
 * Verbs that read. Each answers one instant and one snapshot, as the clock has it now whether or not any job ran, and
 * writes nothing. An unknown account answers zeros. `fresh: true` sees every commit acknowledged before the call.
 * They may reject with `INVALID_ARGUMENT`, `TIMEOUT`, `STORAGE_UNAVAILABLE`, `ABORTED`, `CLOSED`; a retry is safe.
 */
export interface CreditReads<S = never> {
  /** Balance, reserved, available and debt of one user, in credits. */
  getUserCreditsInfo(userId: string, options?: ReadOptions<S>): Promise<UserCreditsInfo>;

  /** The same for up to 100 users, in the order given. */
  getUsersCreditsInfo(userIds: readonly string[], options?: ReadOptions<S>): Promise<readonly UserCreditsInfo[]>;

  /** The credits on hold alone: the sum of what active reservations have left. */
  getReservedCredits(userId: string, options?: ReadOptions<S>): Promise<number>;

  /**
   * What the balance was at an instant (what had taken effect by then), or, in the future, what it will be if nothing
   * else happens.
   */
  getBalanceAt(userId: string, instant: Date | string, options?: ReadOptions<S>): Promise<UserCreditsInfo>;

  /**
   * Transactions, newest first unless `order: 'oldest'`; `from` and `to` are both inclusive. Entries that never move
   * the balance (holds, options) are left out unless `includeHolds` or `types` asks for them.
   * @example const { items } = await credits.getCreditHistory('user-1', { from: '2030-01-01T00:00:00Z', limit: 50 });
   */
  getCreditHistory(userId: string, options?: HistoryOptions<S>): Promise<Page<Transaction>>;

  /** One transaction of this credit type, or null. */
  getTransaction(id: string, options?: ReadOptions<S>): Promise<Transaction | null>;

  /** Effective grants with unspent, unheld credits that expire within `days` (0–36,500) from now, soonest first. */
  getExpiringCreditsInDays(userId: string, days: number, options?: ReadOptions<S>): Promise<readonly Grant[]>;

  /**
   * Open grants in burn-down order (the next credit spent comes from the first effective one), or all, newest
   * first.
   */
  getGrants(
    userId: string,
    options?: ReadOptions<S> & ListOptions & { includeClosed?: boolean | undefined },
  ): Promise<Page<Grant>>;

  /** Holds that are active now, newest first unless `order: 'oldest'`. */
  getActiveReservations(userId: string, options?: ReadOptions<S> & ListOptions): Promise<Page<Reservation>>;

  /** One reservation of this credit type, ended or not, or null. */
  getReservation(id: string, options?: ReadOptions<S>): Promise<Reservation | null>;

  /** Which grants a deduction would draw on, and what would be missing. A trial grant to be made is named `trial`. */
  previewDeduction(userId: string, amount: Amount, options?: ReadOptions<S>): Promise<DeductionPreview>;

  /** A hint for user interfaces, never an admission: by the next call it may be false. */
  canAfford(userId: string, amount: Amount, options?: ReadOptions<S>): Promise<boolean>;

  /**
   * Accounts, newest first unless `order: 'oldest'`. With `maxAvailable`: those whose available credits were at most
   * that after their last operation, lowest first (by binary digits; accounts within a factor of two come in the order
   * of their users); the numbers shown are of now. An account whose row cannot be read is left out of `items` and named
   * in `skipped`, so that one damaged row hides no other account.
   */
  listAccounts(options?: ReadOptions<S> & ListOptions & { maxAvailable?: Amount | undefined }): Promise<AccountList>;
}

/** Metering: a hold around work whose cost is known afterwards. */
export interface CreditMetering {
  /**
   * Reserves the estimate, runs `run`, and settles what the meter recorded; a hold never leaks. When `run` throws, what
   * was metered is charged (`chargeOnError: 'metered'`, default), nothing (`'none'`) or the estimate (`'estimate'`),
   * and the error is rethrown. A result that streams is refused with `CONFIGURATION`: use {@link openMeter}.
   * @example
   * const text = await credits.withCredits({ userId: 'user-1', estimate: 10 }, async (meter) => {
   *   const answer = await callModel({ signal: meter.signal });
   *   meter.add(roundUpCredits(answer.tokens * 0.0003));
   *   return answer.text;
   * });
   */
  withCredits<T>(options: MeterOptions, run: (meter: Meter) => Promise<T>): Promise<T>;

  /**
   * A meter that the caller settles, or that a stream settles at its end. `await using` releases what was not
   * settled.
   */
  openMeter(options: MeterOptions): Promise<Meter>;
}

/** Credits of one type: every verb, its promise and its errors. Get one from `manager.credits`. */
export interface CreditService<S = never> extends CreditMutations<S>, CreditReads<S>, CreditMetering {}
