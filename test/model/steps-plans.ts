/** Turns raw numbers into calls of plans, cycles and promo codes. */

import { nextPeriod } from './oracle-allocation.js';
import type { Call, CallOf } from './oracle-call.js';
import {
  type Cycle,
  DAY,
  dueAt,
  isByPayment,
  isCurrent,
  PLANS,
  type PlanTerms,
  PROMOS,
  type Subscription,
} from './oracle-plans.js';
import { type Account, LONGEST_TTL_SECONDS, MICRO } from './oracle-state.js';
import { at, type Raw, type Step, type World } from './steps.js';

export const PLAN_WEIGHTS = {
  setPlan: 9,
  upgrade: 7,
  cancel: 4,
  pause: 3,
  resume: 4,
  remove: 2,
  pay: 12,
  grace: 2,
  allocate: 5,
  runAllocation: 9,
  startCycle: 5,
  stopCycle: 2,
  claim: 5,
  offer: 1,
  revise: 4,
} as const;

export type PlanKind = keyof typeof PLAN_WEIGHTS;

export function isPlanKind(kind: string): kind is PlanKind {
  return kind in PLAN_WEIGHTS;
}

/** Further than the next thing that happens: a scheduler that was down. */
export function longJump(raw: Raw): number {
  if (raw.c % 40 === 7) return at([100, 130, 400], raw.b) * DAY;
  return at([1, 1, 2, 3, 7, 8, 15, 31], raw.b) * DAY;
}

/** When periods and cycles end, or something of them falls due. */
export function planInstants({ plans }: Account): number[] {
  const { subscription, cycles } = plans;
  const ends = [...cycles.values()].filter(({ status }) => status === 'active').map(({ end }) => end);
  const due = subscription && dueAt(subscription);
  return subscription && due !== null ? [...ends, subscription.end, due] : ends;
}

/** Seconds until an hour after the period ends: a hold that goes on while the job renews. */
export function overPeriodEnd({ plans }: Account, now: number): number | undefined {
  const end = plans.subscription?.end ?? now;
  const seconds = Math.ceil((end - now) / 1000) + 3600;
  return end > now && seconds <= LONGEST_TTL_SECONDS ? seconds : undefined;
}

/** What has no sense now makes that it has: a subscription, a pause, something for the job to do. */
export function makePlanStep(kind: PlanKind, raw: Raw, world: World): Step | null {
  const due = world.users.flatMap((user) => planInstants(world.oracle.stored(user)));
  const isLate = due.some((instant) => instant <= world.clockNow);
  if ((kind === 'runAllocation' || kind === 'allocate') && !isLate && due.length > 0 && raw.b % 4 > 0) {
    return { step: 'clock', to: Math.min(...due) + at([-1, 0, 0, 1, 1_800_000, DAY, 40 * DAY], raw.c) };
  }
  const unpaid = kind === 'pay' && raw.key % 3 === 0 ? unpaidEnds(world) : [];
  if (unpaid.length > 0) return { step: 'clock', to: at(unpaid, raw.user) + at([0, 1, 1_800_000, DAY], raw.c) };
  const meant = sensible(kind, raw, world);
  const call = makePlanCall(meant, raw, world, kind === 'pay' && meant === 'setPlan' ? PAYMENT_PLANS : PLANS);
  return call && { step: 'call', call, retry: 'no' };
}

/** When periods end that are followed by none that is paid. */
function unpaidEnds({ users, oracle, clockNow }: World): number[] {
  const subscriptions = users.flatMap((user) => oracle.stored(user).plans.subscription ?? []);
  const unpaid = subscriptions.filter((one) => isPayable(one) && one.paid.length === 0);
  return unpaid.map(({ bill }) => bill.end).filter((end) => end > clockNow);
}

function sensible(kind: PlanKind, raw: Raw, world: World): PlanKind {
  const { users, oracle, clockNow } = world;
  if (raw.d % 4 === 3 && claimedToday(world).length > 0) return 'claim';
  if (!OF_SUBSCRIBERS.has(kind) || raw.d % 5 === 4) return kind;
  const subscriptions = users.flatMap((user) => oracle.stored(user).plans.subscription ?? []);
  if (kind === 'pay') return subscriptions.some((one) => isPayable(one) && isCurrent(one, clockNow)) ? kind : 'setPlan';
  if (kind === 'resume' && subscriptions.some(({ status }) => status === 'paused')) return kind;
  const isAny = subscriptions.some((one) => isCurrent(one, clockNow));
  return isAny ? (kind === 'resume' ? 'pause' : kind) : 'setPlan';
}

const OF_SUBSCRIBERS: ReadonlySet<PlanKind> = new Set<PlanKind>([
  ...(['upgrade', 'cancel', 'pause', 'resume', 'remove', 'grace', 'pay', 'allocate'] as const),
]);

const PAYMENT_PLANS = PLANS.filter(isByPayment);

/** The codes with limits of a day that somebody claimed today: these are claimed again. */
function claimedToday({ users, oracle, clockNow }: World) {
  const days = (code: string) => users.flatMap((user) => oracle.stored(user).plans.claims.get(code) ?? []);
  const today = Math.floor(clockNow / DAY);
  return PROMOS.filter(
    (one) => (one.maxUsesPerDay ?? one.maxUsesPerUserPerDay) !== null && days(one.code).includes(today),
  );
}

function makePlanCall(kind: PlanKind, raw: Raw, world: World, plans: readonly PlanTerms[]): Call | null {
  const { label } = world;
  const key = raw.key % 5 < 2 ? `k${(raw.key >> 3) % 8}` : null;
  const common = { label, key };
  switch (kind) {
    case 'setPlan': {
      const call: CallOf<'setPlan'> = {
        ...common,
        op: kind,
        user: at(world.users, raw.user),
        plan: planOf(plans, raw),
      };
      return { ...call, ...autoRenew(raw), ...(raw.c % 9 === 4 && { allocate: false }) };
    }
    case 'upgrade': {
      const call: CallOf<'upgrade'> = { ...common, op: kind, user: subscriber(raw, world), plan: planOf(plans, raw) };
      if (raw.c % 3 === 0) return { ...call, when: 'period_end' };
      const proration = at([undefined, undefined, 'time', 'none'] as const, raw.d);
      return { ...call, ...autoRenew(raw), ...(proration && { proration }) };
    }
    case 'cancel': {
      const when = at([undefined, 'now', 'period_end'] as const, raw.c);
      return { ...common, op: kind, user: subscriber(raw, world), ...(when && { when }) };
    }
    case 'pause':
      return {
        ...common,
        op: kind,
        user: subscriber(raw, world),
        ...(raw.c % 3 > 0 && { freezeCredits: raw.c % 3 === 1 }),
      };
    case 'remove':
      return { ...common, op: kind, user: subscriber(raw, world) };
    case 'resume':
      return { ...common, op: kind, user: subscriber(raw, world, ({ status }) => status === 'paused') };
    case 'grace': {
      const user = subscriber(raw, world, isPayable);
      const end = world.oracle.read(user, world.clockNow).account.plans.subscription?.bill.end ?? world.clockNow;
      const until = Math.max(end, raw.b % 7 === 0 ? 0 : world.clockNow) + at([1, DAY, 9 * DAY, 0, -DAY], raw.c);
      return { ...common, op: kind, user, until };
    }
    case 'pay': {
      const user = subscriber(raw, world, isPayable);
      const call = { label, op: kind, user, key: raw.key % 9 === 0 ? `k${(raw.key >> 3) % 8}` : `paid-${label}` };
      const periodStart = paidStart(raw, world, user);
      return { ...call, ...(periodStart !== undefined && { periodStart }) };
    }
    case 'allocate': {
      const one = world.oracle.stored(subscriber(raw, world)).plans.subscription;
      const earlier = world.made.filter(({ op }) => op === 'setPlan');
      const any = raw.a % 8 === 3 ? at(earlier, raw.b)?.label : one?.label;
      return any === undefined ? null : { ...common, op: kind, subscription: any };
    }
    case 'startCycle': {
      const amount = at([0n, 10n * MICRO, 7_000_001n, 25n * MICRO, 1n], raw.b);
      const days = at([undefined, 1, 1, 2, 7], raw.c);
      const recurring = at([undefined, true, true, false], raw.d);
      const call: CallOf<'startCycle'> = { ...common, op: kind, user: at(world.users, raw.user), amount };
      return { ...call, ...(days !== undefined && { days }), ...(recurring !== undefined && { recurring }) };
    }
    case 'stopCycle': {
      const cycles = world.users.flatMap((user) => [...world.oracle.stored(user).plans.cycles.values()]);
      const cycle = raw.a % 12 === 5 ? undefined : pickCycle(cycles, raw);
      return { ...common, op: kind, cycle: cycle?.label ?? 'nothing' };
    }
    case 'claim': {
      const again = raw.d % 4 > 0 ? claimedToday(world) : [];
      // A referrer who takes no part would be compared by nobody.
      const all = PROMOS.filter(({ referrer }) => referrer === null || world.users.includes(referrer.user));
      const ofReferrers = all.filter(({ referrer }) => referrer !== null);
      const { code } = at(again.length > 0 ? again : raw.c % 3 === 0 ? ofReferrers : all, raw.b);
      return { ...common, op: kind, user: at(world.users, raw.user), code: raw.a % 12 === 5 ? 'NOBODY' : code };
    }
    case 'runAllocation': {
      const asOf = raw.a % 6 === 0 ? world.clockNow - at([1, 60_000, DAY, -DAY], raw.b) : undefined;
      return { label, key: null, op: kind, ...(asOf !== undefined && { asOf }) };
    }
    case 'revise': {
      const plan = world.oracle.stored(subscriber(raw, world)).plans.subscription?.terms.name ?? at(PLANS, raw.b).name;
      const limit = at([10n * MICRO, 77n * MICRO, 33_333_334n, 150n * MICRO], raw.a);
      const applyTo = at([undefined, 'new', 'renewals', 'renewals'] as const, raw.c);
      return { label, key: null, op: kind, plan, limit, ...(applyTo && { applyTo }) };
    }
    case 'offer': {
      const plan = at(PLANS, raw.b).name;
      return { label, key: null, op: kind, plan, isActive: world.oracle.withdrawn.has(plan) };
    }
  }
}

/** The same call with one field changed; null where it has none. */
export function changePlanCall(call: Call, raw: Raw): Call | null {
  switch (call.op) {
    case 'setPlan':
    case 'upgrade': {
      const others = PLANS.filter(({ name }) => name !== call.plan);
      return { ...call, plan: at(others, raw.b).name };
    }
    case 'grace':
      return { ...call, until: call.until + 1 };
    case 'pause':
      return { ...call, freezeCredits: !call.freezeCredits };
    case 'cancel':
      return { ...call, when: call.when === 'now' ? 'period_end' : 'now' };
    case 'pay':
      return { ...call, periodStart: (call.periodStart ?? 1_767_225_600_000) + 1 };
    case 'startCycle':
      return raw.b % 2 === 0 ? { ...call, amount: call.amount + 1n } : { ...call, days: (call.days ?? 30) + 1 };
    case 'claim': {
      const others = PROMOS.filter(({ code, referrer }) => code !== call.code && referrer === null);
      return { ...call, code: at(others, raw.b).code };
    }
    default:
      return null;
  }
}

function planOf(plans: readonly PlanTerms[], raw: Raw): string {
  return raw.a % 40 === 39 ? 'nobody' : at(plans, raw.a).name;
}

function isPayable({ next, terms, renews, status }: Subscription): boolean {
  return renews && status !== 'paused' && isByPayment(next ?? terms);
}

/** Near the start of the current period, of one that is paid, of the next one that is not, or of one too far. */
function paidStart(raw: Raw, { oracle, clockNow }: World, user: string): number | undefined {
  const { subscription } = oracle.read(user, clockNow).account.plans;
  if (!subscription || raw.b % 2 === 0) return undefined;
  let period = subscription;
  const next = subscription.paid.length + 1;
  for (let left = at([next, next, next, 0, 1, next + 1, next + 2], raw.c); left > 0; left -= 1)
    period = nextPeriod(period);
  const { start, end } = period.bill;
  const half = Math.floor((end - start) / 2);
  return start + at([0, 0, 1, -180_000, 1 - half, half - 1, half, -half], raw.a);
}

function autoRenew(raw: Raw): { autoRenew?: boolean } {
  const given = at([undefined, undefined, undefined, undefined, true, false], raw.b);
  return given === undefined ? {} : { autoRenew: given };
}

/** Mostly a user whose subscription the call is about. */
function subscriber(raw: Raw, { users, oracle, clockNow }: World, isMeant?: (one: Subscription) => boolean): string {
  if (raw.d % 8 === 1) return at(users, raw.user);
  const meant = users.filter((user) => {
    const { account, now } = oracle.read(user, clockNow);
    const { subscription } = account.plans;
    return subscription && (isMeant ? isMeant(subscription) : isCurrent(subscription, now));
  });
  return at(meant.length > 0 ? meant : users, raw.user);
}

function pickCycle(cycles: readonly Cycle[], raw: Raw): Cycle | undefined {
  const active = cycles.filter(({ status }) => status === 'active');
  return at(active.length > 0 && raw.c % 4 > 0 ? active : cycles, raw.b);
}
