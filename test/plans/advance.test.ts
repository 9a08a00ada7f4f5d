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
  expect(reports.map(({ granted, processed }) => [granted, processed])).toEqual([
    [10, 1],
    [3, 1],
    [10, 1],
  ]);
  const { items } = await credits.getCreditHistory('u', { order: 'oldest', limit: 100, includeHolds: true });
  const told = items.filter(({ type }) => type !== 'plan_changed');
  const days = told.map(({ type, delta, createdAt }) => `${createdAt.toISOString().slice(0, 10)} ${type} ${delta}`);
  expect(days.slice(4)).toEqual([
    ...['2026-01-01 expire_reserved 0', '2026-01-08 expire -10', '2026-01-08 add 10', '2026-01-09 expire -5'],
    ...['2026-01-11 expire -3', '2026-01-11 add 3', '2026-01-15 expire -10', '2026-01-15 add 10'],
  ]);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});
