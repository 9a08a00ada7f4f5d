/** A changed plan reaches present subscribers by choice: `applyTo: 'renewals'`. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

const RENEWALS = { applyTo: 'renewals' } as const;

await describeBackends('terms of renewals', (open) => {
  test('are those that a subscription began with, unless a change names renewals', async () => {
    const world = await open();
    const { subscriptions, credits, jobs } = world.manager;
    const { id } = await subscriptions.addSubscriptionPlan(MONTHLY);
    for (const user of ['u', 'late']) await subscriptions.setUserSubscriptionPlan(user, id);
    await subscriptions.updateSubscriptionPlan({ id, creditLimit: 500 });
    world.clock.set('2026-02-01T00:00:00Z');
    expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(99);
    world.clock.set('2026-02-10T00:00:00Z');
    const change = { id, creditLimit: 150, validityDays: 20 };
    const key = { ...RENEWALS, idempotencyKey: 'k' };
    const changed = await subscriptions.updateSubscriptionPlan(change, key);
    expect(await subscriptions.updateSubscriptionPlan(change, key)).toEqual({ ...changed, replayed: true });
    const other = subscriptions.updateSubscriptionPlan(change, { idempotencyKey: 'k' });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    // The period that runs stays as it is, and so does February of a subscriber whom nobody has looked at since.
    expect([await world.balance('u'), await world.balance('late')]).toEqual([99, 100]);
    expect(await credits.getBalanceAt('u', '2026-03-01T00:00:00Z')).toMatchObject({ available: 150 });
    // Later terms are for later subscriptions: those of the renewals stay what they were.
    await subscriptions.updateSubscriptionPlan({ id, creditLimit: 1000 });
    await subscriptions.setUserSubscriptionPlan('new', id);
    world.clock.set('2026-03-20T00:00:00Z');
    expect([await world.balance('u'), await world.balance('late'), await world.balance('new')]).toEqual([
      ...[150, 150, 1000],
    ]);
    await jobs.runAllocation();
    const { items } = await credits.getGrants('late', { includeClosed: true, order: 'oldest' });
    expect(items.map(({ amount, expiresAt }) => [amount, expiresAt?.toISOString().slice(5, 10)])).toEqual([
      ...[[100, '02-01'] as const, [100, '03-01'] as const, [150, '03-21'] as const],
    ]);
    await world.expectSound();
  });

  test('may have another length, another zone, and wait for a payment', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const { id } = await subscriptions.addSubscriptionPlan(MONTHLY);
    for (const user of ['u', 'v']) await subscriptions.setUserSubscriptionPlan(user, id);
    const weekly = { id, billingPeriod: 'weekly', creditLimit: 30, timeZone: 'Europe/Berlin' } as const;
    await subscriptions.updateSubscriptionPlan(weekly, RENEWALS);
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ periodEnd: new Date('2026-02-08') });
    expect(await world.balance('u')).toBe(30);
    await subscriptions.updateSubscriptionPlan({ id, renewOn: 'payment', graceDays: 3 }, RENEWALS);
    // An early payment is for a period on the coming terms.
    await subscriptions.renewSubscription('v', { paymentId: 'in_2', periodStart: '2026-02-08T00:00:00Z' });
    world.clock.set('2026-02-08T00:00:00Z');
    expect([await world.balance('u'), await world.balance('v')]).toEqual([0, 30]);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    world.clock.set('2026-02-11T00:00:00Z');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'ended' });
    await world.expectSound();
  });

  test('reach a change that waits for the end of the period; a new credit type is refused', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const before = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
    const next = await subscriptions.addSubscriptionPlan({ ...MONTHLY, code: 'next' });
    await subscriptions.setUserSubscriptionPlan('u', before);
    await subscriptions.changeUserSubscriptionPlan('u', next);
    await subscriptions.updateSubscriptionPlan({ id: 'next', creditLimit: 120 }, RENEWALS);
    const alsoGrants = [{ creditType: 'image', creditLimit: 7 }];
    const refused = subscriptions.updateSubscriptionPlan({ id: 'next', alsoGrants }, RENEWALS);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { path: 'applyTo' } });
    await subscriptions.updateSubscriptionPlan({ id: 'next', alsoGrants });
    // A list of plans that is defined again leaves the terms of renewals alone.
    await subscriptions.definePlans([{ ...MONTHLY, code: 'next', creditLimit: 900 }]);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await world.balance('u')).toBe(120);
    await subscriptions.updateSubscriptionPlan({ id: 'next' }, RENEWALS);
    world.clock.set('2026-03-01T00:00:00Z');
    expect(await world.balance('u')).toBe(900);
    await world.expectSound();
  });
});
