/** Calls of plans, cycles and promo codes as the oracle decides them: whose they are, and what they are made of. */
import { type Call, type Nothing, type Outcome, Refusal } from './oracle-call.js';
import { claim, renewCycle, startCycle, stopCycle } from './oracle-cycles.js';
import { accountsOf, dueAt, PLANS } from './oracle-plans.js';
import type { Account, Result } from './oracle-state.js';
import { change, type Drafts, renew, subscribe } from './oracle-subscriptions.js';

/** Operations that a row may need of one run of a job. */
const ROUNDS_MAX = 50;

export type PlanCall = Extract<
  Call,
  {
    op:
      | ('setPlan' | 'upgrade' | 'cancel' | 'pause' | 'resume' | 'remove' | 'allocate')
      | ('startCycle' | 'stopCycle' | 'renewCycle' | 'claim');
  }
>;

/** Calls of no user. */
export type JobCall = Extract<Call, { op: 'runAllocation' | 'offer' }>;

interface World {
  readonly accounts: Iterable<Account>;
  /** Names of the plans that are offered. */
  readonly offered: Set<string>;
  readonly startedAt: number;
  nowOf(user: string, clockNow: number): number;
  decide(call: Call, clockNow: number): Outcome;
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

export function applyPlanCall(drafts: Drafts, call: PlanCall, world: World): Result | Nothing {
  const [draft] = drafts;
  switch (call.op) {
    case 'setPlan':
    case 'upgrade':
      return subscribe(drafts, call, world.offered);
    case 'cancel':
    case 'pause':
    case 'resume':
    case 'remove':
      return change(drafts, call);
    case 'allocate':
      // Of one that was removed only a repeated call is told anything.
      if (draft.account.plans.subscription?.status === 'removed') throw new Refusal('SUBSCRIPTION_NOT_FOUND');
      return renew(drafts, world.offered);
    case 'startCycle':
      return startCycle(draft, call);
    case 'stopCycle':
      return stopCycle(draft, call);
    case 'renewCycle':
      return renewCycle(draft, call);
    case 'claim':
      return claim(draft, call, usesOf(world.accounts, call.code), world.startedAt);
  }
}

function usesOf(accounts: Iterable<Account>, code: string): number {
  let uses = 0;
  for (const { plans } of accounts) uses += plans.claims.get(code) ?? 0;
  return uses;
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
    case 'resume':
    case 'remove':
    case 'allocate':
      return accountsOf(user, plans.subscription).slice(1);
    default:
      return [];
  }
}

/** A change of a subscription is one of the period that runs by now: what a late job left is made up for first. */
export function makeUpFor(world: World, account: Account, { label }: Call, clockNow: number): void {
  const { subscription } = account.plans;
  if (!subscription) return;
  const due = dueAt(subscription);
  if (due === null || due > world.nowOf(account.user, clockNow)) return;
  rounds(world, [{ op: 'allocate', label: `${label}~`, key: null, subscription: subscription.label }], clockNow);
}

export function decideForAll(world: World, call: JobCall, clockNow: number): Outcome {
  if (call.op === 'runAllocation') return runAllocation(world, call, clockNow);
  if (call.isActive) world.offered.add(call.plan);
  else world.offered.delete(call.plan);
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

/** Each again for as long as it writes anything, all of them in turn. */
function rounds(world: World, calls: readonly Call[], clockNow: number): { granted: bigint; refused: number } {
  const granted = new Map<Call, bigint>(calls.map((call) => [call, 0n]));
  let refused = 0;
  let open = calls;
  for (let round = 0; round < ROUNDS_MAX && open.length > 0; round += 1) {
    open = open.filter((call) => {
      const outcome = world.decide({ ...call, label: `${call.label}~${round}` }, clockNow);
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
