/** Renewal by payment: a period is granted when the host says that it is paid, an early one when it begins. */
import { allocated, nextPeriod, passed } from './oracle-allocation.js';
import { type CallOf, Nothing, Refusal } from './oracle-call.js';
import { isByPayment, isCurrent, isUnpaid, type Subscription } from './oracle-plans.js';
import type { Result } from './oracle-state.js';
import { answer, catchUp, type Drafts, type Offered, revised, settle } from './oracle-subscriptions.js';

const PAID_MAX = 100;

/** Pays the period that starts nearest to an instant, by default the first that is not paid. Each is paid once. */
export function pay(drafts: Drafts, { key, periodStart }: CallOf<'pay'>, offered: Offered): Result | Nothing {
  const [{ now, account }] = drafts;
  const stored = account.plans.subscription;
  if (!stored || !isCurrent(stored, now) || !stored.renews || stored.status === 'paused') {
    throw new Refusal('SUBSCRIPTION_NOT_FOUND');
  }
  const one = revised(stored, offered);
  const waits = waitsForFirst(one, now);
  const unpaid = waits ? 0 : one.paid.length + 1;
  const place = periodStart === undefined ? unpaid : nearest(one, periodStart);
  if (place === 0 && waits && isNear(one, periodStart)) {
    return answer(settle(drafts, allocated(drafts, passed(one, now))));
  }
  if (!isByPayment(one.next ?? one.terms)) throw new Refusal('INVALID_ARGUMENT');
  const isLost = place === 0 && isUnpaid(one);
  if (isLost && isNear(one, periodStart)) throw new Refusal('INVALID_ARGUMENT');
  if (place <= one.paid.length) return new Nothing(answer(stored), true);
  if (place > unpaid) throw new Refusal('INVALID_ARGUMENT');
  if (one.paid.length === PAID_MAX) throw new Refusal('LIMIT_EXCEEDED');
  return answer(settle(drafts, catchUp(drafts, { ...one, paid: [...one.paid, key] }, offered, now)));
}

/** Whether the current period is the first to be paid: it was set without its credits. A trial costs nothing. */
export function waitsForFirst(one: Subscription, now: number): boolean {
  return isUnpaid(one) && now < one.bill.end;
}

/** The period that starts nearest to an instant: 0 is the current one, or whatever was before it. */
function nearest(one: Subscription, instant: number): number {
  let period = one;
  for (let place = 0; place <= one.paid.length + 1; place += 1) {
    const next = nextPeriod(period);
    if (instant - period.bill.start < next.bill.start - instant) return place;
    period = next;
  }
  return one.paid.length + 2;
}

/** A payment of long before is for a period of another subscription. */
function isNear({ bill: { start, end } }: Subscription, instant = start): boolean {
  return (start - instant) * 2 < end - start;
}
