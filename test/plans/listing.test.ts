/** Lists of subscriptions over all users: by plan, by status, by when they are due. */
import { expect, test } from 'vitest';
import { codeOf } from '../support/codes.js';
import { describeBackends, MONTHLY, type World } from '../support/plan-world.js';

type Sought = NonNullable<Parameters<World['manager']['subscriptions']['listSubscriptions']>[0]>;

await describeBackends('lists of subscriptions', (open) => {
  test('choose by plan, status and due instant, newest or soonest due first, page by page', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const listed = async (sought: Sought = {}) => {
      const users: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await subscriptions.listSubscriptions({ ...sought, limit: 2, ...(cursor && { cursor }) });
        users.push(...page.items.map(({ userId }) => userId));
        cursor = page.nextCursor;
      }
      return users.join('');
    };
    const pro = await subscriptions.addSubscriptionPlan({ ...MONTHLY, code: 'pro' });
    const weekly = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Weekly', billingPeriod: 'weekly' });
    for (const [i, user] of [...'abcdef'].entries()) {
      await subscriptions.setUserSubscriptionPlan(user, i % 2 === 0 ? pro : weekly, { autoRenew: user !== 'd' });
      world.clock.advance({ hours: 1 });
    }
    await subscriptions.pauseUserSubscription('c');
    await subscriptions.cancelUserSubscription('b', { when: 'now' });
    await subscriptions.deleteUserSubscriptionPlan('f');
    expect(await listed()).toBe('edcba');
    expect(await listed({ order: 'oldest' })).toBe('abcde');
    expect(await listed({ planId: pro.id })).toBe('eca');
    expect(await listed({ planId: 'PRO', order: 'oldest' })).toBe('ace');
    expect(await listed({ planId: 'none' })).toBe('');
    expect(await listed({ status: 'paused' })).toBe('c');
    expect(await listed({ status: 'active', planId: weekly.id })).toBe('d');
    expect(await listed({ dueBefore: '2026-01-10T00:00:00Z' })).toBe('d');
    expect(await listed({ dueBefore: '2026-03-01T00:00:00Z' })).toBe('dae');
    expect(await listed({ dueBefore: '2026-03-01T00:00:00Z', planId: 'pro', order: 'newest' })).toBe('ea');
    // At 04:00 the weekly one that does not renew is over; no job has written it.
    world.clock.set('2026-01-08T04:00:00Z');
    expect(await listed({ status: 'ended' })).toBe('d');
    expect(await listed({ status: 'active' })).toBe('ea');
    const { nextCursor } = await subscriptions.listSubscriptions({ limit: 1 });
    const elsewhere = subscriptions.listSubscriptions({ status: 'active', cursor: nextCursor as string });
    expect(await codeOf(elsewhere)).toBe('INVALID_ARGUMENT');
    expect(await codeOf(subscriptions.listSubscriptions({ status: 'removed' as 'active' }))).toBe('INVALID_ARGUMENT');
    await world.expectSound();
  });
});
