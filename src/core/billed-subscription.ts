/**
 * Subscriptions that a provider bills: each invoice that is paid grants the credits of its own period, once; a change
 * to a higher plan within a period grants the rest of its limit in proportion to the provider's period. The message,
 * the grants and the user's subscription are one commit.
 */

import type { PlanRow, PlanTerms } from '../models/plan.js';
import type { PaidInvoice, ProviderSubscriptionRow } from '../models/provider-subscription.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { JsonObject } from '../models/values.js';
import { type BilledWork, billedTerms, grantChanges } from './billed-changes.js';
import { type Billed, SKEW_MS, takeBilling } from './billed-state.js';
import type { CommandOf, InboxMessage } from './command.js';
import { PENDING, type Refusal, refuse, type Verdict } from './decision.js';
import { type Draft, writeEntry } from './draft.js';
import { thawGrants } from './freeze.js';
import { planChanged, rolledOver, withoutAccount } from './period-grants.js';
import { addPeriods } from './periods.js';
import { isLower } from './plan-allowance.js';
import { rowHash } from './row-hash.js';
import { allocatePeriod, goOn } from './subscription-periods.js';
import { announce, at, calendarOf, finish, type Row, termsOf, withoutTemporal } from './subscription-row.js';
import { billingOf, cadenceOf, isCurrent, isWithinBilling } from './subscription-state.js';

type Command = CommandOf<'bill_subscription'>;

export function billSubscription(drafts: readonly Draft[], command: Command): Verdict {
  const [draft] = drafts as [Draft];
  const { facts } = draft.context;
  const { userId } = draft.account;
  const stored = facts.row('provider_subscription', command.id);
  const known = facts.row('payment_message', command.message.id);
  const before = facts.row('subscription', userId);
  const customer = command.customerId === null ? null : facts.row('provider_customer', command.customerId);
  if ([stored, known, before, customer].includes(undefined)) return PENDING;
  if (known && known.status !== 'waiting') return { kind: 'nothing' };
  const billed = stored ? { ...stored } : newBilled(draft, command);
  const plans = plansOf(draft, billed, command.planId);
  if (plans === undefined) return PENDING;
  const work: BilledWork = { drafts, billed, plans, row: before ?? null };
  const unready = withoutAccount(drafts, before ?? null) ?? withoutPlans(work, command.planId);
  if (unready) return unready;
  const { event } = command.message;
  const plan = plans.get(command.planId ?? '');
  const isPaid = takeBilling(billed, event, plan ? { planId: plan.id, limits: limitsOf(plan) } : null);
  const verdict =
    (isPaid ? grantInvoice(work, billed.invoices.at(-1) as PaidInvoice) : null) ?? grantChanges(work, event);
  if (verdict) return verdict;
  const unbrought = bringTo(work);
  if (unbrought) return unbrought;
  writeRows(work, command, { stored, before, version: (known?.version ?? 0) + 1 });
  if (command.customerId !== null && customer === null) {
    const row = { id: command.customerId, version: 1, userId, createdAt: at(draft.account.at) };
    draft.sideWrites.push({ model: 'provider_customer', op: 'insert', row });
  }
  return null;
}

function limitsOf(plan: PlanRow): Record<string, number> {
  return Object.fromEntries(termsOf(plan).grants.map(({ creditType, creditLimit }) => [creditType, creditLimit]));
}

function newBilled({ account, call }: Draft, { id, message }: Command): Billed {
  const now = at(account.at);
  return {
    ...{ id, version: 0, userId: account.userId, provider: message.provider, subscriptionId: `s-${call.operationId}` },
    ...{ invoices: [], failed: [], changes: [], told: null, endedAt: null, createdAt: now, updatedAt: now },
  };
}

/** Every plan that the subscription was on but those that were deleted; undefined while they have not been read. */
function plansOf({ context }: Draft, billed: Billed, planId: string | null): ReadonlyMap<string, PlanRow> | undefined {
  const all = [...billed.invoices, ...billed.changes].map((one) => one.planId);
  const rows = [...new Set(planId === null ? all : [...all, planId])].map((id) => context.facts.row('plan', id));
  if (rows.includes(undefined)) return undefined;
  return new Map(rows.flatMap((row) => (row ? [[row.id, row]] : [])));
}

function withoutPlans({ drafts, plans }: BilledWork, planId: string | null): Refusal | null {
  if (planId !== null && !plans.has(planId)) {
    return refuse('PLAN_NOT_FOUND', 'There is no plan with this id.', { id: planId });
  }
  for (const plan of plans.values()) {
    const types = [plan.creditType, ...plan.alsoGrants.map(({ creditType }) => creditType)];
    const isAway = types.some((type) => !drafts.some(({ account }) => account.creditType === type));
    if (isAway) return planChanged();
    const unready = withoutTemporal(drafts[0] as Draft, termsOf(plan));
    if (unready) return unready;
  }
  return null;
}

/** Grants the period of an invoice. The latest period becomes the current one; an earlier one only gets its credits. */
function grantInvoice(work: BilledWork, invoice: PaidInvoice): Verdict {
  const { drafts, billed, plans } = work;
  const [draft] = drafts as [Draft];
  const plan = plans.get(invoice.planId) as PlanRow;
  const own = isOwn(work) ? work.row : null;
  const isLatest = billed.invoices.every(({ start }) => start <= invoice.start) && mayReplace(work, invoice);
  const row = paidRow(draft, work, billedTerms(plan, billed.provider), invoice);
  const follows = isLatest && own !== null && billingOf(own).start < invoice.start;
  const rolled = follows ? rolledOver(drafts, { ...own, pending: row.terms }) : 0;
  if (rolled === undefined) return PENDING;
  const previous = own?.planId ?? null;
  const unthawed = isLatest && work.row ? thawGrants(drafts, work.row) : null;
  if (unthawed) return unthawed;
  if (isLatest) announce(drafts, own ? 'renewed' : 'assigned', row, previous);
  const verdict = allocatePeriod(drafts, row, { rolled });
  if (verdict) return verdict;
  // The parts of a long period that have begun since.
  while (isWithinBilling(row) && row.periodEnd.getTime() <= draft.account.at) {
    goOn(row, draft, row.periodEnd.getTime());
    const next = allocatePeriod(drafts, row);
    if (next) return next;
  }
  if (isLatest) work.row = row;
  return null;
}

/**
 * Whether a period may become that of the user's subscription. Another one that a provider bills goes on while it is
 * paid for longer: the credits of its later months are still to come.
 */
function mayReplace(work: BilledWork, { end }: PaidInvoice): boolean {
  const { row } = work;
  if (row === null || isOwn(work) || row.terms.billedBy === undefined) return true;
  return !isCurrent(row, (work.drafts[0] as Draft).account.at) || billingOf(row).end < end;
}

/** Whether the user's subscription is the one that this provider bills. */
function isOwn({ row, billed }: BilledWork): boolean {
  return row !== null && row.id === billed.subscriptionId;
}

/** The subscription in the period of an invoice. A payment is for the whole limit, whatever was granted before. */
function paidRow(draft: Draft, { row, billed }: BilledWork, terms: PlanTerms, { start: told, end }: PaidInvoice): Row {
  const now = draft.account.at;
  const start = Math.min(told, now);
  const firstEnd = addPeriods(start, cadenceOf(terms), 1, calendarOf(draft, terms));
  const isDivided = terms.allocationPeriod !== undefined && firstEnd < end;
  const own = row?.id === billed.subscriptionId ? row : null;
  return {
    userId: draft.account.userId,
    version: (row?.version ?? 0) + 1,
    id: billed.subscriptionId,
    planId: terms.planId,
    status: 'active',
    startedAt: own?.startedAt ?? at(now),
    ...{ terms, pending: null, nextPlanId: null },
    anchor: at(isDivided ? start : end),
    periods: isDivided ? 1 : 0,
    periodStart: at(start),
    periodEnd: at(isDivided ? firstEnd : end),
    billing: isDivided ? { anchor: end, periods: 0, start, end } : null,
    isAllocated: false,
    autoRenew: true,
    ...{ validUntil: null, pausedAt: null, frozen: null, graceUntil: null, paid: null },
    ...{ granted: {}, grantedUntil: null, carried: {}, carriedUntil: null, allowance: null },
    isTrial: false,
    hadTrial: row?.hadTrial === true,
    lots: {},
    dueAt: null,
    updatedAt: at(now),
  };
}

/** Brings the user's subscription to what the provider tells of it: its plan, its renewal, its end. */
function bringTo(work: BilledWork): Verdict {
  const { drafts, billed, plans } = work;
  const now = (drafts[0] as Draft).account.at;
  if (!isOwn(work) || work.row === null || !isCurrent(work.row, now)) return null;
  const row: Row = { ...work.row };
  const { told, endedAt } = billed;
  const { start, end } = billingOf(row);
  if (endedAt !== null) {
    const unthawed = thawGrants(drafts, work.row);
    if (unthawed) return unthawed;
    Object.assign(row, { pausedAt: null, frozen: null });
    Object.assign(row, { status: 'cancelled', autoRenew: false, pending: null, validUntil: at(now) });
    announce(drafts, 'cancelled', row);
    announce(drafts, 'ended', row);
    work.row = row;
    return null;
  }
  const plan = told?.planId == null ? undefined : plans.get(told.planId);
  if (told && plan && told.at > start && plan.id !== (row.pending?.planId ?? row.planId)) {
    const terms = billedTerms(plan, billed.provider);
    const previous = row.planId;
    if (isLower(terms, row.terms)) row.pending = terms;
    else Object.assign(row, { terms, planId: terms.planId, pending: null });
    announce(drafts, 'changed', row, previous);
  }
  if (told && row.autoRenew === told.cancels) {
    Object.assign(row, { autoRenew: !told.cancels, validUntil: told.cancels ? at(end) : null });
    if (told.cancels) announce(drafts, 'cancelled', row);
  }
  const isUnpaid = billed.failed.some((invoice) => invoice.start >= end - SKEW_MS);
  if (isUnpaid && row.status === 'active') {
    row.status = 'past_due';
    announce(drafts, 'past_due', row);
  }
  work.row = row;
  return null;
}

/** Writes the subscription where it changed, and an entry that keeps the hash of the provider's row. */
function writeRows(
  { drafts, billed, row }: BilledWork,
  { message }: Command,
  {
    stored,
    before,
    version,
  }: {
    stored: ProviderSubscriptionRow | null | undefined;
    before: SubscriptionRow | null | undefined;
    version: number;
  },
): void {
  const [draft] = drafts as [Draft];
  const now = at(draft.account.at);
  Object.assign(billed, { version: billed.version + 1, updatedAt: now });
  const of: JsonObject = { billed: { id: billed.id, rowHash: rowHash(billed) } };
  const isChanged = row !== null && JSON.stringify(row) !== JSON.stringify(before);
  if (isChanged) {
    const next = { ...row, version: (before?.version ?? 0) + 1, updatedAt: now };
    finish(drafts, next, messageOf(message), of);
  } else writeEntry(draft, 'payment_changed', { amount: 0, details: of }).message = messageOf(message);
  draft.sideWrites.push({ model: 'provider_subscription', op: stored ? 'replace' : 'insert', row: billed });
  const { event, ...rest } = message;
  const done = { version, userId: billed.userId, status: 'applied', reason: null, processedAt: now } as const;
  const told = { ...rest, event: event as unknown as JsonObject, ...done };
  draft.sideWrites.push({ model: 'payment_message', op: version === 1 ? 'insert' : 'replace', row: told });
}

const MESSAGES: Readonly<Record<string, string>> = {
  invoice_paid: 'Period paid at the provider',
  invoice_failed: 'Payment failed at the provider',
  subscription_changed: 'Subscription changed at the provider',
  subscription_ended: 'Subscription ended at the provider',
};

function messageOf({ event }: InboxMessage): string {
  return MESSAGES[event.kind] ?? 'Subscription billed by the provider';
}
