/** Keys that the library makes (`op_…`): the same call is its own replay, another one a conflict. */
import { expect, test } from 'vitest';
import { createTestCredits } from '../../src/entries/testing.js';

async function world() {
  const credit = createTestCredits({ now: '2026-01-01T00:00:00Z' });
  const { subscriptions, promos, credits } = credit;
  const plan = { name: 'A', creditLimit: 10, price: 0, billingPeriod: 'monthly' } as const;
  const a = await subscriptions.addSubscriptionPlan(plan);
  const b = await subscriptions.addSubscriptionPlan({ ...plan, name: 'B' });
  await promos.createPromo({ code: 'ONE', credits: 1, maxUsesPerUser: 5 });
  await promos.createPromo({ code: 'TWO', credits: 1, maxUsesPerUser: 5 });
  /** The key of what was done last. */
  const lastKey = async () => {
    const { items } = await credits.getCreditHistory('u', { includeHolds: true, limit: 1 });
    return { idempotencyKey: `op_${items[0]?.operationId}` };
  };
  return { subscriptions, promos, credits, a, b, lastKey };
}
type World = Awaited<ReturnType<typeof world>>;
type Key = { idempotencyKey?: string };

/** A call, and the same verb with other input. */
const CALLS: Readonly<
  Record<string, readonly [(w: World, key?: Key) => Promise<unknown>, (w: World, key: Key) => Promise<unknown>]>
> = {
  set: [
    ({ subscriptions, a }, key) => subscriptions.setUserSubscriptionPlan('u', a, key),
    ({ subscriptions, b }, key) => subscriptions.setUserSubscriptionPlan('u', b, key),
  ],
  cycle: [
    ({ subscriptions }, key) => subscriptions.startCycle('u', { amount: 5, days: 3, ...key }),
    ({ subscriptions }, key) => subscriptions.startCycle('u', { amount: 6, days: 3, ...key }),
  ],
  claim: [
    ({ promos }, key) => promos.claimPromo('u', 'ONE', key),
    ({ promos }, key) => promos.claimPromo('u', 'TWO', key),
  ],
};

for (const [name, [call, other]] of Object.entries(CALLS)) {
  test(`${name}: repeated under its own operation id, and another call under it`, async () => {
    const w = await world();
    await call(w);
    const key = await w.lastKey();
    const { balance } = await w.credits.getUserCreditsInfo('u');
    await call(w, key);
    const code = await other(w, key).catch((error: { code: string }) => error.code);
    expect(code).toBe('IDEMPOTENCY_CONFLICT');
    expect((await w.credits.getUserCreditsInfo('u')).balance).toBe(balance);
  });
}

test('cancel, pause, resume and remove: each is told from the others', async () => {
  const w = await world();
  const { subscriptions } = w;
  await subscriptions.setUserSubscriptionPlan('u', w.a);
  await subscriptions.pauseUserSubscription('u');
  const key = await w.lastKey();
  expect(await subscriptions.pauseUserSubscription('u', key)).toMatchObject({ status: 'paused', replayed: true });
  await subscriptions.resumeUserSubscription('u');
  await subscriptions.cancelUserSubscription('u');
  const cancelled = await w.lastKey();
  expect(await subscriptions.cancelUserSubscription('u', cancelled)).toMatchObject({ replayed: true });
  const now = subscriptions.cancelUserSubscription('u', { ...cancelled, when: 'now' });
  expect(await now.catch((error: { code: string }) => error.code)).toBe('IDEMPOTENCY_CONFLICT');
});
