/** A year of a subscription as its provider tells it, and the grants that it must make, worked out apart. */
import type { ProviderEvent } from '../../src/index.js';
import { eventOf, type Told } from './plain-provider.js';

const DAY = 24 * 3600 * 1000;
export const START = Date.UTC(2026, 0, 1);

/** The start of a month of the year, counted from 0. */
export const monthAt = (month: number) => Date.UTC(2026, month, 1);

/** One that happened at an instant, by the provider. */
export type Happened = ProviderEvent;

type Subscription = NonNullable<ProviderEvent['subscription']>;

function told(at: number, { sub, ...more }: Omit<Told, 'subscription'> & { readonly sub: Partial<Subscription> }) {
  const subscription: Subscription = {
    ...{ id: 'sub_1', customerId: 'cus_1', priceIds: ['price_a'], invoiceId: null },
    ...{ periodStart: null, periodEnd: null, cancelsAtPeriodEnd: false },
    ...sub,
  };
  return { ...eventOf({ ...more, subscription }), occurredAt: new Date(at) };
}

export function invoice(
  month: number,
  price: string,
  at = monthAt(month),
  kind: ProviderEvent['kind'] = 'invoice_paid',
) {
  const period = { periodStart: new Date(monthAt(month)), periodEnd: new Date(monthAt(month + 1)) };
  const sub = { priceIds: [price], invoiceId: `in_${month}`, ...period };
  return told(at, { kind, type: `${kind}.${month}`, sub });
}

export function changed(at: number, month: number, price: string, more: Partial<Subscription> = {}) {
  const period = { periodStart: new Date(monthAt(month)), periodEnd: new Date(monthAt(month + 1)) };
  const sub = { priceIds: [price], ...period, ...more };
  return told(at, { kind: 'subscription_changed', type: `changed.${month}`, reason: 'active', sub });
}

/** Created, twelve invoices of which one fails first, an upgrade within June, cancelled for the end of December. */
export function yearOf(): readonly Happened[] {
  const started = { ...changed(START, 0, 'price_a'), type: 'created' };
  const page = told(START, {
    ...{ kind: 'subscription_changed', type: 'checkout', userId: 'u' },
    sub: { priceIds: [], invoiceId: 'in_0' },
  });
  const invoices = Array.from({ length: 12 }, (_, month) => {
    const at = month === 3 ? monthAt(month) + 2 * DAY : monthAt(month);
    return invoice(month, month < 6 ? 'price_a' : 'price_b', at);
  });
  const end = { ...changed(monthAt(12), 11, 'price_b'), kind: 'subscription_ended', type: 'ended' } as const;
  return [
    page,
    started,
    ...invoices,
    invoice(3, 'price_a', monthAt(3), 'invoice_failed'),
    { ...changed(monthAt(5) + 12 * DAY, 5, 'price_b'), type: 'upgrade' },
    { ...changed(monthAt(11) + 9 * DAY, 11, 'price_b', { cancelsAtPeriodEnd: true }), type: 'cancel' },
    end,
  ];
}

/** Amount and end of each grant, of a plan of 100 credits and, from the upgrade on, one of 300. */
export const GRANTS_OF_A_YEAR = [
  ...Array.from({ length: 12 }, (_, month) => ({ amount: month < 6 ? 100 : 300, expiresAt: monthAt(month + 1) })),
  // 18 of the 30 days of June, of 200 more.
  { amount: 120, expiresAt: monthAt(6) },
];
