/** A subscription through its life: trial, catch-up, debt, validity, rollover, pause, percentages of the limit. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

await describeBackends('a subscription', (open) => {
  test('D-S-3: after 95 days without a scheduler every period is granted, in order, with its own dates', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    world.clock.set('2026-01-31T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
    world.clock.advance({ days: 95 });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 300, expired: 300 });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0, granted: 0 });
    const { items } = await credits.getCreditHistory('u', { order: 'oldest', limit: 100 });
    expect(items.map(({ type, delta }) => [type, delta])).toEqual([
      ['add', 100],
      ['expire', -100],
      ['add', 100],
      ['expire', -100],
      ['add', 100],
      ['expire', -100],
      ['add', 100],
    ]);
    const allocated = world.events.filter(({ type }) => type === 'subscription.allocated');
    const starts = allocated.map(({ data }) => (data as { periodStart: string }).periodStart.slice(0, 10));
    expect(starts).toEqual(['2026-01-31', '2026-02-28', '2026-03-31', '2026-04-30']);
    await world.expectSound();
  });

  test('a renewal repays debt at its own instant, however late it is written', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
    world.clock.set('2026-01-10T00:00:00Z');
    await credits.deductCreditsAfterService('u', 230);
    world.clock.set('2026-02-02T00:00:00Z');
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: -30, debt: 30 });
    world.clock.set('2026-03-02T00:00:00Z');
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 70, debt: 0 });
    world.clock.set('2026-05-02T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 400, expired: 170, processed: 1 });
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 100, debt: 0 });
    expect(await credits.getBalanceAt('u', '2026-03-02T00:00:00Z')).toMatchObject({ balance: 70, debt: 0 });
    await world.expectSound();
  });

  test('A-9: a validity of seven days lasts to the millisecond, and may be longer than the period', async () => {
    const world = await open();
    const { subscriptions, jobs, credits, expiration } = world.manager;
    const short = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 7 });
    const long = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 45 });
    await subscriptions.setUserSubscriptionPlan('short', short);
    await subscriptions.setUserSubscriptionPlan('long', long);
    world.clock.set('2026-01-07T23:59:59.999Z');
    expect(await expiration.checkCreditExpiration('short')).toBe(0);
    world.clock.set('2026-01-08T00:00:00Z');
    expect(await expiration.checkCreditExpiration('short')).toBe(100);
    world.clock.set('2026-02-10T00:00:00Z');
    // The period began nine days ago: its credits have lapsed, and are granted and expired in one.
    expect(await jobs.runAllocation()).toMatchObject({ processed: 2, granted: 200 });
    expect([await world.balance('short'), await world.balance('long')]).toEqual([0, 200]);
    world.clock.set('2026-02-15T00:00:00Z');
    expect(await credits.expireCredits('long')).toBe(100);
    world.clock.set('2026-04-05T00:00:00Z');
    await jobs.runAllocation();
    // Of March 1 and of April 1.
    expect(await world.balance('long')).toBe(200);
    await world.expectSound();
  });

  test.each([
    { cap: 0, spent: 0, left: 100 },
    { cap: 30, spent: 0, left: 130 },
    { cap: 30, spent: 70, left: 130 },
    { cap: 30, spent: 71, left: 129 },
    { cap: 30, spent: 100, left: 100 },
    { cap: 500, spent: 25, left: 175 },
    { cap: '0.000001', spent: 0, left: 100.000001 },
  ])('rolls over min(cap $cap, what is left after $spent)', async ({ cap, spent, left }) => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: cap });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await credits.addCredits('u', 7, { priority: 90 });
    if (spent > 0) await credits.deductCredits('u', spent);
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(left + 7);
    // As its own lot, which lasts as long as the period's, and rolls over no further than the cap.
    const { items } = await credits.getGrants('u');
    const ends = items.filter(({ source }) => source === 'subscription').map(({ expiresAt }) => expiresAt?.getTime());
    expect(new Set(ends)).toEqual(new Set([Date.parse('2026-03-01T00:00:00Z')]));
    world.clock.set('2026-05-15T00:00:00Z');
    await jobs.runAllocation();
    const after = ['March', 'April', 'May'].reduce((before) => 100 + Math.min(Number(cap), before), left);
    expect(await world.balance('u')).toBe(after + 7);
    await world.expectSound();
  });

  test('what is held when the period ends does not roll over', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: 100 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-01-31T23:00:00Z');
    const hold = await credits.reserveCredits('u', 60, { ttlSeconds: 7_200 });
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 200, reserved: 60, available: 140 });
    await credits.releaseReservedCredits(hold);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ balance: 140, reserved: 0 });
    await world.expectSound();
  });

  test('a trial comes first, once a user, and periods follow its end', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, trialDays: 30 });
    const first = await subscriptions.setUserSubscriptionPlan('u', plan);
    expect([first.status, first.periodEnd.toISOString()]).toEqual(['trialing', '2026-01-31T00:00:00.000Z']);
    for (const end of ['2026-02-28', '2026-03-31', '2026-04-30']) {
      world.clock.set((await subscriptions.getUserSubscriptionPlan('u'))?.periodEnd ?? '');
      expect(await jobs.runAllocation()).toMatchObject({ granted: 100 });
      const next = await subscriptions.getUserSubscriptionPlan('u');
      expect([next?.status, next?.periodEnd.toISOString().slice(0, 10)]).toEqual(['active', end]);
    }
    await subscriptions.deleteUserSubscriptionPlan('u');
    expect((await subscriptions.setUserSubscriptionPlan('u', plan)).status).toBe('active');
  });

  test('a pause over the end of a period grants nothing until it is resumed, and what was left is left', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
    world.clock.set('2026-01-22T00:00:00Z');
    await subscriptions.pauseUserSubscription('u');
    expect((await subscriptions.pauseUserSubscription('u')).replayed).toBe(true);
    world.clock.set('2026-03-22T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
    const { periodEnd, status } = await subscriptions.resumeUserSubscription('u');
    expect([status, periodEnd.toISOString()]).toEqual(['active', '2026-04-01T00:00:00.000Z']);
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
    world.clock.set('2026-04-01T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ granted: 100 });
    expect(world.count('subscription.allocated')).toBe(2);
  });

  test('a percentage is of the limit of the plan that the user has, set silently', async () => {
    const world = await open({ defaults: { lowCreditThreshold: '20%', trialCredits: 10 } });
    const { subscriptions, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: '1000.000001' });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    const low = () => world.events.filter(({ type }) => type === 'credits.low_balance_reached').length;
    await credits.deductCredits('u', 89);
    expect(low()).toBe(0);
    await credits.deductCredits('u', 1);
    expect(low()).toBe(1);
    await subscriptions.upgradeUserSubscriptionPlan('u', big);
    expect(world.count('credits.balance_restored')).toBe(1);
    // 20 % of 1000.000001, rounded up.
    await credits.deductCredits('u', '719.999999');
    expect(low()).toBe(1);
    await credits.deductCredits('u', '0.000001');
    expect(low()).toBe(2);
    const threshold = world.events.findLast(({ type }) => type === 'credits.low_balance_reached')?.data;
    expect(threshold).toMatchObject({ threshold: 200.000001 });
    await subscriptions.deleteUserSubscriptionPlan('u');
    // Of the trial grant again: 2.
    await credits.deductCredits('u', 197);
    expect(low()).toBe(2);
    await world.expectSound();
  });
});
