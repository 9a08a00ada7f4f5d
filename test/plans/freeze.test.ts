/** A pause that keeps the credits of the running period: they do not lapse until the subscription goes on or ends. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY, type OpenWorld, type World } from '../support/plan-world.js';

const FREEZE = { freezeCredits: true } as const;

/** u has 100 credits of January and 7 images, 30 of the credits on hold, 20 spent; frozen on January 21. */
async function frozen(open: OpenWorld) {
  const world = await open();
  const { subscriptions, credits } = world.manager;
  const alsoGrants = [{ creditType: 'image', creditLimit: 7 }] as const;
  await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan({ ...MONTHLY, alsoGrants }));
  const spent = await credits.deductCredits('u', 20);
  world.clock.set('2026-01-21T00:00:00Z');
  const paused = await subscriptions.pauseUserSubscription('u', FREEZE);
  expect(paused.status).toBe('paused');
  return { world, spent };
}

async function endsOf({ manager }: World, userId = 'u'): Promise<(string | undefined)[]> {
  const own = await manager.credits.getGrants(userId, { includeClosed: true, limit: 100 });
  const images = await manager.creditType('image').getGrants(userId, { includeClosed: true });
  return [...own.items, ...images.items].map(({ expiresAt }) => expiresAt?.toISOString().slice(5, 10));
}

await describeBackends('frozen credits', (open) => {
  test('have no end while the subscription is paused, and a later one when it goes on', async () => {
    const { world } = await frozen(open);
    const { subscriptions, credits, jobs } = world.manager;
    expect(await endsOf(world)).toEqual([undefined, undefined]);
    world.clock.set('2026-03-01T00:00:00Z');
    await jobs.runExpiration();
    expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([80, 7]);
    expect((await credits.deductCredits('u', 10)).balanceAfter).toBe(70);
    // 39 days of pause, 11 days of the period are left.
    const resumed = await subscriptions.resumeUserSubscription('u');
    expect(resumed.periodEnd).toEqual(new Date('2026-03-12'));
    expect(await endsOf(world)).toEqual(['03-12', '03-12']);
    const { items } = await world.manager.ledger.list({ userId: 'u', types: ['grant_updated'], order: 'oldest' });
    expect(items.filter(({ creditType }) => creditType === 'credits').map(({ details }) => details)).toMatchObject([
      { before: { expiresAt: Date.parse('2026-02-01'), priority: 50 }, after: { expiresAt: null, priority: 50 } },
      { before: { expiresAt: null }, after: { expiresAt: Date.parse('2026-03-12') } },
    ]);
    world.clock.set('2026-03-11T23:59:59Z');
    expect(await world.balance('u')).toBe(70);
    world.clock.set('2026-03-12T00:00:00Z');
    expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([100, 7]);
    await jobs.runAllocation();
    await world.expectSound();
  });

  test('lapse as planned without the option; a pause is the same call whatever is asked of a second one', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
    await subscriptions.pauseUserSubscription('u', { idempotencyKey: 'k' });
    expect(await subscriptions.pauseUserSubscription('u', FREEZE)).toMatchObject({ replayed: true });
    const other = subscriptions.pauseUserSubscription('u', { ...FREEZE, idempotencyKey: 'k' });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await world.balance('u')).toBe(0);
  });

  test('get their ends back however the pause ends: by a cancellation, a removal, another plan', async () => {
    for (const leave of ['cancel', 'remove', 'set', 'time'] as const) {
      const { world } = await frozen(open);
      const { subscriptions } = world.manager;
      world.clock.set('2026-02-10T00:00:00Z');
      const same = await subscriptions.addSubscriptionPlan(MONTHLY);
      await {
        cancel: () => subscriptions.cancelUserSubscription('u', { when: 'now' }),
        remove: () => subscriptions.deleteUserSubscriptionPlan('u'),
        set: () => subscriptions.setUserSubscriptionPlan('u', same),
        time: () => subscriptions.changeUserSubscriptionPlan('u', same, { proration: 'time' }),
      }[leave]();
      expect([leave, ...(await endsOf(world))]).toEqual([leave, '02-21', '02-21']);
      expect(await world.balance('u')).toBe(80);
      await world.expectSound();
      await world.close();
    }
  });

  test('that are used up get their ends back too: what is reversed later lapses with the others', async () => {
    const { world, spent } = await frozen(open);
    const { subscriptions, credits } = world.manager;
    const rest = await credits.deductCredits('u', 80);
    world.clock.set('2026-02-10T00:00:00Z');
    await credits.reverseTransaction(spent.id);
    expect(await world.balance('u')).toBe(20);
    await credits.deductCredits('u', 20);
    await subscriptions.resumeUserSubscription('u');
    await credits.reverseTransaction(rest.id);
    expect(await world.balance('u')).toBe(80);
    expect(await endsOf(world)).toEqual(['02-21', '02-21']);
    world.clock.set('2026-02-21T00:00:00Z');
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('are sent to others with the time that they had left, and roll over when their period ends', async () => {
    const { world } = await frozen(open);
    const { credits, subscriptions } = world.manager;
    world.clock.set('2026-02-10T00:00:00Z');
    await credits.transferCredits({ from: 'u', to: 'v', amount: 50 });
    expect(await endsOf(world, 'v')).toEqual(['02-21']);
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: 40 });
    await subscriptions.setUserSubscriptionPlan('w', plan);
    await subscriptions.pauseUserSubscription('w', FREEZE);
    world.clock.set('2026-04-10T00:00:00Z');
    await subscriptions.resumeUserSubscription('w');
    world.clock.set('2026-05-10T00:00:00Z');
    expect(await world.balance('w')).toBe(140);
    expect([await world.balance('u'), await world.balance('v')]).toEqual([30, 0]);
    await world.expectSound();
  });
});
