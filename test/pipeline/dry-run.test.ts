/** A dry run answers as the call would be answered, and writes nothing. */
import { describe, expect, test, vi } from 'vitest';
import type { CreditError, DryRun } from '../../src/index.js';
import { bench } from '../backends/gated-db.js';
import { rowsBy } from '../support/audit.js';
import { codeOf } from '../support/codes.js';
import { USERS, World } from '../support/fault-world.js';
import { operations, serviceOf } from '../support/operations.js';

/** The answer of a call, or the parts of its error. */
async function told(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    const { code, message, details, outcome } = error as CreditError;
    return { code, message, details, outcome };
  }
}

/** What the last operation stored: its transactions as rows, and its events. */
async function stored(world: World) {
  const entries = [];
  const events: unknown[] = [];
  for (const account of USERS) {
    entries.push(...(await rowsBy(world.db.inner, 'entry', 'history', { account })));
    const rows = await rowsBy(world.db.inner, 'outbox', 'queue', { sink: 'sink', status: 'pending', account });
    events.push(...rows.map(({ payload }) => payload));
  }
  return { entries: entries.filter(({ eventType }) => eventType === 'transaction'), events };
}

const idsOf = (rows: readonly object[]) => rows.map((row) => String((row as { id?: unknown }).id));

describe.each(operations.map((operation) => [operation.name, operation] as const))('%s', (_, operation) => {
  test('is told before it is done', async () => {
    const world = new World();
    const manager = world.open();
    await manager.init();
    const credits = serviceOf(manager, operation);
    const prepared = (await operation.prepare?.(credits, world)) ?? {};
    const before = await stored(world);
    const commit = vi.spyOn(world.db, 'commit');
    const foretold = await told(operation.run(credits, { dryRun: true }, prepared));
    expect(commit).not.toHaveBeenCalled();
    expect(await stored(world)).toEqual(before);
    const done = await told(operation.run(credits, {}, prepared));
    const after = await stored(world);
    const entries = after.entries.filter(({ id }) => !idsOf(before.entries).includes(String(id)));
    const events = after.events.filter((event) => !JSON.stringify(before.events).includes(JSON.stringify(event)));
    const operationId = String(entries.at(-1)?.operationId ?? 'none');
    const asForetold = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll(operationId, 'preview'));
    // Some calls answer a plain number.
    expect({ answer: asForetold(foretold) }).toMatchObject({ answer: asForetold(done) });
    const { dryRun: plan } = ((foretold as { out?: object }).out ?? foretold) as { dryRun?: DryRun };
    if (plan === undefined) return;
    expect(idsOf(plan.transactions)).toEqual(asForetold(idsOf(entries)));
    expect(plan.transactions.map(({ seq, type, userId }) => [seq, type, userId])).toEqual(
      entries.map(({ seq, type, userId }) => [seq, type, userId]),
    );
    expect(JSON.parse(JSON.stringify(plan.events))).toEqual(asForetold(events));
  });
});

describe('a dry run', () => {
  test('with a key repeats what was applied under it, and keeps no key itself', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 10);
    const pay = (dryRun: boolean) => credits.deductCredits('u', 4, { idempotencyKey: 'k', dryRun });
    expect(await pay(true)).toMatchObject({ id: 'preview', replayed: false, balanceAfter: 6 });
    const first = await pay(false);
    expect(first).toMatchObject({ replayed: false, balanceAfter: 6 });
    expect('dryRun' in first).toBe(false);
    expect(await pay(true)).toEqual({ ...first, replayed: true });
    expect(await codeOf(credits.deductCredits('u', 5, { idempotencyKey: 'k', dryRun: true }))).toBe(
      'IDEMPOTENCY_CONFLICT',
    );
  });

  test('of a hold makes none, and nobody remembers it', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 10);
    const hold = await credits.reserveCredits('u', 4, { dryRun: true });
    expect(hold).toMatchObject({ id: 'r-preview', dryRun: { transactions: [{ type: 'reserve' }] } });
    expect(await codeOf(credits.commitReservedCredits(hold))).toBe('RESERVATION_NOT_FOUND');
    expect(await credits.getUserCreditsInfo('u')).toMatchObject({ reserved: 0 });
  });

  test('of a transfer tells both sides, and leaves no account behind', async () => {
    const { credits } = bench();
    await credits.addCredits('u', 10);
    const { out } = await credits.transferCredits({ from: 'u', to: 'w', amount: 3 }, { dryRun: true });
    expect(out.dryRun?.transactions.map(({ userId, delta }) => [userId, delta])).toEqual([
      ['u', -3],
      ['w', 3],
    ]);
    expect((await credits.listAccounts()).items.map(({ userId }) => userId)).toEqual(['u']);
  });

  test('counts the renewal that comes first, of every credit type', async () => {
    const { manager, credits, clock, db } = bench({ creditTypes: { image: {} } });
    const plan = await manager.subscriptions.addSubscriptionPlan({
      ...{ name: 'Daily', price: 0, creditLimit: 10, billingPeriod: 'daily' },
      alsoGrants: [{ creditType: 'image', creditLimit: 3 }],
    });
    await manager.subscriptions.setUserSubscriptionPlan('u', plan);
    await credits.deductCredits('u', 10);
    clock.advance({ days: 1 });
    const writes = db.commits.length;
    expect(await credits.deductCredits('u', 7, { dryRun: true })).toMatchObject({ balanceAfter: 3 });
    const images = manager.creditType('image' as 'credits');
    expect(await images.deductCredits('u', 3, { dryRun: true })).toMatchObject({ balanceAfter: 0 });
    expect(db.commits.length).toBe(writes);
  });

  test('of plans, subscriptions, cycles and promo codes says what they would be', async () => {
    const { manager, db } = bench();
    const { subscriptions, promos } = manager;
    const dryRun = { dryRun: true };
    const input = { name: 'Pro', code: 'pro', price: 5, currency: 'EUR', creditLimit: 100 } as const;
    const made = await subscriptions.addSubscriptionPlan({ ...input, billingPeriod: 'monthly' }, dryRun);
    expect(made).toMatchObject({ name: 'Pro', dryRun: { transactions: [] } });
    expect(await subscriptions.getSubscriptionPlan('pro')).toBeNull();
    const plan = await subscriptions.addSubscriptionPlan({ ...input, billingPeriod: 'monthly' });
    await promos.createPromo({ code: 'HI', credits: 5 });
    const writes = db.commits.length;
    const set = await subscriptions.setUserSubscriptionPlan('u', plan, dryRun);
    expect(set.planId).toBe(plan.id);
    expect(set.dryRun?.events.map(({ type }) => type)).toContain('subscription.assigned');
    expect(await subscriptions.getUserSubscriptionPlan('u')).toBeNull();
    const cycle = await subscriptions.startCycle('u', { amount: 7, ...dryRun });
    expect(cycle.dryRun?.transactions.at(-1)).toMatchObject({ userId: 'u' });
    const claim = await promos.claimPromo('u', 'hi', dryRun);
    expect(claim).toMatchObject({ success: true, creditsAwarded: 5, transactionId: 'preview' });
    expect(await promos.claimPromo('u', 'none', dryRun)).toMatchObject({ success: false });
    expect(await promos.togglePromo('hi', dryRun)).toMatchObject({ isActive: false });
    expect(await subscriptions.deleteSubscriptionPlan(plan, dryRun)).toBe(true);
    const report = await subscriptions.definePlans([{ ...input, code: 'new', billingPeriod: 'monthly' }], dryRun);
    expect(report).toMatchObject({ created: ['new'], missing: ['pro'] });
    expect(db.commits.length).toBe(writes);
    expect(await subscriptions.getSubscriptionPlan('pro')).toMatchObject({ isActive: true });
    expect(await subscriptions.getSubscriptionPlan('new')).toBeNull();
    expect(await promos.getPromo('HI')).toMatchObject({ isActive: true });
  });

  test('refuses as the call would be, and leaves no entry of it', async () => {
    const { credits, manager } = bench({ defaults: { overdraftLimit: 0 } });
    const wrong = [
      credits.deductCredits('u', 1, { dryRun: true }),
      credits.deductCreditsAfterService('u', 1, { dryRun: true }),
      credits.releaseReservedCredits('r-none', { dryRun: true }),
      manager.subscriptions.cancelUserSubscription('u', { dryRun: true }),
    ];
    const codes = ['INSUFFICIENT_CREDITS', 'OVERDRAFT_LIMIT', 'RESERVATION_NOT_FOUND', 'SUBSCRIPTION_NOT_FOUND'];
    expect(await Promise.all(wrong.map(codeOf))).toEqual(codes);
    const { items } = await manager.ledger.list({ limit: 100 });
    expect(items.filter(({ eventType }) => eventType === 'error')).toEqual([]);
  });
});
