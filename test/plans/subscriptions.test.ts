/** Subscriptions as a product team uses them: set, renewed, changed, paused, ended. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';

const open = (now = '2026-01-31T10:00:00Z') => createTestCredits({ now, creditTypes: { image: {} } });
const monthly = { name: 'Pro', creditLimit: 100, price: '19.99', currency: 'INR', billingPeriod: 'MONTHLY' } as const;

test('A-11: a plan is set, active and renewing, one a user, with its credits of the period', async () => {
  const { subscriptions, credits, creditType, ledger } = open();
  const alsoGrants = [{ creditType: 'image', creditLimit: 5 }];
  const plan = await subscriptions.addSubscriptionPlan({ ...monthly, alsoGrants }, { idempotencyKey: 'pro' });
  const again = await subscriptions.addSubscriptionPlan({ ...monthly, alsoGrants }, { idempotencyKey: 'pro' });
  expect(again).toEqual({ ...plan, replayed: true });
  expect(plan).toMatchObject({ price: 19.99, billingPeriod: 'monthly', creditLimit: 100, isActive: true });
  const set = await subscriptions.setUserSubscriptionPlan('u', plan);
  expect(set).toMatchObject({ status: 'active', autoRenew: true, validUntil: null, planName: 'Pro' });
  expect(set.periodEnd.toISOString()).toBe('2026-02-28T10:00:00.000Z');
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
  expect((await creditType('image').getUserCreditsInfo('u')).balance).toBe(5);
  const history = await subscriptions.getSubscriptionHistory('u');
  expect(history.items.map(({ message }) => message)).toEqual(['User subscription set']);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('periods are counted from the anchor, rolled over to the cap, and made up for in order', async () => {
  const { subscriptions, expiration, credits, clock, ledger } = open();
  const plan = await subscriptions.addSubscriptionPlan({ ...monthly, rolloverCap: 30 });
  const set = await subscriptions.setUserSubscriptionPlan('u', plan);
  await credits.deductCredits('u', 40);
  clock.set('2026-02-28T10:00:00Z');
  expect(await expiration.allocateSubscriptionCredits(set)).toEqual({ granted: 100, alreadyAllocated: false });
  expect(await expiration.allocateSubscriptionCredits(set.id)).toEqual({ granted: 0, alreadyAllocated: true });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(130);
  clock.set('2026-06-15T10:00:00Z');
  expect(await expiration.allocateSubscriptionCredits(set)).toEqual({ granted: 300, alreadyAllocated: false });
  const { items } = await credits.getGrants('u', { includeClosed: true, limit: 100 });
  const allocations = items.filter(({ amount }) => amount === 100).map(({ expiresAt }) => expiresAt?.toISOString());
  const ends = ['02-28', '03-31', '04-30', '05-31', '06-30'].map((day) => `2026-${day}T10:00:00.000Z`);
  expect(allocations.toSorted()).toEqual(ends);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(130);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('A-9: what a plan with a validity grants lasts exactly as long', async () => {
  const { subscriptions, credits, clock } = open();
  const plan = await subscriptions.addSubscriptionPlan({ ...monthly, validityDays: 7 });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  clock.set('2026-02-07T09:59:59.999Z');
  expect(await credits.expireCredits('u')).toBe(0);
  clock.set('2026-02-07T10:00:00Z');
  expect(await credits.expireCredits('u')).toBe(100);
});

test('switching plans, and leaving and coming back, grant no more than the higher limit', async () => {
  const { subscriptions, credits } = open();
  const pro = await subscriptions.addSubscriptionPlan(monthly);
  const big = await subscriptions.addSubscriptionPlan({ ...monthly, name: 'Big', creditLimit: 300 });
  await subscriptions.setUserSubscriptionPlan('u', pro);
  expect((await subscriptions.previewChange('u', big)).granted).toEqual({ credits: 200 });
  for (let day = 0; day < 5; day++) {
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => subscriptions.upgradeUserSubscriptionPlan('u', [pro, big][i % 2] ?? pro)),
    );
  }
  expect(await subscriptions.deleteUserSubscriptionPlan('u')).toBe(true);
  expect(await subscriptions.getUserSubscriptionPlan('u')).toBe(null);
  expect(await subscriptions.deleteUserSubscriptionPlan('u')).toBe(false);
  await subscriptions.setUserSubscriptionPlan('u', big);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(300);
});

test('a preview of a subscription that no job has renewed is what the upgrade then does', async () => {
  for (const proration of ['none', 'time'] as const) {
    const { subscriptions, clock, credits } = createTestCredits({ now: '2026-01-01T00:00:00Z' });
    const small = await subscriptions.addSubscriptionPlan(monthly);
    const big = await subscriptions.addSubscriptionPlan({ ...monthly, name: 'big', creditLimit: 200 });
    await subscriptions.setUserSubscriptionPlan('u', small);
    clock.set('2026-03-16T12:00:00Z');
    const { granted, subscription } = await subscriptions.previewChange('u', big, { proration });
    const before = (await credits.getUserCreditsInfo('u')).balance;
    const done = await subscriptions.upgradeUserSubscriptionPlan('u', big, { proration });
    expect(subscription).toMatchObject({ periodStart: done.periodStart, periodEnd: done.periodEnd });
    // The period that runs is worth 100, also before anything was written of it.
    expect([before, (await credits.getUserCreditsInfo('u')).balance]).toEqual([100, 100 + (granted.credits ?? 0)]);
    expect(granted.credits).toBe(proration === 'none' ? 100 : 50);
  }
});

test('auto-renew off ends exactly at validUntil; a plan that is not offered any more is not renewed', async () => {
  const { subscriptions, jobs, credits, clock } = open();
  const plan = await subscriptions.addSubscriptionPlan(monthly);
  await subscriptions.setUserSubscriptionPlan('once', plan, { autoRenew: false });
  await subscriptions.setUserSubscriptionPlan('kept', plan);
  expect(await subscriptions.deleteSubscriptionPlan(plan).catch(({ code }) => code)).toBe('PLAN_IN_USE');
  await subscriptions.deactivateSubscriptionPlan(plan);
  expect(await subscriptions.setUserSubscriptionPlan('late', plan).catch(({ code }) => code)).toBe('PLAN_INACTIVE');
  clock.set('2026-02-28T10:00:00Z');
  expect((await subscriptions.getUserSubscriptionPlan('once'))?.status).toBe('ended');
  expect(await jobs.runAllocation()).toMatchObject({ status: 'completed', processed: 2, granted: 0, skippedCount: 0 });
  expect((await subscriptions.getUserSubscriptionPlan('kept'))?.status).toBe('ended');
  expect((await credits.getUserCreditsInfo('kept')).balance).toBe(0);
});

test('a pause stops the clock of the period, and later periods follow its new end', async () => {
  const { subscriptions, jobs, clock } = open('2026-03-01T00:00:00Z');
  const plan = await subscriptions.addSubscriptionPlan(monthly);
  await subscriptions.setUserSubscriptionPlan('u', plan);
  clock.set('2026-03-20T00:00:00Z');
  await subscriptions.pauseUserSubscription('u');
  clock.set('2026-05-20T00:00:00Z');
  expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
  const resumed = await subscriptions.resumeUserSubscription('u');
  expect(resumed.periodEnd.toISOString()).toBe('2026-06-01T00:00:00.000Z');
  clock.set('2026-07-01T00:00:00Z');
  expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 200 });
});

test('cycles: with and without credits and users, one recurring a user, stopped and renewed', async () => {
  const { subscriptions, jobs, credits, clock } = open();
  const payAsYouGo = await subscriptions.startCycle(null, { amount: 0 });
  expect((await credits.getUserCreditsInfo(payAsYouGo.userId)).balance).toBe(0);
  const cycle = await subscriptions.startCycle('u', { amount: 7, days: 2, recurring: true });
  expect(await subscriptions.startCycle('u', { amount: 1, recurring: true }).catch(({ code }) => code)).toBe(
    'CYCLE_ACTIVE',
  );
  clock.advance({ days: 5 });
  expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 14 });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(7);
  expect((await subscriptions.stopCycle(cycle)).status).toBe('canceled');
  expect((await subscriptions.stopCycle(cycle)).replayed).toBe(true);
  clock.advance({ days: 5 });
  expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
  expect((await subscriptions.listCycles('u')).items).toMatchObject([{ id: cycle.id, status: 'canceled' }]);
});

test('a cycle that does not recur has ended at its end, whether or not a job has written it', async () => {
  const { subscriptions, clock, jobs } = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  const { id } = await subscriptions.startCycle('u', { amount: 5, days: 1 });
  const statuses = async () => {
    const { items } = await subscriptions.listCycles('u');
    return [(await subscriptions.getCycle(id))?.status, ...items.map(({ status }) => status)];
  };
  expect(await statuses()).toEqual(['active', 'active']);
  clock.advance({ days: 1 });
  expect(await statuses()).toEqual(['ended', 'ended']);
  await jobs.runAllocation();
  expect(await statuses()).toEqual(['ended', 'ended']);
});
