/** Keys that the library makes for calls whose answer was lost: with ids of a host, and where the retry is refused. */
import { describe, expect, test } from 'vitest';
import { testClock } from '../../src/entries/testing.js';
import { isCreditError, type Unit, type UnitOutcome } from '../../src/index.js';
import { type Bench, bench, unknown } from '../backends/gated-db.js';
import { audit } from '../support/audit.js';
import { endOf } from '../support/codes.js';
import { QUIET } from '../support/quiet.js';

const DAY_MS = 24 * 3600 * 1000;

/** The key that a call ends with whose first commit is on its way; `land` is the end of that way. */
async function lost({ db }: Bench, writes: (unit: Unit) => boolean, call: () => Promise<unknown>) {
  let late: readonly Unit[] = [];
  db.methods.commit = async (units, options) => {
    if (!units.some(writes)) return db.inner.commit(units, options);
    if (late.length === 0) late = units;
    return unknown(units);
  };
  const error: unknown = await call().catch((reason) => reason);
  delete db.methods.commit;
  if (!isCreditError(error, 'OUTCOME_UNKNOWN')) throw error;
  const land = async (): Promise<UnitOutcome['status'][]> => (await db.inner.commit(late)).map(({ status }) => status);
  return { key: { idempotencyKey: error.details.idempotencyKey }, land };
}

const isMoney = (unit: Unit) => unit.some(({ op, model }) => op === 'replace' && model === 'account');
const isDefinition = (unit: Unit) => unit.some(({ model }) => model === 'plan' || model === 'promo');

test.each<[string, (n: number) => string]>([
  ['slashes, dots and spaces', (n) => `order/2030-01 no. ${n}`],
  ['letters of any language', (n) => `größe-日本-${n}`],
  ['200 characters', (n) => String(n).padStart(200, 'x')],
])("the key of OUTCOME_UNKNOWN is taken where the host's ids have %s", async (_, idOf) => {
  let made = 0;
  const world = bench({ logger: QUIET, ids: () => idOf(++made) });
  const { credits, manager } = world;
  await credits.addCredits('u', 100);
  const { key, land } = await lost(world, isMoney, () => credits.deductCredits('u', 30, { timeoutMs: 100 }));
  expect((await credits.deductCredits('u', 30, key)).balanceAfter).toBe(70);
  expect((await credits.deductCredits('u', 30, key)).replayed).toBe(true);
  expect(await land()).toEqual(['conflict']);
  expect((await credits.getUserCreditsInfo('u')).balance).toBe(70);
  const user = (await manager.subscriptions.startCycle(null, { amount: 5 })).userId;
  expect((await credits.getUserCreditsInfo(user)).balance).toBe(5);
});

describe('a retry under such a key that is refused', () => {
  test('keeps the first commit from landing, although nothing is written of this refusal', async () => {
    const world = bench({ logger: QUIET });
    const { credits, db, clock } = world;
    await credits.addCredits('u', 100);
    const terms = { expiresAt: new Date(clock.now().getTime() + DAY_MS / 2) };
    const adding = () => credits.addCredits('u', 50, { ...terms, timeoutMs: 100 });
    const { key, land } = await lost(world, isMoney, adding);
    clock.advance({ days: 1 });
    expect(await endOf(credits.addCredits('u', 50, { ...terms, ...key }))).toBe('INVALID_ARGUMENT not_applied');
    expect(await land()).toEqual(['conflict']);
    expect((await credits.getCreditHistory('u')).items).toHaveLength(1);
    expect(await audit(db.inner, 'credits/u')).toEqual([]);
  });

  test('keeps it from landing where the retry finds nothing to do by its clock', async () => {
    const world = bench({ logger: QUIET });
    const { credits, clock, open } = world;
    await credits.addCredits('u', 100, { expiresAt: new Date(clock.now().getTime() + DAY_MS / 2) });
    clock.advance({ days: 1 });
    const { key, land } = await lost(world, isMoney, () => credits.expireCredits('u', { timeoutMs: 100 }));
    // The clock of this process is behind: by it nothing is due yet.
    const behind = open({ clock: testClock('2030-01-01T00:00:00Z') });
    expect(await behind.credits.expireCredits('u', key)).toBe(0);
    expect(await land()).toEqual(['conflict']);
  });

  test('keeps the deletion of a plan from landing when the plan has got a subscriber', async () => {
    const world = bench({ logger: QUIET });
    const { manager, db } = world;
    const { subscriptions } = manager;
    const plan = await subscriptions.addSubscriptionPlan({
      ...{ name: 'Pro', creditLimit: 10, price: 1, billingPeriod: 'monthly' },
    });
    const deleting = () => subscriptions.deleteSubscriptionPlan(plan, { timeoutMs: 100 });
    const { key, land } = await lost(world, isDefinition, deleting);
    await subscriptions.setUserSubscriptionPlan('u', plan);
    const again = () => endOf(subscriptions.deleteSubscriptionPlan(plan, key));
    expect(await again()).toBe('PLAN_IN_USE not_applied');
    expect((await land())[0]).not.toBe('committed');
    expect(await subscriptions.getSubscriptionPlan(plan, { fresh: true })).toMatchObject({ id: plan.id });
    // The answer of such a call is its answer for good.
    expect(await again()).toBe('PLAN_IN_USE not_applied');
    expect(await endOf(subscriptions.deleteSubscriptionPlan('other', key))).toContain('IDEMPOTENCY_CONFLICT');
    expect(await manager.ledger.verify()).toMatchObject({ ok: true });
    expect(await db.inner.count('plan', { index: 'created' })).toBe(1);
  });

  test('is not refused when the first commit has landed meanwhile', async () => {
    const world = bench({ logger: QUIET });
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({
      ...{ name: 'Pro', creditLimit: 10, price: 1, billingPeriod: 'monthly' },
    });
    const { key, land } = await lost(world, isDefinition, () =>
      subscriptions.deleteSubscriptionPlan(plan, { timeoutMs: 100 }),
    );
    expect(await land()).toEqual(['committed']);
    expect(await subscriptions.deleteSubscriptionPlan(plan, key)).toBe(true);
  });
});
