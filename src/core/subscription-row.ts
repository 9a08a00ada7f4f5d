/** The row of a subscription as an operation changes it, and the entry that tells of the change. */
import { isoText } from '../models/iso-text.js';
import type { PlanRow, PlanTerms } from '../models/plan.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { Json, JsonObject } from '../models/values.js';
import type { GrantTerms } from './command.js';
import { type Refusal, refuse } from './decision.js';
import { type Draft, writeEntry } from './draft.js';
import type { Calendar } from './periods.js';
import { isRollover } from './rollover.js';
import { rowHash } from './row-hash.js';
import { billingOf, creditTypesOf, dueOf, goesOn, toJson } from './subscription-state.js';

export type Row = { -readonly [K in keyof SubscriptionRow]: SubscriptionRow[K] };

/** Days that a plan which renews by payment waits for one, where it does not say. */
export const GRACE_DAYS = 7;

/** The terms that a subscription keeps of its plan. */
export function termsOf(plan: PlanRow): PlanTerms {
  const { id: planId, name, creditType, creditLimit, alsoGrants } = plan;
  const { billingPeriod, validityDays, trialDays, rolloverCap, timeZone, renewOn, graceDays, creditDecimals } = plan;
  const isDivided = plan.allocationPeriod != null && plan.allocationPeriod !== billingPeriod;
  const grants = [{ creditType, creditLimit }, ...alsoGrants];
  const common = { planId, name, grants, billingPeriod, validityDays, trialDays, rolloverCap, timeZone };
  const own = {
    ...common,
    ...(creditDecimals !== null && { creditDecimals }),
    ...(isDivided && { allocationPeriod: plan.allocationPeriod }),
    ...(plan.version > 1 && { version: plan.version }),
  };
  return renewOn === 'payment' ? { ...own, renewOn, graceDays: graceDays ?? GRACE_DAYS } : own;
}

/** Terms that take the place of others, in a subscription that a provider may bill: it then goes on to bill it. */
export function inPlaceOf({ billedBy }: PlanTerms, terms: PlanTerms): PlanTerms {
  if (billedBy === undefined) return terms;
  return { ...terms, renewOn: 'payment', graceDays: terms.graceDays ?? GRACE_DAYS, billedBy };
}

/** Writes the row and an entry. The entry answers the call, and by it the ledger tells the subscription's history. */
export function finish(drafts: readonly Draft[], row: Row, message: string, also: JsonObject = {}): null {
  const [draft] = drafts as [Draft];
  row.dueAt = goesOn(row.status) ? dueOf(row) : null;
  const planDueAt = row.dueAt?.getTime() ?? null;
  const types = creditTypesOf(row);
  row.nextPlanId = row.pending?.planId ?? null;
  const isOver = row.status === 'cancelled' || row.status === 'removed' || row.status === 'ended';
  for (const each of drafts) {
    const grant = row.terms.grants.find(({ creditType }) => creditType === each.account.creditType);
    const planLimit = isOver ? null : (grant?.creditLimit ?? null);
    const dueAt = each === draft || types.includes(each.account.creditType) ? planDueAt : null;
    if (each !== draft && each.account.planLimit === planLimit && each.account.planDueAt === dueAt) continue;
    each.account.planLimit = planLimit;
    each.account.planDueAt = dueAt;
    const due = { planDueAt: dueAt, planLimit };
    const details: JsonObject = each === draft ? { ...told(drafts, row, due), ...also } : due;
    const entry = writeEntry(each, 'plan_changed', { amount: 0, details });
    entry.message = message;
  }
  draft.sideWrites.push({ model: 'subscription', op: row.version === 1 ? 'insert' : 'replace', row });
  return null;
}

/** The details of the entry on the user's own account. */
function told(drafts: readonly Draft[], row: Row, due: JsonObject): JsonObject {
  const granted = grantedBy(drafts);
  return { granted, ...ownTypeOf(row), ...due, rowHash: rowHash(row), subscription: toJson(row) };
}

/** The plan's own credit type, where it is not `credits`: the answer to a repeated allocation needs it. */
function ownTypeOf({ terms }: Row): JsonObject {
  const creditType = terms.grants[0]?.creditType ?? 'credits';
  return creditType === 'credits' ? {} : { ownType: creditType };
}

/** The units that this operation granted, by credit type. */
function grantedBy(drafts: readonly Draft[]): JsonObject {
  const granted: { [creditType: string]: number } = {};
  for (const { account, entries } of drafts) {
    let units = 0;
    for (const { type, amount, details } of entries) {
      if (type === 'add' && isAllocation(details.grant as Json & GrantTerms)) units += amount;
    }
    if (units > 0) granted[account.creditType] = units;
  }
  return granted;
}

/** Whether a grant is an allocation: it is no rollover, and no other grant that the operation made on its way. */
function isAllocation({ source, reference }: GrantTerms): boolean {
  return source === 'subscription' && !isRollover(reference);
}

type Told = 'assigned' | 'changed' | 'renewed' | 'past_due' | 'paused' | 'resumed' | 'cancelled' | 'ended';

/** Announces what becomes of a subscription, before the entries and events that come of it. */
export function announce(
  drafts: readonly Draft[],
  what: Told,
  row: SubscriptionRow,
  previousPlanId: string | null = row.planId,
): void {
  const [{ account, entries, events }] = drafts as [Draft];
  const { id: subscriptionId, planId, terms, status, autoRenew } = row;
  const { start, end } = billingOf(row);
  const more = {
    subscriptionId,
    planId,
    planName: terms.name,
    previousPlanId,
    nextPlanId: row.pending?.planId ?? null,
    status: status === 'removed' ? 'cancelled' : status,
    autoRenew,
    periodStart: isoText(new Date(start)),
    periodEnd: isoText(new Date(end)),
    validUntil: row.validUntil && isoText(row.validUntil),
  };
  events.push({ kind: 'subscription', type: `subscription.${what}`, entry: entries.length, at: account.at, more });
}

export function bumped(draft: Draft, row: SubscriptionRow): Row {
  return { ...row, version: row.version + 1, updatedAt: at(draft.account.at) };
}

/**
 * Refuses a plan in a time zone where there is no Temporal: the process that made the plan had one, this one has not.
 */
export function withoutTemporal({ context }: Draft, { timeZone }: PlanTerms): Refusal | null {
  if (timeZone === null || context.temporal !== null) return null;
  const problem = 'the plan names a time zone and there is no Temporal: npm install temporal-polyfill';
  return refuse('CONFIGURATION', `${problem}, and give it as the option temporal.`, { problems: [problem] });
}

/** The same for the terms of this period and of the next one. */
export function withoutTemporalFor(draft: Draft, { terms, pending }: Row | SubscriptionRow): Refusal | null {
  return withoutTemporal(draft, terms) ?? (pending && withoutTemporal(draft, pending));
}

export function calendarOf({ context }: Draft, { timeZone }: Pick<PlanTerms, 'timeZone'>): Calendar {
  return { timeZone, temporal: context.temporal };
}

export function at(ms: number): Date {
  return new Date(ms);
}
