/** Calls of plans, cycles and promo codes as the oracle decides them: whose they are, and what they are made of. */
import { CREDIT_TYPE, nameOf, userOf } from './account-names.js';
import { type Call, type CallOf, type Nothing, type Outcome, Refusal, Unspecified } from './oracle-call.js';
import { claim, renewCycle, startCycle, stopCycle } from './oracle-cycles.js';
import { pay } from './oracle-payments.js';
import { accountsOf, dueAt, ownType, PLANS, type PlanTerms, PROMOS } from './oracle-plans.js';
import type { Account, Result } from './oracle-state.js';
import { change, type Drafts, type Offered, type Revision, renew, subscribe } from './oracle-subscriptions.js';

/** Operations that a row may need of one run of a job. */
const ROUNDS_MAX = 50;

export type PlanCall = Extract<
  Call,
  {
    op:
      | ('setPlan' | 'upgrade' | 'cancel' | 'pause' | 'resume' | 'remove' | 'grace' | 'pay' | 'allocate')
      | ('startCycle' | 'stopCycle' | 'renewCycle' | 'claim');
  }
>;

/** Calls of no user. */
export type JobCall = Extract<Call, { op: 'runAllocation' | 'offer' | 'revise' }>;

interface World {
  readonly accounts: Iterable<Account>;
  /** Since when plans are not offered, by name. */
  readonly withdrawn: Map<string, number>;
  readonly offered: Offered;
  readonly revisions: Map<string, readonly Revision[]>;
  readonly startedAt: number;
  stored(name: string): Account;
  decideOnce(call: Call, clockNow: number): Outcome;
}

export function ownerOfSubscription(accounts: Iterable<Account>, label: string): string {
  for (const { user, plans } of accounts) {
    const { subscription } = plans;
    if (subscription?.label === label) return user;
  }
  throw new Refusal('SUBSCRIPTION_NOT_FOUND');
}

export function ownerOfCycle(accounts: Iterable<Account>, label: string): string {
  for (const { user, plans } of accounts) if (plans.cycles.has(label)) return user;
  throw new Refusal('NOT_FOUND');
}

export function applyPlanCall(drafts: Drafts, call: PlanCall, world: World, now: number): Result | Nothing {
  const [draft] = drafts;
  switch (call.op) {
    case 'setPlan':
    case 'upgrade':
      return subscribe(drafts, call, world.offered);
    case 'cancel':
    case 'pause':
    case 'grace':
    case 'resume':
    case 'remove':
      return change(drafts, call);
    case 'pay':
      return pay(drafts, call, world.offered);
    case 'allocate':
      // Of one that was removed only a repeated call is told anything.
      if (draft.account.plans.subscription?.status === 'removed') throw new Refusal('SUBSCRIPTION_NOT_FOUND');
      return renew(drafts, world.offered, now);
    case 'startCycle':
      return startCycle(draft, call);
    case 'stopCycle':
      return stopCycle(draft, call);
    case 'renewCycle':
      return renewCycle(draft, call);
    case 'claim':
      return claim(drafts, call, claimDays(world.accounts, call.code), world.startedAt);
  }
}

function claimDays(accounts: Iterable<Account>, code: string): number[] {
  return [...accounts].flatMap(({ plans }) => plans.claims.get(code) ?? []);
}

/** The accounts beside the first that a call may write. */
export function otherAccounts({ user, plans }: Account, call: Call): string[] {
  switch (call.op) {
    case 'transfer':
      return [call.to];
    case 'setPlan':
    case 'upgrade': {
      const plan = PLANS.find(({ name }) => name === call.plan);
      return accountsOf(user, plans.subscription, plan).slice(1);
    }
    case 'cancel':
    case 'pause':
    case 'grace':
    case 'resume':
    case 'remove':
    case 'pay':
    case 'allocate':
      return accountsOf(user, plans.subscription).slice(1);
    case 'claim': {
      const owner = PROMOS.find(({ code }) => code === call.code)?.referrer?.user ?? user;
      return owner === user ? [] : [owner];
    }
    default:
      return [];
  }
}

/** The renewal that is due where an account is looked at or decided on; null where none is. */
export function dueRenewal(world: World, name: string, now: number): string | null {
  const { subscription } = world.stored(nameOf(userOf(name), CREDIT_TYPE)).plans;
  const { plans, lastAt } = world.stored(name);
  return subscription && plans.due !== null && plans.due <= Math.max(now, lastAt) ? subscription.label : null;
}

/** Rule 10: what is due of the subscription behind these accounts is written before a call is decided on them. */
export function renewFirst(world: World, names: readonly string[], { label }: Call, clockNow: number): void {
  for (const name of names) {
    const subscription = dueRenewal(world, name, Math.max(clockNow, world.stored(name).lastAt));
    if (subscription === null) continue;
    rounds(world, [{ op: 'allocate', label: `${label}~${name}`, key: null, subscription }], clockNow);
  }
}

export function decideForAll(world: World, call: JobCall, clockNow: number): Outcome {
  if (call.op === 'runAllocation') return runAllocation(world, call, clockNow);
  if (call.op === 'revise') {
    const earlier = world.revisions.get(call.plan) ?? [];
    const before = world.offered.terms(call.plan) as PlanTerms;
    const limits = { ...before.limits, [ownType(before)]: call.limit };
    const terms = { ...before, limits, version: earlier.length + 1 };
    const revision = { from: clockNow, terms, isForRenewals: call.applyTo === 'renewals' };
    world.revisions.set(call.plan, [...earlier, revision]);
    const value = { planId: call.plan, creditLimit: Number(call.limit) / 1e6 };
    return { status: 'ok', result: { kind: 'plan', value }, replayed: false, applied: true };
  }
  if (call.isActive) world.withdrawn.delete(call.plan);
  else world.withdrawn.set(call.plan, world.withdrawn.get(call.plan) ?? clockNow);
  const value = { planId: call.plan, isActive: call.isActive };
  return { status: 'ok', result: { kind: 'plan', value }, replayed: false, applied: true };
}

/** Subscriptions, then cycles, that are due by the clock, in the order in which they are. */
function runAllocation(world: World, { asOf, label }: JobCall & { asOf?: number }, clockNow: number): Outcome {
  const by = Math.min(asOf ?? clockNow, clockNow);
  const subscriptions: { due: number; call: Call }[] = [];
  const cycles: { due: number; call: Call }[] = [];
  for (const { plans } of world.accounts) {
    const { subscription } = plans;
    const due = subscription && dueAt(subscription);
    if (subscription && due !== null && due <= by) {
      const call = { op: 'allocate', label: `${label}~${subscription.label}`, key: null } as const;
      subscriptions.push({ due, call: { ...call, subscription: subscription.label } });
    }
    // At one instant in the order of their ids: a recurring one first.
    for (const cycle of [...plans.cycles.values()].sort((a, b) => Number(b.recurring) - Number(a.recurring))) {
      if (cycle.status !== 'active' || cycle.end > by) continue;
      const call = { op: 'renewCycle', label: `${label}~${cycle.label}`, key: null, cycle: cycle.label } as const;
      cycles.push({ due: cycle.end, call });
    }
  }
  const total = { processed: 0, granted: 0n, skippedCount: 0 };
  for (const due of [subscriptions, cycles]) {
    const calls = due.sort((a, b) => a.due - b.due).map((row) => row.call);
    const { granted, refused } = rounds(world, calls, clockNow);
    total.processed += calls.length - refused;
    total.granted += granted;
    total.skippedCount += refused;
  }
  const value = { status: 'completed', ...total, granted: Number(total.granted) / 1e6 };
  return { status: 'ok', result: { kind: 'plan', value }, replayed: false, applied: total.processed > 0 };
}

/** All periods that have begun: what one operation leaves is made up for by others, of which no key tells. */
export function allocateAll(world: World, call: CallOf<'allocate'>, clockNow: number): Outcome {
  const first = world.decideOnce(call, clockNow);
  if (first.status === 'refused' || first.result.kind !== 'plan') return first;
  const isLate = dueRenewal(world, ownerOfSubscription(world.accounts, call.subscription), clockNow) !== null;
  if (first.replayed && isLate) throw new Unspecified('A repeated call may make up for what has become due since.');
  if (!first.applied) return first;
  let own = first.result.own ?? 0n;
  for (let round = 1; round < ROUNDS_MAX; round += 1) {
    const next = world.decideOnce({ ...call, key: null, label: `${call.label}~${round}` }, clockNow);
    if (next.status === 'refused') return next;
    if (next.result.kind !== 'plan' || !next.applied) break;
    if (call.key === null) own += next.result.own ?? 0n;
  }
  return { ...first, result: { ...first.result, value: { ...first.result.value, granted: Number(own) / 1e6 } } };
}

/** Each again for as long as it writes anything, all of them in turn. */
function rounds(world: World, calls: readonly Call[], clockNow: number): { granted: bigint; refused: number } {
  const granted = new Map<Call, bigint>(calls.map((call) => [call, 0n]));
  let refused = 0;
  let open = calls;
  for (let round = 0; round < ROUNDS_MAX && open.length > 0; round += 1) {
    open = open.filter((call) => {
      const outcome = world.decideOnce({ ...call, label: `${call.label}~${round}` }, clockNow);
      if (outcome.status === 'refused') {
        refused += 1;
        granted.delete(call);
        return false;
      }
      if (outcome.result.kind !== 'plan' || !outcome.applied) return false;
      granted.set(call, (granted.get(call) ?? 0n) + (outcome.result.total ?? 0n));
      return true;
    });
  }
  return { granted: [...granted.values()].reduce((sum, one) => sum + one, 0n), refused };
}
