/** Groups of credits, the grants that a transaction drew on and why, and everything that was taken from a grant. */
import { expect, test } from 'vitest';
import { describeBackends, MONTHLY, type World } from '../support/plan-world.js';

const DAY = '2026-01-02T00:00:00Z';

async function grantOf({ manager }: World, amount: number, terms: object = {}): Promise<string> {
  return (await manager.credits.addCredits('u', amount, terms)).grantId as string;
}

/** What was granted, less all the uses of a grant, is what remains of it. */
async function expectWhole({ manager }: World): Promise<number> {
  const { items } = await manager.credits.getGrants('u', { includeClosed: true, limit: 100 });
  for (const { id, amount, remaining } of items) {
    let left = amount;
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await manager.credits.getGrantUsage(id, { limit: 2, ...(cursor && { cursor }) });
      for (const use of page.items) left -= use.amount;
      cursor = page.nextCursor;
    }
    expect(left, id).toBe(remaining);
  }
  return items.length;
}

await describeBackends('explanations', (open) => {
  test('of a deduction name each grant, and the key that put it before the next one', async () => {
    const world = await open();
    const { credits } = world.manager;
    const oldest = await grantOf(world, 1);
    world.clock.advance({ seconds: 1 });
    const last = await grantOf(world, 100);
    const free = await grantOf(world, 1, { source: 'promo' });
    const soon = await grantOf(world, 1, { expiresAt: DAY });
    const first = await grantOf(world, 1, { priority: 10 });
    await grantOf(world, 1, { effectiveAt: DAY, priority: 0 });
    const spent = await credits.deductCredits('u', 6);
    const told = await credits.explainTransaction(spent.id);
    expect(told?.draws.map(({ grantId, because }) => [grantId, because])).toEqual([
      [first, 'priority'],
      [soon, 'expiry'],
      [free, 'free_before_paid'],
      [oldest, 'oldest'],
      [last, 'only'],
    ]);
    expect(told?.draws[1]).toMatchObject({ amount: 1, priority: 50, expiresAt: new Date(DAY), source: 'other' });
    expect(told?.draws.map(({ grantId, amount }) => ({ grantId, amount }))).toEqual(spent.draws);
    // What comes later changes nothing.
    await grantOf(world, 5, { priority: 1 });
    await credits.reverseTransaction(spent);
    expect(await credits.explainTransaction(spent.id)).toEqual(told);
    await world.expectSound();
  });

  test('of a charge look at the grants of its hold, those of a transfer leave trials out', async () => {
    const world = await open({ defaults: { trialCredits: 5 } });
    const { credits } = world.manager;
    const paid = await grantOf(world, 10);
    const later = await grantOf(world, 10);
    const { out } = await credits.transferCredits({ from: 'u', to: 'v', amount: 2 });
    expect((await credits.explainTransaction(out.id))?.draws).toMatchObject([{ grantId: paid, because: 'oldest' }]);
    const hold = await credits.reserveCredits('u', 14);
    const made = (await credits.getCreditHistory('u', { types: ['reserve'] })).items[0];
    const ofHold = (await credits.explainTransaction(made?.id as string))?.draws;
    expect(ofHold?.map(({ amount, because }) => [amount, because])).toEqual([
      [5, 'free_before_paid'],
      [8, 'oldest'],
      [1, 'only'],
    ]);
    const first = await grantOf(world, 10, { priority: 0 });
    const part = await credits.commitReservedCredits(hold, { amount: 6, final: false });
    const rest = await credits.commitReservedCredits(hold, { amount: 10, overage: 'charge' });
    const told = async (id: string) => (await credits.explainTransaction(id))?.draws.map((draw) => draw.because);
    expect([await told(part.id), await told(rest.id)]).toEqual([
      ['free_before_paid', 'oldest'],
      ['oldest', 'only'],
    ]);
    const excess = (await credits.getCreditHistory('u', { types: ['deduct'] })).items[0];
    expect((await credits.explainTransaction(excess?.id as string))?.draws).toMatchObject([
      { grantId: first, amount: 2, because: 'priority' },
    ]);
    expect(await credits.getGrantUsage(later)).toMatchObject({ items: [{ transactionId: rest.id, amount: 1 }] });
    const added = (await credits.getCreditHistory('u', { types: ['add'] })).items[0];
    expect(await credits.explainTransaction(added?.id as string)).toMatchObject({ draws: [] });
    expect(await credits.explainTransaction('none')).toBe(null);
    expect(await world.manager.creditType('image').explainTransaction(part.id)).toBe(null);
    await expectWhole(world);
  });

  test('of a grant list what was spent, sent, repaid, taken back, given back and expired', async () => {
    const world = await open();
    const { credits } = world.manager;
    await credits.deductCreditsAfterService('u', 3);
    const added = await credits.addCredits('u', 20, { expiresAt: DAY });
    const spent = await credits.deductCredits('u', 5);
    await credits.reverseTransaction(spent, { amount: 2 });
    await credits.reverseTransaction(added, { amount: 4 });
    await credits.transferCredits({ from: 'u', to: 'v', amount: 1 });
    const hold = await credits.reserveCredits('u', 4, { ttlSeconds: 7 * 24 * 3600 });
    await credits.commitReservedCredits(hold, { amount: 1, final: false });
    world.clock.set(DAY);
    await credits.releaseReservedCredits(hold);
    const uses = await credits.getGrantUsage(added.grantId as string, { order: 'oldest', limit: 100 });
    expect(uses.items.map(({ type, amount }) => [type, amount])).toEqual([
      ['add', 3],
      ['deduct', 5],
      ['reverse', -2],
      ['reverse', 4],
      ['transfer_out', 1],
      ['commit_reserved', 1],
      ['expire', 5],
      ['expire', 3],
    ]);
    expect(await expectWhole(world)).toBe(1);
    expect(await credits.getGrantUsage('none')).toEqual({ items: [], nextCursor: null });
    expect(await world.manager.creditType('image').getGrantUsage(added.grantId as string)).toMatchObject({ items: [] });
  });

  test('of a balance group it by expiry, source and period; the groups add up', async () => {
    const world = await open();
    const { credits, subscriptions } = world.manager;
    const long = 'x'.repeat(255);
    for (const user of ['u', long]) {
      const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 10 });
      await subscriptions.setUserSubscriptionPlan(user, plan);
      await subscriptions.startCycle(user, { amount: 30, days: 5, recurring: true });
    }
    const cycle = await subscriptions.startCycle('u', { amount: 7, days: 5 });
    await grantOf(world, 20, { source: 'purchase', reference: 'order/2026-01-01T00:00:00.000Z' });
    await grantOf(world, 9, { source: 'subscription', reference: 'own' });
    await grantOf(world, 5, { effectiveAt: DAY });
    await credits.reserveCredits('u', 40);
    await credits.deductCredits('u', 1);
    const now = world.clock.now();
    const at = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000);
    const told = await credits.getBalanceBreakdown('u');
    expect(told.byExpiry).toEqual([
      { expiresAt: at(5), remaining: 37, held: 37 },
      { expiresAt: at(10), remaining: 99, held: 3 },
      { expiresAt: null, remaining: 29, held: 0 },
    ]);
    expect(told.bySource).toEqual([
      { source: 'purchase', remaining: 20, held: 0 },
      { source: 'subscription', remaining: 145, held: 40 },
    ]);
    const { id } = (await subscriptions.getUserSubscriptionPlan('u')) as { id: string };
    expect(new Set(told.byCycle)).toEqual(
      new Set([
        { cycleId: id, start: now, expiresAt: at(10), granted: 100, remaining: 99, held: 3 },
        { cycleId: 'c-credits/u', start: now, expiresAt: at(5), granted: 30, remaining: 30, held: 30 },
        { cycleId: cycle.id, start: now, expiresAt: at(5), granted: 7, remaining: 7, held: 7 },
      ]),
    );
    expect((await credits.getBalanceBreakdown(long)).byCycle.map(({ cycleId }) => cycleId)).toContain(
      `c-credits/${long}`,
    );
    expect(await credits.getBalanceBreakdown('nobody')).toEqual({ byExpiry: [], bySource: [], byCycle: [] });
    await world.expectSound();
  });
});
