/** What rolls over is what lapsed at the end of the period: the day on which the job comes changes nothing. */
import { expect, test } from 'vitest';
import { createTestCredits, type TestCredits } from '../../src/entries/testing.js';

const MONTHLY = { name: 'm', creditLimit: 100, price: 1, currency: 'EUR', billingPeriod: 'monthly' } as const;

async function subscribed() {
  const world = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  const plan = await world.subscriptions.addSubscriptionPlan({ ...MONTHLY, rolloverCap: 100 });
  await world.subscriptions.setUserSubscriptionPlan('u', plan);
  return world;
}

/** The balance after the renewal of February, by a job at the end of January and by one ten days later. */
async function onTimeAndLate(story: (world: TestCredits) => Promise<unknown>) {
  const balances: number[] = [];
  for (const isLate of [false, true]) {
    const world = await subscribed();
    const { clock, jobs, credits, ledger } = world;
    clock.set('2026-01-30T00:00:00Z');
    await credits.reserveCredits('u', 60, { ttlSeconds: 7 * 86_400 });
    await credits.deductCredits('u', 5);
    clock.set('2026-02-01T00:00:00Z');
    if (!isLate) await jobs.runAllocation();
    clock.set('2026-02-05T00:00:00Z');
    await story(world);
    clock.set('2026-02-11T00:00:00Z');
    await jobs.runAllocation();
    balances.push((await credits.getUserCreditsInfo('u')).balance);
    expect(await ledger.verify()).toMatchObject({ ok: true });
  }
  return balances;
}

test('what a hold kept over the end and freed then has lapsed, for a late job too', async () => {
  const balances = await onTimeAndLate(async ({ credits }) => {
    const [hold] = (await credits.getActiveReservations('u')).items;
    return credits.releaseReservedCredits(hold?.id ?? '');
  });
  expect(balances).toEqual([135, 135]);
});

test('so has what a reversal brings back to the lot of a period that is over', async () => {
  const balances = await onTimeAndLate(async ({ credits }) => {
    const { items } = await credits.getCreditHistory('u', { types: ['deduct'] });
    return credits.reverseTransaction(items[0]?.id ?? '');
  });
  expect(balances).toEqual([135, 135]);
});

test.each([false, true])('of a plan of payments, too, whose period is paid late: %s', async (isLate) => {
  const { clock, credits, subscriptions, ledger } = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  const terms = { ...MONTHLY, rolloverCap: 100, renewOn: 'payment', graceDays: 20 } as const;
  await subscriptions.setUserSubscriptionPlan('u', await subscriptions.addSubscriptionPlan(terms));
  clock.set('2026-01-30T00:00:00Z');
  const hold = await credits.reserveCredits('u', 60, { ttlSeconds: 7 * 86_400 });
  await credits.deductCredits('u', 5);
  clock.set('2026-02-01T00:00:00Z');
  const pay = () => subscriptions.renewSubscription('u', { paymentId: 'in_2' });
  if (!isLate) await pay();
  clock.set('2026-02-05T00:00:00Z');
  await credits.releaseReservedCredits(hold);
  clock.set('2026-02-11T00:00:00Z');
  if (isLate) await pay();
  // 35 were free at the end of January; what the hold kept has lapsed.
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(135);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});

test('periods that no job came for roll over as if one had', async () => {
  const { clock, jobs, credits } = await subscribed();
  await credits.deductCredits('u', 30);
  clock.set('2026-04-02T00:00:00Z');
  await jobs.runAllocation();
  // 70, then 100 of the 170 that February leaves, and so on: the cap.
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(200);
});
