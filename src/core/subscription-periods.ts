/** The periods of a subscription: when each begins and ends, and the credits that are granted for it. */
import type { SubscriptionRow } from '../models/subscription.js';
import type { Verdict } from './decision.js';
import type { Draft } from './draft.js';
import { type Allocated, allocate, countedAt, grantCarried, type Period } from './period-grants.js';
import { addDays, addPeriods } from './periods.js';
import { ALL } from './share.js';
import { at, calendarOf, type Row } from './subscription-row.js';
import { dueOf, isPaid, termsOfNext } from './subscription-state.js';

/** Moves a row on to the period that starts at `start`. */
export function begin(row: Row, draft: Draft, start: number): void {
  const terms = termsOfNext(row);
  if (terms.billingPeriod !== row.terms.billingPeriod) countFrom(row, start);
  row.planId = terms.planId;
  row.terms = terms;
  row.pending = null;
  row.status = 'active';
  row.isTrial = false;
  row.periodStart = at(start);
  let end = start;
  // Where a zone skips a day, the period of that day would begin and end at one instant.
  while (end <= start) {
    row.periods++;
    end = addPeriods(row.anchor.getTime(), terms.billingPeriod, row.periods, calendarOf(draft, terms));
  }
  row.periodEnd = at(end);
  row.isAllocated = false;
  row.lots = {};
}

/** Counts periods anew from `start`: those of another length are counted from the first of them. */
export function countFrom(row: Row, start: number): void {
  row.anchor = at(start);
  row.periods = 0;
}

/**
 * The instant at which a later period starts, where nothing changes until then; 0 is the period after the current one.
 */
export function startOfNext(draft: Draft, row: SubscriptionRow, place: number): number {
  const { billingPeriod, ...terms } = termsOfNext(row);
  const isCountedOn = billingPeriod === row.terms.billingPeriod;
  const [from, count] = isCountedOn ? [row.anchor, row.periods + place] : [row.periodEnd, place];
  return addPeriods(from.getTime(), billingPeriod, count, calendarOf(draft, terms));
}

/** When a subscription that renews no more ends: with its current period, or with the last one that is paid. */
export function paidUntil(draft: Draft, row: SubscriptionRow): Date {
  return isPaid(row) ? at(startOfNext(draft, row, row.paid?.length ?? 0)) : row.periodEnd;
}

/** Grants what the row's current period is worth and was not granted yet. */
export function allocatePeriod(
  drafts: readonly Draft[],
  row: Row,
  given: Partial<Omit<Period, 'granted' | 'expiresAt'>> = {},
): Verdict {
  const [draft] = drafts as [Draft];
  const [start, end] = [row.periodStart.getTime(), row.periodEnd.getTime()];
  const period = { share: ALL, rolled: 0, at: start, lengthMs: end - start, ...given };
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
function expiryOf(draft: Draft, { terms, periodStart, periodEnd }: Row): number {
  if (terms.validityDays === null) return periodEnd.getTime();
  return addDays(periodStart.getTime(), terms.validityDays, calendarOf(draft, terms));
}
