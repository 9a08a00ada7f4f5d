/** Renewal by the clock: a subscriber has the credits of a period from its first millisecond, whoever looks. */
import { expect, test } from 'vitest';
import { isCreditError } from '../../src/index.js';
import { describeBackends, MONTHLY, type OpenWorld } from '../support/plan-world.js';

const DUE = '2026-02-01T00:00:00Z';
const BOTH = { ...MONTHLY, name: 'Both', alsoGrants: [{ creditType: 'image', creditLimit: 5 }] };

/** A world in which u has spent 40 of the 100 credits of January. */
async function subscribed(open: OpenWorld) {
  const world = await open();
  const { subscriptions, credits } = world.manager;
  await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(MONTHLY));
  await credits.deductCredits('u', 40);
  return world;
}

await describeBackends('renewal by the clock', (open) => {
  test('a read counts the renewal that is due, and writes nothing', async () => {
    const world = await subscribed(open);
    const { credits, subscriptions } = world.manager;
    world.clock.set('2026-01-31T23:59:59.999Z');
    expect((await credits.getUserCreditsInfo('u')).available).toBe(60);
    world.clock.set(DUE);
    const before = await credits.getCreditHistory('u', { limit: 100 });
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ available: 100, balance: 100 });
    expect(await credits.getUserCreditsInfo('u', { fresh: true })).toMatchObject({ available: 100 });
    expect(await credits.canAfford('u', 100)).toBe(true);
    expect((await credits.previewDeduction('u', 100)).sufficient).toBe(true);
    expect((await credits.getGrants('u')).items).toMatchObject([{ amount: 100, expiresAt: new Date('2026-03-01') }]);
    expect((await credits.listAccounts()).items).toMatchObject([{ available: 100 }]);
    const subscription = await subscriptions.getUserSubscriptionPlan('u');
    expect(subscription).toMatchObject({ status: 'active', periodStart: new Date(DUE) });
    expect(await credits.getCreditHistory('u', { limit: 100 })).toEqual(before);
    await world.expectSound();
  });

  test('a call is decided after the renewal, which is written once by whoever comes first', async () => {
    const world = await subscribed(open);
    const { credits, jobs } = world.manager;
    const other = world.open();
    world.clock.set(DUE);
    const spends = Array.from({ length: 20 }, (_, i) => (i % 2 ? credits : other.credits).deductCredits('u', 5));
    await Promise.all([...spends, jobs.runAllocation(), other.jobs.runAllocation()]);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ available: 0 });
    const { items } = await credits.getCreditHistory('u', { types: ['add'] });
    expect(items.map(({ amount, createdAt }) => [amount, createdAt])).toEqual([
      [100, new Date(DUE)],
      [100, new Date('2026-01-01')],
    ]);
    await world.expectSound();
  });

  test('late periods are granted at their own instants, one after another', async () => {
    const world = await subscribed(open);
    const { credits } = world.manager;
    world.clock.set('2026-04-15T00:00:00Z');
    await credits.deductCredits('u', 30);
    const { items } = await credits.getCreditHistory('u', { order: 'oldest', limit: 100 });
    const told = items.map(({ type, delta, createdAt }) => `${createdAt.toISOString().slice(0, 10)} ${type} ${delta}`);
    expect(told).toEqual([
      ...['2026-01-01 add 100', '2026-01-01 deduct -40', '2026-02-01 expire -60', '2026-02-01 add 100'],
      ...['2026-03-01 expire -100', '2026-03-01 add 100', '2026-04-01 expire -100', '2026-04-01 add 100'],
      '2026-04-15 deduct -30',
    ]);
    await world.expectSound();
  });

  test('usage and its sums are those of the renewed period', async () => {
    const world = await subscribed(open);
    const { credits, subscriptions } = world.manager;
    const used = { creditType: 'credits', granted: 100, used: 40, remaining: 60 };
    expect(await subscriptions.getUserSubscription('u')).toMatchObject({ usage: [used] });
    world.clock.set(DUE);
    const renewed = { creditType: 'credits', granted: 100, used: 0, remaining: 100 };
    const now = { periodStart: new Date(DUE), usage: [renewed] };
    expect(await subscriptions.getUserSubscription('u')).toMatchObject(now);
    const months = await credits.getUsageSummary('u', { from: '2026-01-01', to: '2026-03-01', by: 'month' });
    const january = { key: '2026-01', spent: 40, added: 100, expired: 0, calls: 1 };
    expect(months).toEqual([january, { key: '2026-02', spent: 0, added: 100, expired: 60, calls: 0 }]);
    await credits.deductCredits('u', 1);
    const written = await credits.getUsageSummary('u', { from: '2026-01-01', to: '2026-02-01', by: 'month' });
    expect(written).toEqual([january]);
    expect(await subscriptions.getUserSubscription('u')).toMatchObject({
      usage: [{ ...renewed, used: 1, remaining: 99 }],
    });
  });

  test('a balance ahead of now counts the renewals until then', async () => {
    const world = await subscribed(open);
    const { credits, subscriptions } = world.manager;
    expect(await credits.getBalanceAt('u', '2026-02-10T00:00:00Z')).toMatchObject({ balance: 100 });
    expect(await credits.getBalanceAt('u', '2027-06-10T00:00:00Z')).toMatchObject({ balance: 100 });
    await subscriptions.cancelUserSubscription('u');
    expect(await credits.getBalanceAt('u', '2026-02-10T00:00:00Z')).toMatchObject({ balance: 0 });
  });

  test('a balance decades ahead is true, or the read ends at its deadline', async () => {
    const world = await open();
    const { credits, subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, billingPeriod: 'daily' });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    expect(await credits.getBalanceAt('u', '2045-06-10T12:00:00Z')).toMatchObject({ balance: 100 });
    const far = credits.getBalanceAt('u', '9000-01-01T00:00:00Z', { timeoutMs: 50 });
    // A slow database may use the time up before the first renewal is imagined.
    const code = expect.stringMatching(/^(TIMEOUT|STORAGE_UNAVAILABLE)$/);
    await expect(far).rejects.toMatchObject({ code, outcome: 'not_applied' });
  });

  test('a refused renewal keeps nobody from spending', async () => {
    const full = await open({ limits: { openGrants: 2 } });
    const own = full.manager;
    await own.subscriptions.setUserSubscriptionPlan('f', await own.subscriptions.addSubscriptionPlan(MONTHLY));
    await own.credits.deductCredits('f', 100);
    for (let i = 0; i < 2; i++) await own.credits.addCredits('f', 7);
    full.clock.set(DUE);
    expect((await own.credits.getUserCreditsInfo('f')).available).toBe(14);
    expect((await own.credits.deductCredits('f', 7, { timeoutMs: 10_000 })).balanceAfter).toBe(7);
    // Now there is room.
    expect((await own.credits.getUserCreditsInfo('f')).available).toBe(107);
    await full.expectSound();
  });

  test('an account of another credit type is renewed with the plan that grants to it', async () => {
    const world = await subscribed(open);
    const { subscriptions, creditType } = world.manager;
    await subscriptions.setUserSubscriptionPlan('b', await subscriptions.addSubscriptionPlan(BOTH));
    const images = creditType('image');
    await images.deductCredits('b', 5);
    world.clock.set(DUE);
    expect((await images.getUserCreditsInfo('b')).available).toBe(5);
    expect((await images.deductCredits('b', 4)).balanceAfter).toBe(1);
    expect((await subscriptions.getUserSubscriptionPlan('b'))?.periodStart).toEqual(new Date(DUE));
    await world.expectSound();
  });

  test('in a transaction of the host the renewal commits or goes with the call', async () => {
    const world = await subscribed(open);
    const { credits } = world.manager;
    world.clock.set(DUE);
    await world.rolledBack((session) => credits.deductCredits('u', 90, { session }));
    expect((await credits.getCreditHistory('u', { types: ['add'] })).items).toHaveLength(1);
    const spent = await world.begin((session) => credits.deductCredits('u', 90, { session }));
    expect(spent.balanceAfter).toBe(10);
    expect((await credits.getCreditHistory('u', { types: ['add'] })).items).toHaveLength(2);
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ available: 10 });
    await world.expectSound();
  });

  test('a repeated call is answered without a renewal, and a refused one leaves the period renewed', async () => {
    const world = await subscribed(open);
    const { credits } = world.manager;
    const paid = await credits.deductCredits('u', 10, { idempotencyKey: 'k' });
    world.clock.set(DUE);
    expect(await credits.deductCredits('u', 10, { idempotencyKey: 'k' })).toEqual({ ...paid, replayed: true });
    expect((await credits.getCreditHistory('u', { types: ['add'] })).items).toHaveLength(1);
    const refused = await credits.deductCredits('u', 101).catch((error: unknown) => error);
    expect(isCreditError(refused, 'INSUFFICIENT_CREDITS') && refused.details.available).toBe(100);
    expect((await credits.getCreditHistory('u', { types: ['add'] })).items).toHaveLength(2);
    await world.expectSound();
  });

  test('every credit that a job grants, expires or frees is in its report', async () => {
    const world = await subscribed(open);
    const { credits, jobs } = world.manager;
    await credits.addCredits('u', 5, { effectiveAt: '2026-01-20T00:00:00Z' });
    await credits.reserveCredits('u', 10, { ttlSeconds: 60 });
    world.clock.set(DUE);
    const report = await jobs.runExpiration();
    const sums = { granted: 100, expired: 60, freed: 10, activated: 5, rolledOver: 0 };
    expect(report).toMatchObject({ status: 'completed', processed: 1, ...sums });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0, granted: 0, expired: 0 });
    await world.expectSound();
  });
});
