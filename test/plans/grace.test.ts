/** How long an unpaid subscription waits, as the payment provider of the host tells. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

await describeBackends('a grace that the host sets', (open) => {
  test('ends the subscription at that instant, and not before; nothing is granted in it', async () => {
    const world = await open();
    const { subscriptions, credits, jobs } = world.manager;
    const plan = { ...MONTHLY, renewOn: 'payment', graceDays: 3 } as const;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(plan));
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ graceUntil: null });
    world.clock.set('2026-02-02T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
      ...{ status: 'past_due', graceUntil: new Date('2026-02-04') },
    });
    const key = { idempotencyKey: 'k' };
    const waits = await subscriptions.setGracePeriod('u', { until: '2026-02-20T00:00:00Z', ...key });
    expect(waits).toMatchObject({ status: 'past_due', graceUntil: new Date('2026-02-20') });
    expect(await subscriptions.setGracePeriod('u', { until: '2026-02-20T00:00:00Z', ...key })).toEqual({
      ...{ ...waits, replayed: true },
    });
    world.clock.set('2026-02-19T00:00:00Z');
    await jobs.runAllocation();
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    expect((await credits.getUserCreditsInfo('u')).available).toBe(0);
    const paid = await subscriptions.renewSubscription('u', { paymentId: 'in_2' });
    expect(paid).toMatchObject({ status: 'active', graceUntil: null });
    // It was for that payment alone.
    world.clock.set('2026-03-04T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'ended', graceUntil: null });
    await world.expectSound();
  });

  test('may be shorter than that of the plan, and set before the period ends', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, renewOn: 'payment' });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await subscriptions.setGracePeriod('u', { until: '2026-02-02T00:00:00Z' });
    world.clock.set('2026-02-01T23:59:59Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    for (const until of ['2026-02-01T12:00:00Z', '2026-01-20T00:00:00Z']) {
      const refused = subscriptions.setGracePeriod('u', { until });
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { path: 'until' } });
    }
    world.clock.set('2026-02-02T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'ended' });
    const clock = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('c', clock);
    const late = { until: '2026-09-01T00:00:00Z' };
    for (const user of ['u', 'c', 'nobody']) {
      await expect(subscriptions.setGracePeriod(user, late)).rejects.toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
    }
    await world.expectSound();
  });
});
