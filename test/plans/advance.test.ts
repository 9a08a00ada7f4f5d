/** The test kit's clock: everything that is due happens in order, on its own instant. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/testing/index.js';

test('renewals, expiries and ends of holds happen in their order', async () => {
  const credit = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  const { credits, subscriptions, ledger } = credit;
  const plan = await subscriptions.addSubscriptionPlan({
    ...{ name: 'Weekly', creditLimit: 10, price: 1, billingPeriod: 'weekly' },
  });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  await subscriptions.startCycle('u', { amount: 3, days: 10, recurring: true });
  await credits.addCredits('u', 5, { expiresAt: '2026-01-09T00:00:00Z' });
  await credits.reserveCredits('u', 1, { ttlSeconds: 3600 });
  const reports = await credit.advance({ days: 15 });
  const renewed = reports.filter(({ job }) => job === 'allocation').map(({ granted }) => granted);
  expect(renewed).toEqual([10, 3, 10]);
  const { items } = await credits.getCreditHistory('u', { order: 'oldest', limit: 100, includeHolds: true });
  const told = items.filter(({ type }) => type !== 'plan_changed');
  const days = told.map(({ type, delta, createdAt }) => `${createdAt.toISOString().slice(0, 10)} ${type} ${delta}`);
  expect(days.slice(4)).toEqual([
    ...['2026-01-01 expire_reserved 0', '2026-01-08 expire -10', '2026-01-08 add 10', '2026-01-09 expire -5'],
    ...['2026-01-11 expire -3', '2026-01-11 add 3', '2026-01-15 expire -10', '2026-01-15 add 10'],
  ]);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('what the clock makes low is told at the end', async () => {
  const credit = createTestCredits({ now: '2026-01-01T00:00:00Z', defaults: { lowCreditThreshold: 5 } });
  await credit.credits.addCredits('u', 10, { expiresAt: '2026-01-02T00:00:00Z' });
  await credit.advance({ days: 1 });
  expect(credit.messages).toMatchObject([{ type: 'low_credits', user_id: 'u' }]);
});
