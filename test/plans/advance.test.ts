/** The test kit's clock: everything that is due happens in order, on its own instant. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';

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

test('one who cannot be renewed keeps nobody else from it', async () => {
  const credit = createTestCredits({ now: '2026-01-01T00:00:00Z', limits: { openGrants: 1 } });
  const { credits, subscriptions } = credit;
  const monthly = { name: 'Pro', creditLimit: 10, price: 1, billingPeriod: 'monthly' } as const;
  const plan = await subscriptions.addSubscriptionPlan(monthly);
  await subscriptions.setUserSubscriptionPlan('full', plan);
  await credits.deductCredits('full', 10);
  await credits.addCredits('full', 1);
  await credit.advance({ days: 1 });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  await credits.addCredits('v', 5, { expiresAt: '2026-02-20T00:00:00Z' });
  const reports = await credit.advance({ days: 60 });
  expect(reports[0]).toMatchObject({ processed: 0, skipped: [{ code: 'LIMIT_EXCEEDED' }] });
  const told = credit.events.filter(({ type, userId }) => type === 'subscription.allocated' && userId === 'u');
  expect(told.map(({ occurredAt }) => occurredAt.slice(0, 10))).toEqual(['2026-01-02', '2026-02-02', '2026-03-02']);
  const { items } = await credits.getCreditHistory('v');
  expect(items.map(({ type }) => type)).toEqual(['expire', 'add']);
  expect(await credit.ledger.verify()).toMatchObject({ ok: true });
});
