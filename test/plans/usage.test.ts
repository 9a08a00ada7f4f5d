/** Credits of the current period that a subscriber has used. */
import { expect, test } from 'vitest';
import { describeBackends } from '../support/plan-world.js';

await describeBackends('the usage of a subscription', (open) => {
  test('is what was granted this period and what of it was used, by credit type, and of no other grant', async () => {
    const world = await open({ creditTypes: { image: {} } });
    const { credits, subscriptions, jobs, creditType } = world.manager;
    expect(await subscriptions.getUserSubscription('u')).toBeNull();
    const plan = await subscriptions.addSubscriptionPlan({
      ...{ name: 'Pro', creditLimit: 100, price: 0, billingPeriod: 'monthly', rolloverCap: 20 },
      alsoGrants: [{ creditType: 'image', creditLimit: '2.5' }],
    });
    await credits.addCredits('u', 1_000);
    const set = await subscriptions.setUserSubscriptionPlan('u', plan);
    const usage = async () => (await subscriptions.getUserSubscription('u'))?.usage;
    const line = (own: string, granted: number, used: number, remaining: number) => ({
      ...{ creditType: own, granted, used, remaining },
    });
    expect(await usage()).toEqual([line('credits', 100, 0, 100), line('image', 2.5, 0, 2.5)]);
    // The plan's grant ends soonest, so it is spent first; what is held is still left.
    await credits.deductCredits('u', '30.1');
    const hold = await credits.reserveCredits('u', 10, { ttlSeconds: 3_600 });
    await creditType('image').deductCredits('u', '2.5');
    expect(await usage()).toEqual([line('credits', 100, 30.1, 69.9), line('image', 2.5, 2.5, 0)]);
    await credits.commitReservedCredits(hold, { amount: 4 });
    const { replayed: _, ...known } = set;
    expect(await subscriptions.getUserSubscription('u')).toEqual({
      ...known,
      usage: [line('credits', 100, 34.1, 65.9), line('image', 2.5, 2.5, 0)],
    });
    world.clock.set(set.periodEnd);
    await jobs.runAllocation();
    // 65.9 were left, of which 20 roll over.
    expect(await usage()).toEqual([line('credits', 120, 0, 120), line('image', 2.5, 0, 2.5)]);
    await credits.deductCredits('u', 125);
    expect(await usage()).toEqual([line('credits', 120, 120, 0), line('image', 2.5, 0, 2.5)]);
    await subscriptions.deleteUserSubscriptionPlan('u');
    expect(await subscriptions.getUserSubscription('u')).toBeNull();
  });

  test('counts what has expired and what was taken back as neither used nor left', async () => {
    const world = await open();
    const { credits, subscriptions } = world.manager;
    const plan = { name: 'Week', creditLimit: 100, price: 0, billingPeriod: 'monthly', validityDays: 7 } as const;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(plan));
    await credits.deductCredits('u', 30);
    const { items } = await credits.getCreditHistory('u', { types: ['add'] });
    await credits.reverseTransaction(items[0]?.id as string, { amount: 20 });
    const usage = async () => (await subscriptions.getUserSubscription('u'))?.usage;
    expect(await usage()).toEqual([{ creditType: 'credits', granted: 80, used: 30, remaining: 50 }]);
    await credits.reserveCredits('u', 5, { ttlSeconds: 7 * 24 * 3_600 });
    world.clock.advance({ days: 8 });
    const lapsed = [{ creditType: 'credits', granted: 80, used: 30, remaining: 0 }];
    expect(await usage()).toEqual(lapsed);
    await credits.expireCredits('u');
    expect(await usage()).toEqual(lapsed);
  });
});
