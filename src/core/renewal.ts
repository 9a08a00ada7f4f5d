/**
 * Renewal: what the clock brings to a subscription. Each period begins at its own instant, however late the operation
 * is that writes it, so that credits do not depend on who looks at them when.
 */
import { isoText } from '../models/iso-text.js';
import type { PlanRow } from '../models/plan.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { JsonObject } from '../models/values.js';
import { advance } from './advance.js';
import type { CommandOf } from './command.js';
import { type Context, PENDING, refuse, type Verdict } from './decision.js';
import { type Draft, nextDue } from './draft.js';
import { rolledOver } from './period-grants.js';
import { allocatePeriod, begin, goOn, grantRest, paidUntil, passUnpaid, startOfNext } from './subscription-periods.js';
import { announce, bumped, finish, inPlaceOf, type Row, withoutTemporalFor } from './subscription-row.js';
import {
  billingOf,
  creditTypesOf,
  dueOf,
  goesOn,
  isCurrent,
  isPaid,
  isUnpaid,
  isWithinBilling,
  termsOfNext,
} from './subscription-state.js';

/** How many missed periods one operation makes up for; the others stay due. */
const PERIODS_MAX = 100;

/** How many periods may be paid ahead. */
const PAID_MAX = 100;

/** The first instant that a renewal writes: when it is due, but not after `now`. Undefined while rows must be read. */
export function renewalInstant({ facts }: Context, userId: string, now: number): number | undefined {
  const row = facts.row('subscription', userId);
  if (row === undefined) return undefined;
  return row && goesOn(row.status) ? Math.min(now, dueOf(row).getTime()) : now;
}

/**
 * Allocates what is due: the current period where that was not done, then every period that has begun by `now`, in
 * order.
 */
export function renew(drafts: readonly Draft[], command: CommandOf<'renew'>, now: number): Verdict {
  const [draft] = drafts as [Draft];
  const rows = rowsOf(draft);
  if (rows === null) return PENDING;
  const { before, plan } = rows;
  if (!before || before.id !== command.subscriptionId || !goesOn(before.status)) return { kind: 'nothing' };
  const row = bumped(draft, before);
  const unready = withoutTemporalFor(draft, before);
  if (unready) return unready;
  let done = 0;
  passUnpaid(row, draft, now);
  if (!row.isAllocated && row.periodEnd.getTime() > now) {
    const verdict = allocatePeriod(drafts, row);
    if (verdict) return verdict;
    done++;
  }
  const caughtUp = catchUp(drafts, row, { plan, now });
  if (typeof caughtUp === 'object') return caughtUp;
  if (done + caughtUp === 0) return { kind: 'nothing' };
  return finishAt(drafts, row, now, {});
}

/**
 * Notes that the period which starts nearest to an instant is paid: the next one that is not, where no instant is
 * given. The period is granted when it begins, or at once where it has begun.
 */
export function payPeriod(drafts: readonly Draft[], command: CommandOf<'pay_period'>): Verdict {
  const [draft] = drafts as [Draft];
  const { userId, at: now } = draft.account;
  const rows = rowsOf(draft);
  if (rows === null) return PENDING;
  const { before, plan } = rows;
  const row = before && bumped(draft, before);
  if (!before || !row || !isCurrent(before, now) || !before.autoRenew || before.status === 'paused') {
    const message = 'The user has no subscription that goes on. Put the user on a plan with setUserSubscriptionPlan.';
    return refuse('SUBSCRIPTION_NOT_FOUND', message, { userId });
  }
  const { periodStart, paymentId } = command;
  if (row.terms.billedBy !== undefined) {
    const message = `${row.terms.billedBy} bills this subscription: its events say what is paid.`;
    return refuse('INVALID_ARGUMENT', message, { path: 'userId', expected: 'a subscription that no provider bills' });
  }
  takeOverTerms(row, plan);
  const unready = withoutTemporalFor(draft, row);
  if (unready) return unready;
  const isFirst = isUnpaid(before);
  const isOver = billingOf(before).end <= now;
  const isForCurrent = isFirst && (periodStart === null || isNear(before, periodStart));
  if (termsOfNext(row).renewOn !== 'payment' && (isOver || !isForCurrent)) {
    const expected = "the subscription of a plan with renewOn: 'payment'";
    return refuse('INVALID_ARGUMENT', 'This plan renews by the clock: it waits for no payment.', {
      ...{ path: 'userId', expected },
    });
  }
  const paid = row.paid ?? [];
  const payment = { paymentId };
  if (isForCurrent && !isOver) {
    passUnpaid(row, draft, now);
    return allocatePeriod(drafts, row) ?? finish(drafts, row, 'Period paid', payment);
  }
  if (isForCurrent && periodStart !== null) {
    const message = 'The period that this payment is for is over: it was never paid, and grants nothing any more.';
    return refuse('INVALID_ARGUMENT', `${message} Refund the payment, or pay the next period with it.`, {
      ...{ path: 'paymentId', expected: 'a payment for a period that is not over' },
    });
  }
  const place = periodStart === null ? paid.length : nearestPeriod(draft, row, periodStart);
  if (place < paid.length) return { kind: 'nothing' };
  const isWaiting = isFirst && !isOver;
  if (place > paid.length || isWaiting) {
    const next = isoText(new Date(isWaiting ? billingOf(row).start : startOfNext(draft, row, paid.length)));
    const message = `The next period that is not paid starts at ${next}. Periods are paid one after another.`;
    return refuse('INVALID_ARGUMENT', message, { path: 'periodStart', expected: `an instant near ${next}` });
  }
  if (paid.length === PAID_MAX) {
    const message = `${PAID_MAX} periods are paid ahead already.`;
    return refuse('LIMIT_EXCEEDED', message, { what: 'paidPeriods', limit: PAID_MAX });
  }
  row.paid = [...paid, paymentId];
  const caughtUp = catchUp(drafts, row, { plan, now });
  if (typeof caughtUp === 'object') return caughtUp;
  return caughtUp === 0 ? finish(drafts, row, 'Period paid', payment) : finishAt(drafts, row, now, payment);
}

/** The subscription and the plan of its next period; null while they have to be read. */
function rowsOf({ context: { facts }, account }: Draft) {
  const before = facts.row('subscription', account.userId);
  const plan = before && facts.row('plan', termsOfNext(before).planId);
  return before === undefined || plan === undefined ? null : { before, plan };
}

/** Whether an instant is nearer to the start of the current billing period than half of its length. */
function isNear(row: SubscriptionRow, instant: number): boolean {
  const { start, end } = billingOf(row);
  return Math.abs(instant - start) * 2 < end - start;
}

/**
 * The place of the period whose start is nearest to an instant, counted from the one after the current period; -1 for
 * the current one and those before it.
 */
function nearestPeriod(draft: Draft, row: Row, instant: number): number {
  let { start } = billingOf(row);
  for (let place = 0; place <= (row.paid?.length ?? 0) + 1; place++) {
    const next = startOfNext(draft, row, place);
    if (instant - start < next - instant) return place - 1;
    start = next;
  }
  return (row.paid?.length ?? 0) + 1;
}

/** Takes every step that is due by `now`, each at its own instant, and answers how many there were. */
function catchUp(
  drafts: readonly Draft[],
  row: Row,
  { plan, now }: { readonly plan: PlanRow | null; readonly now: number },
): number | Exclude<Verdict, null> {
  let done = 0;
  for (; goesOn(row.status) && dueOf(row).getTime() <= now && done < PERIODS_MAX; done++) {
    bring(drafts, dueOf(row).getTime());
    const verdict = step(drafts, row, plan);
    if (verdict) return verdict;
  }
  return done;
}

/** Takes the one step that a subscription is due for. */
function step(drafts: readonly Draft[], row: Row, plan: PlanRow | null): Verdict {
  const [draft] = drafts as [Draft];
  if (dueOf(row) < row.periodEnd) return grantRest(drafts, row);
  passUnpaid(row, draft, dueOf(row).getTime());
  if (isWithinBilling(row)) return stepWithin(drafts, row);
  const wasPaid = isPaid(row);
  const wasWaiting = row.status === 'past_due' && !wasPaid;
  if (wasWaiting || !(wasPaid || (row.autoRenew && wasOffered(plan, row.periodEnd)))) {
    Object.assign(row, { status: 'ended', validUntil: dueOf(row), pending: null });
    announce(drafts, 'ended', row);
    return null;
  }
  takeOverTerms(row, plan);
  const unready = withoutTemporalFor(draft, row);
  if (unready) return unready;
  if (!wasPaid && termsOfNext(row).renewOn === 'payment') {
    row.status = 'past_due';
    announce(drafts, 'past_due', row);
    return null;
  }
  const rolled = rolledOver(drafts, row);
  if (rolled === undefined) return PENDING;
  const { planId } = row;
  begin(row, draft, row.periodEnd.getTime());
  if (wasPaid) row.paid = row.paid?.slice(1) ?? null;
  if (row.validUntil !== null) row.validUntil = paidUntil(draft, row);
  announce(drafts, 'renewed', row, planId);
  return allocatePeriod(drafts, row, { rolled });
}

/**
 * Gives the next billing period the terms that the plan has for renewals at its start, where those are later than the
 * row's own. A credit type that the subscription does not grant yet has no account that renews: it keeps its terms.
 */
function takeOverTerms(row: Row, plan: PlanRow | null): void {
  const { end } = billingOf(row);
  const latest = plan?.renewalTerms?.findLast(({ from }) => from <= end)?.terms;
  if (!latest || (latest.version ?? 1) <= (termsOfNext(row).version ?? 1)) return;
  const types = creditTypesOf(row);
  if (latest.grants.every(({ creditType }) => types.includes(creditType))) row.pending = inPlaceOf(row.terms, latest);
}

/** Begins the next period of the same billing period: whatever was decided for its end is not due yet. */
function stepWithin(drafts: readonly Draft[], row: Row): Verdict {
  const rolled = rolledOver(drafts, row);
  if (rolled === undefined) return PENDING;
  goOn(row, drafts[0] as Draft, row.periodEnd.getTime());
  return allocatePeriod(drafts, row, { rolled });
}

/** Writes the row at the last instant that changed it; then what the clock has brought since. */
function finishAt(drafts: readonly Draft[], row: Row, now: number, also: JsonObject): null {
  const [draft] = drafts as [Draft];
  finish(drafts, row, messageOf(row), also);
  draft.mainEntry = draft.entries.length - 1;
  if (!goesOn(row.status) || dueOf(row).getTime() > now) bring(drafts, now);
  return null;
}

function messageOf({ status }: Row): string {
  if (status === 'ended') return 'User subscription ended';
  return status === 'past_due' ? 'User subscription past due' : 'Subscription credits allocated';
}

/** Advances all accounts of the operation to an instant. */
function bring(drafts: readonly Draft[], now: number): void {
  for (const draft of drafts) {
    if (draft.dueChanged) draft.account.dueAt = nextDue(draft.account);
    draft.own = false;
    advance(draft, now);
    draft.own = true;
  }
}

/** Whether a plan was active at an instant that has passed: a period that has begun is not taken away. */
function wasOffered(plan: PlanRow | null, at: Date): boolean {
  return plan !== null && (plan.isActive || (plan.deactivatedAt !== null && plan.deactivatedAt > at));
}
