/** Rules 30 to 33: what callers and jobs do to the subscription of a user. */
import { typeOf } from './account-names.js';
import {
  allocated,
  draftOf,
  nextPart,
  nextPeriod,
  paidUntil,
  passed,
  restGranted,
  rolledOver,
} from './oracle-allocation.js';
import { type CallOf, Nothing, Refusal } from './oracle-call.js';
import { advance } from './oracle-clock.js';
import { type Draft, write } from './oracle-draft.js';
import { frozen, thaw } from './oracle-freeze.js';
import {
  cadence,
  DAY,
  dueAt,
  isByPayment,
  isCurrent,
  isRunning,
  longest,
  NOTHING_COUNTS,
  ownType,
  PERIODS_MAX,
  type PlanTerms,
  periodsAfter,
  type Subscription,
  viewSubscription,
  woken,
} from './oracle-plans.js';
import type { Result } from './oracle-state.js';

/** Other terms of a plan, from an instant on. */
export interface Revision {
  readonly from: number;
  readonly terms: PlanTerms;
  readonly isForRenewals: boolean;
}

/** Whether a plan was offered at an instant; its terms for who begins now, and for renewals at an instant. */
export interface Offered {
  (plan: string, at: number): boolean;
  terms(plan: string): PlanTerms | undefined;
  renewals(plan: string, at: number): PlanTerms | undefined;
}

/** With the terms that its next period takes over, where the plan has later ones for renewals then. */
export function revised(one: Subscription, offered: Offered): Subscription {
  const terms = one.next ?? one.terms;
  const later = offered.renewals(terms.name, one.bill.end);
  return later && (later.version ?? 0) > (terms.version ?? 0) ? { ...one, next: later } : one;
}
/** Of the accounts that a subscription grants to, the user's own first. */
export type Drafts = readonly [Draft, ...Draft[]];

/** `setPlan` starts another subscription in place of any; `upgrade` moves the current one, where there is one. */
export function subscribe(drafts: Drafts, call: CallOf<'setPlan' | 'upgrade'>, offered: Offered): Result {
  const [{ account, now }] = drafts;
  const terms = offered.terms(call.plan);
  if (!terms) throw new Refusal('PLAN_NOT_FOUND');
  if (!offered(terms.name, now)) throw new Refusal('PLAN_INACTIVE');
  const before = account.plans.subscription;
  if (call.op === 'upgrade' && before && isCurrent(before, now)) {
    const meant = { ...call, when: call.when ?? usualWhen(before.terms, terms, call) };
    if (goesOnFrom(before, terms, meant.when)) {
      if (meant.when === 'now') thaw(drafts, before);
      return upgrade(drafts, before, terms, meant);
    }
  }
  thaw(drafts, before);
  const one = started(now, before && woken(before, now), terms, call);
  return answer(settle(drafts, call.op === 'setPlan' && call.allocate === false ? one : allocated(drafts, one)));
}

/** Less than before comes when the period is over, unless what else is asked for makes sense at once only. */
function usualWhen(before: PlanTerms, terms: PlanTerms, call: CallOf<'upgrade'>): 'now' | 'period_end' {
  const type = ownType(terms);
  if (call.proration !== undefined || call.autoRenew === false || type !== ownType(before)) return 'now';
  const timesIn7Years = { daily: 7n * 365n, weekly: 365n, monthly: 7n * 12n, yearly: 7n };
  const total = (plan: PlanTerms) => (plan.limits[type] ?? 0n) * timesIn7Years[cadence(plan)];
  return total(terms) < total(before) ? 'period_end' : 'now';
}

/** Of a period that was over and not paid nothing is left to change. What it waits for may be another payment. */
function goesOnFrom({ status }: Subscription, terms: PlanTerms, when: CallOf<'upgrade'>['when']): boolean {
  return status !== 'past_due' || (when === 'period_end' && isByPayment(terms));
}

function started(
  now: number,
  before: Subscription | null,
  terms: PlanTerms,
  call: CallOf<'setPlan' | 'upgrade'>,
): Subscription {
  const isTrial = terms.trialDays > 0 && before?.hadTrial !== true;
  const end = isTrial ? now + terms.trialDays * DAY : periodsAfter(now, terms.unit, 1);
  // Bills follow the trial. What is shorter than a period of the plan is one period.
  const bill = { anchor: isTrial ? end : now, index: isTrial ? 0 : 1, start: now, end };
  const first = periodsAfter(now, cadence(terms), 1);
  const isOne = terms.every === null || first >= end;
  const { anchor, index } = isOne ? bill : { anchor: now, index: 1 };
  const period = { anchor, index, start: now, end: isOne ? end : first };
  const renews = call.autoRenew ?? true;
  const one: Subscription = {
    status: isTrial ? 'trialing' : 'active',
    ...{ label: call.label, terms, next: null, startedAt: now },
    ...{ bill, ...period, whole: period.end - now, isAllocated: false },
    ...{ renews, validUntil: null, graceUntil: null, pausedAt: null, frozen: new Map() },
    // Paid periods stay paid, on whatever plan they begin.
    paid: before && isCurrent(before, now) ? before.paid : [],
    ...{ had: before?.had ?? NOTHING_COUNTS, carried: before?.carried ?? NOTHING_COUNTS },
    ahead: before?.ahead ?? {},
    ...{ isTrial, hadTrial: isTrial || before?.hadTrial === true, lots: [] },
  };
  return withEnd(one);
}

/** With the instant at which it ends, where it does not renew. */
function withEnd(one: Subscription): Subscription {
  return { ...one, validUntil: one.renews ? null : paidUntil(one) };
}

function upgrade(drafts: Drafts, current: Subscription, terms: PlanTerms, call: CallOf<'setPlan' | 'upgrade'>): Result {
  const { when, autoRenew, proration } = call.op === 'upgrade' ? call : {};
  if (when === 'period_end') {
    return answer(settle(drafts, { ...current, next: terms, renews: true, validUntil: null }));
  }
  const [{ now }] = drafts;
  const renews = autoRenew ?? true;
  const going = { ...woken(current, now), renews, next: null };
  if (proration !== 'time') {
    const over = { anchor: now, index: 0, end: now };
    const begun = nextPeriod({ ...going, ...over, next: terms, bill: { ...over, start: now } });
    return answer(settle(drafts, allocated(drafts, withEnd(begun))));
  }
  const { end, whole } = going;
  const isSamePace = cadence(terms) === cadence(going.terms);
  const counts = isSamePace ? {} : { anchor: end, index: 0 };
  const bill = terms.unit === going.terms.unit ? going.bill : { ...going.bill, anchor: going.bill.end, index: 0 };
  const lots = going.terms.days === null ? going.lots : [];
  const same = withEnd({ ...going, ...counts, bill, lots, terms, isAllocated: false });
  const share = { of: Math.max(0, end - now), whole };
  // A plan of other periods earns its limit at its own pace, in the running period too.
  const length = isSamePace ? whole : longest(cadence(terms));
  return answer(settle(drafts, allocated(drafts, same, { share, at: now, length })));
}

/** Rules 10 and 31: what is due by `to`, each at its own instant; the current period too where it was not allocated. */
export function renew(drafts: Drafts, offered: Offered, to: number): Result | Nothing {
  const [{ account }] = drafts;
  let one = account.plans.subscription;
  if (!one || !isRunning(one.status)) return NOTHING_DUE;
  let isAny = false;
  const running = passed(one, to);
  if (!running.isAllocated && running.end > to) {
    one = allocated(drafts, running);
    isAny = true;
  }
  const caughtUp = catchUp(drafts, one, offered, to);
  if (!isAny && caughtUp === one) return NOTHING_DUE;
  one = settle(drafts, caughtUp);
  const told = grantedBy(drafts, ownType(one.terms));
  const next = dueAt(one);
  if (next === null || next > to) bring(drafts, to);
  return told;
}

/** Every step that is due by an instant, each at its own. */
export function catchUp(drafts: Drafts, late: Subscription, offered: Offered, to: number): Subscription {
  let one = late;
  let due = dueAt(one);
  for (let done = 0; due !== null && due <= to && done < PERIODS_MAX; done += 1) {
    bring(drafts, due);
    one = due < one.end ? restGranted(drafts, one) : periodEnded(drafts, passed(one, due), due, offered);
    due = dueAt(one);
  }
  return one;
}

/** A paid period begins, whatever else was done since it was paid; an unpaid one where that is for the clock. */
function periodEnded(drafts: Drafts, one: Subscription, at: number, offered: Offered): Subscription {
  // Within a bill the next period follows, whatever is to become of the subscription when the bill is over.
  if (one.end < one.bill.end) return allocated(drafts, nextPart(one, one.end), { rolled: rolledOver(drafts, one) });
  const [payment, ...paid] = one.paid;
  const terms = one.next ?? one.terms;
  if (payment === undefined) {
    const isWaiting = one.status === 'past_due';
    if (isWaiting || !one.renews || !offered(terms.name, one.end)) {
      return { ...one, status: 'ended', validUntil: at, next: null };
    }
  }
  const going = revised(one, offered);
  if (payment === undefined && isByPayment(going.next ?? going.terms)) return { ...going, status: 'past_due' };
  return allocated(drafts, { ...nextPeriod(going), paid }, { rolled: rolledOver(drafts, going) });
}

/** All accounts at an instant, with what the clock has done by then. */
export function bring(drafts: Drafts, at: number): void {
  for (const draft of drafts) {
    draft.now = Math.max(draft.now, at);
    advance(draft);
  }
}

const NOTHING_DUE = new Nothing({ kind: 'plan', value: { granted: 0, alreadyAllocated: true } });

/** Who asks is told of the own type of the plan it led to, a job of all. What rolled over was granted once before. */
function grantedBy(drafts: Drafts, own: string): Result {
  const granted = drafts.map(({ account, from }) => {
    const lots = account.entries.slice(from).filter(({ allocated: as }) => as === 'period' || as === 'rest');
    return lots.reduce((sum, { delta }) => sum + delta, 0n);
  });
  const total = granted.reduce((sum, one) => sum + one, 0n);
  const units = granted[drafts.indexOf(draftOf(drafts, own))] ?? 0n;
  return { kind: 'plan', total, own: units, value: { granted: Number(units) / 1e6, alreadyAllocated: total === 0n } };
}

/** Credits that were granted stay, whatever becomes of the subscription. */
export function change(
  drafts: Drafts,
  call: CallOf<'cancel' | 'pause' | 'resume' | 'remove' | 'grace'>,
): Result | Nothing {
  const [{ now, account }] = drafts;
  const before = account.plans.subscription;
  if (call.op === 'remove') {
    if (!before || before.status === 'removed') return new Nothing({ kind: 'plan', value: { removed: false } });
    thaw(drafts, before);
    settle(drafts, ended(before, 'removed', now));
    return { kind: 'plan', value: { removed: true } };
  }
  const isPossible = before && canBe(call.op, before, now);
  if (!before || !isPossible) throw new Refusal('SUBSCRIPTION_NOT_FOUND');
  switch (call.op) {
    case 'cancel':
      // The period of one that waits for a payment is over.
      if (call.when === 'now' || before.status === 'past_due') {
        thaw(drafts, before);
        return answer(settle(drafts, ended(before, 'cancelled', now)));
      }
      return answer(
        settle(drafts, withEnd({ ...before, renews: false, next: before.paid.length > 0 ? before.next : null })),
      );
    case 'grace':
      if (call.until <= Math.max(now, before.bill.end)) throw new Refusal('INVALID_ARGUMENT');
      return answer(settle(drafts, { ...before, graceUntil: call.until }));
    case 'pause':
      if (before.status === 'paused') return new Nothing(answer(before), true);
      return answer(
        settle(drafts, {
          ...before,
          ...{ status: 'paused', pausedAt: now, frozen: call.freezeCredits ? frozen(drafts, before) : new Map() },
        }),
      );
    case 'resume':
      thaw(drafts, before);
      return answer(settle(drafts, withEnd(woken(before, now))));
  }
}

/** A pause of what waits for a payment would give time that nobody paid. */
function canBe(op: 'cancel' | 'pause' | 'resume' | 'grace', before: Subscription, now: number): boolean {
  if (op === 'resume') return before.status === 'paused';
  const isUnpaidNext = before.renews && before.paid.length === 0 && isByPayment(before.next ?? before.terms);
  if (op === 'grace') return before.status !== 'paused' && isUnpaidNext && isCurrent(before, now);
  return isCurrent(before, now) && !(op === 'pause' && before.status === 'past_due');
}

function ended(before: Subscription, status: 'cancelled' | 'removed', now: number): Subscription {
  const { had, carried } = woken(before, now);
  // One that has ended already ended when it did.
  const validUntil = isCurrent(before, now) ? now : (before.validUntil ?? now);
  return { ...before, status, renews: false, next: null, pausedAt: null, frozen: new Map(), validUntil, had, carried };
}

/** Keeps the row and writes the entry that tells of it, on other accounts where their part of the plan changed. */
export function settle(drafts: Drafts, one: Subscription): Subscription {
  const [own] = drafts;
  const goesOn = isRunning(one.status) || one.status === 'paused';
  own.account.plans = { ...own.account.plans, subscription: one };
  for (const draft of drafts) {
    const { account } = draft;
    const limit = goesOn ? (one.terms.limits[typeOf(account.user)] ?? null) : null;
    const next = [one.terms, ...(one.next ? [one.next] : [])];
    const isConcerned = draft === own || next.some(({ limits }) => typeOf(account.user) in limits);
    const due = isConcerned ? dueAt(one) : null;
    if (draft !== own && account.plans.limit === limit && account.plans.due === due) continue;
    account.plans = { ...account.plans, limit, due };
    write(draft, { type: 'plan_changed' });
  }
  return one;
}

export function answer(one: Subscription): Result {
  return { kind: 'plan', value: viewSubscription(one) };
}
