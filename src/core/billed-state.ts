/**
 * How a subscription that a provider bills stands after its events. As with payments, the state is a function of the
 * set of the events: their order and their number change nothing.
 */
import type { ProviderSubscriptionRow } from '../models/provider-subscription.js';
import type { StoredEvent } from './payment-state.js';

export type Billed = { -readonly [K in keyof ProviderSubscriptionRow]: ProviderSubscriptionRow[K] };

/** How many paid invoices, and changes of plans, a subscription remembers. */
const REMEMBERED = 1_000;

/** Clocks differ by less: a period that begins so soon has begun. */
export const SKEW_MS = 5 * 60 * 1000;

/** The plan of the price that an event names, with its limits by credit type. */
export interface PricedPlan {
  readonly planId: string;
  readonly limits: Readonly<Record<string, number>>;
}

/** Takes an event, with the plan of its price. Answers whether it paid for a period that was not paid before. */
export function takeBilling(billed: Billed, event: StoredEvent, plan: PricedPlan | null): boolean {
  const { kind, subscription, occurredAt } = event;
  if (!subscription) return false;
  const { invoiceId, periodStart: start, periodEnd: end } = subscription;
  switch (kind) {
    case 'invoice_paid':
      if (invoiceId === null) return false;
      billed.failed = billed.failed.filter(({ id }) => id !== invoiceId);
      // The rest of a period, charged after a change, pays for no period of its own.
      if (plan === null || start === null || end === null) return false;
      if (billed.invoices.some(({ id }) => id === invoiceId)) return false;
      billed.invoices = [...billed.invoices, { id: invoiceId, ...plan, start, end, extra: {} }].slice(-REMEMBERED);
      return true;
    case 'invoice_failed': {
      const isKnown = [...billed.invoices, ...billed.failed].some(({ id }) => id === invoiceId);
      if (invoiceId !== null && start !== null && !isKnown) {
        billed.failed = [...billed.failed, { id: invoiceId, start }].slice(-REMEMBERED);
      }
      return false;
    }
    case 'subscription_changed':
      takeChange(billed, event, plan);
      return false;
    case 'subscription_ended':
      billed.endedAt = Math.min(billed.endedAt ?? occurredAt, occurredAt);
      return false;
    default:
      return false;
  }
}

function takeChange(billed: Billed, { subscription, occurredAt: at, reason }: StoredEvent, plan: PricedPlan | null) {
  // The page at which it began says neither a price nor a period.
  if (!subscription || subscription.periodStart === null) return;
  // A plan that is not paid changes nothing yet.
  const isGood = reason === null || reason === 'active' || reason === 'trialing';
  const planId = isGood ? (plan?.planId ?? null) : null;
  const told = { at, planId, cancels: subscription.cancelsAtPeriodEnd };
  if (billed.told === null || isLater(told, billed.told)) billed.told = told;
  if (!plan || planId === null || billed.changes.some((one) => one.at === at && one.planId === planId)) return;
  const changes = [...billed.changes, { ...plan, at, start: subscription.periodStart }];
  billed.changes = changes.sort((a, b) => a.at - b.at || (a.planId < b.planId ? -1 : 1)).slice(-REMEMBERED);
}

type Told = NonNullable<ProviderSubscriptionRow['told']>;

/** Whether an event is the later one. Where two are of one instant, the same one counts in either order. */
function isLater(told: Told, than: Told): boolean {
  if (told.at !== than.at) return told.at > than.at;
  if (told.cancels !== than.cancels) return told.cancels;
  return (told.planId ?? '') > (than.planId ?? '');
}
