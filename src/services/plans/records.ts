/** Plans, subscriptions and cycles as callers see them: from rows, or from the entry that answers a replay. */
import { toCredits } from '../../core/amounts.js';
import { toMajor } from '../../core/money.js';
import { GRACE_DAYS } from '../../core/subscription-row.js';
import { billingOf, goesOn, graceOf, isCurrent } from '../../core/subscription-state.js';
import type { CycleRow } from '../../models/cycle.js';
import type { EntryRow } from '../../models/entry.js';
import type { PlanRow } from '../../models/plan.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { JsonObject } from '../../models/values.js';
import type { Cycle, SubscriptionPlan, UserSubscription } from './contract.js';

export function toPlan(row: PlanRow, scale: number): SubscriptionPlan {
  const { version: _, renewalTerms: __, ...plan } = row;
  return {
    ...plan,
    creditLimit: toCredits(row.creditLimit, scale),
    alsoGrants: row.alsoGrants.map(({ creditType, creditLimit }) => ({
      creditType,
      creditLimit: toCredits(creditLimit, scale),
    })),
    price: toMajor(row.price, row.currency),
    rolloverCap: row.rolloverCap === null ? null : toCredits(row.rolloverCap, scale),
    allocationPeriod: row.allocationPeriod ?? row.billingPeriod,
    renewOn: row.renewOn ?? 'clock',
    graceDays: row.renewOn === 'payment' ? (row.graceDays ?? GRACE_DAYS) : null,
    providerPrices: structuredClone(row.providerPrices ?? {}),
    metadata: structuredClone(row.metadata),
  };
}

/** The plan as an entry keeps it; `planFromJson` is the way back. */
export function planToJson({ createdAt, updatedAt, deactivatedAt, renewalTerms: _, ...plan }: PlanRow): JsonObject {
  const dates = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
  return { ...plan, ...dates, ...(deactivatedAt && { deactivatedAt: deactivatedAt.toISOString() }) };
}

export function planFromJson(json: JsonObject): PlanRow {
  const { createdAt, updatedAt, deactivatedAt } = json as Record<'createdAt' | 'updatedAt' | 'deactivatedAt', string>;
  return {
    ...(json as JsonObject & PlanRow),
    // An older version wrote none.
    code: (json.code as string | undefined) ?? null,
    renewalTerms: null,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    deactivatedAt: deactivatedAt ? new Date(deactivatedAt) : null,
  };
}

/** Null for a removed subscription. One that is over by `now` is ended, although no job has written it yet. */
export function toSubscription(row: SubscriptionRow, now: number): UserSubscription | null {
  const { status, terms, pending } = row;
  const { start, end } = billingOf(row);
  if (status === 'removed') return null;
  const isOver = goesOn(status) && !isCurrent(row, now);
  return {
    ...{ id: row.id, userId: row.userId, planId: row.planId, planName: terms.name },
    ...{ status: isOver ? 'ended' : status, startedAt: row.startedAt, autoRenew: row.autoRenew },
    ...{ periodStart: new Date(start), periodEnd: new Date(end), validUntil: row.validUntil },
    ...{ allocationStart: row.periodStart, allocationEnd: row.periodEnd },
    nextPlanId: pending?.planId ?? null,
    graceUntil: isOver ? null : graceOf(row),
    paidAhead: [...(row.paid ?? [])],
  };
}

export function subscriptionOf({ userId, details }: EntryRow): UserSubscription {
  const stored = details.subscription as Record<Exclude<keyof UserSubscription, 'paidAhead'>, string | null> & {
    readonly paidAhead?: readonly string[];
  };
  const date = (field: 'startedAt' | 'periodStart' | 'periodEnd') => new Date(stored[field] as string);
  const status = stored.status as string;
  return {
    ...(stored as unknown as UserSubscription),
    userId,
    status: (status === 'removed' ? 'ended' : status) as UserSubscription['status'],
    ...{ startedAt: date('startedAt'), periodStart: date('periodStart'), periodEnd: date('periodEnd') },
    allocationStart: new Date(stored.allocationStart ?? (stored.periodStart as string)),
    allocationEnd: new Date(stored.allocationEnd ?? (stored.periodEnd as string)),
    validUntil: stored.validUntil === null ? null : new Date(stored.validUntil),
    graceUntil: stored.graceUntil == null ? null : new Date(stored.graceUntil),
    paidAhead: [...(stored.paidAhead ?? [])],
  };
}

/** A cycle that is over by `now` is ended, although no job has written it yet. */
export function toCycle(row: CycleRow, scale: number, now = Number.NEGATIVE_INFINITY): Cycle {
  const { id, userId, creditType, days, recurring, start, end, createdAt } = row;
  const amount = toCredits(row.amount, scale);
  const isOver = row.status === 'active' && !recurring && end.getTime() <= now;
  const status = isOver ? 'ended' : row.status;
  return { id, userId, creditType, amount, days, recurring, status, start, end, createdAt };
}

export function cycleOf({ userId, creditType, details }: EntryRow, scale: number): Cycle {
  const stored = details.cycle as JsonObject &
    Omit<CycleRow, 'start' | 'end' | 'createdAt'> &
    Record<'start' | 'end' | 'createdAt', string>;
  const dates = { start: new Date(stored.start), end: new Date(stored.end), createdAt: new Date(stored.createdAt) };
  return toCycle({ ...stored, userId, creditType, ...dates } as CycleRow, scale);
}

/** The credits that an operation granted, by type. */
export function grantedBy({ details }: EntryRow, scale: number): Readonly<Record<string, number>> {
  const units = Object.entries((details.granted ?? {}) as Record<string, number>);
  return Object.fromEntries(units.map(([creditType, amount]) => [creditType, toCredits(amount, scale)]));
}
