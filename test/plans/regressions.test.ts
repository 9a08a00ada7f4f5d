/** What was wrong once: each test is a story that ended badly before. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends, MONTHLY, memoryWorld } from '../support/plan-world.js';

await describeBackends('once wrong', (open) => {
  test('a currency changed without its price made 19.99 USD 1999 JPY', async () => {
    const { subscriptions } = (await open()).manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    expect(await codeOf(subscriptions.updateSubscriptionPlan({ id: plan.id, currency: 'JPY' }))).toBe(
      'INVALID_ARGUMENT',
    );
    const yen = await subscriptions.updateSubscriptionPlan({ id: plan.id, currency: 'JPY', price: 500 });
    expect(yen).toMatchObject({ price: 500, currency: 'JPY' });
    const again = await subscriptions.updateSubscriptionPlan({ id: plan.id, price: 600, currency: undefined });
    expect(again).toMatchObject({ price: 600, currency: 'JPY' });
    expect(await codeOf(subscriptions.updateSubscriptionPlan({ id: plan.id, price: '6.5' }))).toBe('INVALID_AMOUNT');
  });

  test('an update of a plan was not replayed once the plan was gone', async () => {
    const { subscriptions } = (await open()).manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const update = () => subscriptions.updateSubscriptionPlan({ id: plan.id, price: 5 }, { idempotencyKey: 'k' });
    const first = await update();
    await subscriptions.updateSubscriptionPlan({ id: plan.id, price: 700, currency: 'JPY' });
    expect(await update()).toEqual({ ...first, replayed: true });
    await subscriptions.deleteSubscriptionPlan(plan);
    expect(await update()).toEqual({ ...first, replayed: true });
  });

  test('a repeated key made another account each time a cycle was started without a user', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const start = (key: string) => subscriptions.startCycle(null, { amount: 5, idempotencyKey: key });
    const first = await start('k');
    expect(await start('k')).toEqual({ ...first, replayed: true });
    expect((await start('other')).userId).not.toBe(first.userId);
    expect((await subscriptions.startCycle(null, { amount: 5 })).replayed).toBe(false);
    expect((await credits.listAccounts()).items.map(({ balance }) => balance)).toEqual([5, 5, 5]);
    const other = subscriptions.startCycle(null, { amount: 6, idempotencyKey: 'k' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
  });

  test('the recurring cycle of a user whose long name holds an emoji could not be stored', async () => {
    const { subscriptions } = (await open()).manager;
    for (const length of [189, 190]) {
      const cycle = await subscriptions.startCycle(`${'x'.repeat(length)}😀`, { amount: 5, recurring: true });
      expect(cycle.status).toBe('active');
    }
  });

  test('an op_ key of another operation was answered with a crash', async () => {
    const { subscriptions, promos, credits } = (await open()).manager;
    const { operationId } = await credits.addCredits('u', 1);
    const options = { idempotencyKey: `op_${operationId}` };
    expect(await codeOf(subscriptions.addSubscriptionPlan(MONTHLY, options))).toBe('IDEMPOTENCY_CONFLICT');
    expect(await codeOf(promos.createPromo({ code: 'C', credits: 1 }, options))).toBe('IDEMPOTENCY_CONFLICT');
  });

  test('asking again for a prorated change granted a share of the rest each time', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: 1_000 });
    const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300, rolloverCap: 1_000 });
    world.clock.set('2026-04-01T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-04-16T00:00:00Z');
    for (const to of [big, big, plan, big]) {
      await subscriptions.upgradeUserSubscriptionPlan('u', to, { proration: 'time' });
      expect(await world.balance('u')).toBe(200);
    }
    // What was granted before the change is left over too.
    world.clock.set('2026-05-01T00:00:00Z');
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('a pause let a period be granted once more, and its end was made up for while it was paused', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 300 });
    const set = (user: string) => subscriptions.setUserSubscriptionPlan(user, plan);
    for (const user of ['resumed', 'upgraded', 'set', 'removed', 'prorated']) await set(user);
    world.clock.set('2026-01-05T00:00:00Z');
    for (const user of ['resumed', 'upgraded', 'set', 'removed', 'prorated']) {
      await subscriptions.pauseUserSubscription(user);
    }
    world.clock.set('2026-03-10T00:00:00Z');
    await subscriptions.resumeUserSubscription('resumed');
    await subscriptions.upgradeUserSubscriptionPlan('resumed', plan);
    await subscriptions.upgradeUserSubscriptionPlan('upgraded', plan);
    await set('set');
    await subscriptions.deleteUserSubscriptionPlan('removed');
    await set('removed');
    const { periodEnd } = await subscriptions.upgradeUserSubscriptionPlan('prorated', plan, { proration: 'time' });
    expect(periodEnd.toISOString()).toBe('2026-04-06T00:00:00.000Z');
    await jobs.runAllocation();
    for (const user of ['resumed', 'upgraded', 'set', 'removed', 'prorated']) {
      expect([user, await world.balance(user)]).toEqual([user, 100]);
    }
  });

  test('a late job lost the period that ran when the user cancelled', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-02-03T00:00:00Z');
    const cancelled = await subscriptions.cancelUserSubscription('u');
    expect(cancelled.validUntil?.toISOString()).toBe('2026-03-01T00:00:00.000Z');
    expect(await world.balance('u')).toBe(100);
    await jobs.runAllocation();
    expect((await subscriptions.getUserSubscriptionPlan('u'))?.status).toBe('active');
    expect(world.count('subscription.allocated')).toBe(2);
  });

  test('a late job lost the cycle that ran when the user stopped it', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const daily = { amount: 10, days: 1, recurring: true };
    const cycle = await subscriptions.startCycle('u', daily);
    world.clock.advance({ days: 2, hours: 1 });
    const stopped = await subscriptions.stopCycle(cycle);
    expect(stopped).toMatchObject({ status: 'canceled', end: new Date('2026-01-04T00:00:00Z') });
    expect(await world.balance('u')).toBe(10);
    await jobs.runAllocation();
    expect(world.count('subscription.allocated')).toBe(3);
    const once = await subscriptions.startCycle('u', { amount: 10, days: 1 });
    world.clock.advance({ days: 2 });
    expect((await subscriptions.stopCycle(once)).status).toBe('ended');
    await world.expectSound();
  });

  test('a recurring cycle cut a long user id in the middle of a character, which no database takes', async () => {
    const world = await open();
    const user = `${'a'.repeat(189)}😀`;
    await world.manager.subscriptions.startCycle(user, { amount: 10, recurring: true });
    expect(await world.balance(user)).toBe(10);
    await world.expectSound();
  });

  test('a repeated allocation of a subscription that was removed since was not told what it had granted', async () => {
    const world = await open();
    const { subscriptions, expiration } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const set = await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    const allocate = (idempotencyKey: string) => expiration.allocateSubscriptionCredits(set, plan, { idempotencyKey });
    expect(await allocate('k')).toEqual({ granted: 100, alreadyAllocated: false });
    await subscriptions.deleteUserSubscriptionPlan('u');
    expect(await allocate('k')).toEqual({ granted: 100, alreadyAllocated: false });
    expect(await codeOf(allocate('other'))).toBe('SUBSCRIPTION_NOT_FOUND');
  });

  test('A-13: one that had ended could not be removed', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await subscriptions.cancelUserSubscription('u', { when: 'now' });
    expect(await subscriptions.deleteUserSubscriptionPlan('u')).toBe(true);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toBe(null);
    expect(await subscriptions.deleteUserSubscriptionPlan('u')).toBe(false);
  });

  test('a job was complete after a hundred periods that granted nothing', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const yearly = await subscriptions.addSubscriptionPlan({ ...MONTHLY, billingPeriod: 'yearly' });
    const daily = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 1, billingPeriod: 'daily' });
    await subscriptions.setUserSubscriptionPlan('u', yearly);
    await subscriptions.upgradeUserSubscriptionPlan('u', daily);
    world.clock.set('2027-01-03T12:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ status: 'completed', granted: 3 });
    expect(await world.balance('u')).toBe(1);
  });

  test('a code with half a character was one that the database refuses', async () => {
    const world = await open();
    const odd = `${'x'.repeat(63)}😀`;
    expect(await world.manager.promos.claimPromo('u', odd)).toMatchObject({ message: 'Promo code not found' });
    expect(await world.manager.promos.checkEligibility('u', odd)).toMatchObject({ reason: 'Promo code not found' });
    await world.expectSound();
  });

  test('what changed at the end of a period was counted in the old periods by the length of the new ones', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const monthly = await subscriptions.addSubscriptionPlan(MONTHLY);
    const daily = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 10, billingPeriod: 'daily' });
    await subscriptions.setUserSubscriptionPlan('down', monthly);
    await subscriptions.setUserSubscriptionPlan('up', daily);
    await subscriptions.setUserSubscriptionPlan('prorated', monthly);
    await subscriptions.upgradeUserSubscriptionPlan('prorated', daily, { proration: 'time' });
    world.clock.set('2026-01-31T12:00:00Z');
    await jobs.runAllocation();
    await subscriptions.upgradeUserSubscriptionPlan('down', daily, { when: 'period_end' });
    await subscriptions.upgradeUserSubscriptionPlan('up', monthly, { when: 'period_end' });
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    const end = async (user: string) => (await subscriptions.getUserSubscriptionPlan(user))?.periodEnd.toISOString();
    expect(await Promise.all(['down', 'prorated', 'up'].map(end))).toEqual([
      '2026-02-02T00:00:00.000Z',
      '2026-02-02T00:00:00.000Z',
      '2026-03-01T00:00:00.000Z',
    ]);
    expect(await Promise.all(['down', 'prorated', 'up'].map((user) => world.balance(user)))).toEqual([10, 10, 100]);
    await world.expectSound();
  });

  test('a repeated call wrote the period that a late job had left', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const set = (key: string) => subscriptions.setUserSubscriptionPlan('u', plan, { idempotencyKey: key });
    const first = await set('k');
    world.clock.set('2026-02-03T00:00:00Z');
    const entries = async () => (await credits.getCreditHistory('u', { includeHolds: true })).items.length;
    const before = await entries();
    expect(await set('k')).toEqual({ ...first, replayed: true });
    const other = subscriptions.setUserSubscriptionPlan('u', plan, { idempotencyKey: 'k', autoRenew: false });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
    expect(await entries()).toBe(before);
    await set('other');
    expect(world.count('subscription.allocated')).toBe(2);
  });

  test('a share of a period lost a unit to binary fractions', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const small = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 1 });
    const large = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 301, creditDecimals: 6 });
    world.clock.set('2026-04-01T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', small);
    // 16.5 of 720 hours are left.
    world.clock.set('2026-04-30T07:30:00Z');
    await subscriptions.upgradeUserSubscriptionPlan('u', large, { proration: 'time' });
    expect(await world.balance('u')).toBe(7.875);
  });

  test('a change after more than a hundred periods was one of a period long past', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const daily = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 10, billingPeriod: 'daily' });
    await subscriptions.setUserSubscriptionPlan('u', daily);
    world.clock.advance({ days: 130, hours: 1 });
    const { periodEnd } = await subscriptions.cancelUserSubscription('u');
    expect(periodEnd).toEqual(new Date(Date.parse('2026-01-01') + 131 * 86_400_000));
    expect(await world.balance('u')).toBe(10);
  });

  test('a clock that went back brought a subscription that had ended back, and hid that one was late', async () => {
    const world = await open();
    const { subscriptions, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    for (const user of ['ended', 'late']) await subscriptions.setUserSubscriptionPlan(user, plan);
    await subscriptions.cancelUserSubscription('ended');
    world.clock.set('2026-02-03T00:00:00Z');
    for (const user of ['ended', 'late']) await credits.addCredits(user, 1);
    world.clock.set('2026-01-31T00:00:00Z');
    expect((await subscriptions.getUserSubscriptionPlan('ended'))?.status).toBe('ended');
    const cancelled = await subscriptions.cancelUserSubscription('late');
    expect(cancelled.validUntil?.toISOString()).toBe('2026-03-01T00:00:00.000Z');
    expect(await world.balance('late')).toBe(101);
  });
});

test('a process without Temporal called a plan in a time zone an internal mistake', async () => {
  const world = memoryWorld();
  const plan = await world.manager.subscriptions.addSubscriptionPlan({ ...MONTHLY, timeZone: 'Asia/Kolkata' });
  await world.manager.subscriptions.setUserSubscriptionPlan('u', plan);
  const without = world.open({ temporal: undefined });
  expect(await codeOf(without.subscriptions.setUserSubscriptionPlan('v', plan))).toBe('CONFIGURATION');
  world.clock.advance({ days: 40 });
  expect(await without.jobs.runAllocation()).toMatchObject({ skippedCount: 1, skipped: [{ code: 'CONFIGURATION' }] });
  expect(await world.manager.jobs.runAllocation()).toMatchObject({ granted: 100, skippedCount: 0 });
});
