/**
 * Three months of one subscription, by a clock that the program moves: `npx tsx examples/subscription.ts`. No job runs.
 * Each month begins by itself, and an upgrade in the middle of a month is paid for the rest of it.
 */
import assert from 'node:assert/strict';
import { createTestCredits } from 'credit-management/testing';

// Yours is createCreditManagement({ db }), with the time of your database.
const { clock, credits, subscriptions, ledger, close } = createTestCredits({ now: '2030-01-01T00:00:00Z' });

// The whole list, at every start of the program: what is there already is left as it is.
await subscriptions.definePlans([
  { code: 'basic', name: 'Basic', creditLimit: 100, price: 9, currency: 'USD', billingPeriod: 'monthly' },
  {
    code: 'pro',
    name: 'Pro',
    creditLimit: 1000,
    price: 49,
    currency: 'USD',
    billingPeriod: 'monthly',
    rolloverCap: 200,
  },
]);

/** Prints what a page for the user would show. */
async function tell(what: string, expected: { available: number; used: number; granted: number }): Promise<void> {
  const { available } = await credits.getUserCreditsInfo('ada');
  const own = await subscriptions.getUserSubscription('ada');
  const { used = 0, granted = 0 } = own?.usage[0] ?? {};
  const day = clock.now().toISOString().slice(0, 10);
  console.log(`${day} ${what}: ${available} available; ${own?.planName}, used ${used} of ${granted} this period`);
  assert.deepEqual({ available, used, granted }, expected);
}

await subscriptions.setUserSubscriptionPlan('ada', 'basic', { idempotencyKey: 'checkout-1' });
await tell('subscribed', { available: 100, used: 0, granted: 100 });

clock.set('2030-01-20T00:00:00Z');
await credits.deductCredits('ada', 70);
await tell('spent 70', { available: 30, used: 70, granted: 100 });

// The second month: this read counts the renewal, and the next call writes it before its own change.
clock.set('2030-02-01T00:00:00Z');
await tell('a new month', { available: 100, used: 0, granted: 100 });
await credits.deductCredits('ada', 60);
await tell('spent 60', { available: 40, used: 60, granted: 100 });

// Half of February is left, so the user is granted half of what Pro has more than Basic.
clock.set('2030-02-15T00:00:00Z');
const preview = await subscriptions.previewChange('ada', 'pro', { proration: 'time' });
console.log(`Pro would grant ${preview.granted.credits} now`);
await subscriptions.upgradeUserSubscriptionPlan('ada', 'pro', { proration: 'time', idempotencyKey: 'upgrade-1' });
await tell('upgraded', { available: 490, used: 60, granted: 550 });

// The third month: of what was left, 200 roll over.
clock.set('2030-03-01T00:00:00Z');
await tell('a new month', { available: 1200, used: 0, granted: 1200 });
await credits.deductCredits('ada', 300);
await tell('spent 300', { available: 900, used: 300, granted: 1200 });

await subscriptions.cancelUserSubscription('ada');
clock.set('2030-04-01T00:00:00Z');
const { available } = await credits.getUserCreditsInfo('ada');
const { status } = (await subscriptions.getUserSubscription('ada')) ?? {};
console.log(`2030-04-01 cancelled in March: ${available} available, ${status}`);
assert.deepEqual([available, status], [0, 'ended']);

console.table(await credits.getUsageSummary('ada', { from: '2030-01-01T00:00:00Z', by: 'month' }));
assert.equal((await ledger.verify()).ok, true);
await close();
