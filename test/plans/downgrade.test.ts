/** A change to a lower limit waits for the end of the period, unless the caller says otherwise. */
import { expect, test } from 'vitest';
import type { PlanInput } from '../../src/index.js';
import { describeBackends, MONTHLY } from '../support/plan-world.js';

await describeBackends('changes to a lower limit', (open) => {
  test('take effect at the end of the period, and now where that is said', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
    const small = await subscriptions.addSubscriptionPlan(MONTHLY);
    for (const user of ['u', 'v']) await subscriptions.setUserSubscriptionPlan(user, big);
    world.clock.set('2026-01-11T00:00:00Z');
    expect((await subscriptions.previewChange('u', small)).subscription.nextPlanId).toBe(small.id);
    const key = { idempotencyKey: 'k' };
    const later = await subscriptions.changeUserSubscriptionPlan('u', small, key);
    expect(later).toMatchObject({ planId: big.id, nextPlanId: small.id, periodEnd: new Date('2026-02-01') });
    const now = await subscriptions.changeUserSubscriptionPlan('v', small, { when: 'now' });
    expect(now).toMatchObject({ planId: small.id, nextPlanId: null, periodEnd: new Date('2026-02-11') });
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await world.balance('u')).toBe(100);
    // The call as it was answered first, whatever it would do now.
    expect(await subscriptions.changeUserSubscriptionPlan('u', small, key)).toEqual({ ...later, replayed: true });
    expect(await subscriptions.changeUserSubscriptionPlan('u', big)).toMatchObject({ planId: big.id });
    expect(await world.balance('u')).toBe(300);
    await world.expectSound();
  });

  test('are told by the rate, of the same own credit type; other options say that a change is meant now', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = (more: Partial<PlanInput>) => subscriptions.addSubscriptionPlan({ ...MONTHLY, ...more });
    const before = await plan({});
    const yearly = { billingPeriod: 'yearly' } as const;
    for (const [more, options, waits] of [
      [{ creditLimit: 99 }, {}, true],
      [{ creditLimit: 100 }, {}, false],
      [{ ...yearly, creditLimit: 1199 }, {}, true],
      [{ ...yearly, creditLimit: 1200 }, {}, false],
      [{ ...yearly, creditLimit: 1000, allocationPeriod: 'monthly' }, {}, false],
      [{ ...yearly, creditLimit: 99, allocationPeriod: 'monthly' }, {}, true],
      [{ billingPeriod: 'weekly', creditLimit: 24 }, {}, false],
      [{ billingPeriod: 'weekly', creditLimit: 23 }, {}, true],
      [{ creditType: 'image', creditLimit: 1 }, {}, false],
      [{ creditLimit: 99 }, { proration: 'none' }, false],
      [{ creditLimit: 99 }, { credit: 'deduct' }, false],
      [{ creditLimit: 99 }, { autoRenew: false }, false],
      [{ creditLimit: 99 }, { autoRenew: true }, true],
    ] as const) {
      await subscriptions.setUserSubscriptionPlan('u', before);
      const next = await plan(more);
      const { planId } = await subscriptions.changeUserSubscriptionPlan('u', next, options);
      expect([more, options, planId === before.id]).toEqual([more, options, waits]);
    }
  });
});
