/** Reads of a change: the row of a subscription is read once to choose accounts, and once for the decision. */
import { expect, test } from 'vitest';
import type { DbManager } from '../../src/index.js';
import { MONTHLY, memoryWorld, type Session, type World } from '../support/plan-world.js';

const BOTH = { ...MONTHLY, name: 'Both', alsoGrants: [{ creditType: 'image', creditLimit: 5 }] };

/** Counts reads of subscriptions, by key or along an index, while `act` runs. */
async function readsOf({ host }: World, act: () => Promise<unknown>): Promise<number> {
  let reads = 0;
  const { getMany, find } = host;
  host.getMany = (model, keys, options) => {
    if (model === 'subscription') reads++;
    return getMany.call(host, model, keys, options);
  };
  host.find = (...args: Parameters<DbManager<Session>['find']>) => {
    if (args[0] === 'subscription') reads++;
    return find.apply(host, args);
  };
  await act().finally(() => Object.assign(host, { getMany, find }));
  return reads;
}

test('a change reads the subscription to choose its accounts, and once more to decide', async () => {
  const world = memoryWorld();
  const { subscriptions } = world.manager;
  const [plan, both] = [
    await subscriptions.addSubscriptionPlan(MONTHLY),
    await subscriptions.addSubscriptionPlan(BOTH),
  ];
  expect(await readsOf(world, () => subscriptions.setUserSubscriptionPlan('u', plan))).toBe(2);
  expect(await readsOf(world, () => subscriptions.previewChange('u', both))).toBe(2);
  expect(await readsOf(world, () => subscriptions.upgradeUserSubscriptionPlan('u', both))).toBe(2);
  expect(await readsOf(world, () => subscriptions.pauseUserSubscription('u'))).toBe(2);
  expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([100, 5]);
  await world.expectSound();
});

test('a renewal finds the subscription, and reads it once more to decide', async () => {
  const world = memoryWorld();
  const { subscriptions, expiration } = world.manager;
  const { id } = await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
  world.clock.set('2026-02-01T00:00:00Z');
  expect(await readsOf(world, () => expiration.allocateSubscriptionCredits(id))).toBe(2);
  expect(await world.balance('u')).toBe(100);
  await world.expectSound();
});

test('a change that makes up for a late renewal reads the renewed subscription to choose its accounts', async () => {
  const world = memoryWorld();
  const { subscriptions } = world.manager;
  const [plan, both] = [
    await subscriptions.addSubscriptionPlan(MONTHLY),
    await subscriptions.addSubscriptionPlan(BOTH),
  ];
  await world.manager.creditType('image').addCredits('u', 1);
  await subscriptions.setUserSubscriptionPlan('u', plan);
  await subscriptions.upgradeUserSubscriptionPlan('u', both, { when: 'period_end' });
  world.clock.set('2026-02-01T00:00:00Z');
  // To choose the accounts, to see that it is due, to renew, to decide.
  expect(await readsOf(world, () => subscriptions.upgradeUserSubscriptionPlan('u', plan))).toBe(4);
  expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([100, 6]);
  await world.expectSound();
});

test('a change is decided on the stored subscription, not on the row that its accounts were chosen by', async () => {
  const world = memoryWorld();
  const { subscriptions } = world.manager;
  const other = world.open();
  const [plan, both] = [
    await subscriptions.addSubscriptionPlan(MONTHLY),
    await subscriptions.addSubscriptionPlan(BOTH),
  ];
  await subscriptions.setUserSubscriptionPlan('u', plan);
  const { getMany } = world.host;
  world.host.getMany = async (model, keys, options) => {
    const rows = await getMany.call(world.host, model, keys, options);
    if (model !== 'subscription') return rows;
    world.host.getMany = getMany;
    await other.subscriptions.upgradeUserSubscriptionPlan('u', both);
    return rows;
  };
  const paused = await subscriptions.pauseUserSubscription('u');
  expect(paused).toMatchObject({ planId: both.id, status: 'paused', replayed: false });
  // The other account of the plan hears of the pause, too.
  const [image] = await world.host.getMany('account', ['image/u']);
  expect(image?.state).toBeDefined();
  expect(image?.state).not.toHaveProperty('planDueAt');
  await world.expectSound();
});
