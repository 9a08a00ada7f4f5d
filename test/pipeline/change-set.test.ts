/** A renewal names the fields of its subscription that stay: databases are not sent them. */
import { expect, test } from 'vitest';
import { createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import type { Unit } from '../../src/ports/db-manager.js';
import { rowOf } from '../../src/services/store/tables.js';

const MONTHLY = { name: 'Pro', creditLimit: 100, price: '20', currency: 'USD', billingPeriod: 'monthly' } as const;

test('a renewal names fields of the subscription that stay, and only such', async () => {
  let now = Date.parse('2030-01-01T00:00:00Z');
  const db = new InMemoryDbManager();
  const units: Unit[] = [];
  const commit = db.commit.bind(db);
  db.commit = (given, options) => {
    units.push(...given);
    return commit(given, options);
  };
  const { subscriptions, jobs, ledger } = createCreditManagement({ db, clock: { now: () => new Date(now) } });
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  const other = await subscriptions.addSubscriptionPlan({ ...MONTHLY, name: 'Other' });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  /** The fields that the last replacement of the subscription named, and those that it left as they were. */
  const lastNamed = async (change: () => Promise<unknown>) => {
    const [before] = await db.getMany('subscription', ['u']);
    units.length = 0;
    await change();
    const found = units.flat().filter(({ op, model }) => op === 'replace' && model === 'subscription');
    expect(found).toHaveLength(1);
    const [replaced] = found as [Extract<Unit[number], { op: 'replace' }>];
    const [row, stored] = [rowOf('subscription', replaced.row), rowOf('subscription', before as never)];
    for (const field of replaced.unchanged ?? []) expect(row).toHaveProperty(field, stored[field as keyof typeof row]);
    return replaced.unchanged;
  };
  now += 40 * 86_400_000;
  expect(await lastNamed(() => jobs.runAllocation())).toContain('terms');
  expect(await lastNamed(() => subscriptions.setUserSubscriptionPlan('u', other.id))).toBe(undefined);
  now += 40 * 86_400_000;
  await subscriptions.updateSubscriptionPlan({ id: other.id, creditLimit: 150 }, { applyTo: 'renewals' });
  now += 40 * 86_400_000;
  expect(await lastNamed(() => jobs.runAllocation())).toBe(undefined);
  expect(await ledger.verify()).toMatchObject({ ok: true });
});
