/** Acceptance and defects by their ids: keys, sessions of a host, outcomes that were lost, codes of refusals. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

await describeBackends('accepted', (open) => {
  test('A-11, A-12, A-13, D-S-1: one subscription a user: set, set again, upgraded, removed', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Big', creditLimit: 300 });
    await subscriptions.upgradeUserSubscriptionPlan('fresh', big);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.advance({ days: 3 });
    const upgraded = await subscriptions.upgradeUserSubscriptionPlan('u', big);
    expect(upgraded).toMatchObject({ planId: big.id, status: 'active' });
    expect(upgraded.periodStart).toEqual(world.clock.now());
    expect(await subscriptions.deleteUserSubscriptionPlan('u')).toBe(true);
    expect(await subscriptions.getUserSubscriptionPlan('u')).toBe(null);
    expect(await world.balance('u')).toBe(300);
    const messages = async (user: string) =>
      (await subscriptions.getSubscriptionHistory(user, { order: 'oldest' })).items.map(({ message }) => message);
    expect(await messages('fresh')).toEqual(['User subscription set']);
    const [set, upgrade, removed] = ['set', 'upgraded', 'deleted'].map((word) => `User subscription ${word}`);
    expect(await messages('u')).toEqual([set, set, upgrade, removed]);
    await world.expectSound();
  });

  test('A-14, D-S-4: a changed plan reads as changed, a deleted one not at all, also in another process', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const other = world.open();
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    expect((await other.subscriptions.getSubscriptionPlan(plan))?.creditLimit).toBe(100);
    await subscriptions.getSubscriptionPlan(plan);
    await subscriptions.updateSubscriptionPlan({ id: plan.id, creditLimit: 250 });
    expect((await subscriptions.getSubscriptionPlan(plan))?.creditLimit).toBe(250);
    expect((await other.subscriptions.getSubscriptionPlan(plan, { fresh: true }))?.creditLimit).toBe(250);
    await other.subscriptions.setUserSubscriptionPlan('u', plan);
    expect(await world.balance('u')).toBe(250);
    // Terms are kept: a change is for later subscriptions.
    await subscriptions.updateSubscriptionPlan({ id: plan.id, creditLimit: 1 });
    world.clock.set('2026-02-01T00:00:00Z');
    await other.jobs.runAllocation();
    expect(await world.balance('u')).toBe(250);
    expect(await codeOf(subscriptions.deleteSubscriptionPlan(plan))).toBe('PLAN_IN_USE');
    await subscriptions.deleteUserSubscriptionPlan('u');
    expect(await subscriptions.deleteSubscriptionPlan(plan)).toBe(true);
    expect(await subscriptions.getSubscriptionPlan(plan)).toBe(null);
    expect(await subscriptions.deleteSubscriptionPlan(plan)).toBe(false);
  });

  test('D-S-2: an allocation is the period’s, once, of the stored terms', async () => {
    const world = await open();
    const { subscriptions, expiration } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    const set = await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false, autoRenew: false });
    expect(await world.balance('u')).toBe(0);
    const forged = { ...set, userId: 'thief', planId: 'p-other', periodStart: new Date(0) };
    const allocate = () => expiration.allocateSubscriptionCredits(forged, { ...plan, creditLimit: 9_999 } as never);
    const answers = await Promise.all(Array.from({ length: 6 }, allocate));
    expect(answers.filter(({ alreadyAllocated }) => !alreadyAllocated)).toEqual([
      { granted: 100, alreadyAllocated: false },
    ]);
    expect([await world.balance('u'), await world.balance('thief')]).toEqual([100, 0]);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await allocate()).toEqual({ granted: 0, alreadyAllocated: true });
    expect(await codeOf(expiration.allocateSubscriptionCredits('s-none'))).toBe('SUBSCRIPTION_NOT_FOUND');
  });

  test('D-S-5, D-R-5: plans and codes that make no sense are refused and leave no trace', async () => {
    const world = await open();
    const { subscriptions, promos } = world.manager;
    const plans = [
      ...[{ price: -1 }, { price: '19.999' }, { creditLimit: 0 }, { creditLimit: -5 }, { rolloverCap: -1 }],
      ...[{ validityDays: 0 }, { validityDays: 1.5 }, { name: '' }, { billingPeriod: 'hourly' }, { trialDays: -1 }],
      ...[{ currency: 'usd' }, { creditType: 'gold' }, { validityDays: 7, rolloverCap: 5 }],
    ];
    for (const wrong of plans) {
      const made = subscriptions.addSubscriptionPlan({ ...MONTHLY, ...(wrong as object) });
      expect(['INVALID_ARGUMENT', 'INVALID_AMOUNT'], JSON.stringify(wrong)).toContain(await codeOf(made));
    }
    const codes = [
      ...[{ credits: 0 }, { credits: -1 }, { maxUses: 0 }, { maxUsesPerUser: 0 }, { code: ' ' }, { code: 'A B' }],
      ...[{ targetType: 'specific_users' }, { validFrom: '2026-02-01T00:00:00Z', validUntil: '2026-01-01T00:00:00Z' }],
    ];
    for (const wrong of codes) {
      const made = promos.createPromo({ code: 'C', credits: 1, ...(wrong as object) });
      expect(['INVALID_ARGUMENT', 'INVALID_AMOUNT'], JSON.stringify(wrong)).toContain(await codeOf(made));
    }
    expect((await subscriptions.listSubscriptionPlans()).items).toEqual([]);
    expect((await promos.listPromos({ activeOnly: false })).items).toEqual([]);
    expect((await subscriptions.addSubscriptionPlan({ ...MONTHLY, price: 0 })).price).toBe(0);
  });

  test('D-R-1, D-R-2, D-R-3, D-R-4, A-19: a code is made once, and claimed once with its credits', async () => {
    const world = await open();
    const { promos, credits } = world.manager;
    const fields = { credits: 5, maxUses: 3, validUntil: '2026-01-01T05:30:00+05:30' };
    await promos.createPromo({ code: 'welcome', ...fields });
    expect(await codeOf(promos.createPromo({ code: 'WELCOME', ...fields }))).toBe('PROMO_EXISTS');
    const other = world.open();
    const claim = (i: number) => (i % 2 ? other : world.manager).promos.claimPromo('u', 'Welcome');
    const claims = await Promise.all(Array.from({ length: 6 }, (_, i) => claim(i)));
    expect(claims.filter(({ success }) => success)).toHaveLength(1);
    expect(new Set(claims.filter(({ success }) => !success).map(({ message }) => message))).toEqual(
      new Set(["You've already claimed this promo"]),
    );
    expect(await world.balance('u')).toBe(5);
    // A step that fails leaves the slot free.
    await credits.addCredits('full', 2_251_799_813);
    expect(await codeOf(promos.claimPromo('full', 'welcome'))).toBe('AMOUNT_TOO_LARGE');
    expect((await promos.getPromo('welcome'))?.totalClaims).toBe(1);
    expect((await promos.listClaims({ userId: 'full' })).items).toEqual([]);
    expect((await promos.claimPromo('v', 'welcome')).success).toBe(true);
    world.clock.advance({ seconds: 1 });
    expect(await promos.claimPromo('w', 'welcome')).toMatchObject({ message: 'Promo has expired' });
    await world.expectSound();
  });

  test('CR-4, CU-3, CU-4: one recurring cycle a user and many others; a stopped one lasts to its end', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    const cycle = await subscriptions.startCycle('u', { amount: 10, recurring: true });
    expect(cycle).toMatchObject({ userId: 'u', status: 'active', days: 30, start: world.clock.now() });
    expect(await codeOf(subscriptions.startCycle('u', { amount: 1, recurring: true }))).toBe('CYCLE_ACTIVE');
    await subscriptions.startCycle('u', { amount: 3, days: 5 });
    await subscriptions.startCycle('u', { amount: 4, days: 9 });
    await credits.deductCredits('u', 4);
    world.clock.advance({ days: 5 });
    // The one closest to its end was taken from first.
    expect(await world.balance('u')).toBe(13);
    world.clock.advance({ days: 25 });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 3, granted: 10 });
    expect(await world.balance('u')).toBe(10);
    await subscriptions.stopCycle(cycle);
    world.clock.advance({ days: 29 });
    expect(await world.balance('u')).toBe(10);
    world.clock.advance({ days: 1 });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
    expect(await world.balance('u')).toBe(0);
    expect(await codeOf(subscriptions.stopCycle('c-none'))).toBe('NOT_FOUND');
    await world.expectSound();
  });

  test('a host that rolls back leaves nothing of plans, claims and cycles; one that commits, all', async () => {
    const world = await open();
    const { subscriptions, promos } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    await promos.createPromo({ code: 'C', credits: 5 });
    const everything = async (session: never) => {
      const own = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Own' }, { session });
      await subscriptions.setUserSubscriptionPlan('u', own, { session });
      await subscriptions.upgradeUserSubscriptionPlan('u', plan, { session });
      await promos.createPromo({ code: 'OWN', credits: 2 }, { session });
      expect((await promos.claimPromo('u', 'OWN', { session })).success).toBe(true);
      expect((await promos.claimPromo('u', 'C', { session })).success).toBe(true);
      await subscriptions.startCycle('u', { amount: 3, recurring: true, session });
    };
    const state = async () => ({
      plans: (await subscriptions.listSubscriptionPlans()).items.length,
      set: (await subscriptions.getUserSubscriptionPlan('u'))?.planId ?? null,
      codes: (await promos.listPromos()).items.map(({ code, totalClaims }) => [code, totalClaims]),
      claims: (await promos.listClaims({ userId: 'u' })).items.length,
      cycles: (await subscriptions.listCycles('u')).items.length,
      balance: await world.balance('u'),
    });
    await world.rolledBack((session) => everything(session as never));
    expect(await state()).toEqual({ plans: 1, set: null, codes: [['C', 0]], claims: 0, cycles: 0, balance: 0 });
    await world.begin((session) => everything(session as never));
    const codes = expect.arrayContaining([
      ['C', 1],
      ['OWN', 1],
    ]);
    expect(await state()).toEqual({ plans: 2, set: plan.id, codes, claims: 2, cycles: 1, balance: 110 });
    await world.expectSound();
  });

  test('one key is one effect, with another input a conflict, and a scope of its own for plans and codes', async () => {
    const world = await open();
    const { subscriptions, promos, credits } = world.manager;
    const key = { idempotencyKey: 'k' };
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY, key);
    await credits.addCredits('u', 1, key);
    await promos.createPromo({ code: 'C', credits: 5 }, key);
    const set = await subscriptions.setUserSubscriptionPlan('u', plan, key);
    const again = await Promise.all([
      subscriptions.addSubscriptionPlan({ ...MONTHLY, price: 19.99, billingPeriod: 'MONTHLY' }, key),
      subscriptions.setUserSubscriptionPlan('u', plan.id, key),
    ]);
    expect(again).toEqual([
      { ...plan, replayed: true },
      { ...set, replayed: true },
    ]);
    const conflicts = [
      subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 101 }, key),
      subscriptions.setUserSubscriptionPlan('u', plan, { ...key, allocate: false }),
      promos.createPromo({ code: 'C', credits: 6 }, key),
    ];
    expect(await Promise.all(conflicts.map(codeOf))).toEqual(Array(3).fill('IDEMPOTENCY_CONFLICT'));
    expect(await world.balance('u')).toBe(101);
  });
});
