/** Samoa had no 30 December 2011: the clocks went from the end of the 29th to the beginning of the 31st. */
import { expect, test } from 'vitest';
import { describeBackends, type World } from '../support/plan-world.js';

const DAILY = { name: 'Daily', creditLimit: 10, price: 0, billingPeriod: 'daily', timeZone: 'Pacific/Apia' } as const;

/** The period starts for which credits were granted, in order. */
async function startsOf({ manager }: World): Promise<string[]> {
  const { items } = await manager.ledger.list({ userId: 'u', types: ['add'], order: 'oldest', limit: 100 });
  return items.map(({ details }) => String((details.grant as { reference?: string }).reference));
}

await describeBackends('a zone that skips a day', (open) => {
  test.each([{ validityDays: 3 }, { rolloverCap: 100 }, {}])('begins each period once, with %o', async (terms) => {
    const world = await open();
    world.clock.set('2011-12-27T20:00:00Z');
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...DAILY, ...terms });
    const { periodStart } = await subscriptions.setUserSubscriptionPlan('u', plan);
    const periods = [periodStart.toISOString()];
    for (let hour = 0; hour < 5 * 24; hour++) {
      world.clock.advance({ hours: 1 });
      await jobs.runAllocation();
      const now = await subscriptions.getUserSubscriptionPlan('u');
      const start = now?.periodStart.toISOString() ?? '';
      if (start !== periods.at(-1)) periods.push(start);
    }
    const days = ['27', '28', '29', '30', '31'].map((day) => `2011-12-${day}T20:00:00.000Z`);
    expect(periods).toEqual([...days, '2012-01-01T20:00:00.000Z']);
    const starts = await startsOf(world);
    expect(new Set(starts).size).toBe(starts.length);
    const own = starts.filter((reference) => !reference.endsWith('/rollover'));
    expect(own).toHaveLength(periods.length);
    // The store was made before the clock went back to 2011.
    const { problems } = await world.manager.ledger.verify();
    expect(problems.filter(({ kind }) => kind !== 'future')).toEqual([]);
  });
});
