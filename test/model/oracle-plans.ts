/**
 * What plans are to the oracle: terms, the subscription and the cycles of a user, and the arithmetic of periods. A row
 * is never edited in place. Amounts are micro-units, instants epoch milliseconds; written from the rules alone.
 */

import { CREDIT_TYPE, nameOf } from './account-names.js';
import { type Ahead, monthsAfter } from './calendar.js';
import type { Micro } from './oracle-state.js';

const MICRO = 1_000_000n;
export const DAY = 86_400_000;
/** Periods that one operation makes up for. */
export const PERIODS_MAX = 100;

/** By credit type. */
export type Amounts = Readonly<Record<string, Micro>>;

export interface PlanTerms {
  /** Its name, which stands for the id that the library gives it. */
  readonly name: string;
  /** What a period grants, the plan's own credit type first. */
  readonly limits: Amounts;
  readonly unit: Unit;
  /** How often its limit is granted within a billing period; null for once. */
  readonly every: Unit | null;
  readonly days: number | null;
  readonly trialDays: number;
  readonly rolloverCap: Micro | null;
  /** How long it waits for the payment of a period; null where a period begins by the clock. */
  readonly graceDays: number | null;
  /** How many changes the plan has seen, these terms being the last of them; absent for none. */
  readonly version?: number;
}

type Unit = 'daily' | 'weekly' | 'monthly' | 'yearly';

type MoreTerms = Partial<PlanTerms>;

function plan(name: string, limit: Micro | Amounts, unit: PlanTerms['unit'], more: MoreTerms = {}): PlanTerms {
  const limits = typeof limit === 'bigint' ? { [CREDIT_TYPE]: limit } : limit;
  const none = { every: null, days: null, rolloverCap: null, graceDays: null };
  return { name, limits, unit, trialDays: 0, ...none, ...more };
}

/** Limits that no share of a period divides evenly are among them. */
export const PLANS: readonly PlanTerms[] = [
  plan('daily', 100n * MICRO, 'daily'),
  plan('daily-rollover', 70n * MICRO, 'daily', { rolloverCap: 50n * MICRO }),
  plan('daily-kept', 40n * MICRO, 'daily', { days: 3 }),
  plan('weekly', 33_333_333n, 'weekly', { trialDays: 2, rolloverCap: 1000n * MICRO }),
  plan('monthly', 300n * MICRO, 'monthly', { rolloverCap: 100n * MICRO }),
  plan('monthly-trial', 100_000_001n, 'monthly', { trialDays: 7 }),
  plan('monthly-short', 70n * MICRO, 'monthly', { days: 7 }),
  plan('monthly-kept', 120n * MICRO, 'monthly', { days: 45 }),
  plan('yearly', 1000n * MICRO, 'yearly'),
  plan('daily-both', { credits: 50n * MICRO, image: 5n * MICRO }, 'daily', { rolloverCap: 20n * MICRO }),
  plan('monthly-both', { credits: 250n * MICRO, image: 7_000_003n }, 'monthly', { days: 40 }),
  plan('weekly-image', { image: 20n * MICRO, credits: 60n * MICRO }, 'weekly', { rolloverCap: 9n * MICRO }),
  plan('daily-image', { image: 3n * MICRO }, 'daily', { trialDays: 1, rolloverCap: MICRO }),
  plan('paid-daily', 30n * MICRO, 'daily', { graceDays: 3, rolloverCap: 10n * MICRO }),
  plan('paid-weekly', 90n * MICRO, 'weekly', { graceDays: 0 }),
  plan('paid-monthly', 200n * MICRO, 'monthly', { graceDays: 7, trialDays: 3, days: 33 }),
  plan('paid-both', { credits: 33_333_333n, image: 4n * MICRO }, 'weekly', { graceDays: 2, days: 10 }),
  plan('paid-image', { image: 2n * MICRO }, 'daily', { graceDays: 1, rolloverCap: 2n * MICRO }),
  plan('yearly-monthly', 90n * MICRO, 'yearly', { every: 'monthly', rolloverCap: 25n * MICRO }),
  plan('monthly-weekly', 33_333_333n, 'monthly', { every: 'weekly', trialDays: 10 }),
  plan('weekly-daily', { credits: 12n * MICRO, image: 2n * MICRO }, 'weekly', { every: 'daily', rolloverCap: MICRO }),
  plan('paid-monthly-weekly', 50n * MICRO, 'monthly', { every: 'weekly', graceDays: 4 }),
  plan('paid-weekly-daily', 9_000_001n, 'weekly', { every: 'daily', graceDays: 2, days: 2, trialDays: 3 }),
];

/** Codes by name; instants are from the start of the sequence. */
export interface PromoTerms {
  readonly code: string;
  readonly credits: Micro;
  readonly maxUses: number | null;
  readonly maxUsesPerUser: number;
  /** In one UTC day. */
  readonly maxUsesPerDay: number | null;
  readonly maxUsesPerUserPerDay: number | null;
  readonly validFromMs: number;
  readonly validUntilMs: number | null;
  readonly onlyFor: string | null;
  readonly validityDays: number | null;
  /** Whose referral code it is, and what that user gets of a claim. */
  readonly referrer: { readonly user: string; readonly credits: Micro } | null;
}

function promo(code: string, credits: Micro, more: Partial<PromoTerms> = {}): PromoTerms {
  const open = { maxUses: null, maxUsesPerUser: 1, maxUsesPerDay: null, maxUsesPerUserPerDay: null };
  const plain = { validFromMs: 0, validUntilMs: null, onlyFor: null, validityDays: null, referrer: null };
  return { code, credits, ...open, ...plain, ...more };
}

export const PROMOS: readonly PromoTerms[] = [
  promo('WELCOME', 10n * MICRO),
  promo('FEW', 1_234_567n, { maxUses: 3, maxUsesPerUser: 2 }),
  promo('SHORT', 5n * MICRO, { validUntilMs: 3 * DAY, maxUsesPerUser: 5 }),
  promo('LATER', 7n * MICRO, { validFromMs: 2 * DAY, maxUsesPerUser: 3 }),
  promo('ADA', 20n * MICRO, { onlyFor: 'ada', maxUsesPerUser: 2 }),
  promo('DAILY', 3n * MICRO, { maxUsesPerDay: 2, maxUsesPerUser: 4 }),
  promo('OWN-DAILY', 2_000_001n, { maxUsesPerUserPerDay: 1, maxUsesPerUser: 4 }),
  promo('OF-ADA', 4n * MICRO, { maxUses: 2, referrer: { user: 'ada', credits: 6_000_001n } }),
  promo('OF-BOB', 2n * MICRO, { validityDays: 2, referrer: { user: 'bob', credits: 9n * MICRO } }),
];

/** Amounts that count until an instant. */
export interface Counted {
  readonly amounts: Amounts;
  readonly until: number;
}

export const NOTHING_COUNTS: Counted = { amounts: {}, until: Number.NEGATIVE_INFINITY };

export type SubscriptionStatus = 'trialing' | 'active' | 'past_due' | 'paused' | 'cancelled' | 'ended' | 'removed';

/** The billing period ends `index` of its kind after `anchor`. */
export interface Bill {
  readonly anchor: number;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

export interface Subscription {
  /** The label of the call that started it. */
  readonly label: string;
  readonly status: SubscriptionStatus;
  readonly terms: PlanTerms;
  /** Of the next period. */
  readonly next: PlanTerms | null;
  readonly startedAt: number;
  /** What is paid for at a time. It holds one period or more. */
  readonly bill: Bill;
  /** How long the limit of the period is meant for: longer than the period where the bill ends within it. */
  readonly whole: number;
  /** The current period ends `index` periods after it. */
  readonly anchor: number;
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly isAllocated: boolean;
  readonly renews: boolean;
  readonly validUntil: number | null;
  readonly pausedAt: number | null;
  /** Until when it waits for its payment, where that was said. */
  readonly graceUntil: number | null;
  /** The ends that a pause took from lots. */
  readonly frozen: ReadonlyMap<string, number>;
  /** The payments of later periods, the next one's first. */
  readonly paid: readonly string[];
  /** What plans granted, and the part of it that an earlier period was: it falls due when that would have ended. */
  readonly had: Counted;
  readonly carried: Counted;
  /** By credit type, how far the plans are ahead of what time has earned. */
  readonly ahead: Readonly<Record<string, Ahead>>;
  readonly isTrial: boolean;
  readonly hadTrial: boolean;
  /** Of the current period. */
  readonly lots: readonly string[];
}

export interface Cycle {
  /** The label of the call that started it; of a recurring one, whose id is the user's, always the same. */
  readonly label: string;
  readonly amount: Micro;
  readonly days: number;
  readonly recurring: boolean;
  readonly status: 'active' | 'canceled' | 'ended';
  readonly anchor: number;
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

export interface Plans {
  readonly subscription: Subscription | null;
  readonly cycles: ReadonlyMap<string, Cycle>;
  /** The days, counted from 1970, that the user's claims of each code count on. */
  readonly claims: ReadonlyMap<string, readonly number[]>;
  /** What the plan grants of the account's type, which a threshold in percent is of. */
  readonly limit: Micro | null;
  /** When the subscription behind the account is due. */
  readonly due: number | null;
}

export const NO_PLANS: Plans = { subscription: null, cycles: new Map(), claims: new Map(), limit: null, due: null };

/** What of a period may roll over, and what an allocation is asked about. */
export function ownType({ limits }: PlanTerms): string {
  return Object.keys(limits)[0] ?? '';
}

/** Every account that a change of a subscription may write: the user's own first. */
export function accountsOf(user: string, one: Subscription | null, plan?: PlanTerms): string[] {
  const terms = [one?.terms, one?.next, plan].flatMap((each) => each ?? []);
  const types = [CREDIT_TYPE, ...terms.flatMap(({ limits }) => Object.keys(limits))];
  return [...new Set(types)].map((type) => nameOf(user, type));
}

export function recurringLabel(user: string): string {
  return `cycle of ${user}`;
}

/** The length of the periods that credits are granted for. */
export function cadence({ every, unit }: PlanTerms): Unit {
  return every ?? unit;
}

/** Whether the bill that runs was never paid: nothing of it is granted. A trial costs nothing. */
export function isUnpaid({ isAllocated, isTrial, terms }: Subscription): boolean {
  return !isAllocated && !isTrial && isByPayment(terms);
}

/** How long a period lasts at most. */
export function longest(unit: Unit): number {
  return { daily: 1, weekly: 7, monthly: 31, yearly: 366 }[unit] * DAY;
}

export function periodsAfter(anchor: number, unit: Unit, count: number): number {
  switch (unit) {
    case 'daily':
      return anchor + count * DAY;
    case 'weekly':
      return anchor + count * 7 * DAY;
    case 'monthly':
      return monthsAfter(anchor, count);
    case 'yearly':
      return monthsAfter(anchor, 12 * count);
  }
}

/** Whether it has not ended at an instant, whatever a job has written. */
export function isCurrent(one: Subscription, now: number): boolean {
  const { status, validUntil } = one;
  if (status === 'paused') return true;
  if (status === 'past_due') return now < graceEnd(one);
  return isRunning(status) && (validUntil === null || now < validUntil);
}

/** Whether time brings something to it. */
export function isRunning(status: SubscriptionStatus): boolean {
  return status === 'active' || status === 'trialing' || status === 'past_due';
}

export function isByPayment({ graceDays }: PlanTerms): boolean {
  return graceDays !== null;
}

/** Of the plan that went unpaid; where that renewed by the clock, of the one that is waited for. */
function graceEnd({ terms, next, end, graceUntil }: Subscription): number {
  return graceUntil ?? end + (terms.graceDays ?? next?.graceDays ?? 0) * DAY;
}

/** A paused one as it goes on: everything that lay ahead lies ahead still, as far as it did. */
export function woken(one: Subscription, now: number): Subscription {
  const { pausedAt } = one;
  if (pausedAt === null) return one;
  const slept = now - pausedAt;
  const later = (counted: Counted) =>
    counted.until > pausedAt ? { ...counted, until: counted.until + slept } : counted;
  const [end, billEnd] = [one.end + slept, one.bill.end + slept];
  return {
    ...one,
    status: one.isTrial ? 'trialing' : 'active',
    graceUntil: null,
    ...{ pausedAt: null, frozen: new Map(), end, anchor: end, index: 0, whole: one.whole + slept },
    bill: { start: one.bill.start, end: billEnd, anchor: billEnd, index: 0 },
    validUntil: one.validUntil === null ? null : one.validUntil + slept,
    had: later(one.had),
    carried: later(one.carried),
  };
}

/** When something of the current period is granted beside its start: what an earlier period kept falls due in it. */
export function restDueAt({ isAllocated, carried, start, end }: Subscription): number | null {
  return isAllocated && carried.until > start && carried.until < end ? carried.until : null;
}

/** When an allocation has something to do next. */
export function dueAt(one: Subscription): number | null {
  if (one.status === 'past_due' && one.paid.length === 0) return graceEnd(one);
  if (!isRunning(one.status)) return null;
  return isUnpaid(one) ? one.bill.end : (restDueAt(one) ?? one.end);
}

export function expiryOf({ terms, start, end }: Subscription): number {
  return terms.days === null ? end : start + terms.days * DAY;
}

/** What the caller sees; names stand for ids. */
export function viewSubscription(one: Subscription, now?: number): Record<string, unknown> {
  const isOver = now !== undefined && isRunning(one.status) && !isCurrent(one, now);
  return {
    ...{ id: one.label, planId: one.terms.name, nextPlanId: one.next?.name ?? null, planName: one.terms.name },
    status: isOver || one.status === 'removed' ? 'ended' : one.status,
    ...{ startedAt: one.startedAt, periodStart: one.bill.start, periodEnd: one.bill.end },
    ...{ allocationStart: one.start, allocationEnd: one.end },
    graceUntil: isOver ? null : one.status === 'past_due' && one.paid.length === 0 ? graceEnd(one) : one.graceUntil,
    ...{ validUntil: one.validUntil, autoRenew: one.renews, paidAhead: one.paid },
  };
}

export function viewCycle(one: Cycle, now?: number): Record<string, unknown> {
  const { label, amount, days, recurring, start, end } = one;
  const isOver = now !== undefined && one.status === 'active' && !recurring && end <= now;
  const status = isOver ? 'ended' : one.status;
  return { id: label, amount: Number(amount) / 1e6, days, recurring, status, start, end };
}
