/** Every call of the store fails once, in every way, under every verb of plans, promo codes and cycles. */
import { afterAll, describe, expect, test } from 'vitest';
import { amount, someOf } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { MONTHLY } from '../support/plan-world.js';
import { oneShots, pairs, type Shot } from '../support/shots.js';
import { type Case, inject, type Manager, referenceOf } from './walk-world.js';

const both = { ...MONTHLY, alsoGrants: [{ creditType: 'image', creditLimit: 5 }] };

async function onPlan({ subscriptions }: Manager) {
  const plan = await subscriptions.addSubscriptionPlan(both);
  const big = await subscriptions.addSubscriptionPlan({ ...both, name: 'Big', creditLimit: 300 });
  const set = await subscriptions.setUserSubscriptionPlan('u', plan);
  return { plan, big, set };
}
type Plans = Awaited<ReturnType<typeof onPlan>>;
const welcome = ({ promos }: Manager) =>
  promos.createPromo({ code: 'WELCOME', credits: 50, maxUses: 3, maxUsesPerDay: 3 });

const CASES: readonly Case[] = [
  { name: 'addSubscriptionPlan', run: ({ subscriptions }, o) => subscriptions.addSubscriptionPlan(both, o) },
  {
    name: 'updateSubscriptionPlan',
    prepare: onPlan,
    run: ({ subscriptions }, o, { plan }: Plans) =>
      subscriptions.updateSubscriptionPlan({ id: plan.id, creditLimit: 7, price: 3 }, o),
  },
  {
    name: 'deactivateSubscriptionPlan',
    prepare: onPlan,
    run: ({ subscriptions }, o, { plan }: Plans) => subscriptions.deactivateSubscriptionPlan(plan, o),
  },
  {
    name: 'deleteSubscriptionPlan',
    prepare: onPlan,
    run: ({ subscriptions }, o, { big }: Plans) => subscriptions.deleteSubscriptionPlan(big, o),
  },
  {
    name: 'set',
    prepare: ({ subscriptions }) => subscriptions.addSubscriptionPlan(both),
    run: ({ subscriptions }, o, plan: Plans['plan']) => subscriptions.setUserSubscriptionPlan('u', plan, o),
  },
  {
    name: 'upgrade',
    prepare: onPlan,
    run: ({ subscriptions }, o, { big }: Plans) => subscriptions.upgradeUserSubscriptionPlan('u', big, o),
  },
  {
    name: 'upgrade at the end of the period',
    prepare: onPlan,
    run: ({ subscriptions }, o, { big }: Plans) =>
      subscriptions.upgradeUserSubscriptionPlan('u', big, { ...o, when: 'period_end' }),
  },
  {
    name: 'cancel',
    prepare: onPlan,
    run: ({ subscriptions }, o) => subscriptions.cancelUserSubscription('u', { ...o, when: 'now' }),
  },
  { name: 'pause', prepare: onPlan, run: ({ subscriptions }, o) => subscriptions.pauseUserSubscription('u', o) },
  {
    name: 'resume',
    prepare: async (manager, clock) => {
      await onPlan(manager);
      await manager.subscriptions.pauseUserSubscription('u');
      clock.advance({ days: 3 });
    },
    run: ({ subscriptions }, o) => subscriptions.resumeUserSubscription('u', o),
  },
  {
    name: 'pause that freezes credits',
    prepare: onPlan,
    run: ({ subscriptions }, o) => subscriptions.pauseUserSubscription('u', { ...o, freezeCredits: true }),
  },
  {
    name: 'resume of frozen credits',
    prepare: async (manager, clock) => {
      await onPlan(manager);
      await manager.subscriptions.pauseUserSubscription('u', { freezeCredits: true });
      clock.advance({ days: 3 });
    },
    run: ({ subscriptions }, o) => subscriptions.resumeUserSubscription('u', o),
  },
  {
    name: 'updateSubscriptionPlan for renewals',
    prepare: onPlan,
    run: ({ subscriptions }, o, { plan }: Plans) =>
      subscriptions.updateSubscriptionPlan({ id: plan.id, creditLimit: 7 }, { ...o, applyTo: 'renewals' }),
  },
  {
    name: 'upgrade to a lower limit',
    prepare: async (manager) => {
      const { plan, big } = await onPlan(manager);
      await manager.subscriptions.upgradeUserSubscriptionPlan('u', big);
      return plan;
    },
    run: ({ subscriptions }, o, plan: Plans['plan']) => subscriptions.upgradeUserSubscriptionPlan('u', plan, o),
  },
  {
    name: 'renew of a yearly plan that grants monthly',
    prepare: async ({ subscriptions }, clock) => {
      const yearly = { ...both, billingPeriod: 'yearly', allocationPeriod: 'monthly' } as const;
      const set = await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(yearly));
      clock.advance({ days: 65 });
      return set;
    },
    run: ({ expiration }, o, set: Plans['set']) => expiration.allocateSubscriptionCredits(set, undefined, o),
  },
  {
    name: 'setGracePeriod',
    prepare: async ({ subscriptions, expiration }, clock) => {
      const plan = await subscriptions.addSubscriptionPlan({ ...both, renewOn: 'payment', graceDays: 5 });
      const set = await subscriptions.setUserSubscriptionPlan('u', plan);
      clock.advance({ days: 33 });
      // What is due is an operation of its own, and stays written where the call is not.
      await expiration.allocateSubscriptionCredits(set);
      return new Date(clock.now().getTime() + 86_400_000);
    },
    run: ({ subscriptions }, o, until: Date) => subscriptions.setGracePeriod('u', { ...o, until }),
  },
  {
    name: 'delete',
    prepare: onPlan,
    run: ({ subscriptions }, o) => subscriptions.deleteUserSubscriptionPlan('u', o),
  },
  {
    name: 'renew after three periods',
    prepare: async (manager, clock) => {
      const { set } = await onPlan(manager);
      clock.advance({ days: 95 });
      return set;
    },
    run: ({ expiration }, o, set: Plans['set']) => expiration.allocateSubscriptionCredits(set, undefined, o),
  },
  {
    name: 'startCycle',
    run: ({ subscriptions }, o) => subscriptions.startCycle('u', { ...o, amount: 5, recurring: true }),
  },
  {
    name: 'startCycle without a user',
    run: ({ subscriptions }, o) => subscriptions.startCycle(null, { ...o, amount: 5 }),
  },
  {
    name: 'stopCycle',
    prepare: ({ subscriptions }) => subscriptions.startCycle('u', { amount: 5, recurring: true }),
    run: ({ subscriptions }, o, cycle: { id: string }) => subscriptions.stopCycle(cycle, o),
  },
  { name: 'createPromo', run: (manager, o) => manager.promos.createPromo({ code: 'C', credits: 5 }, o) },
  { name: 'togglePromo', prepare: welcome, run: ({ promos }, o) => promos.togglePromo('WELCOME', o) },
  {
    name: 'updatePromo',
    prepare: welcome,
    run: ({ promos }, o) => promos.updatePromo({ code: 'welcome', maxUses: 9 }, o),
  },
  { name: 'claimPromo', prepare: welcome, run: ({ promos }, o) => promos.claimPromo('u', 'welcome', o) },
  {
    name: 'claimPromo of a referral code',
    prepare: ({ promos }) =>
      promos.createPromo({ code: 'ANN', credits: 5, maxUses: 3, referrerId: 'ann', referrerCredits: 2 }),
    run: ({ promos }, o) => promos.claimPromo('u', 'ann', o),
  },
];

const STEP = amount('CREDIT_WALK_STEP');
const counts: Record<string, number> = {};
afterAll(() => {
  console.log(`plans: injection points ${JSON.stringify(counts)}`);
  expect(counts.resolved).toBeGreaterThan(400 / STEP);
  expect(counts.not_applied).toBeGreaterThan(120 / STEP);
});

describe.each(CASES)('$name', (operation) => {
  test.each([
    { how: 'any one call fails', shotsOf: oneShots },
    { how: 'a commit gets no answer and one of the next calls fails too', shotsOf: pairs },
  ])('is all or nothing, at most once, when $how', async ({ shotsOf }) => {
    const failures: string[] = [];
    for (const keyed of [true, false]) {
      const reference = await referenceOf({ operation, keyed });
      const all: Shot[] = reference.calls.flatMap((method, i) => [...shotsOf(i + 1, method)]);
      const shots = someOf(all, STEP, SEED);
      await Promise.all(
        shots.map(async (shot) => {
          try {
            const outcome = await inject({ operation, keyed }, reference, shot);
            counts[outcome] = (counts[outcome] ?? 0) + 1;
          } catch (error) {
            const fates = Array.from({ length: 9 }, (_, i) => shot.fault.fateOf(i + 1) ?? '.').join(' ');
            const where = `${keyed ? 'keyed' : 'unkeyed'} [${fates}] ${shot.fault.landing}, ${shot.landing}`;
            failures.push(`${where} of ${reference.calls}: ${(error as Error).message}`);
          }
        }),
      );
    }
    expect(failures.slice(0, 4), `${failures.length} went wrong`).toEqual([]);
  });
});
