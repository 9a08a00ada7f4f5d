/** Stripe's subscriptions and their invoices: of versions of the API since basil (2025-03-31), and of those before. */
import type { Json, JsonObject } from '../models/values.js';
import { at, instantAt, listAt, objectAt, textAt } from './reading.js';
import { fromStripe } from './stripe-money.js';
import type { Told } from './stripe-told.js';

/** The id at the path, where Stripe may have put the whole object. */
export function idAt(value: unknown, ...path: readonly string[]): string | null {
  return textAt(value, ...path) ?? textAt(value, ...path, 'id');
}

export function invoiceTold(invoice: JsonObject, kind: 'invoice_paid' | 'invoice_failed'): Told | string {
  const details = objectAt(invoice, 'parent', 'subscription_details') ?? objectAt(invoice, 'subscription_details');
  const id = idAt(details, 'subscription') ?? idAt(invoice, 'subscription');
  if (id === null) return 'an invoice without a subscription';
  const currency = at(invoice, 'currency');
  const paid = fromStripe(at(invoice, 'amount_paid'), currency);
  if (paid === null) return 'the invoice has no amount that can be read';
  // A change of plans is charged for the rest of the period. That pays for no period of its own.
  const lines = listAt(invoice, 'lines', 'data').filter((line) => isOfSubscription(line) && !isProration(line));
  const starts = lines.map((line) => instantAt(line, 'period', 'start'));
  const ends = lines.map((line) => instantAt(line, 'period', 'end'));
  return {
    kind,
    reference: textAt(details, 'metadata', 'reference'),
    userId: textAt(details, 'metadata', 'user_id'),
    providerPaymentId: idAt(invoice, 'payment_intent'),
    asked: fromStripe(at(invoice, 'amount_due'), currency),
    paid,
    subscription: {
      id,
      customerId: idAt(invoice, 'customer'),
      priceIds: [...new Set(lines.map(priceOf).filter((price) => price !== null))],
      invoiceId: textAt(invoice, 'id'),
      periodStart: latest(starts),
      periodEnd: latest(ends),
      cancelsAtPeriodEnd: false,
    },
    reason: textAt(invoice, 'billing_reason'),
  };
}

/** Statuses of a subscription that is over, also where an update tells of it. */
const OVER: ReadonlySet<string | null> = new Set(['canceled', 'incomplete_expired']);

export function subscriptionTold(
  subscription: JsonObject,
  kind: 'subscription_changed' | 'subscription_ended',
): Told | string {
  const id = textAt(subscription, 'id');
  if (id === null) return 'the subscription has no id';
  const items = listAt(subscription, 'items', 'data');
  const of = (field: string) => latest([subscription, ...items].map((holder) => instantAt(holder, field)));
  const periodEnd = of('current_period_end');
  const cancelAt = instantAt(subscription, 'cancel_at');
  const status = textAt(subscription, 'status');
  return {
    kind: OVER.has(status) ? 'subscription_ended' : kind,
    reference: textAt(subscription, 'metadata', 'reference'),
    userId: textAt(subscription, 'metadata', 'user_id'),
    subscription: {
      id,
      customerId: idAt(subscription, 'customer'),
      priceIds: [...new Set(items.map(priceOf).filter((price) => price !== null))],
      invoiceId: idAt(subscription, 'latest_invoice'),
      periodStart: of('current_period_start'),
      periodEnd,
      cancelsAtPeriodEnd:
        at(subscription, 'cancel_at_period_end') === true ||
        (cancelAt !== null && periodEnd !== null && cancelAt <= periodEnd),
    },
    reason: status,
  };
}

function isOfSubscription(line: Json): boolean {
  return at(line, 'parent', 'type') === 'subscription_item_details' || at(line, 'type') === 'subscription';
}

function isProration(line: Json): boolean {
  return at(line, 'parent', 'subscription_item_details', 'proration') === true || at(line, 'proration') === true;
}

function priceOf(holder: Json): string | null {
  return idAt(holder, 'pricing', 'price_details', 'price') ?? idAt(holder, 'price') ?? idAt(holder, 'plan');
}

function latest(instants: readonly (Date | null)[]): Date | null {
  return instants.reduce((last, each) => (each !== null && (last === null || each > last) ? each : last), null);
}
