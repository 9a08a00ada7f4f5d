/** Renewal by payment: a period is granted when the host says that it is paid. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY, type OpenWorld } from '../support/plan-world.js';

const PAID = { ...MONTHLY, renewOn: 'payment', graceDays: 5 } as const;

/** A world in which u is on a plan that renews by payment, since January 1. */
async function subscribed(open: OpenWorld, plan: Partial<typeof MONTHLY> = {}) {
  const world = await open();
  const { subscriptions } = world.manager;
  await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan({ ...PAID, ...plan }));
  return world;
}

await describeBackends('renewal by payment', (open) => {
  test('an unpaid period grants nothing: past due, then granted from the instant of the payment', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits, jobs } = world.manager;
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    expect(await jobs.runAllocation()).toMatchObject({ granted: 0, expired: 100 });
    world.clock.set('2026-02-03T00:00:00Z');
    const renewed = await subscriptions.renewSubscription('u', { paymentId: 'in_2' });
    expect(renewed).toMatchObject({ status: 'active', periodStart: new Date('2026-02-01'), replayed: false });
    expect(renewed.periodEnd).toEqual(new Date('2026-03-01'));
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    expect(await credits.getBalanceAt('u', '2026-02-02T00:00:00Z')).toMatchObject({ available: 0 });
    expect(await subscriptions.renewSubscription('u', { paymentId: 'in_2' })).toEqual({ ...renewed, replayed: true });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    await world.expectSound();
  });

  test('an early payment is kept for the period that it is for', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    world.clock.set('2026-01-30T00:00:00Z');
    const early = await subscriptions.renewSubscription('u', { paymentId: 'in_2' });
    expect(early).toMatchObject({ status: 'active', periodStart: new Date('2026-01-01') });
    const third = { paymentId: 'in_3', periodStart: '2026-03-01T00:05:00Z' };
    expect(await subscriptions.renewSubscription('u', third)).toMatchObject({ paidAhead: ['in_2', 'in_3'] });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    world.clock.set('2026-02-01T00:00:00Z');
    expect((await credits.deductCredits('u', 100)).balanceAfter).toBe(0);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ paidAhead: ['in_3'] });
    world.clock.set('2026-03-31T23:59:59Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    world.clock.set('2026-04-01T00:00:00Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    await world.expectSound();
  });

  test('a subscription that ends at once names the payments that it did not use', async () => {
    const world = await subscribed(open);
    const { subscriptions } = world.manager;
    for (const paymentId of ['in_2', 'in_3']) await subscriptions.renewSubscription('u', { paymentId });
    world.clock.set('2026-02-10T00:00:00Z');
    const cancelled = await subscriptions.cancelUserSubscription('u', { when: 'now' });
    expect(cancelled).toMatchObject({ status: 'cancelled', paidAhead: ['in_3'] });
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ paidAhead: ['in_3'] });
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    expect(await subscriptions.setUserSubscriptionPlan('u', plan)).toMatchObject({ paidAhead: [] });
  });

  test('a period is paid once, in whatever order and number the payments are told', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    // The invoice that the subscription began with, by the clock of a provider that is three minutes slow.
    const first = { paymentId: 'in_1', periodStart: '2025-12-31T23:57:00Z' };
    expect(await subscriptions.renewSubscription('u', first)).toMatchObject({ replayed: true });
    const second = (paymentId: string) => ({ paymentId, periodStart: '2026-01-31T23:57:00Z' });
    const other = world.open();
    await Promise.all(
      [world.manager, other, world.manager, other].map((manager, i) =>
        manager.subscriptions.renewSubscription('u', second(`in_2${i % 2}`)),
      ),
    );
    world.clock.set('2026-02-01T00:00:00Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    world.clock.set('2026-03-01T00:00:00Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    await world.expectSound();
  });

  test('a period further ahead, and a plan that renews by the clock, are refused with advice', async () => {
    const world = await subscribed(open);
    const { subscriptions } = world.manager;
    const far = subscriptions.renewSubscription('u', { paymentId: 'x', periodStart: '2026-06-01T00:00:00Z' });
    await expect(far).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', details: { path: 'periodStart' } },
      message: expect.stringContaining('2026-02-01T00:00:00.000Z'),
    });
    await subscriptions.setUserSubscriptionPlan('c', await subscriptions.addSubscriptionPlan(MONTHLY));
    await expect(subscriptions.renewSubscription('c', { paymentId: 'x' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(subscriptions.renewSubscription('nobody', { paymentId: 'x' })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_NOT_FOUND',
    });
    await expect(subscriptions.addSubscriptionPlan({ ...MONTHLY, graceDays: 3 })).rejects.toMatchObject({
      details: { path: 'plan.graceDays' },
    });
  });

  test('it ends when the grace is over, and a payment after that needs a new subscription', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits, jobs } = world.manager;
    world.clock.set('2026-02-05T23:59:59Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    await expect(subscriptions.pauseUserSubscription('u')).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
    world.clock.set('2026-02-06T00:00:00Z');
    const ended = { status: 'ended', validUntil: new Date('2026-02-06') };
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject(ended);
    await expect(subscriptions.renewSubscription('u', { paymentId: 'x' })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_NOT_FOUND',
    });
    await jobs.runAllocation();
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject(ended);
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    await world.expectSound();
  });

  test('a plan with users that are past due is in use, and a change from it begins a period', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    const { planId } = (await subscriptions.getUserSubscriptionPlan('u')) as { planId: string };
    world.clock.set('2026-02-02T00:00:00Z');
    await credits.addCredits('u', 1);
    await expect(subscriptions.deleteSubscriptionPlan(planId)).rejects.toMatchObject({ code: 'PLAN_IN_USE' });
    const big = await subscriptions.addSubscriptionPlan({ ...PAID, name: 'Big', creditLimit: 300 });
    const changed = await subscriptions.upgradeUserSubscriptionPlan('u', big, { proration: 'time' });
    expect(changed).toMatchObject({ status: 'active', periodStart: new Date('2026-02-02') });
    await world.expectSound();
  });

  test('a trial is followed by a payment', async () => {
    const world = await subscribed(open, { trialDays: 7 });
    const { subscriptions, credits } = world.manager;
    world.clock.set('2026-01-08T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    await subscriptions.renewSubscription('u', { paymentId: 'in_1' });
    expect((await credits.getUserCreditsInfo('u')).available).toBeGreaterThan(0);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ periodEnd: new Date('2026-02-08') });
    await world.expectSound();
  });

  test('a period that is paid stays paid, whatever the host does with the plan before it begins', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    const { planId } = (await subscriptions.getUserSubscriptionPlan('u')) as { planId: string };
    const acts = {
      set: (user: string) => subscriptions.setUserSubscriptionPlan(user, planId),
      upgrade: (user: string) => subscriptions.upgradeUserSubscriptionPlan(user, planId),
      prorate: (user: string) => subscriptions.upgradeUserSubscriptionPlan(user, planId, { proration: 'time' }),
      pause: async (user: string) => {
        await subscriptions.pauseUserSubscription(user);
        await subscriptions.resumeUserSubscription(user);
      },
    };
    for (const user of Object.keys(acts)) await subscriptions.setUserSubscriptionPlan(user, planId);
    world.clock.set('2026-01-30T00:00:00Z');
    for (const [user, act] of Object.entries(acts)) {
      await subscriptions.renewSubscription(user, { paymentId: 'in_2' });
      await act(user);
    }
    // The period that is paid begins on February 1, or where a new one was begun, after that one.
    world.clock.set('2026-02-28T12:00:00Z');
    for (const user of Object.keys(acts)) {
      expect(await subscriptions.getUserSubscriptionPlan(user), user).toMatchObject({ status: 'active' });
      expect((await credits.getUserCreditsInfo(user)).available, user).toBe(100);
    }
    world.clock.set('2026-03-30T12:00:00Z');
    for (const user of Object.keys(acts)) {
      expect((await credits.getUserCreditsInfo(user)).available, user).toBe(0);
    }
    await world.expectSound();
  });

  test('a subscription that is cancelled at its end ends with the last period that is paid', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    world.clock.set('2026-01-30T00:00:00Z');
    await subscriptions.renewSubscription('u', { paymentId: 'in_2' });
    const end = { autoRenew: false, validUntil: new Date('2026-03-01') };
    expect(await subscriptions.cancelUserSubscription('u')).toMatchObject({ status: 'active', ...end });
    world.clock.set('2026-02-28T23:59:59Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'active', ...end });
    expect((await credits.deductCredits('u', 100)).balanceAfter).toBe(0);
    world.clock.set('2026-03-01T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'ended', ...end });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    await world.expectSound();
  });

  test('a change at the end of the period grants nothing to a user who is past due until it is paid', async () => {
    const world = await subscribed(open);
    const { subscriptions, credits } = world.manager;
    const plan = { ...PAID, name: 'Big', creditLimit: 300, graceDays: 1 };
    const big = await subscriptions.addSubscriptionPlan(plan);
    world.clock.set('2026-02-03T00:00:00Z');
    const waiting = await subscriptions.upgradeUserSubscriptionPlan('u', big, { when: 'period_end' });
    expect(waiting).toMatchObject({ status: 'past_due', nextPlanId: big.id });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    world.clock.set('2026-02-05T00:00:00Z');
    const paid = await subscriptions.renewSubscription('u', { paymentId: 'in_2' });
    expect(paid).toMatchObject({ status: 'active', planId: big.id, periodStart: new Date('2026-02-01') });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(300);
    await world.expectSound();
  });

  test('a payment for a first period that is over and was never paid is refused, not swallowed', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, renewOn: 'payment', graceDays: 7 });
    await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    world.clock.set('2026-02-03T00:00:00Z');
    const late = { paymentId: 'in_1', periodStart: '2026-01-01T00:00:00Z' };
    await expect(subscriptions.renewSubscription('u', late)).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', details: { path: 'paymentId' } },
    });
    await subscriptions.renewSubscription('u', { paymentId: 'in_1' });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    await world.expectSound();
  });

  test('the first payment is for the current period where it was set without its credits', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(PAID);
    await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    world.clock.set('2026-01-02T00:00:00Z');
    const first = { paymentId: 'in_1', periodStart: '2026-01-01T00:03:00Z' };
    const paid = await subscriptions.renewSubscription('u', first);
    expect(paid).toMatchObject({ periodStart: new Date('2026-01-01'), replayed: false });
    expect(await subscriptions.renewSubscription('u', first)).toEqual({ ...paid, replayed: true });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    await world.expectSound();
  });

  test('a later period is not paid before the current one that was set without its credits', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(PAID);
    await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    const second = { paymentId: 'in_2', periodStart: '2026-02-01T00:00:00Z' };
    await expect(subscriptions.renewSubscription('u', second)).rejects.toMatchObject({
      ...{ code: 'INVALID_ARGUMENT', details: { path: 'periodStart' } },
      message: expect.stringContaining('2026-01-01T00:00:00.000Z'),
    });
    await subscriptions.renewSubscription('u', { paymentId: 'in_1' });
    await subscriptions.renewSubscription('u', second);
    world.clock.set('2026-02-28T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'active' });
    await world.expectSound();
  });

  test('a payment is for a period of the plan that waits for it, not for one by the clock beside it', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const paid = await subscriptions.addSubscriptionPlan({ ...PAID, creditLimit: 300 });
    const clock = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('u', clock, { allocate: false });
    await subscriptions.upgradeUserSubscriptionPlan('u', paid, { when: 'period_end' });
    await subscriptions.setUserSubscriptionPlan('v', paid, { allocate: false });
    await subscriptions.upgradeUserSubscriptionPlan('v', clock, { when: 'period_end' });
    for (const user of ['u', 'v']) await subscriptions.renewSubscription(user, { paymentId: 'in_1' });
    const available = async () => (await credits.getUsersCreditsInfo(['u', 'v'])).map((info) => info.available);
    expect(await available()).toEqual([0, 300]);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await available()).toEqual([300, 100]);
    await world.expectSound();
  });
});
