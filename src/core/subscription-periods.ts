/** The periods of a subscription: when each begins and ends, and the credits that are granted for it. */
import type { BillingPeriod } from '../models/plan.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { Verdict } from './decision.js';
import type { Draft } from './draft.js';
import { type Allocated, allocate, countedAt, grantCarried, type Period } from './period-grants.js';
import { addDays, addPeriods, type Calendar } from './periods.js';
import { at, calendarOf, type Row } from './subscription-row.js';
import {
  billingOf,
  cadenceOf,
  dueOf,
  isPaid,
  isUnpaid,
  isWithinBilling,
  lengthOf,
  termsOfNext,
} from './subscription-state.js';

/** Moves a row on to the billing period that starts at `start`. */
export function begin(row: Row, draft: Draft, start: number): void {
  const terms = termsOfNext(row);
  const calendar = calendarOf(draft, terms);
  const cadence = cadenceOf(terms);
  const isCountedOn = terms.billingPeriod === row.terms.billingPeriod;
  const { anchor, periods } = isCountedOn ? billingOf(row) : { anchor: start, periods: 0 };
  if (terms.allocationPeriod === undefined) {
    Object.assign(row, { anchor: at(anchor), periods, billing: null });
  } else {
    // Months go on from the day that they are counted from, where they end with the billing period.
    const isInStep = cadence === cadenceOf(row.terms);
    if (!isInStep || addPeriods(row.anchor.getTime(), cadence, row.periods, calendar) !== start) countFrom(row, start);
    row.billing = { anchor, start, ...nextEnd({ anchor, periods, start }, terms.billingPeriod, calendar) };
  }
  row.planId = terms.planId;
  row.terms = terms;
  row.pending = null;
  row.status = 'active';
  row.graceUntil = null;
  row.isTrial = false;
  goOn(row, draft, start);
}

/** Moves a row on to the period that starts at `start`, in the billing period that the row has. */
export function goOn(row: Row, draft: Draft, start: number): void {
  const [anchor, calendar] = [row.anchor.getTime(), calendarOf(draft, row.terms)];
  const { periods, end } = nextEnd({ anchor, periods: row.periods, start }, cadenceOf(row.terms), calendar);
  row.periods = periods;
  row.periodStart = at(start);
  row.periodEnd = at(end);
  if (row.billing) {
    const { wholeMs: _, ...billing } = row.billing;
    const isCut = end > billing.end;
    row.billing = isCut ? { ...billing, wholeMs: end - start } : billing;
    if (isCut) row.periodEnd = at(billing.end);
  }
  row.isAllocated = false;
  row.lots = {};
}

/** Passes by the periods of a row that are over by `now`, within a billing period that was not paid. */
export function passUnpaid(row: Row, draft: Draft, now: number): void {
  while (isUnpaid(row) && isWithinBilling(row) && row.periodEnd.getTime() <= now) {
    goOn(row, draft, row.periodEnd.getTime());
  }
}

interface Count {
  readonly anchor: number;
  readonly periods: number;
  readonly start: number;
}

/** The number and the end of the period that starts at `start`, after `periods` others. */
function nextEnd({ anchor, periods, start }: Count, period: BillingPeriod, calendar: Calendar) {
  let [number, end] = [periods, start];
  // Where a zone skips a day, the period of that day would begin and end at one instant.
  while (end <= start) {
    number++;
    end = addPeriods(anchor, period, number, calendar);
  }
  return { periods: number, end };
}

/** Counts periods anew from `start`: those of another length are counted from the first of them. */
export function countFrom(row: Row, start: number): void {
  row.anchor = at(start);
  row.periods = 0;
}

/**
 * The instant at which a later billing period starts, where nothing changes until then; 0 is the one after this one.
 */
export function startOfNext(draft: Draft, row: SubscriptionRow, place: number): number {
  const { billingPeriod, ...terms } = termsOfNext(row);
  const isCountedOn = billingPeriod === row.terms.billingPeriod;
  const { anchor, periods, end } = billingOf(row);
  const [from, count] = isCountedOn ? [anchor, periods + place] : [end, place];
  return addPeriods(from, billingPeriod, count, calendarOf(draft, terms));
}

/** When a subscription that renews no more ends: with its current period, or with the last one that is paid. */
export function paidUntil(draft: Draft, row: SubscriptionRow): Date {
  return at(isPaid(row) ? startOfNext(draft, row, row.paid?.length ?? 0) : billingOf(row).end);
}

/** Grants what the row's current period is worth and was not granted yet. */
export function allocatePeriod(
  drafts: readonly Draft[],
  row: Row,
  given: Partial<Omit<Period, 'granted' | 'expiresAt'>> = {},
): Verdict {
  const [draft] = drafts as [Draft];
  const [start, end] = [row.periodStart.getTime(), row.periodEnd.getTime()];
  const lengthMs = lengthOf(row);
  const period = { share: { ms: end - start, ofMs: lengthMs }, rolled: 0, at: start, lengthMs, ...given };
  const { granted, ...before } = countedAt(row, row.periodStart);
  const result: Allocated = allocate(drafts, row, { ...period, granted, expiresAt: expiryOf(draft, row) });
  if ('kind' in result) return result;
  // An earlier period that would have ended with this one leaves nothing to grant within it.
  const isCarried = before.carriedUntil?.getTime() !== row.periodEnd.getTime();
  Object.assign(row, before, !isCarried && { carried: {}, carriedUntil: null });
  row.isAllocated = true;
  row.granted = result.granted;
  row.lots = result.grantIds;
  row.allowance = result.allowance;
  if (result.isAny) row.grantedUntil = row.periodEnd;
  return null;
}

/** Grants the credits that an earlier period kept from the current one, once that earlier one would have ended. */
export function grantRest(drafts: readonly Draft[], row: Row): Verdict {
  const [draft] = drafts as [Draft];
  if (!isRestDue(draft, row)) return null;
  const result = grantCarried(drafts, row, expiryOf(draft, row));
  if ('kind' in result) return result;
  Object.assign(row, result);
  return null;
}

function isRestDue({ account }: Draft, row: Row): boolean {
  const due = dueOf(row);
  return due < row.periodEnd && due.getTime() <= account.at;
}

/** When the credits of the current period expire. */
export function expiryOf(
  draft: Draft,
  { terms, periodStart, periodEnd }: Pick<Row, 'terms' | 'periodStart' | 'periodEnd'>,
): number {
  if (terms.validityDays === null) return periodEnd.getTime();
  return addDays(periodStart.getTime(), terms.validityDays, calendarOf(draft, terms));
}
