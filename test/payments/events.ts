/** The events that may come of one payment, and the look at what they made of it. */
import { expect } from 'vitest';
import type { CreditManagement, Payment } from '../../src/index.js';
import { outcomeOf } from './oracle.js';
import { eventOf, type Told } from './plain-provider.js';
import { eventsOf } from './world.js';

const UNITS = 1_000_000;

/** The events of one payment that may come, by a short name. */
export function poolOf(payment: Payment, asked: number): Readonly<Record<string, Told>> {
  const { authorized, failed, paid, captured, part, expired, cancelled, refund, dispute } = eventsOf(payment);
  const money = { amountMinor: asked, currency: 'INR' };
  const of = (share: number) => Math.max(1, Math.floor((asked * share) / 100));
  const whole = { asked: money };
  const refunds = Object.fromEntries(
    [40, 40, 70].flatMap((share, i) =>
      (['open', 'done', 'failed'] as const).map((status) => [
        `refund ${i} ${status}`,
        { ...refund(of(share), `re_${i}`, status), ...whole, type: `refund.${status}` },
      ]),
    ),
  );
  const disputes = Object.fromEntries(
    (['open', 'won', 'lost'] as const).map((status) => [
      `dispute ${status}`,
      { ...dispute(status, asked), ...whole, type: `dispute.${status}` },
    ]),
  );
  const second = { providerPaymentId: 'pay_2' };
  return {
    second: { ...paid, ...whole, ...second, type: 'second.paid', paid: money },
    'second refund': { ...refund(of(60), 're_s', 'done'), ...whole, ...second, type: 'second.refund' },
    'second refund failed': { ...refund(of(60), 're_s', 'failed'), ...whole, ...second, type: 'second.refund.failed' },
    'second dispute': {
      ...{ ...whole, ...second, type: 'second.dispute', reference: payment.id, userId: payment.userId },
      ...{ kind: 'disputed', dispute: { id: 'dp_s', status: 'open', ...money } },
    },
    authorized: { ...authorized, ...whole },
    failed: { ...failed, ...whole },
    paid: { ...paid, ...whole, paid: money },
    captured: { ...captured, ...whole, paid: money },
    part: { ...part, ...whole, paid: { ...money, amountMinor: of(40) } },
    expired: { ...expired, ...whole },
    cancelled: { ...cancelled, ...whole },
    ...refunds,
    ...disputes,
  };
}

/** The payment, and the balance of its user, are what the set of its events says. */
export async function expectOutcome(
  manager: Pick<CreditManagement, 'credits' | 'payments'>,
  payment: Payment,
  told: readonly Told[],
  spent: number,
): Promise<void> {
  const units = BigInt(Math.round(payment.creditsToAdd * UNITS));
  const { status, granted, takenBack } = outcomeOf(told.map(eventOf), payment.amountMinor, units);
  const now = await manager.payments.getPayment(payment.id, payment.userId, { fresh: true });
  const shown = now && [now.status, Math.round(now.creditsAdded * UNITS), Math.round(now.creditsTakenBack * UNITS)];
  expect(shown).toEqual([status, Number(granted), Number(takenBack)]);
  const { balance } = await manager.credits.getUserCreditsInfo(payment.userId, { fresh: true });
  expect(Math.round(balance * UNITS)).toBe(Number(granted - takenBack) - Math.round(spent * UNITS));
}

/** Sets of events of one payment, of which every order is tried. */
const SETS: readonly (readonly string[])[] = [
  ['authorized', 'paid', 'refund 0 done', 'expired', 'dispute open'],
  ['failed', 'part', 'captured', 'refund 2 open', 'refund 2 failed'],
  ['cancelled', 'paid', 'dispute open', 'dispute won', 'refund 1 done'],
  ['paid', 'dispute lost', 'refund 0 done', 'refund 1 done', 'refund 2 done'],
  ['paid', 'second', 'second refund', 'refund 0 done', 'second dispute'],
  ['part', 'paid', 'second', 'second refund', 'dispute open'],
  ['failed', 'cancelled', 'expired', 'paid', 'dispute lost'],
  ['paid', 'dispute open', 'dispute won', 'dispute lost', 'refund 0 done'],
];

/** Every order of these sets. */
export const ORDERS = SETS.map((names) => permutations(names));

/** The events of a payment in this order, with names at the provider that no other payment has. */
export function toldInOrder(payment: Payment, order: readonly string[], own: string | number): Told[] {
  const pool = poolOf(payment, payment.amountMinor);
  return order.map((name) => {
    const { providerPaymentId: id = null, ...told } = pool[name] as Told;
    return { ...told, providerPaymentId: id && `${id}_${own}` };
  });
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
