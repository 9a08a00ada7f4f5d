/** Plans that grant more often than they are billed: `allocationPeriod`. */
import { expect, test } from 'vitest';
import type { PlanInput } from '../../src/index.js';
import { describeBackends, MONTHLY, type World } from '../support/plan-world.js';

const YEARLY: PlanInput = { ...MONTHLY, billingPeriod: 'yearly', allocationPeriod: 'monthly' };

/** The days on which the lots of a user begin and end, and their amounts. */
async function lotsOf({ manager }: World, userId = 'u'): Promise<string[]> {
  const { items } = await manager.credits.getGrants(userId, { includeClosed: true, order: 'oldest', limit: 100 });
  return items.map(({ amount, effectiveAt, expiresAt }) => {
    const [from, to] = [effectiveAt, expiresAt].map((date) => date?.toISOString().slice(2, 10));
    return `${from} ${to} ${amount}`;
  });
}

const day = (date: Date) => date.toISOString().slice(0, 10);

await describeBackends('allocation periods', (open) => {
  test('a yearly plan grants every month, on the day of its first one or the last of a shorter month', async () => {
    const world = await open();
    const { subscriptions, credits, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(YEARLY);
    world.clock.set('2026-01-31T00:00:00Z');
    const set = await subscriptions.setUserSubscriptionPlan('u', plan);
    expect([set.periodStart, set.periodEnd, set.allocationEnd].map(day)).toEqual([
      ...['2026-01-31', '2027-01-31', '2026-02-28'],
    ]);
    world.clock.set('2026-02-28T00:00:00Z');
    // A read counts it, a call writes it, the job does it for those who do neither: once in all.
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    expect((await credits.deductCredits('u', 30)).balanceAfter).toBe(70);
    await Promise.all([jobs.runAllocation(), world.open().credits.deductCredits('u', 5)]);
    expect(await world.balance('u')).toBe(65);
    world.clock.set('2026-04-30T12:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 200, processed: 1 });
    const now = await subscriptions.getUserSubscriptionPlan('u');
    expect([now?.periodEnd, now?.allocationEnd].map((date) => day(date as Date))).toEqual(['2027-01-31', '2026-05-31']);
    expect(await lotsOf(world)).toEqual([
      ...['26-01-31 26-02-28 100', '26-02-28 26-03-31 100', '26-03-31 26-04-30 100', '26-04-30 26-05-31 100'],
    ]);
    world.clock.set('2027-02-28T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 1000 });
    expect((await lotsOf(world)).slice(-2)).toEqual(['27-01-31 27-02-28 100', '27-02-28 27-03-31 100']);
    const renewed = await subscriptions.getUserSubscription('u');
    expect([renewed?.periodStart, renewed?.periodEnd].map((date) => day(date as Date))).toEqual([
      ...['2027-01-31', '2028-01-31'],
    ]);
    expect(renewed?.usage).toEqual([{ creditType: 'credits', granted: 100, used: 0, remaining: 100 }]);
    expect(world.count('subscription.renewed')).toBe(1);
    await world.expectSound();
  });

  test('a cancelled subscription, and one whose plan is withdrawn, are granted until the year is over', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(YEARLY);
    for (const user of ['u', 'v']) await subscriptions.setUserSubscriptionPlan(user, plan);
    const { validUntil } = await subscriptions.cancelUserSubscription('u');
    expect(validUntil).toEqual(new Date('2027-01-01'));
    await subscriptions.deactivateSubscriptionPlan(plan);
    world.clock.set('2026-12-31T00:00:00Z');
    await jobs.runAllocation();
    for (const user of ['u', 'v']) expect((await lotsOf(world, user)).length).toBe(12);
    world.clock.set('2027-01-01T00:00:00Z');
    await jobs.runAllocation();
    for (const user of ['u', 'v']) {
      expect(await world.balance(user)).toBe(0);
      expect(await subscriptions.getUserSubscriptionPlan(user)).toMatchObject({ status: 'ended' });
    }
    await world.expectSound();
  });

  test('weeks of a month are whole ones, and the days that are left of it get their share', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const weekly = { ...MONTHLY, creditLimit: 70, allocationPeriod: 'weekly' } as const;
    const plan = await subscriptions.addSubscriptionPlan(weekly);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-03-04T00:00:00Z');
    await jobs.runAllocation();
    expect(await lotsOf(world)).toEqual([
      ...['26-01-01 26-01-08 70', '26-01-08 26-01-15 70', '26-01-15 26-01-22 70', '26-01-22 26-01-29 70'],
      ...['26-01-29 26-02-01 30', '26-02-01 26-02-08 70', '26-02-08 26-02-15 70', '26-02-15 26-02-22 70'],
      ...['26-02-22 26-03-01 70', '26-03-01 26-03-08 70'],
    ]);
    await world.expectSound();
  });

  test('a paid year is granted by the clock, nothing is while it is past due, a late payment makes up', async () => {
    const world = await open();
    const { subscriptions, credits, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...YEARLY, renewOn: 'payment', graceDays: 60 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-06-10T00:00:00Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(100);
    expect(await credits.getBalanceAt('u', '2026-12-31T00:00:00Z')).toMatchObject({ available: 100 });
    world.clock.set('2027-02-10T00:00:00Z');
    await jobs.runAllocation();
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ status: 'past_due' });
    expect((await lotsOf(world)).length).toBe(12);
    const second = { paymentId: 'in_2', periodStart: '2027-01-01T00:00:00Z' };
    const paid = await subscriptions.renewSubscription('u', second);
    expect(paid).toMatchObject({ status: 'active', periodEnd: new Date('2028-01-01') });
    expect((await lotsOf(world)).slice(12)).toEqual(['27-01-01 27-02-01 100', '27-02-01 27-03-01 100']);
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('a first year that is not paid yet grants nothing, and from its payment on the month that runs', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...YEARLY, renewOn: 'payment' });
    await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    world.clock.set('2026-03-20T00:00:00Z');
    for (let run = 0; run < 2; run++) expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
    expect(await world.balance('u')).toBe(0);
    await subscriptions.renewSubscription('u', { paymentId: 'in_1', periodStart: '2026-01-01T00:00:00Z' });
    world.clock.set('2026-04-02T00:00:00Z');
    await jobs.runAllocation();
    expect(await lotsOf(world)).toEqual(['26-03-01 26-04-01 100', '26-04-01 26-05-01 100']);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({ periodEnd: new Date('2027-01-01') });
    await subscriptions.setUserSubscriptionPlan('v', plan, { allocate: false });
    world.clock.set('2027-04-05T00:00:00Z');
    await jobs.runAllocation();
    expect(await subscriptions.getUserSubscriptionPlan('v')).toMatchObject({ status: 'past_due' });
    expect(await lotsOf(world, 'v')).toEqual([]);
    await world.expectSound();
  });

  test('a pause moves the month and the year; credits roll over from month to month', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...YEARLY, rolloverCap: 20 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await world.balance('u')).toBe(120);
    await credits.deductCredits('u', 115);
    world.clock.set('2026-02-11T00:00:00Z');
    await subscriptions.pauseUserSubscription('u');
    world.clock.set('2026-03-03T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 0 });
    const resumed = await subscriptions.resumeUserSubscription('u');
    expect([resumed.periodEnd, resumed.allocationEnd].map(day)).toEqual(['2027-01-21', '2026-03-21']);
    world.clock.set('2026-03-21T00:00:00Z');
    expect(await world.balance('u')).toBe(105);
    await world.expectSound();
  });

  test('a change in proportion to time is of the month that runs, and the year goes on', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const small = await subscriptions.addSubscriptionPlan(YEARLY);
    const big = await subscriptions.addSubscriptionPlan({ ...YEARLY, creditLimit: 410 });
    await subscriptions.setUserSubscriptionPlan('u', small);
    world.clock.set('2026-03-11T00:00:00Z');
    const changed = await subscriptions.changeUserSubscriptionPlan('u', big, { proration: 'time' });
    expect([changed.periodEnd, changed.allocationEnd].map(day)).toEqual(['2027-01-01', '2026-04-01']);
    expect(await world.balance('u')).toBe(100 + 210);
    world.clock.set('2026-04-01T00:00:00Z');
    expect(await world.balance('u')).toBe(410);
    // A plan that is billed by the month takes over when the year that is paid ends.
    const monthly = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 500 });
    await subscriptions.changeUserSubscriptionPlan('u', monthly, { when: 'period_end' });
    world.clock.set('2026-12-31T00:00:00Z');
    expect(await world.balance('u')).toBe(410);
    world.clock.set('2027-01-01T00:00:00Z');
    expect(await world.balance('u')).toBe(500);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
      ...{ periodEnd: new Date('2027-02-01'), allocationEnd: new Date('2027-02-01') },
    });
    await world.expectSound();
  });

  test('a long trial is granted as often as the plan; a plan may not grant more seldom than it is billed', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const daily = { ...MONTHLY, creditLimit: 10, allocationPeriod: 'daily', trialDays: 3 } as const;
    const plan = await subscriptions.addSubscriptionPlan(daily);
    const { periodEnd, allocationEnd } = await subscriptions.setUserSubscriptionPlan('u', plan);
    expect([periodEnd, allocationEnd].map(day)).toEqual(['2026-01-04', '2026-01-02']);
    world.clock.set('2026-01-05T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 40 });
    expect(await subscriptions.getUserSubscriptionPlan('u')).toMatchObject({
      ...{ status: 'active', periodEnd: new Date('2026-02-04') },
    });
    const seldom = subscriptions.addSubscriptionPlan({ ...MONTHLY, allocationPeriod: 'yearly' });
    await expect(seldom).rejects.toMatchObject({ details: { path: 'plan.allocationPeriod' } });
    const stored = { allocationPeriod: plan.allocationPeriod, id: plan.id };
    expect(stored.allocationPeriod).toBe('daily');
    const once = await subscriptions.updateSubscriptionPlan({ id: plan.id, allocationPeriod: 'monthly' });
    expect(once.allocationPeriod).toBe('monthly');
    await subscriptions.setUserSubscriptionPlan('v', once);
    world.clock.set('2026-01-20T00:00:00Z');
    await jobs.runAllocation();
    expect((await lotsOf(world, 'v')).length).toBe(2);
  });
});
