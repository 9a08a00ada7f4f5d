/**
 * Subscriptions: which period it is, and what is granted for it. The subscription's row decides that. It is written
 * with the user's own account, so that a period is allocated once, whoever asks and however often.
 */
import type { PlanTerms } from '../models/plan.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { CommandOf } from './command.js';
import { PENDING, refuse, type Verdict } from './decision.js';
import type { Draft } from './draft.js';
import { freezeGrants, thawGrants } from './freeze.js';
import { type Period, withoutAccount } from './period-grants.js';
import { addDays, addPeriods } from './periods.js';
import { isLower, LONGEST_MS } from './plan-allowance.js';
import { allocatePeriod, begin, countFrom, paidUntil } from './subscription-periods.js';
import {
  announce,
  at,
  bumped,
  calendarOf,
  finish,
  inPlaceOf,
  type Row,
  termsOf,
  withoutTemporal,
} from './subscription-row.js';
import { billingOf, cadenceOf, canBe, goneOn, isCurrent, isPaid, lengthOf } from './subscription-state.js';

/** Starts a subscription, or moves one to another plan. */
export function subscribe(drafts: readonly Draft[], command: CommandOf<'subscribe'>): Verdict {
  const [draft] = drafts as [Draft];
  const { facts } = draft.context;
  const before = facts.row('subscription', draft.account.userId);
  const plan = facts.row('plan', command.planId);
  if (before === undefined || plan === undefined) return PENDING;
  if (plan === null) return refuse('PLAN_NOT_FOUND', 'There is no plan with this id.', { id: command.planId });
  if (!plan.isActive) return refuse('PLAN_INACTIVE', 'The plan is not offered any more.', { id: command.planId });
  const current = before && isCurrent(before, draft.account.at) ? before : null;
  const own = termsOf(plan);
  const terms = command.upgrade && current ? inPlaceOf(current.terms, own) : own;
  const unready = withoutTemporal(draft, terms) ?? withoutAccount(drafts, before);
  if (unready) return unready;
  const running = before && goneOn(before, draft.account.at);
  const isWaiting = current?.status === 'past_due';
  // A subscription that is past due stays so: the payment that it waits for is then for the new plan.
  const when = command.when ?? (current && isLower(terms, current.terms) ? 'period_end' : 'now');
  if (command.upgrade && when === 'period_end' && current && (!isWaiting || terms.renewOn === 'payment')) {
    const row = { ...bumped(draft, current), pending: terms, autoRenew: true, validUntil: null };
    announce(drafts, 'changed', row);
    return finish(drafts, row, 'User subscription changes at the end of the period');
  }
  const unthawed = before && thawGrants(drafts, before);
  if (unthawed) return unthawed;
  // A period that is over and not paid leaves nothing to change: a new one begins.
  const upgrades = command.upgrade && current !== null && !isWaiting;
  const row = upgrades && running ? changed(draft, running, terms, command) : started(draft, running, terms, command);
  if (upgrades && command.credit === 'keep') {
    Object.assign(row, { granted: {}, grantedUntil: null, carried: {}, carriedUntil: null, allowance: null });
  }
  announce(drafts, upgrades ? 'changed' : 'assigned', row, current?.planId ?? null);
  if (command.allocate) {
    const takenOver = upgrades && command.proration !== 'none' ? running : null;
    const at = upgrades && command.proration === 'full' ? earnedFrom(row) : draft.account.at;
    const within = { ...shareOf(draft, upgrades ? running : null, command), ...lengthWithin(takenOver, row) };
    const verdict = allocatePeriod(drafts, row, { at, ...within });
    if (verdict) return verdict;
  }
  return finish(drafts, row, upgrades ? 'User subscription upgraded' : 'User subscription set');
}

/** Cancels, pauses, resumes or removes the current subscription. Credits that were granted stay. */
export function endOrPause(drafts: readonly Draft[], command: CommandOf<'change_subscription'>): Verdict {
  const [draft] = drafts as [Draft];
  const before = draft.context.facts.row('subscription', draft.account.userId);
  if (before === undefined) return PENDING;
  const now = draft.account.at;
  const mayChange = before && canBe(command.to, before, now);
  if (!before || !mayChange) {
    const message = `The user has no subscription that can be ${command.to}.`;
    return refuse('SUBSCRIPTION_NOT_FOUND', message, { userId: draft.account.userId });
  }
  const unready = withoutAccount(drafts, before);
  if (unready) return unready;
  const leavesPause = command.to === 'resumed' || command.to === 'cancelled' || command.to === 'removed';
  const unthawed = leavesPause ? thawGrants(drafts, before) : null;
  if (unthawed) return unthawed;
  const row = bumped(draft, before);
  // The period of a subscription that waits for a payment has ended.
  const isOver = before.status === 'past_due' && command.to === 'cancelled at the end of the period';
  const to = isOver ? 'cancelled' : command.to;
  switch (to) {
    case 'cancelled at the end of the period':
      Object.assign(row, { autoRenew: false, validUntil: paidUntil(draft, row) });
      if (!isPaid(row)) row.pending = null;
      announce(drafts, 'cancelled', row);
      break;
    case 'cancelled':
    case 'removed': {
      // A subscription that has ended already keeps its end.
      const validUntil = isCurrent(before, now) || before.validUntil === null ? at(now) : before.validUntil;
      const { grantedUntil, carriedUntil } = goneOn(before, now);
      Object.assign(row, { status: to, autoRenew: false, pending: null, pausedAt: null, frozen: null });
      Object.assign(row, { validUntil, grantedUntil, carriedUntil });
      if (isCurrent(before, now)) {
        announce(drafts, 'cancelled', row);
        announce(drafts, 'ended', row);
      }
      break;
    }
    case 'paused':
      if (row.status === 'paused') return { kind: 'nothing' };
      Object.assign(row, { status: 'paused', pausedAt: at(now) });
      if (command.freezeCredits) {
        const unfrozen = freezeGrants(drafts, row);
        if (unfrozen) return unfrozen;
      }
      announce(drafts, 'paused', row);
      break;
    case 'waited for': {
      const least = Math.max(now, billingOf(row).end);
      const { until = least } = command;
      if (until <= least) {
        const expected = `an instant later than ${new Date(least).toISOString()}`;
        const message = 'A grace ends after the period and after now. To end it now, cancel the subscription.';
        return refuse('INVALID_ARGUMENT', message, { path: 'until', expected });
      }
      row.graceUntil = at(until);
      break;
    }
    case 'resumed':
      Object.assign(row, goneOn(row, now));
      if (row.validUntil !== null) row.validUntil = paidUntil(draft, row);
      announce(drafts, 'resumed', row);
      break;
    default:
      to satisfies never;
  }
  const message = to === 'removed' ? 'User subscription deleted' : `User subscription ${to}`;
  return finish(drafts, row, message);
}

function started(draft: Draft, before: SubscriptionRow | null, terms: PlanTerms, command: CommandOf<'subscribe'>): Row {
  const now = draft.account.at;
  const isTrial = terms.trialDays > 0 && before?.hadTrial !== true;
  const calendar = calendarOf(draft, terms);
  const end = isTrial ? addDays(now, terms.trialDays, calendar) : addPeriods(now, terms.billingPeriod, 1, calendar);
  // Periods follow the trial.
  const billing = { anchor: isTrial ? end : now, periods: isTrial ? 0 : 1, start: now, end };
  const firstEnd = addPeriods(now, cadenceOf(terms), 1, calendar);
  const isDivided = terms.allocationPeriod !== undefined && firstEnd < end;
  const row: Row = {
    userId: draft.account.userId,
    version: (before?.version ?? 0) + 1,
    id: command.subscriptionId,
    planId: terms.planId,
    status: isTrial ? 'trialing' : 'active',
    startedAt: at(now),
    terms,
    pending: null,
    nextPlanId: null,
    anchor: at(isDivided ? now : billing.anchor),
    periods: isDivided ? 1 : billing.periods,
    periodStart: at(now),
    periodEnd: at(isDivided ? firstEnd : end),
    billing: isDivided ? billing : null,
    isAllocated: false,
    autoRenew: command.autoRenew ?? true,
    validUntil: null,
    pausedAt: null,
    frozen: null,
    graceUntil: null,
    // Periods that are paid stay paid, on whatever plan they begin.
    paid: before && isCurrent(before, now) ? (before.paid ?? null) : null,
    granted: before?.granted ?? {},
    grantedUntil: before?.grantedUntil ?? null,
    carried: before?.carried ?? {},
    carriedUntil: before?.carriedUntil ?? null,
    allowance: before?.allowance ?? null,
    isTrial,
    hadTrial: isTrial || before?.hadTrial === true,
    lots: {},
    dueAt: null,
    updatedAt: at(now),
  };
  if (!row.autoRenew) row.validUntil = paidUntil(draft, row);
  return row;
}

/** Moves a subscription to another plan: in a period that starts now, or, prorated, in the current one. */
function changed(draft: Draft, current: SubscriptionRow, terms: PlanTerms, command: CommandOf<'subscribe'>): Row {
  const now = draft.account.at;
  const row = { ...bumped(draft, current), planId: terms.planId, terms, pending: null, isAllocated: false };
  row.autoRenew = command.autoRenew ?? true;
  if (command.proration === 'none') {
    Object.assign(row, { anchor: at(now), periods: 0, periodEnd: at(now), billing: null, status: 'active' });
    begin(row, draft, now);
  } else {
    const billing = billingOf(current);
    const isCountedOn = terms.billingPeriod === current.terms.billingPeriod;
    if (row.billing || terms.allocationPeriod !== undefined) {
      row.billing = isCountedOn ? billing : { ...billing, anchor: billing.end, periods: 0 };
    }
    if (cadenceOf(terms) !== cadenceOf(current.terms)) countFrom(row, row.periodEnd.getTime());
    // Credits that expire by themselves do not roll over into the periods of another plan.
    if (current.terms.validityDays !== null) row.lots = {};
  }
  row.validUntil = row.autoRenew ? null : paidUntil(draft, row);
  return row;
}

/** The share of a new limit that a change within a period grants, where it is in proportion to time. */
function shareOf(
  { account }: Draft,
  current: SubscriptionRow | null,
  { proration }: CommandOf<'subscribe'>,
): Partial<Period> {
  if (!current || proration !== 'time') return {};
  const [start, end] = [current.periodStart.getTime(), current.periodEnd.getTime()];
  return { share: { ms: Math.max(0, Math.min(end - start, end - account.at)), ofMs: lengthOf(current) } };
}

/** A limit that is granted in full is earned since the period began, or since an earlier grant within it. */
function earnedFrom({ periodStart, allowance }: Row): number {
  return Math.max(periodStart.getTime(), ...Object.values(allowance ?? {}).map(({ from }) => from));
}

/** A plan with periods of another length that takes over a running period earns its limit in a period of its own. */
function lengthWithin(takenOver: SubscriptionRow | null, { terms }: Row): Partial<Period> {
  const isAnother = takenOver !== null && cadenceOf(takenOver.terms) !== cadenceOf(terms);
  return isAnother ? { lengthMs: LONGEST_MS[cadenceOf(terms)] } : {};
}
