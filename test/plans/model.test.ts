/** Random lives of subscriptions, compared step by step with an oracle. CREDIT_PLAN_RUNS of them, CREDIT_SEED. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Oracle, type OraclePlan } from '../model/calendar.js';
import { amount } from '../support/amounts.js';
import { SEED } from '../support/chance.js';
import { MONTHLY, memoryWorld } from '../support/plan-world.js';

const RUNS = amount('CREDIT_PLAN_RUNS');
const UNITS = 1_000_000;
const PLANS: readonly OraclePlan[] = [
  { limit: 100 * UNITS, days: null },
  { limit: 300 * UNITS, days: null },
  { limit: 70 * UNITS, days: 7 },
  { limit: 120 * UNITS, days: 45 },
];
const START = Date.parse('2027-01-31T10:00:00Z');
const DAY = 86_400_000;

const step = fc.record({
  kind: fc.constantFrom('set', 'upgrade', 'later', 'cancel', 'pause', 'resume', 'delete', 'renew', 'time', 'deduct'),
  plan: fc.nat({ max: PLANS.length - 1 }),
  days: fc.oneof(fc.constantFrom(1, 28, 30, 31), fc.nat({ max: 100 })),
  amount: fc.integer({ min: 1, max: 150 }),
});

const unitsOf = (credits: number) => Math.round(credits * UNITS);

test(`${RUNS} random lives agree with the oracle: periods, grants and balances`, async () => {
  const counts: Record<string, number> = {};
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25, size: 'max' }), async (steps) => {
    const world = memoryWorld();
    world.clock.set(new Date(START));
    const { subscriptions, credits, jobs } = world.manager;
    const ids: string[] = [];
    for (const { limit, days } of PLANS) {
      const plan = { ...MONTHLY, creditLimit: limit / UNITS, ...(days !== null && { validityDays: days }) };
      ids.push((await subscriptions.addSubscriptionPlan({ ...plan, creditDecimals: 6 })).id);
    }
    const oracle = new Oracle(START);
    for (const { kind, plan, days, amount: wanted } of steps) {
      const [id, terms] = [ids[plan] as string, PLANS[plan] as OraclePlan];
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (kind === 'time') {
        oracle.now += days * DAY;
        world.clock.advance({ days });
      } else if (kind === 'deduct') {
        const part = Math.min(wanted * UNITS, oracle.balance);
        if (part > 0) await credits.deductCredits('u', part / UNITS);
        oracle.deduct(part);
      } else if (kind === 'renew') {
        await jobs.runAllocation();
        oracle.renew();
      } else if (kind === 'set') {
        await subscriptions.setUserSubscriptionPlan('u', id);
        oracle.set(terms);
      } else if (kind === 'upgrade' || kind === 'later') {
        const when = kind === 'later' ? 'period_end' : 'now';
        await subscriptions.upgradeUserSubscriptionPlan('u', id, { when });
        oracle.upgrade(terms, when);
      } else {
        oracle.renew();
        const mayBe = kind === 'resume' ? oracle.isPaused : oracle.isOn;
        const call = {
          cancel: () => subscriptions.cancelUserSubscription('u'),
          pause: () => subscriptions.pauseUserSubscription('u'),
          resume: () => subscriptions.resumeUserSubscription('u'),
          delete: () => subscriptions.deleteUserSubscriptionPlan('u'),
        }[kind];
        const answer = await call().catch(({ code }: { code: string }) => code);
        if (kind !== 'delete') expect(answer === 'SUBSCRIPTION_NOT_FOUND', kind).toBe(!mayBe);
        if (mayBe && kind === 'cancel') oracle.cancel();
        if (mayBe && kind === 'pause') oracle.pause();
        if (mayBe && kind === 'resume') oracle.resume();
        if (mayBe && kind === 'delete') oracle.remove();
      }
      await jobs.runAllocation();
      oracle.renew();
      const row = await subscriptions.getUserSubscriptionPlan('u');
      const isOn = row !== null && row.status !== 'ended' && row.status !== 'cancelled';
      expect(isOn ? [row.periodStart.getTime(), row.periodEnd.getTime()] : null, kind).toEqual(oracle.period);
      expect(unitsOf((await credits.getUserCreditsInfo('u')).balance), kind).toBe(oracle.balance);
      const granted = world.events.filter(({ type }) => type === 'subscription.allocated');
      const sum = granted.reduce((total, { data }) => total + unitsOf((data as { amount: number }).amount), 0);
      expect(sum, kind).toBe(oracle.granted);
    }
    await world.expectSound();
  });
  console.log(`SEED=${SEED} CREDIT_PLAN_RUNS=${RUNS}`);
  await fc.assert(property, { seed: SEED, numRuns: RUNS });
  console.log(`plans: ${JSON.stringify(counts)}`);
});
