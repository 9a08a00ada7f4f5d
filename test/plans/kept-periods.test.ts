/** Neither a late job nor a short pause takes credits away. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

await describeBackends('periods that nobody takes away', (open) => {
  test('a period that began before its plan was deactivated is granted by a job that is late', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 90 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-02-10T00:00:00Z');
    const { deactivatedAt } = await subscriptions.deactivateSubscriptionPlan(plan);
    expect(deactivatedAt).toEqual(world.clock.now());
    world.clock.set('2026-03-10T00:00:00Z');
    await jobs.runAllocation();
    // Those of January and February; that of March began after the plan had ended.
    expect(await world.balance('u')).toBe(200);
    const row = await subscriptions.getUserSubscriptionPlan('u');
    expect(row).toMatchObject({ status: 'ended', validUntil: new Date('2026-03-01T00:00:00Z') });
    await world.expectSound();
  });

  test('deactivating a plan again does not say that it was active until then', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 90 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-01-20T00:00:00Z');
    await subscriptions.deactivateSubscriptionPlan(plan);
    world.clock.set('2026-02-10T00:00:00Z');
    await subscriptions.deactivateSubscriptionPlan(plan);
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(100);
  });

  test('every period that has begun is allocated at once, also when there are hundreds', async () => {
    const world = await open();
    const { subscriptions, expiration } = world.manager;
    const daily = { ...MONTHLY, billingPeriod: 'daily', creditLimit: 1, validityDays: 1000 } as const;
    const { id } = await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(daily));
    world.clock.advance({ days: 250 });
    expect(await expiration.allocateSubscriptionCredits(id)).toEqual({ granted: 250, alreadyAllocated: false });
    expect(await expiration.allocateSubscriptionCredits(id)).toEqual({ granted: 0, alreadyAllocated: true });
    expect(await world.balance('u')).toBe(251);
    await world.expectSound();
  });

  test('what is left of a period rolls over after a pause of a minute', async () => {
    const world = await open();
    const { subscriptions, credits, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: 30 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await credits.deductCredits('u', 20);
    world.clock.set('2026-01-20T00:00:00Z');
    await subscriptions.pauseUserSubscription('u');
    world.clock.set('2026-01-20T00:01:00Z');
    await subscriptions.resumeUserSubscription('u');
    world.clock.set('2026-02-01T00:01:00Z');
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(130);
    await world.expectSound();
  });

  test('credits that expire by themselves do not roll over into the period of another plan', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const short = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 7 });
    const rolling = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 101, rolloverCap: 500 });
    for (const user of ['now', 'later']) await subscriptions.setUserSubscriptionPlan(user, short);
    await subscriptions.upgradeUserSubscriptionPlan('now', rolling, { proration: 'time' });
    await subscriptions.upgradeUserSubscriptionPlan('later', rolling, { when: 'period_end' });
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    expect([await world.balance('now'), await world.balance('later')]).toEqual([102, 101]);
  });
});
