/** Automatic top-ups: what begins one, and what forbids it. */
import { expect, test, vi } from 'vitest';
import { describeBackends } from '../support/plan-world.js';
import { until } from '../support/wait.js';
import { topUpWorld } from './top-up-world.js';

await describeBackends('automatic top-ups', (openWorld) => {
  test('the deduction that leaves too little begins one payment, which is charged at once', async () => {
    const { world, manager, provider, start, spend, state, settled, told, last } = await topUpWorld(openWorld);
    await start();
    await spend(50);
    expect(await state()).toMatchObject({ isOn: true, inFlight: null, attempts: [] });
    expect(provider.asked).toBe(0);
    await spend(1);
    const after = await settled();
    const { payments } = await manager.payments.getPaymentHistory('u');
    expect(payments).toMatchObject([{ topUp: true, status: 'paid', amount: 500, currency: 'INR', creditsAdded: 500 }]);
    const [{ id } = { id: '' }] = payments;
    expect(id).toMatch(/^pay_[0-9a-f]{32}$/);
    expect([...provider.charges]).toMatchObject([[id, { customerId: 'cus_1', amountMinor: 50_000 }]]);
    expect(after).toMatchObject({
      declines: 0,
      dueAt: null,
      attempts: [{ paymentId: id, status: 'paid', amount: 500 }],
    });
    expect(told()).toEqual(['started: below_threshold', 'succeeded: paid']);
    expect(last('top_up.started')).toMatchObject({ paymentId: id, available: 99, threshold: 100, creditsToAdd: 500 });
    expect(await world.balance('u')).toBe(599);
    // The log of the request follows the commit.
    await vi.waitFor(async () => {
      const { items } = await manager.payments.listMessages({ paymentId: id, fresh: true });
      expect(items.map(({ type }) => type).sort()).toEqual(['charge', 'paid']);
    }, 60_000);
    await world.expectSound();
  });

  test('a thousand deductions at once over two processes begin one payment', async () => {
    const { world, manager, provider, start, settled, told } = await topUpWorld(openWorld);
    await start({ threshold: 1_000 });
    await settled();
    expect(provider.charges.size).toBe(1);
    world.clock.advance({ hours: 1 });
    await manager.credits.addCredits('u', 850);
    const managers = [manager, world.open()];
    const all = Array.from({ length: 1_000 }, (_, i) => managers[i % 2]?.credits.deductCredits('u', 1));
    await Promise.all(all);
    await settled();
    expect(provider.charges.size).toBe(2);
    expect(await world.balance('u')).toBe(1_000);
    expect(told().filter((one) => one.startsWith('started'))).toHaveLength(2);
    await world.expectSound();
  });

  test('credits in flight count as there; what they do not cover waits for them', async () => {
    const { world, manager, provider, start, spend, told, settled } = await topUpWorld(openWorld);
    provider.usual = 'later';
    await start();
    await spend(140);
    await until(() => provider.charges.size === 1, 'it was charged');
    await manager.credits.addCredits('u', 100);
    await spend(60);
    expect(told()).toEqual(['started: below_threshold']);
    await manager.credits.addCredits('u', 100);
    await manager.credits.deductCreditsAfterService('u', 560);
    expect(told()).toEqual(['started: below_threshold', 'skipped: in_flight']);
    await spend(0.5).catch(() => {});
    expect((await manager.payments.reconcilePayments()).changed).toBe(1);
    await settled();
    // Of what was paid, 90 are left: too few, and too early for another.
    expect(told().slice(2)).toEqual(['succeeded: paid']);
    expect(provider.charges.size).toBe(1);
    world.clock.advance({ seconds: 61 });
    await manager.jobs.runPayments();
    expect(provider.charges.size).toBe(2);
    await manager.jobs.runPayments();
    expect(await world.balance('u')).toBe(590);
    await world.expectSound();
  });

  test('a guard that refuses is told once for each fall, and the job buys when it is over', async () => {
    const { world, manager, provider, start, spend, told, settled, state } = await topUpWorld(openWorld);
    await start();
    await spend(100);
    await settled();
    await spend(500);
    expect(told().slice(2)).toEqual(['skipped: cool_down']);
    for (let i = 0; i < 3; i++) await spend(1);
    expect(told()).toHaveLength(3);
    await manager.credits.addCredits('u', 100);
    await spend(60);
    expect(told().slice(3)).toEqual(['skipped: cool_down']);
    await spend(87);
    expect(await world.balance('u')).toBe(0);
    const { dueAt, nextAt } = await state();
    expect([dueAt, nextAt]).toEqual([new Date('2026-01-01T00:01:00Z'), new Date('2026-01-01T00:01:00Z')]);
    world.clock.advance({ seconds: 59 });
    await manager.jobs.runPayments();
    expect(provider.asked).toBe(1);
    // Nobody can spend anything now: the job alone begins it.
    world.clock.advance({ seconds: 1 });
    await manager.jobs.runPayments();
    await settled();
    expect(provider.charges.size).toBe(2);
    expect(await world.balance('u')).toBe(500);
    await world.expectSound();
  });

  test('the most money and the most purchases of a window are reached exactly, and no further', async () => {
    const { world, manager, provider, start, spend, told, settled, state } = await topUpWorld(openWorld);
    await start({ maxAmount: 1_500, windowDays: 2 });
    await start({ maxCount: 2, windowDays: 2 }, 'v');
    for (let i = 0; i < 4; i++) {
      for (const userId of ['u', 'v']) {
        await manager.credits.addCredits(userId, 1_000);
        await spend((await world.balance(userId)) - 50, userId);
        await settled(userId);
      }
      world.clock.advance({ hours: 1 });
    }
    const bought = [...provider.charges.keys()];
    expect(bought).toHaveLength(5);
    expect(told().filter((one) => one.startsWith('skipped'))).toEqual([
      ...['skipped: max_count', 'skipped: max_amount', 'skipped: max_count'],
    ]);
    expect((await state('u')).dueAt).toEqual(new Date('2026-01-03T00:00:00Z'));
    world.clock.advance({ hours: 43 });
    await manager.jobs.runPayments();
    expect(provider.charges.size).toBe(5);
    world.clock.advance({ hours: 1 });
    await manager.jobs.runPayments();
    for (const userId of ['u', 'v']) await settled(userId);
    expect(provider.charges.size).toBe(7);
    await world.expectSound();
  });

  test('a target buys what is missing, at the price of the day on which it was set', async () => {
    const bonusTiers = [{ from: 300, bonusPercent: 50 }];
    const pricing = { INR: { creditsPerUnit: 3, bonusTiers } };
    const packs = { big: { price: { amount: 9, currency: 'INR' }, credits: 90, validityDays: 3, priority: 7 } };
    const { world, manager, provider, start, spend, settled } = await topUpWorld(openWorld, { pricing, packs });
    await start({ target: 1_000 });
    await spend(51);
    await settled();
    // 901 credits are 300.34 without a bonus; 300 with it are more than enough, and less money.
    expect([...provider.charges.values()]).toMatchObject([{ amountMinor: 30_000 }]);
    expect(await world.balance('u')).toBe(99 + 1_350);
    await start({ target: 200 }, 'v');
    await spend(60.5, 'v');
    await settled('v');
    expect([...provider.charges.values()][1]).toMatchObject({ amountMinor: 3_684 });
    expect(await world.balance('v')).toBe(200.02);
    await start({ pack: 'big', maxAmount: 9 }, 'w');
    await spend(60, 'w');
    await settled('w');
    const { items } = await manager.credits.getGrants('w');
    expect(items.find(({ source }) => source === 'purchase')).toMatchObject({ amount: 90, priority: 7 });
    await world.expectSound();
  });
});
