/**
 * Subscriptions: which period it is, and what is granted for it. The subscription's row decides that. It is written
 * with the user's own account, so that a period is allocated once, whoever asks and however often.
 */
import type { PlanRow, PlanTerms } from '../models/plan.js';
import type { SubscriptionRow } from '../models/subscription.js';
import type { Json, JsonObject } from '../models/values.js';
import type { CommandOf, GrantTerms } from './command.js';
import { PENDING, type Refusal, refuse, type Verdict } from './decision.js';
import { type Draft, writeEntry } from './draft.js';
import { type Allocated, allocate, countedAt, grantCarried, type Period, rolledOver } from './period-grants.js';
import { addDays, addPeriods, type Calendar } from './periods.js';
import { LONGEST_MS } from './plan-allowance.js';
import { rowHash } from './row-hash.js';
import { ALL, type Share } from './share.js';
import { canBe, goneOn, isCurrent, toJson } from './subscription-state.js';

type Row = { -readonly [K in keyof SubscriptionRow]: SubscriptionRow[K] };

/** How many missed periods one operation makes up for; the others stay due. */
const PERIODS_MAX = 100;

/** The terms that a subscription keeps of its plan. */
export function termsOf(plan: PlanRow): PlanTerms {
  const { id: planId, name, creditType, creditLimit, alsoGrants } = plan;
  const { billingPeriod, validityDays, trialDays, rolloverCap, timeZone } = plan;
  const grants = [{ creditType, creditLimit }, ...alsoGrants];
  return { planId, name, grants, billingPeriod, validityDays, trialDays, rolloverCap, timeZone };
}

/** Starts a subscription, or moves one to another plan. */
export function subscribe(drafts: readonly Draft[], command: CommandOf<'subscribe'>): Verdict {
  const [draft] = drafts as [Draft];
  const { facts } = draft.context;
  const before = facts.row('subscription', draft.account.userId);
  const plan = facts.row('plan', command.planId);
  if (before === undefined || plan === undefined) return PENDING;
  if (plan === null) return refuse('PLAN_NOT_FOUND', 'There is no plan with this id.', { id: command.planId });
  if (!plan.isActive) return refuse('PLAN_INACTIVE', 'The plan is not offered any more.', { id: command.planId });
  const terms = termsOf(plan);
  const unready = withoutTemporal(draft, terms);
  if (unready) return unready;
  const current = before && isCurrent(before, draft.account.at) ? before : null;
  const running = before && goneOn(before, draft.account.at);
  const upgrades = command.upgrade && current !== null;
  if (upgrades && command.when === 'period_end') {
    const row = { ...bumped(draft, current), pending: terms, autoRenew: true, validUntil: null };
    return finish(drafts, row, 'User subscription changes at the end of the period');
  }
  const row = upgrades && running ? changed(draft, running, terms, command) : started(draft, running, terms, command);
  if (command.allocate) {
    const share = shareOf(draft, upgrades ? running : null, command);
    const verdict = allocatePeriod(drafts, row, { share, at: draft.account.at, ...lengthWithin(running, row) });
    if (verdict) return verdict;
  }
  return finish(drafts, row, upgrades ? 'User subscription upgraded' : 'User subscription set');
}

/**
 * Allocates what is due: the current period where that was not done, then every period that has begun since, in order.
 */
export function renew(drafts: readonly Draft[], command: CommandOf<'renew'>): Verdict {
  const [draft] = drafts as [Draft];
  const { facts } = draft.context;
  const before = facts.row('subscription', draft.account.userId);
  const plan = before && facts.row('plan', before.pending?.planId ?? before.planId);
  if (before === undefined || plan === undefined) return PENDING;
  const isRunning = before?.status === 'active' || before?.status === 'trialing';
  if (!before || before.id !== command.subscriptionId || !isRunning) return { kind: 'nothing' };
  const unready = withoutTemporal(draft, before.terms) ?? (before.pending && withoutTemporal(draft, before.pending));
  if (unready) return unready;
  const row = bumped(draft, before);
  const now = draft.account.at;
  let done = 0;
  if (!row.isAllocated && row.periodEnd.getTime() > now) {
    const verdict = allocatePeriod(drafts, row);
    if (verdict) return verdict;
    done++;
  }
  if (isRestDue(draft, row)) {
    const verdict = grantRest(drafts, row);
    if (verdict) return verdict;
    done++;
  }
  for (; row.periodEnd.getTime() <= now && done < PERIODS_MAX; done++) {
    if (!row.autoRenew || !wasOffered(plan, row.periodEnd)) {
      Object.assign(row, { status: 'ended', validUntil: row.periodEnd, pending: null });
      return finish(drafts, row, 'User subscription ended');
    }
    const rolled = rolledOver(drafts, row);
    if (rolled === undefined) return PENDING;
    begin(row, draft, row.periodEnd.getTime());
    const verdict = allocatePeriod(drafts, row, { rolled }) ?? grantRest(drafts, row);
    if (verdict) return verdict;
  }
  return done === 0 ? { kind: 'nothing' } : finish(drafts, row, 'Subscription credits allocated');
}

/** Whether a plan was active at an instant that has passed: a job that is late takes no period away. */
function wasOffered(plan: PlanRow | null, at: Date): boolean {
  return plan !== null && (plan.isActive || (plan.deactivatedAt !== null && plan.deactivatedAt > at));
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
  const row = bumped(draft, before);
  switch (command.to) {
    case 'cancelled at the end of the period':
      Object.assign(row, { autoRenew: false, validUntil: row.periodEnd, pending: null });
      break;
    case 'cancelled':
    case 'removed': {
      // A subscription that has ended already keeps its end.
      const validUntil = isCurrent(before, now) || before.validUntil === null ? at(now) : before.validUntil;
      const { grantedUntil, carriedUntil } = goneOn(before, now);
      Object.assign(row, { status: command.to, autoRenew: false, pending: null, pausedAt: null });
      Object.assign(row, { validUntil, grantedUntil, carriedUntil });
      break;
    }
    case 'paused':
      if (row.status === 'paused') return { kind: 'nothing' };
      Object.assign(row, { status: 'paused', pausedAt: at(now) });
      break;
    case 'resumed':
      Object.assign(row, goneOn(row, now));
      break;
    default:
      command.to satisfies never;
  }
  const message = command.to === 'removed' ? 'User subscription deleted' : `User subscription ${command.to}`;
  return finish(drafts, row, message);
}

function started(draft: Draft, before: SubscriptionRow | null, terms: PlanTerms, command: CommandOf<'subscribe'>): Row {
  const now = draft.account.at;
  const isTrial = terms.trialDays > 0 && before?.hadTrial !== true;
  const calendar = calendarOf(draft, terms);
  const end = isTrial ? addDays(now, terms.trialDays, calendar) : addPeriods(now, terms.billingPeriod, 1, calendar);
  return {
    userId: draft.account.userId,
    version: (before?.version ?? 0) + 1,
    id: command.subscriptionId,
    planId: terms.planId,
    status: isTrial ? 'trialing' : 'active',
    startedAt: at(now),
    terms,
    pending: null,
    nextPlanId: null,
    // Periods follow the trial.
    anchor: at(isTrial ? end : now),
    periods: isTrial ? 0 : 1,
    periodStart: at(now),
    periodEnd: at(end),
    isAllocated: false,
    autoRenew: command.autoRenew ?? true,
    validUntil: command.autoRenew === false ? at(end) : null,
    pausedAt: null,
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
}

/** Moves a subscription to another plan: in a period that starts now, or, prorated, in the current one. */
function changed(draft: Draft, current: SubscriptionRow, terms: PlanTerms, command: CommandOf<'subscribe'>): Row {
  const now = draft.account.at;
  const row = { ...bumped(draft, current), planId: terms.planId, terms, pending: null, isAllocated: false };
  row.autoRenew = command.autoRenew ?? true;
  if (command.proration === 'none') {
    Object.assign(row, { anchor: at(now), periods: 0, periodEnd: at(now), status: 'active' });
    begin(row, draft, now);
  } else {
    if (terms.billingPeriod !== current.terms.billingPeriod) countFrom(row, row.periodEnd.getTime());
    // Credits that expire by themselves do not roll over into the periods of another plan.
    if (current.terms.validityDays !== null) row.lots = {};
  }
  row.validUntil = row.autoRenew ? null : row.periodEnd;
  return row;
}

/** Moves a row on to the period that starts at `start`. */
function begin(row: Row, draft: Draft, start: number): void {
  const terms = row.pending ?? row.terms;
  if (terms.billingPeriod !== row.terms.billingPeriod) countFrom(row, start);
  row.planId = terms.planId;
  row.terms = terms;
  row.pending = null;
  row.status = 'active';
  row.isTrial = false;
  row.periodStart = at(start);
  let end = start;
  // Where a zone skips a day, the period of that day would begin and end at one instant.
  while (end <= start) {
    row.periods++;
    end = addPeriods(row.anchor.getTime(), terms.billingPeriod, row.periods, calendarOf(draft, terms));
  }
  row.periodEnd = at(end);
  row.isAllocated = false;
  row.lots = {};
}

/** Counts periods anew from `start`: those of another length are counted from the first of them. */
function countFrom(row: Row, start: number): void {
  row.anchor = at(start);
  row.periods = 0;
}

/** The share of a new limit that a change within a period grants. */
function shareOf({ account }: Draft, current: SubscriptionRow | null, { proration }: CommandOf<'subscribe'>): Share {
  if (!current || proration === 'none') return ALL;
  const [start, end] = [current.periodStart.getTime(), current.periodEnd.getTime()];
  return { ms: Math.max(0, Math.min(end - start, end - account.at)), ofMs: end - start };
}

/** A plan with periods of another length that takes over a running period earns its limit in a period of its own. */
function lengthWithin(running: SubscriptionRow | null, { terms, periodStart, periodEnd }: Row): Partial<Period> {
  const isTakenOver =
    running?.periodStart.getTime() === periodStart.getTime() && running.periodEnd.getTime() === periodEnd.getTime();
  const isAnother = isTakenOver && running.terms.billingPeriod !== terms.billingPeriod;
  return isAnother ? { lengthMs: LONGEST_MS[terms.billingPeriod] } : {};
}

/** Grants what the row's current period is worth and was not granted yet. */
function allocatePeriod(
  drafts: readonly Draft[],
  row: Row,
  given: Partial<Omit<Period, 'granted' | 'expiresAt'>> = {},
): Verdict {
  const [draft] = drafts as [Draft];
  const [start, end] = [row.periodStart.getTime(), row.periodEnd.getTime()];
  const period = { share: ALL, rolled: 0, at: start, lengthMs: end - start, ...given };
  const { granted, ...before } = countedAt(row, row.periodStart);
  const result: Allocated = allocate(drafts, row, { ...period, granted, expiresAt: expiryOf(draft, row) });
  if ('kind' in result) return result;
  // An earlier period that would have ended with this one leaves nothing to grant within it.
  const isCarried = before.carriedUntil?.getTime() !== row.periodEnd.getTime();
  Object.assign(row, before, !isCarried && { carried: {}, carriedUntil: null });
  row.isAllocated = true;
  row.granted = result.granted;
  row.lots = result.grantIds;
  row.allowance = result.allowance;
  if (result.isAny) row.grantedUntil = row.periodEnd;
  return null;
}

/** Grants the credits that an earlier period kept from the current one, once that earlier one would have ended. */
function grantRest(drafts: readonly Draft[], row: Row): Verdict {
  const [draft] = drafts as [Draft];
  if (!isRestDue(draft, row)) return null;
  const result = grantCarried(drafts, row, expiryOf(draft, row));
  if ('kind' in result) return result;
  Object.assign(row, result);
  return null;
}

function isRestDue({ account }: Draft, row: Row): boolean {
  const due = dueOf(row);
  return due < row.periodEnd && due.getTime() <= account.at;
}

/** The next instant with something to grant: when an earlier period would have ended, or when the current one ends. */
function dueOf({ isAllocated, carriedUntil, periodStart, periodEnd }: Row): Date {
  const isWithin = carriedUntil !== null && carriedUntil > periodStart && carriedUntil < periodEnd;
  return isAllocated && isWithin ? carriedUntil : periodEnd;
}

/** When the credits of the current period expire. */
function expiryOf(draft: Draft, { terms, periodStart, periodEnd }: Row): number {
  if (terms.validityDays === null) return periodEnd.getTime();
  return addDays(periodStart.getTime(), terms.validityDays, calendarOf(draft, terms));
}

/** Writes the row and an entry. The entry answers the call, and by it the ledger tells the subscription's history. */
function finish(drafts: readonly Draft[], row: Row, message: string): null {
  const [draft] = drafts as [Draft];
  const goesOn = row.status === 'active' || row.status === 'trialing';
  row.dueAt = goesOn ? dueOf(row) : null;
  row.nextPlanId = row.pending?.planId ?? null;
  const isOver = row.status === 'cancelled' || row.status === 'removed' || row.status === 'ended';
  for (const each of drafts) {
    const grant = row.terms.grants.find(({ creditType }) => creditType === each.account.creditType);
    const planLimit = isOver ? null : (grant?.creditLimit ?? null);
    if (each !== draft && each.account.planLimit === planLimit) continue;
    each.account.planLimit = planLimit;
    const more = each === draft ? told(drafts, row) : {};
    const details: JsonObject = { planLimit, ...more };
    const entry = writeEntry(each, 'plan_changed', { amount: 0, details });
    entry.message = message;
  }
  draft.sideWrites.push({ model: 'subscription', op: row.version === 1 ? 'insert' : 'replace', row });
  return null;
}

/** The details of the entry on the user's own account. */
function told(drafts: readonly Draft[], row: Row): JsonObject {
  return { subscription: toJson(row), rowHash: rowHash(row), granted: grantedBy(drafts), ...ownTypeOf(row) };
}

/** The plan's own credit type, where it is not `credits`: the answer to a repeated allocation needs it. */
function ownTypeOf({ terms }: Row): JsonObject {
  const creditType = terms.grants[0]?.creditType ?? 'credits';
  return creditType === 'credits' ? {} : { ownType: creditType };
}

/** The units that this operation granted, by credit type. */
function grantedBy(drafts: readonly Draft[]): JsonObject {
  const granted = drafts.map(({ account, entries }) => {
    const grants = entries.filter(
      ({ type, details }) => type === 'add' && isAllocation(details.grant as Json & GrantTerms),
    );
    return [account.creditType, grants.reduce((sum, { amount }) => sum + amount, 0)] as const;
  });
  return Object.fromEntries(granted.filter(([, units]) => units > 0));
}

/** Whether a grant is an allocation: it is no rollover, and no other grant that the operation made on its way. */
function isAllocation({ source, reference }: GrantTerms): boolean {
  return source === 'subscription' && !reference?.endsWith('/rollover');
}

function bumped(draft: Draft, row: SubscriptionRow): Row {
  return { ...row, version: row.version + 1, updatedAt: at(draft.account.at) };
}

/**
 * Refuses a plan in a time zone where there is no Temporal: the process that made the plan had one, this one has not.
 */
function withoutTemporal({ context }: Draft, { timeZone }: PlanTerms): Refusal | null {
  if (timeZone === null || context.temporal !== null) return null;
  const problem = 'the plan names a time zone and there is no Temporal: npm install temporal-polyfill';
  return refuse('CONFIGURATION', `${problem}, and give it as the option temporal.`, { problems: [problem] });
}

function calendarOf({ context }: Draft, { timeZone }: PlanTerms): Calendar {
  return { timeZone, temporal: context.temporal };
}

function at(ms: number): Date {
  return new Date(ms);
}
