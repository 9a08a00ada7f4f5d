/** The public verbs on credits. Each credit type has its own service; all services of a manager share one pipeline. */
import type {
  AccountDefaults,
  AddOptions,
  CommitOptions,
  DeductAfterServiceOptions,
  DeductOptions,
  GrantListOptions,
  GrantUpdate,
  HistoryOptions,
  HoldListOptions,
  ListOptions,
  MutationOptions,
  ReadOptions,
  ReserveOptions,
  UsageOptions,
  VoidOptions,
} from '../../models/inputs/credits.js';
import type { AccountInfo } from '../../models/records/account.js';
import type { Applied } from '../../models/records/applied.js';
import type { AccountList, BalanceBreakdown, DeductionPreview, UserCreditsInfo } from '../../models/records/balance.js';
import type { Forecast } from '../../models/records/forecast.js';
import type { Grant, GrantUse } from '../../models/records/grant.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { Explanation, Transaction } from '../../models/records/transaction.js';
import type { UsageSummary } from '../../models/records/usage.js';
import type { Amount, Page, Ref } from '../../models/values.js';
import type { Meter, MeterOptions } from './meter-contract.js';
import type { TransactionPages } from './transaction-pages.js';

/** A reservation's id, or an object with an `id`; every other field is ignored. */
export type ReservationRef = string | { readonly id: string };

/**
 * Verbs that change credits. All of them share these promises. A call is applied as a whole or not at all. Calls on one
 * account are linearizable, from any number of processes. With an `idempotencyKey`, a repeated call answers the first
 * result with `replayed: true`; the same key with other input is `IDEMPOTENCY_CONFLICT`. With `session`, the call joins
 * the host's transaction. With `dryRun: true` nothing is written: the call answers, or is refused, as it would be now,
 * and its answer tells the transactions and events that it would write as `dryRun`. Others may change the account
 * before the call itself is made.
 *
 * Each verb may reject with `INVALID_ARGUMENT`, `INVALID_AMOUNT`, `AMOUNT_TOO_LARGE` (nothing written, do not retry),
 * `CONTENTION`, `TIMEOUT`, `STORAGE_UNAVAILABLE` (nothing written, a retry is safe), `OUTCOME_UNKNOWN` (retry with
 * `details.idempotencyKey`), `ABORTED`, `CLOSED`. Amounts are credits, `number | string`, greater than 0, with at most
 * `creditScale` decimals, and at most 2^51 units.
 */
export interface CreditMutations<S = unknown> {
  /**
   * Adds a grant of credits. With `effectiveAt` in the future the grant is scheduled: the balance changes when it
   * becomes effective. New credits repay debt first.
   *
   * Also rejects with `LIMIT_EXCEEDED` (too many open grants).
   * @example await credits.addCredits('user-1', 100, { source: 'purchase', expiresAt: '2030-01-01T00:00:00Z' });
   */
  addCredits(userId: string, amount: Amount, options?: AddOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Spends credits from grants in burn-down order (priority, soonest expiry, free before paid, oldest): the whole
   * amount or nothing. With `from` only the grants that it names pay, in the same order.
   *
   * With `occurredAt`, usage that is told late is paid as it would have been: within `limits.lateUsageSeconds` (default
   * 0) of that instant, grants that could be spent then and have lapsed since pay too. Their credits come back by a
   * transaction of their own, `reinstate`, in the same commit. Both are dated now; the deduction keeps `occurredAt`.
   *
   * Also rejects with `INSUFFICIENT_CREDITS`; no credits move, and one error entry in the ledger has the numbers. With
   * `from` or `occurredAt`, `details.available` counts the grants that may pay.
   * @example await credits.deductCredits('user-1', 5, { idempotencyKey: 'order-7', description: 'Order 7' });
   * @example await credits.deductCredits('user-1', 5, { from: { sources: ['promo'] } });
   */
  deductCredits(userId: string, amount: Amount, options?: DeductOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Deducts the cost of a service that was already used. The balance may go below zero: the missing part becomes debt,
   * up to the overdraft limit. `occurredAt` is as with {@link deductCredits}.
   *
   * Also rejects with `OVERDRAFT_LIMIT`.
   * @example await credits.deductCreditsAfterService('user-1', 12.5);
   */
  deductCreditsAfterService(
    userId: string,
    amount: Amount,
    options?: DeductAfterServiceOptions<S>,
  ): Promise<Applied<Transaction>>;

  /**
   * Corrects a balance by a signed amount. A positive amount makes a grant without expiry; a negative amount deducts,
   * and is refused when it is more than what is available. `actor` and `reason` are required and stored.
   *
   * Also rejects with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED`.
   * @example await credits.adjustCredits('user-1', -3, { actor: 'admin-2', reason: 'Duplicate import' });
   */
  adjustCredits(
    userId: string,
    delta: Amount,
    options: MutationOptions<S> & { actor: string; reason: string },
  ): Promise<Applied<Transaction>>;

  /**
   * Puts credits on hold for `ttlSeconds` (default 900, at most 604,800). A commit of up to the held amount never fails
   * for lack of credits. The hold expires by itself; no job has to run.
   *
   * Also rejects with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED` (too many active reservations).
   * @example const hold = await credits.reserveCredits('user-1', 30, { ttlSeconds: 60 });
   */
  reserveCredits(userId: string, amount: Amount, options?: ReserveOptions<S>): Promise<Applied<Reservation>>;

  /**
   * Captures credits from a hold. `amount` defaults to everything left. A smaller amount frees the rest, and 0 frees
   * everything. `final: false` captures a part and keeps the rest on hold.
   *
   * `overage` says what happens to an amount above the hold: `'reject'` (default), `'charge'` (an ordinary deduction of
   * the excess in the same commit), `'overdraft'` (the excess may become debt) or `'cap'`: takes what the account has,
   * then debt as far as the limit allows, and tells the rest as `shortfall` (of the answer, in an error entry, and as
   * the event `credits.shortfall`); it never refuses for funds. `ifExpired` takes the same values for a hold whose time
   * has passed; such a late charge happens once. With an excess two entries are written; the answer is the capture,
   * which is written last. Repeating the same final call answers the first result. `occurredAt` is as with
   * {@link deductCredits}, for what is charged beyond the hold.
   *
   * Also rejects with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`, `COMMIT_EXCEEDS_RESERVATION` (the hold stays),
   * `INSUFFICIENT_CREDITS`, `OVERDRAFT_LIMIT`.
   * @example await credits.commitReservedCredits(hold, { amount: 21 });
   */
  commitReservedCredits(ref: ReservationRef, options?: CommitOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Ends a hold and gives its credits back to the grants they came from. Credits of a grant that has expired meanwhile
   * lapse at once.
   *
   * Also rejects with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`.
   * @example await credits.releaseReservedCredits(hold.id);
   */
  releaseReservedCredits(ref: ReservationRef, options?: MutationOptions<S>): Promise<Applied<Reservation>>;

  /** Another name for {@link releaseReservedCredits}. */
  unreserveCredits(ref: ReservationRef, options?: MutationOptions<S>): Promise<Applied<Reservation>>;

  /**
   * Moves the end of a hold to `ttlSeconds` from now: never to before its present end, and never to more than 7 days
   * after its creation.
   *
   * Also rejects with `RESERVATION_NOT_FOUND`, `RESERVATION_NOT_ACTIVE`.
   * @example await credits.extendReservation(hold, { ttlSeconds: 600 });
   */
  extendReservation(
    ref: ReservationRef,
    options: MutationOptions<S> & { ttlSeconds: number },
  ): Promise<Applied<Reservation>>;

  /**
   * Undoes a deduction, a captured reservation or an addition, in whole or in part, by a new entry that points at it.
   * Credits that were spent return to their grants with their original terms; an addition is clawed back.
   *
   * Also rejects with `TRANSACTION_NOT_FOUND`, `ALREADY_REVERSED` (`details.reversible` is the amount that is left).
   * @param transaction its id, or the transaction itself, of which the id alone is read.
   * @example await credits.reverseTransaction(tx, { amount: 2, reason: 'Half was not delivered' });
   */
  reverseTransaction(
    transaction: Ref,
    options?: MutationOptions<S> & { amount?: Amount | undefined },
  ): Promise<Applied<Transaction>>;

  /**
   * Takes back credits of one grant, default all that is free of it, and of no other grant: credits that were spent
   * stay spent, those on hold stay on hold, and no debt is made. It is a reversal of the transaction that made the
   * grant, and counts as one. A scheduled grant shrinks before it takes effect.
   *
   * Also rejects with `TRANSACTION_NOT_FOUND` for an unknown grant, `ALREADY_REVERSED` where less is free than asked
   * for (`details.reversible` is what is free).
   * @param grant its id, or the grant itself, of which the id alone is read.
   * @example await credits.voidGrant(grant, { actor: 'admin-7', reason: 'Granted twice' });
   */
  voidGrant(grant: Ref, options: VoidOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Changes when one open grant lapses, its priority, or both, by a transaction of delta 0. Credits on hold keep their
   * holds. A grant that is used up, taken back or lapsed cannot be changed: what has lapsed stays lapsed. A grant of a
   * plan can be changed, too; the plan's next periods follow the plan.
   *
   * Also rejects with `TRANSACTION_NOT_FOUND` for an unknown grant, `INVALID_ARGUMENT` for one that is not open, and
   * for an `expiresAt` that is not later than now and than its `effectiveAt`.
   * @param grant its id, or the grant itself, of which the id alone is read.
   * @param change a term that is not named stays; `expiresAt: null` lets the grant never expire.
   * @example await credits.updateGrant(grant, { expiresAt: '2031-01-01T00:00:00Z' }, { reason: 'Goodwill' });
   */
  updateGrant(grant: Ref, change: GrantUpdate, options?: MutationOptions<S>): Promise<Applied<Transaction>>;

  /**
   * Moves credits to another user in burn-down order, with their terms. Both accounts change or neither. Trial credits
   * cannot be transferred.
   *
   * Also rejects with `INSUFFICIENT_CREDITS`, `LIMIT_EXCEEDED` (too many open grants of the receiver).
   * @example const { out } = await credits.transferCredits({ from: 'user-1', to: 'user-2', amount: 10 });
   */
  transferCredits(
    transfer: { from: string; to: string; amount: Amount },
    options?: MutationOptions<S>,
  ): Promise<{ out: Applied<Transaction>; in: Applied<Transaction> }>;

  /**
   * Writes what has become due on this account, such as lapsed grants and ended holds. Answers the credits that this
   * call expired; with `asOf` only grants that lapsed by then count. Nothing depends on this call: lapsed credits are
   * never spendable. A call with a key answers its repetitions alike, also where nothing was due; a user without an
   * entry keeps no key.
   * @example const expired = await credits.expireCredits('user-1');
   */
  expireCredits(userId: string, options?: MutationOptions<S> & { asOf?: Date | string | undefined }): Promise<number>;

  /**
   * Creates an account with options. The same call again answers the first result; with other options it rejects with
   * `IDEMPOTENCY_CONFLICT`. If another verb has already created the account, this call sets the options that it names
   * and leaves the others as they are.
   * @example await credits.createAccount('user-1', { trialCredits: 50, lowCreditThreshold: '20%' });
   */
  createAccount(userId: string, options?: MutationOptions<S> & AccountDefaults): Promise<Applied<UserCreditsInfo>>;

  /**
   * Changes an account's options; `null` lets the service's default apply again. New thresholds tell nobody anything:
   * from then on, each crossing of one is told.
   * @example await credits.updateAccount('user-1', { lowCreditThresholds: [20, '10%'], lowCreditHysteresis: 2 });
   * @example await credits.updateAccount('user-1', { overdraftLimit: 100, lowCreditThreshold: 'none' });
   */
  updateAccount(
    userId: string,
    options: MutationOptions<S> & Omit<AccountDefaults, 'trialCredits'>,
  ): Promise<Applied<UserCreditsInfo>>;
}

/**
 * Verbs that read. A read writes nothing. It answers one snapshot at one instant, without the credits that have lapsed
 * by then, whether or not a job has run. An unknown account answers zeros. With `fresh: true` a read sees every commit
 * that was acknowledged before the call. Reads may reject with `INVALID_ARGUMENT`, `TIMEOUT`, `STORAGE_UNAVAILABLE`,
 * `ABORTED`, `CLOSED`; a retry is safe.
 */
export interface CreditReads<S = unknown> {
  /**
   * An account: the options in force and its own, its metadata, and what went through it. Null for an account without a
   * transaction.
   *
   * `lifetimeAdded` counts every grant from the instant at which it became effective: additions, trials, periods of
   * plans, positive adjustments, and what others sent. Expiry, claw-backs and transfers do not lower it.
   * `lifetimeSpent` counts deductions, negative adjustments and captures, less what reversals gave back. Both follow
   * from the transactions alone, are kept with the account, and are exact in any number of processes. Until the first
   * `runExpiration` after an upgrade from a version without them, they are counted from all the transactions.
   * @example const account = await credits.getAccount('user-1');
   */
  getAccount(userId: string, options?: ReadOptions<S>): Promise<AccountInfo | null>;

  /** Balance, reserved, available and debt of one user, in credits. */
  getUserCreditsInfo(userId: string, options?: ReadOptions<S>): Promise<UserCreditsInfo>;

  /** Balance, reserved, available and debt of up to 100 users, in the order given. */
  getUsersCreditsInfo(userIds: readonly string[], options?: ReadOptions<S>): Promise<readonly UserCreditsInfo[]>;

  /**
   * The credits in effect now, grouped by the instant at which they lapse, by source, and by the period of a cycle or a
   * subscription that granted them. Debt is not taken off: a group has what its grants have left.
   * @example const { byExpiry } = await credits.getBalanceBreakdown('user-1');
   */
  getBalanceBreakdown(userId: string, options?: ReadOptions<S>): Promise<BalanceBreakdown>;

  /** The credits on hold: the sum that the active reservations have left. */
  getReservedCredits(userId: string, options?: ReadOptions<S>): Promise<number>;

  /**
   * The balance at an instant. For the past, it counts everything that had taken effect by then; for the future, it is
   * the balance if nothing else happens.
   */
  getBalanceAt(userId: string, instant: Date | string, options?: ReadOptions<S>): Promise<UserCreditsInfo>;

  /**
   * Transactions, newest first unless `order: 'oldest'`; `from` and `to` are both inclusive. Entries that never move
   * the balance (holds, options) are left out unless `includeHolds` or `types` asks for them. With `source` or
   * `reference` it lists those that added such a grant or made it effective; it reads the account's additions for that.
   * With `correlationId` it lists what one request wrote on this account, of one instant in the order of the ids.
   * @example const { items } = await credits.getCreditHistory('user-1', { from: '2030-01-01T00:00:00Z', limit: 50 });
   */
  getCreditHistory(userId: string, options?: HistoryOptions<S>): Promise<Page<Transaction>>;

  /**
   * Sums of what a user spent, was given and let expire, for a page of the user: by `'day'` or `'month'` (in UTC, or in
   * `timeZone`), by `'type'` of the transaction, or by `'model'` of metered work (`meter.addUsage`). `from` is included
   * and `to` is not, so that times side by side add up; without `to` until now. The sums are exact and of one state of
   * the account; `added` − `spent` − `expired` is the change of its balance. Lines come by key, without those in which
   * nothing moved; what was charged without a model has the key null.
   *
   * It reads every transaction of the time, in pages, so ask for months rather than for years of a busy account. At
   * most 1,000 lines are made; what would have more rejects with `LIMIT_EXCEEDED`, and a sum above the largest amount
   * with `AMOUNT_TOO_LARGE`: ask for a shorter time.
   * @example const days = await credits.getUsageSummary('user-1', { from: '2030-01-01', to: '2030-02-01', by: 'day' });
   */
  getUsageSummary(userId: string, options: UsageOptions<S>): Promise<readonly UsageSummary[]>;

  /**
   * How long the credits last: what was spent a day in the last 7 and 30 days (of a younger account since it was
   * created, at least over one day), the instant at which nothing is left at the present rate, and what expires unspent
   * until then. The present rate is that of 7 days, or of 30 where nothing was spent in 7. Scheduled grants count from
   * their instant on. Credits on hold stay on hold, and later periods of a subscription do not count.
   *
   * It reads every transaction of the last 30 days, in pages, and writes nothing.
   * @example const { emptyAt } = await credits.getForecast('user-1');
   */
  getForecast(userId: string, options?: ReadOptions<S>): Promise<Forecast>;

  /** One transaction of this credit type; null when there is none. */
  getTransaction(id: string, options?: ReadOptions<S>): Promise<Transaction | null>;

  /**
   * Why a deduction, a hold, a charge or a transfer took credits from these grants: for each, the key of the burn-down
   * order that put it before the next grant that had credits then, drawn on or not. A charge is told among the grants
   * of its hold. Null when there is no such transaction; other types draw on none. It reads the account's transactions
   * up to this one.
   * @example const { draws } = (await credits.explainTransaction(tx.id)) ?? { draws: [] };
   */
  explainTransaction(id: string, options?: ReadOptions<S>): Promise<Explanation | null>;

  /**
   * Every transaction that took from a grant or gave back to it, newest first unless `order: 'oldest'`: deductions,
   * charges, transfers, debt that it repaid, expiry, what was taken back, and reversals with a negative amount. What
   * was granted, less all of them, is what remains. Credits on hold remain. An unknown grant has none. It reads the
   * account's transactions since the grant was made.
   * @example const { items } = await credits.getGrantUsage(grant.id);
   */
  getGrantUsage(grantId: string, options?: ReadOptions<S> & ListOptions): Promise<Page<GrantUse>>;

  /** Effective grants that expire within `days` (0–36,500) and have unspent credits not on hold, soonest first. */
  getExpiringCreditsInDays(userId: string, days: number, options?: ReadOptions<S>): Promise<readonly Grant[]>;

  /**
   * Open grants in burn-down order: the next credit spent comes from the first effective one. With `includeClosed`, all
   * grants, newest first. `source`, `reference`, `paymentId` and `planId` choose among them; a cursor belongs to the
   * choice that it was made for. All grants with a reference or a payment are found along an index of their own.
   * @example const { items } = await credits.getGrants('user-1', { paymentId: 'pay-7', includeClosed: true });
   */
  getGrants(userId: string, options?: GrantListOptions<S>): Promise<Page<Grant>>;

  /** The reservations that are active now, all or those of one plan, newest first unless `order: 'oldest'`. */
  getActiveReservations(userId: string, options?: HoldListOptions<S>): Promise<Page<Reservation>>;

  /** One reservation of this credit type, active or ended; null when there is none. */
  getReservation(id: string, options?: ReadOptions<S>): Promise<Reservation | null>;

  /**
   * Previews a deduction: the grants it would draw on, and the amount that would be missing. A trial grant that is not
   * made yet is named `trial`, here and in `getGrants`; one of a renewal that nothing has written yet has an id that
   * begins with `g-preview`.
   */
  previewDeduction(userId: string, amount: Amount, options?: ReadOptions<S>): Promise<DeductionPreview>;

  /** Whether the user has this amount available. A hint for user interfaces: by the next call it may be wrong. */
  canAfford(userId: string, amount: Amount, options?: ReadOptions<S>): Promise<boolean>;

  /**
   * Accounts, newest first unless `order: 'oldest'`. `maxAvailable` selects accounts that had at most that many credits
   * available after their last operation, lowest first (by the number of binary digits: accounts within a factor of two
   * come in the order of their users). The numbers shown are those of now. An account whose row cannot be read is left
   * out of `items` and named in `skipped`, so that one damaged row hides no other account.
   */
  listAccounts(options?: ReadOptions<S> & ListOptions & { maxAvailable?: Amount | undefined }): Promise<AccountList>;
}

/** Metering: a hold around work whose cost is known only afterwards. */
export interface CreditMetering {
  /**
   * Reserves the estimate, runs `run`, and settles the cost that the meter recorded; a hold never leaks. While `run` is
   * at work the hold is prolonged at half of its time to live. Work that was done is charged: above the estimate from
   * the account, then as debt within the limit, and a rest that neither has is recorded as a shortfall (`overage:
   * 'cap'`, the default), so the caller always gets the answer of `run`. When `run` throws, the error is rethrown after
   * the charge that `chargeOnError` chooses: the recorded cost (`'metered'`, default), nothing (`'none'`) or the
   * estimate (`'estimate'`). A result that is a stream is refused with `CONFIGURATION`: use {@link openMeter}.
   *
   * A call that repeats an `idempotencyKey` does not run the work again: it rejects with `RESERVATION_NOT_ACTIVE`,
   * whose details have the `status` of the first call's hold and the `transactionId` of its charge. With `resume: true`
   * it runs on that hold while it is `active`, as after a crash. `session` is not taken: no transaction should stay
   * open while work runs.
   * @example
   * const text = await credits.withCredits({ userId: 'user-1', estimate: 10 }, async (meter) => {
   *   const answer = await callModel({ signal: meter.signal });
   *   meter.add(roundUpCredits(answer.tokens * 0.0003));
   *   return answer.text;
   * });
   */
  withCredits<T>(options: MeterOptions, run: (meter: Meter) => Promise<T>): Promise<T>;

  /**
   * Opens a meter. The caller settles it, or a stream does at its end. `await using` releases a meter that was not
   * settled. The hold is prolonged until then, or until nobody refers to the meter any more. A repeated key is refused
   * as by {@link withCredits}.
   */
  openMeter(options: MeterOptions): Promise<Meter>;
}

/** Credits of one type: every verb, its promise and its errors. Get one from `manager.credits`. */
export interface CreditService<S = unknown>
  extends CreditMutations<S>,
    CreditReads<S>,
    TransactionPages<S>,
    CreditMetering {}
