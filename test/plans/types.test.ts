/** Plans that grant several credit types: an account that a change has no part in stays as it was. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

const BOTH = { ...MONTHLY, name: 'Both', alsoGrants: [{ creditType: 'image', creditLimit: 5 }] };

await describeBackends('plans of several credit types', (open) => {
  test('a change for the next period does not fail where the account of a new type is to be made', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const both = await subscriptions.addSubscriptionPlan(BOTH);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    expect((await subscriptions.previewChange('u', both, { when: 'period_end' })).granted).toEqual({});
    const changed = await subscriptions.upgradeUserSubscriptionPlan('u', both, { when: 'period_end' });
    expect(changed).toMatchObject({ planId: plan.id, nextPlanId: both.id });
    // The account of the new type begins with it: it has to know when the subscription is due.
    expect(world.count('credits.account.created')).toBe(2);
    await world.expectSound();
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 105 });
    expect(world.count('credits.account.created')).toBe(2);
    await world.expectSound();
  });

  test('a change for the next period says nothing of the other account, so its time does not move', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(BOTH));
    const changedAt = async () => (await world.manager.creditType('image').getAccount('u'))?.updatedAt;
    const before = await changedAt();
    world.clock.advance({ days: 1 });
    await subscriptions.upgradeUserSubscriptionPlan('u', plan, { when: 'period_end' });
    expect(await changedAt()).toEqual(before);
    await world.expectSound();
  });

  test('a pause and what follows leave the accounts of all types as their entries add up', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(BOTH));
    for (const change of ['pauseUserSubscription', 'resumeUserSubscription'] as const) {
      world.clock.advance({ days: 1 });
      await subscriptions[change]('u');
      await world.expectSound();
    }
    // What the clock brought about is told all the same.
    await world.manager.creditType('image').addCredits('u', 3, { expiresAt: '2026-01-05T00:00:00Z' });
    world.clock.set('2026-01-10T00:00:00Z');
    await subscriptions.pauseUserSubscription('u');
    await credits.addCredits('u', 1);
    expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([101, 5]);
    await world.expectSound();
  });
});
