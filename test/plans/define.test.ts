/** Plans and promo codes as code: a deploy brings the database to what a list says, and names plans by their codes. */
import { describe, expect, test } from 'vitest';
import type { PlanDefinition } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { describeBackends, MONTHLY, memoryWorld } from '../support/plan-world.js';

const FREE: PlanDefinition = { ...MONTHLY, code: 'free', name: 'Free', creditLimit: 10, price: 0 };
const PRO: PlanDefinition = { ...MONTHLY, code: 'Pro', rolloverCap: 20, alsoGrants: [] };
const NOTHING = { created: [], changed: [], unchanged: [], missing: [], deactivated: [] };

await describeBackends('plans as code', (open) => {
  test('are made once, and the same list again writes nothing', async () => {
    const world = await open();
    const { subscriptions, ledger } = world.manager;
    expect(await subscriptions.definePlans([FREE, PRO])).toEqual({ ...NOTHING, created: ['free', 'pro'] });
    const entries = (await ledger.list({ types: ['system'] })).items.length;
    for (const manager of [world.manager, world.open()]) {
      const again = await manager.subscriptions.definePlans([FREE, PRO]);
      expect(again).toEqual({ ...NOTHING, unchanged: ['free', 'pro'] });
    }
    expect((await ledger.list({ types: ['system'] })).items.length).toBe(entries);
    expect((await subscriptions.listSubscriptionPlans()).items.map(({ code }) => code).sort()).toEqual(['free', 'pro']);
    await world.expectSound();
  });

  test('of many processes that start at once are made by one of them, and changed by one of them', async () => {
    const world = await open();
    const processes = [world.manager, world.open(), world.open(), world.open()];
    for (const [plans, of] of [
      [[FREE, PRO], 'created'],
      [[FREE, { ...PRO, creditLimit: 200 }], 'changed'],
    ] as const) {
      const reports = await Promise.all(processes.map(({ subscriptions }) => subscriptions.definePlans(plans)));
      const codes = reports.flatMap((report) =>
        report[of].map((each) => (typeof each === 'string' ? each : each.code)),
      );
      expect(codes.sort()).toEqual(of === 'created' ? ['free', 'pro'] : ['pro']);
    }
    const { items } = await world.manager.subscriptions.listSubscriptionPlans();
    expect(items.map(({ code, creditLimit }) => [code, creditLimit]).sort()).toEqual([
      ['free', 10],
      ['pro', 200],
    ]);
    await world.expectSound();
  });

  test('tell the fields that changed, also those that the list no longer names', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    await subscriptions.definePlans([{ ...PRO, description: 'old', metadata: { a: 1 } }]);
    const report = await subscriptions.definePlans([{ ...PRO, price: '24.99', name: 'Pro 2' }]);
    const fields = ['description', 'metadata', 'name', 'price'];
    expect(report).toEqual({ ...NOTHING, changed: [{ code: 'pro', fields }] });
    const found = { name: 'Pro 2', price: 24.99, description: null, metadata: {}, creditLimit: 100, rolloverCap: 20 };
    expect(await subscriptions.getSubscriptionPlan('pro', { fresh: true })).toMatchObject(found);
    await world.expectSound();
  });

  test('that are missing are told, and deactivated only when asked; defined again they are offered again', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const { id } = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'By hand' });
    await subscriptions.definePlans([FREE, PRO]);
    const told = await subscriptions.definePlans([PRO]);
    expect(told).toEqual({ ...NOTHING, unchanged: ['pro'], missing: ['free'] });
    expect((await subscriptions.getSubscriptionPlan('free'))?.isActive).toBe(true);
    const done = await subscriptions.definePlans([PRO], { deactivateMissing: true });
    expect(done).toEqual({ ...NOTHING, unchanged: ['pro'], missing: ['free'], deactivated: ['free'] });
    expect(await codeOf(subscriptions.setUserSubscriptionPlan('u', 'free'))).toBe('PLAN_INACTIVE');
    expect((await subscriptions.getSubscriptionPlan(id))?.isActive).toBe(true);
    const back = await subscriptions.definePlans([PRO, FREE]);
    expect(back.changed).toEqual([{ code: 'free', fields: ['isActive'] }]);
    expect((await subscriptions.setUserSubscriptionPlan('u', 'free')).status).toBe('active');
    await world.expectSound();
  });

  test('are found by their code wherever a plan is named', async () => {
    const world = await open();
    const { subscriptions, expiration } = world.manager;
    await subscriptions.definePlans([FREE, PRO]);
    const pro = await subscriptions.getSubscriptionPlan('PRO');
    expect(pro?.code).toBe('pro');
    const set = await subscriptions.setUserSubscriptionPlan('u', 'free', { idempotencyKey: 'k' });
    expect(set.planName).toBe('Free');
    const again = await subscriptions.setUserSubscriptionPlan('u', 'FREE', { idempotencyKey: 'k' });
    expect(again).toEqual({ ...set, replayed: true });
    expect((await subscriptions.previewChange('u', 'pro')).subscription.planId).toBe(pro?.id);
    const changed = await subscriptions.upgradeUserSubscriptionPlan('u', { id: 'pro' });
    expect(changed.planId).toBe(pro?.id);
    expect((await expiration.allocateSubscriptionCredits(changed, 'pro')).alreadyAllocated).toBe(true);
    expect(await subscriptions.updateSubscriptionPlan({ id: 'pro', code: 'team', name: 'Team' })).toMatchObject({
      ...{ id: pro?.id, code: 'team', name: 'Team' },
    });
    expect(await subscriptions.getSubscriptionPlan('pro')).toBeNull();
    expect((await subscriptions.deactivateSubscriptionPlan('team')).isActive).toBe(false);
    expect((await subscriptions.activateSubscriptionPlan('team')).isActive).toBe(true);
    expect(await codeOf(subscriptions.deleteSubscriptionPlan('team'))).toBe('PLAN_IN_USE');
    expect(await subscriptions.deleteSubscriptionPlan('free')).toBe(true);
    expect(await subscriptions.deleteSubscriptionPlan('free')).toBe(false);
    for (const call of [
      () => subscriptions.setUserSubscriptionPlan('u', 'free'),
      () => subscriptions.updateSubscriptionPlan({ id: 'free', name: 'x' }),
      () => subscriptions.deactivateSubscriptionPlan('free'),
    ]) {
      expect(await codeOf(call())).toBe('PLAN_NOT_FOUND');
    }
    await world.expectSound();
  });

  test('and no two plans have one code', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    await subscriptions.definePlans([FREE, PRO]);
    expect(await codeOf(subscriptions.addSubscriptionPlan({ ...MONTHLY, code: 'PRO' }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(subscriptions.updateSubscriptionPlan({ id: 'free', code: 'pro' }))).toBe('INVALID_ARGUMENT');
    const adding = [world.manager, world.open(), world.open()].map((manager) =>
      codeOf(manager.subscriptions.addSubscriptionPlan({ ...MONTHLY, code: 'team' })),
    );
    expect((await Promise.all(adding)).filter((code) => code === 'INVALID_ARGUMENT')).toHaveLength(2);
  });

  test('promo codes are defined alike, and keep their claims', async () => {
    const world = await open();
    const { promos } = world.manager;
    const list = [
      { code: 'welcome', credits: 50, maxUses: 10 },
      { code: 'MAY', credits: 5 },
    ];
    expect(await promos.definePromos(list)).toEqual({ ...NOTHING, created: ['WELCOME', 'MAY'] });
    expect((await promos.claimPromo('u', 'welcome')).success).toBe(true);
    world.clock.advance({ days: 1 });
    const both = await Promise.all([world.manager, world.open()].map((manager) => manager.promos.definePromos(list)));
    expect(both).toEqual(Array(2).fill({ ...NOTHING, unchanged: ['WELCOME', 'MAY'] }));
    const changed = await promos.definePromos([{ code: 'WELCOME', credits: 60 }], { deactivateMissing: true });
    expect(changed).toEqual({
      ...{ ...NOTHING, changed: [{ code: 'WELCOME', fields: ['credits', 'maxUses'] }] },
      ...{ missing: ['MAY'], deactivated: ['MAY'] },
    });
    expect(await promos.getPromo('welcome')).toMatchObject({ totalClaims: 1, credits: 60, maxUses: null });
    expect(await promos.getPromo('MAY')).toMatchObject({ isActive: false });
    await world.expectSound();
  });
});

describe('a list', () => {
  const wrong: readonly (readonly [string, readonly object[]])[] = [
    ['with a code twice', [PRO, { ...FREE, code: 'PRO' }]],
    ['without a code', [MONTHLY]],
    ['with a code that begins as an id does', [{ ...PRO, code: 'p-1' }]],
    ['with a code of other letters', [{ ...PRO, code: 'straße' }]],
    ['with a code that becomes another letter', [{ ...PRO, code: '\u212Aelvin' }]],
    ['with an empty code', [{ ...PRO, code: '' }]],
    ['with a long code', [{ ...PRO, code: 'x'.repeat(65) }]],
    ['with a misspelt field', [{ ...PRO, creditlimit: 5 }]],
    ['with a wrong plan behind a right one', [FREE, { ...PRO, creditLimit: -1 }]],
  ];

  test.each(wrong)('%s is refused, and nothing of it is written', async (_, plans) => {
    const world = memoryWorld();
    const { subscriptions } = world.manager;
    expect(await codeOf(subscriptions.definePlans(plans as never))).toMatch(/^INVALID_(ARGUMENT|AMOUNT)$/);
    expect((await subscriptions.listSubscriptionPlans()).items).toEqual([]);
  });
});
