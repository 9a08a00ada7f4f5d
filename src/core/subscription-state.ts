/** The state of a subscription at an instant, whatever its row still says. */
import { isoText } from '../models/iso-text.js';
import type { BillingPeriod, PlanTerms } from '../models/plan.js';
import type { Billing, SubscriptionRow } from '../models/subscription.js';
import type { Json, JsonObject } from '../models/values.js';
import type { CommandOf } from './command.js';

const DAY_MS = 24 * 3600 * 1000;

/** Whether a subscription can be changed so. One that has ended can still be removed; then the user has none. */
export function canBe(to: CommandOf<'change_subscription'>['to'], before: SubscriptionRow, now: number): boolean {
  if (to === 'resumed') return before.status === 'paused';
  if (to === 'waited for') return waitsForPayment(before) && isCurrent(before, now);
  // A pause would give time that is not paid.
  if (to === 'paused' && before.status === 'past_due') return false;
  return to === 'removed' ? before.status !== 'removed' : isCurrent(before, now);
}

/** Whether a subscription has not ended at an instant. */
export function isCurrent(row: SubscriptionRow, now: number): boolean {
  const { status, validUntil } = row;
  if (status === 'paused') return true;
  if (status === 'past_due') return now < dueOf(row).getTime() || isPaid(row);
  return goesOn(status) && (validUntil === null || now < validUntil.getTime());
}

/** Whether time brings something to a subscription of this status. */
export function goesOn(status: SubscriptionRow['status']): boolean {
  return status === 'active' || status === 'trialing' || status === 'past_due';
}

/** The terms of the next period. */
export function termsOfNext({ pending, terms }: SubscriptionRow): PlanTerms {
  return pending ?? terms;
}

/** How often these terms grant credits. */
export function cadenceOf({ allocationPeriod, billingPeriod }: PlanTerms): BillingPeriod {
  return allocationPeriod ?? billingPeriod;
}

/** The period that is paid for. The row's own period, for which credits are granted, may be a part of it. */
export function billingOf({ billing, anchor, periods, periodStart, periodEnd }: SubscriptionRow): Billing {
  return billing ?? { anchor: anchor.getTime(), periods, start: periodStart.getTime(), end: periodEnd.getTime() };
}

/** Whether another period of the row follows in the same billing period. */
export function isWithinBilling(row: SubscriptionRow): boolean {
  return row.periodEnd.getTime() < billingOf(row).end;
}

/** How long the whole limit is for: longer than the period where the billing period ends in it. */
export function lengthOf({ billing, periodStart, periodEnd }: SubscriptionRow): number {
  return billing?.wholeMs ?? periodEnd.getTime() - periodStart.getTime();
}

/** Whether the current billing period is the first to be paid: it was set without its credits. A trial is not paid. */
export function isUnpaid({ isAllocated, isTrial, terms }: SubscriptionRow): boolean {
  return !isAllocated && !isTrial && terms.renewOn === 'payment';
}

/** Every credit type that a subscription grants, or will. */
export function creditTypesOf({ terms, pending }: SubscriptionRow): string[] {
  return [...terms.grants, ...(pending?.grants ?? [])].map(({ creditType }) => creditType);
}

/** Whether it goes on with its next period only when that is paid. */
function waitsForPayment(row: SubscriptionRow): boolean {
  return goesOn(row.status) && row.autoRenew && !isPaid(row) && termsOfNext(row).renewOn === 'payment';
}

/** Whether the next period is paid. */
export function isPaid({ paid }: SubscriptionRow): boolean {
  return paid != null && paid.length > 0;
}

/**
 * A paused subscription as it goes on: the time that was left of the period is left of it now, and later periods are
 * counted from its new end. Credits granted for the period count until then, so that a pause is no way to be granted
 * more.
 */
export function goneOn<R extends SubscriptionRow>(row: R, now: number): R {
  if (row.pausedAt === null) return row;
  const shift = now - row.pausedAt.getTime();
  const later = (date: Date) => new Date(date.getTime() + shift);
  const periodEnd = later(row.periodEnd);
  const { validUntil, grantedUntil, carriedUntil, pausedAt } = row;
  const status = row.isTrial ? 'trialing' : 'active';
  return {
    ...row,
    ...{ status, pausedAt: null, frozen: null, graceUntil: null, periodEnd, anchor: periodEnd, periods: 0 },
    billing: row.billing ? billingLater(row.billing, shift) : null,
    validUntil: validUntil && later(validUntil),
    carriedUntil: carriedUntil && carriedUntil > pausedAt ? later(carriedUntil) : carriedUntil,
    grantedUntil: grantedUntil && grantedUntil > pausedAt ? later(grantedUntil) : grantedUntil,
  };
}

function billingLater({ wholeMs, ...billing }: Billing, shift: number): Billing {
  const end = billing.end + shift;
  return { ...billing, end, anchor: end, periods: 0, ...(wholeMs !== undefined && { wholeMs: wholeMs + shift }) };
}

/**
 * The next instant at which the subscription grants something or ends: when an earlier period would have ended, when
 * the current one ends, or when the grace for a payment is over. Nothing of an unpaid period is granted within it.
 */
export function dueOf(row: SubscriptionRow): Date {
  const { isAllocated, carriedUntil, periodStart, periodEnd, status } = row;
  if (status === 'past_due' && !isPaid(row)) {
    if (row.graceUntil) return row.graceUntil;
    // A change of plan meanwhile leaves the grace as it began.
    const graceDays = row.terms.graceDays ?? termsOfNext(row).graceDays ?? 0;
    return new Date(periodEnd.getTime() + graceDays * DAY_MS);
  }
  if (isUnpaid(row)) return new Date(billingOf(row).end);
  const isWithin = carriedUntil !== null && carriedUntil > periodStart && carriedUntil < periodEnd;
  return isAllocated && isWithin ? carriedUntil : periodEnd;
}

/** Until when it waits for a payment, where it does by now or somebody said so. */
export function graceOf(row: SubscriptionRow): Date | null {
  return row.status === 'past_due' && !isPaid(row) ? dueOf(row) : (row.graceUntil ?? null);
}

/** The subscription as an entry keeps it. Most have their keys in order, which saves the canonical text a copy. */
export function toJson(row: SubscriptionRow): JsonObject {
  const { start, end } = billingOf(row);
  // A damaged row may lack any of its instants.
  const iso = (date: Date | null) => date && isoText(date);
  const json: { [name: string]: Json } = {
    autoRenew: row.autoRenew,
    id: row.id,
    nextPlanId: row.nextPlanId,
    periodEnd: isoText(new Date(end)),
    periodStart: isoText(new Date(start)),
    planId: row.planId,
    planName: row.terms.name,
    startedAt: iso(row.startedAt),
    status: row.status,
    validUntil: iso(row.validUntil),
  };
  if (isPaid(row)) json.paidAhead = row.paid as readonly string[];
  const graceUntil = graceOf(row);
  if (graceUntil) json.graceUntil = isoText(graceUntil);
  if (row.billing) {
    json.allocationStart = iso(row.periodStart);
    json.allocationEnd = iso(row.periodEnd);
  }
  return json;
}
