/** The plans, subscriptions, cycles and promo codes of the library under test, and which id is which. */
import type { CreditManagement, Cycle, UserSubscription } from '../../src/index.js';
import { type Answer, credits, type Library } from './library.js';
import type { Call } from './oracle-call.js';
import type { JobCall, PlanCall } from './oracle-plan-calls.js';
import { PLANS, PROMOS, recurringLabel } from './oracle-plans.js';

type Value = Readonly<Record<string, unknown>>;

const PLAN_OPS: ReadonlySet<Call['op']> = new Set<Call['op']>([
  ...(['setPlan', 'upgrade', 'cancel', 'pause', 'resume', 'remove', 'grace', 'pay', 'allocate'] as const),
  ...(['startCycle', 'stopCycle', 'claim', 'runAllocation', 'offer', 'revise'] as const),
]);

export function isPlanCall(call: Call): call is PlanCall | JobCall {
  return PLAN_OPS.has(call.op);
}

export class PlanBook {
  readonly #library: Library;
  readonly #planIds = new Map<string, string>();
  /** Names of plans, and labels of subscriptions and cycles, by id; and back. */
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  constructor(library: Library) {
    this.#library = library;
  }

  /** Makes the plans and promo codes that the oracle knows. */
  async define({ subscriptions, promos }: CreditManagement, startedAt: number): Promise<void> {
    for (const { name, limits, unit, every, days, trialDays, rolloverCap, graceDays } of PLANS) {
      const grants = Object.entries(limits).map(([creditType, limit]) => ({ creditType, creditLimit: credits(limit) }));
      const [own, ...alsoGrants] = grants as [(typeof grants)[0], ...typeof grants];
      const more = { ...(days !== null && { validityDays: days }), ...(trialDays > 0 && { trialDays }) };
      const often = every === null ? {} : { allocationPeriod: every };
      const cap = rolloverCap === null ? {} : { rolloverCap: credits(rolloverCap) };
      const pays = graceDays === null ? {} : ({ renewOn: 'payment', graceDays } as const);
      const terms = { name, ...own, price: 0, billingPeriod: unit, ...often, ...more, ...cap, ...pays };
      const { id } = await subscriptions.addSubscriptionPlan({ ...terms, alsoGrants });
      this.#planIds.set(name, id);
      this.#names.set(id, name);
    }
    for (const { code, credits: amount, validFromMs, validUntilMs, onlyFor, referrer, ...uses } of PROMOS) {
      const validFrom = new Date(startedAt + validFromMs);
      const ends = validUntilMs === null ? {} : { validUntil: new Date(startedAt + validUntilMs) };
      const target = onlyFor === null ? {} : ({ targetType: 'specific_users', targetUserIds: [onlyFor] } as const);
      const refers = referrer && { referrerId: referrer.user, referrerCredits: credits(referrer.credits) };
      await promos.createPromo({ code, credits: credits(amount), validFrom, ...ends, ...target, ...refers, ...uses });
    }
  }

  planId(name: string): string {
    return this.#planIds.get(name) ?? `no-plan-${name}`;
  }

  /** The name that stands for an id; a plan of a grant that is none of ours keeps its id. */
  nameOf(id: string | null): string | null {
    return id === null ? null : (this.#names.get(id) ?? id);
  }

  #idOf(label: string): string {
    return this.#ids.get(label) ?? `nobody-${label}`;
  }

  #learn(id: string, label: string): void {
    if (this.#names.has(id)) return;
    this.#names.set(id, label);
    this.#ids.set(label, id);
  }

  view(subscription: UserSubscription): Value {
    const { id, planId, nextPlanId } = subscription;
    return {
      ...subscription,
      ...{ id: this.nameOf(id), planId: this.nameOf(planId), nextPlanId: this.nameOf(nextPlanId) },
    };
  }

  viewCycle(cycle: Cycle): Value {
    return { ...cycle, id: this.nameOf(cycle.id) };
  }

  async perform(manager: CreditManagement, call: PlanCall | JobCall): Promise<Answer> {
    return { status: 'plan', value: await this.#perform(manager, call) };
  }

  async #perform(manager: CreditManagement, call: PlanCall | JobCall): Promise<Value> {
    const { subscriptions, promos, expiration, jobs } = manager;
    const key = call.key === null ? {} : { idempotencyKey: call.key };
    switch (call.op) {
      case 'setPlan': {
        const options = { ...key, autoRenew: call.autoRenew, allocate: call.allocate };
        return this.#subscribed(
          call,
          await subscriptions.setUserSubscriptionPlan(call.user, this.planId(call.plan), options),
        );
      }
      case 'upgrade': {
        const { when, autoRenew, proration } = call;
        const plan = { id: this.planId(call.plan) };
        const options = { ...key, when, autoRenew, proration };
        return this.#subscribed(call, await subscriptions.upgradeUserSubscriptionPlan(call.user, plan, options));
      }
      case 'cancel':
        return this.view(await subscriptions.cancelUserSubscription(call.user, { ...key, when: call.when }));
      case 'pause':
        return this.view(
          await subscriptions.pauseUserSubscription(call.user, { ...key, freezeCredits: call.freezeCredits }),
        );
      case 'grace':
        return this.view(await subscriptions.setGracePeriod(call.user, { ...key, until: new Date(call.until) }));
      case 'resume':
        return this.view(await subscriptions.resumeUserSubscription(call.user, key));
      case 'remove':
        return { removed: await subscriptions.deleteUserSubscriptionPlan(call.user, key) };
      case 'pay': {
        const periodStart = call.periodStart === undefined ? {} : { periodStart: new Date(call.periodStart) };
        return this.view(await subscriptions.renewSubscription(call.user, { paymentId: call.key, ...periodStart }));
      }
      case 'allocate': {
        const id = this.#idOf(call.subscription);
        return { ...(await expiration.allocateSubscriptionCredits(id, undefined, key)) };
      }
      case 'startCycle': {
        const { user, days, recurring } = call;
        const options = { ...key, amount: credits(call.amount), days, recurring };
        const cycle = await subscriptions.startCycle(user, options);
        this.#learn(cycle.id, recurring ? recurringLabel(user) : call.label);
        return this.viewCycle(cycle);
      }
      case 'stopCycle':
        return this.viewCycle(await subscriptions.stopCycle(this.#idOf(call.cycle), key));
      case 'claim': {
        const claim = await promos.claimPromo(call.user, ` ${call.code.toLowerCase()} `, key);
        if (!claim.success) return { ...claim };
        return { ...claim, entry: await this.#library.entryNamed(claim.transactionId ?? '', call.user) };
      }
      case 'runAllocation':
        return { ...(await jobs.runAllocation(call.asOf === undefined ? {} : { asOf: new Date(call.asOf) })) };
      case 'revise': {
        const change = { id: this.planId(call.plan), creditLimit: credits(call.limit) };
        const plan = await subscriptions.updateSubscriptionPlan(change, { applyTo: call.applyTo });
        return { planId: this.nameOf(plan.id), creditLimit: plan.creditLimit };
      }
      case 'offer': {
        const id = this.planId(call.plan);
        const plan = call.isActive
          ? await subscriptions.activateSubscriptionPlan(id)
          : await subscriptions.deactivateSubscriptionPlan(id);
        return { planId: this.nameOf(plan.id), isActive: plan.isActive };
      }
      case 'renewCycle':
        throw new Error('Only a job renews a cycle.');
    }
  }

  #subscribed({ label }: Call, subscription: UserSubscription): Value {
    this.#learn(subscription.id, label);
    return this.view(subscription);
  }
}
