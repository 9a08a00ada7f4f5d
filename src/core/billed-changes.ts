/** Changes to higher plans within a period that a provider has billed: what they add, by the provider's period. */
import type { PlanRow, PlanTerms } from '../models/plan.js';
import type { PaidInvoice, ProviderSubscriptionRow } from '../models/provider-subscription.js';
import type { SubscriptionRow } from '../models/subscription.js';
import { type Billed, SKEW_MS } from './billed-state.js';
import type { Verdict } from './decision.js';
import type { Draft } from './draft.js';
import type { StoredEvent } from './payment-state.js';
import { grantPeriod, stepOf } from './period-grants.js';
import { partOf } from './share.js';
import { expiryOf } from './subscription-periods.js';
import { at, inPlaceOf, type Row, termsOf } from './subscription-row.js';
import { billingOf } from './subscription-state.js';

export interface BilledWork {
  readonly drafts: readonly Draft[];
  readonly billed: Billed;
  readonly plans: ReadonlyMap<string, PlanRow>;
  /** The user's subscription, as it becomes. */
  row: SubscriptionRow | Row | null;
}

/** The terms of a plan that a provider bills. */
export function billedTerms(plan: PlanRow, billedBy: string): PlanTerms {
  const terms = termsOf(plan);
  return inPlaceOf({ ...terms, billedBy }, terms);
}

/**
 * Grants what changes to higher plans add to the periods in which they were made. Only the period of the event is
 * looked at: a plan that was edited since changes nothing of earlier ones.
 */
export function grantChanges({ drafts, billed, plans, row }: BilledWork, event: StoredEvent): Verdict {
  const [draft] = drafts as [Draft];
  for (const [i, invoice] of billed.invoices.entries()) {
    const { start, end, planId } = invoice;
    const isPaidNow = event.kind === 'invoice_paid' && event.subscription?.invoiceId === invoice.id;
    const isChangedNow = event.kind === 'subscription_changed' && event.occurredAt > start && event.occurredAt < end;
    if (!isPaidNow && !isChangedNow) continue;
    const base = plans.get(planId);
    // One that began a period of its own is paid with that.
    const changes = billed.changes.filter((one) => one.at > start && one.at < end && one.start <= start + SKEW_MS);
    if (!base || changes.length === 0 || termsOf(base).allocationPeriod !== undefined) continue;
    const due = extraOf(draft, invoice, changes, plans);
    const extra = { ...invoice.extra };
    for (const [creditType, units] of Object.entries(due)) {
      const amount = units - (extra[creditType] ?? 0);
      const other = drafts.find(({ account }) => account.creditType === creditType);
      if (amount <= 0 || !other) continue;
      extra[creditType] = units;
      const plan = plans.get(changes.at(-1)?.planId ?? '') ?? base;
      const period = billedPeriod(draft, billedTerms(plan, billed.provider), start, end);
      const reference = `${billed.subscriptionId}/${new Date(period.start).toISOString()}/change`;
      const description = `Change to plan ${plan.name}`;
      const given = { sourceId: billed.subscriptionId, ...period, amount, planId: plan.id, reference, description };
      const grant = grantPeriod(other, given);
      if ('kind' in grant) return grant;
      if (row !== null && row.id === billed.subscriptionId && billingOf(row).end === end) {
        const ids = [...(row.lots[creditType] ?? []), grant.id];
        (row as Row).lots = { ...row.lots, [creditType]: ids };
      }
    }
    billed.invoices = billed.invoices.with(i, { ...invoice, extra });
  }
  return null;
}

function billedPeriod(draft: Draft, terms: PlanTerms, start: number, end: number) {
  const from = Math.min(start, draft.account.at);
  return { start: from, expiresAt: expiryOf(draft, { terms, periodStart: at(from), periodEnd: at(end) }) };
}

/**
 * Units that changes within a period add, by credit type: each limit counts beyond the highest before it. Limits are
 * those of the instants at which the invoice and the changes were told.
 */
function extraOf(
  draft: Draft,
  { start, end, planId, limits }: PaidInvoice,
  changes: ProviderSubscriptionRow['changes'],
  plans: ReadonlyMap<string, PlanRow>,
): Record<string, number> {
  const highest = new Map(Object.entries(limits));
  const extra: Record<string, number> = {};
  let before = planId;
  for (const change of changes) {
    // The same plan again is no change, whatever its limits are by now.
    const isSame = change.planId === before;
    before = change.planId;
    const plan = isSame ? undefined : plans.get(change.planId);
    for (const [creditType, limit] of Object.entries(change.limits)) {
      const more = limit - (highest.get(creditType) ?? 0);
      if (more <= 0 || !plan) continue;
      highest.set(creditType, limit);
      const units = partOf(more, { ms: end - change.at, ofMs: end - start });
      extra[creditType] = (extra[creditType] ?? 0) + units - (units % stepOf(termsOf(plan), limit, draft));
    }
  }
  return extra;
}
