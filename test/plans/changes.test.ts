/** Changes of plans: late in a period, again and again, beside a trial, a cancellation, another writer. */
import { expect, test } from 'vitest';
import { InMemoryDbManager, type StoreOptions } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { describeBackends, MONTHLY, memoryWorld, type Session, World } from '../support/plan-world.js';

const IN_USE = 'PLAN_IN_USE';

await describeBackends('changes of plans', (open, isMemory) => {
  // A server writes every day of it to the disk.
  const [days, atLeast] = isMemory ? [120, 300] : [35, 200];

  test('a switch late in a period leaves the new one its share from when the old one would have ended', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const [small, big] = [
      await subscriptions.addSubscriptionPlan(MONTHLY),
      await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 120 }),
    ];
    world.clock.set('2026-04-01T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', small);
    world.clock.set('2026-04-29T00:00:00Z');
    const { periodStart, periodEnd } = await subscriptions.upgradeUserSubscriptionPlan('u', big);
    expect([periodStart, periodEnd].map((date) => date.toISOString().slice(0, 10))).toEqual([
      '2026-04-29',
      '2026-05-29',
    ]);
    expect(await world.balance('u')).toBe(120);
    world.clock.set('2026-04-30T23:59:59Z');
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(120);
    // 28 of 30 days are left of it when the first 100 lapse: 20 + floor(100 x 28 / 30) whole credits.
    world.clock.set('2026-05-01T00:00:00Z');
    expect(await jobs.runAllocation()).toMatchObject({ processed: 1, granted: 93 });
    expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
    expect(await world.balance('u')).toBe(113);
    world.clock.set('2026-05-29T00:00:00Z');
    await jobs.runAllocation();
    expect(await world.balance('u')).toBe(120);
    await world.expectSound();
  });

  test('a change may grant the whole difference at once, or the new limit on top; the period goes on', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const small = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 100 });
    const big = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
    for (const userId of ['full', 'keep', 'none']) await subscriptions.setUserSubscriptionPlan(userId, small);
    world.clock.set('2026-01-29T00:00:00Z');
    const period = { periodStart: new Date('2026-01-01'), periodEnd: new Date('2026-02-01') };
    const full = { proration: 'full' } as const;
    expect((await subscriptions.previewChange('full', big, full)).granted).toEqual({ credits: 200 });
    expect(await subscriptions.changeUserSubscriptionPlan('full', big, full)).toMatchObject(period);
    const keep = { proration: 'full', credit: 'keep' } as const;
    expect((await subscriptions.previewChange('keep', big, keep)).granted).toEqual({ credits: 300 });
    expect(await subscriptions.changeUserSubscriptionPlan('keep', big, keep)).toMatchObject(period);
    await subscriptions.changeUserSubscriptionPlan('none', big, { credit: 'keep' });
    const balances = () => Promise.all(['full', 'keep', 'none'].map((userId) => world.balance(userId)));
    expect(await balances()).toEqual([300, 400, 400]);
    // Once more: nothing is left to be granted.
    await subscriptions.changeUserSubscriptionPlan('full', big, full);
    expect(await world.balance('full')).toBe(300);
    world.clock.set('2026-02-01T00:00:00Z');
    expect(await balances()).toEqual([300, 300, 300]);
    await world.expectSound();
  });

  test('a share of a limit of whole credits is whole, unless the plan names its decimals', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const small = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 10 });
    const limits = [{ creditLimit: 100 }, { creditLimit: 100, creditDecimals: 2 }, { creditLimit: '100.5' }];
    world.clock.set('2026-01-20T00:00:00Z');
    for (const i of limits.keys()) await subscriptions.setUserSubscriptionPlan(`u${i}`, small);
    world.clock.set('2026-02-10T00:00:00Z');
    for (const [i, limit] of limits.entries()) {
      const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, ...limit });
      await subscriptions.changeUserSubscriptionPlan(`u${i}`, plan, { proration: 'time' });
    }
    // 10 of 31 days are left.
    const balances = await Promise.all(limits.map((_, i) => world.balance(`u${i}`)));
    expect(balances).toEqual([10 + 29, 10 + 29.03, 10 + 29.193548]);
    const finer = { ...MONTHLY, creditLimit: '1.25', creditDecimals: 1 };
    await expect(subscriptions.addSubscriptionPlan(finer)).rejects.toMatchObject({
      details: { path: 'plan.creditDecimals' },
    });
  });

  test('the share is granted in order by a job that is late, and lapses with its period', async () => {
    const world = await open();
    const { subscriptions, jobs, credits } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    world.clock.set('2026-04-01T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-04-16T00:00:00Z');
    await subscriptions.setUserSubscriptionPlan('u', plan);
    world.clock.set('2026-06-20T00:00:00Z');
    await jobs.runAllocation();
    const { items } = await credits.getGrants('u', { includeClosed: true });
    const times = items.map(({ amount, effectiveAt, expiresAt }) => {
      const days = [effectiveAt, expiresAt].map((date) => date?.toISOString().slice(5, 10));
      return `${days.join(' to ')}: ${amount}`;
    });
    const expected = ['04-01 to 05-01: 100', '05-01 to 05-16: 50', '05-16 to 06-16: 100', '06-16 to 07-16: 100'];
    expect(times.toSorted()).toEqual(expected);
    expect(await world.balance('u')).toBe(100);
    await world.expectSound();
  });

  test('whoever sets the plan anew every day is granted no more than the limit a period', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, validityDays: 360 });
    for (let day = 0; day < days; day++) {
      await jobs.runAllocation();
      if (day % 3 === 0) await subscriptions.deleteUserSubscriptionPlan('u');
      await subscriptions.setUserSubscriptionPlan('u', plan);
      const most = 100 * (1 + Math.floor(day / 28));
      expect(await world.balance('u')).toBeLessThanOrEqual(most);
      world.clock.advance({ days: 1 });
    }
    expect(await world.balance('u')).toBeGreaterThanOrEqual(atLeast);
  });

  test('a trial that was paused goes on as a trial', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, trialDays: 14 });
    await subscriptions.setUserSubscriptionPlan('u', plan);
    await subscriptions.pauseUserSubscription('u');
    world.clock.advance({ days: 3 });
    const resumed = await subscriptions.resumeUserSubscription('u', { idempotencyKey: 'r' });
    expect(resumed.status).toBe('trialing');
    expect(await subscriptions.resumeUserSubscription('u', { idempotencyKey: 'r' })).toEqual({
      ...resumed,
      replayed: true,
    });
    world.clock.advance({ days: 14 });
    await jobs.runAllocation();
    expect((await subscriptions.getUserSubscriptionPlan('u'))?.status).toBe('active');
  });

  test('a plan that somebody moves to at the end of the period is in use', async () => {
    const world = await open();
    const { subscriptions, jobs } = world.manager;
    const before = await subscriptions.addSubscriptionPlan(MONTHLY);
    const next = await subscriptions.addSubscriptionPlan({ ...MONTHLY, creditLimit: 300 });
    await subscriptions.setUserSubscriptionPlan('u', before);
    await subscriptions.upgradeUserSubscriptionPlan('u', next, { when: 'period_end' });
    for (const plan of [before, next]) expect(await codeOf(subscriptions.deleteSubscriptionPlan(plan))).toBe(IN_USE);
    world.clock.set('2026-02-01T00:00:00Z');
    await jobs.runAllocation();
    expect(await subscriptions.deleteSubscriptionPlan(before)).toBe(true);
    expect(await codeOf(subscriptions.deleteSubscriptionPlan(next))).toBe(IN_USE);
  });

  test('an upgrade goes on renewing what was cancelled at its end, unless it is told not to', async () => {
    const world = await open();
    const { subscriptions } = world.manager;
    const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
    for (const [user, options, renews] of [
      ['now', {}, true],
      ['later', { when: 'period_end' }, true],
      ['last', { autoRenew: false }, false],
    ] as const) {
      await subscriptions.setUserSubscriptionPlan(user, plan);
      await subscriptions.cancelUserSubscription(user);
      const { autoRenew, validUntil } = await subscriptions.upgradeUserSubscriptionPlan(user, plan, options);
      expect([user, autoRenew, validUntil === null]).toEqual([user, renews, renews]);
    }
    const never = subscriptions.upgradeUserSubscriptionPlan('now', plan, { when: 'period_end', autoRenew: false });
    expect(await never.catch((error: Error) => error.message)).toContain('autoRenew');
  });
});

/** Does something after a read, or makes a call fail, once. */
class HookedDb extends InMemoryDbManager {
  afterRead: ((model: string) => Promise<void>) | null = null;
  loseAnswers = false;
  failWith: Error | null = null;

  override async getMany(model: string, keys: readonly string[], options?: StoreOptions<never>) {
    const rows = await super.getMany(model, keys, options);
    const hook = this.afterRead;
    if (hook && model === 'plan') {
      this.afterRead = null;
      await hook(model);
    }
    return rows;
  }

  override async find(...args: Parameters<InMemoryDbManager['find']>) {
    if (this.failWith) throw this.failWith;
    return super.find(...args);
  }

  override async commit(...[units, options]: Parameters<InMemoryDbManager['commit']>) {
    const outcomes = await super.commit(units, options);
    if (!this.loseAnswers) return outcomes;
    return outcomes.map(() => ({ status: 'unknown', cause: new Error('no answer') }) as const);
  }
}

function hooked() {
  const db = new HookedDb();
  const world = new World(() => db as never, db as never);
  return { ...world.manager, world, db };
}

test('a plan that grants another type since the accounts were chosen is set all the same', async () => {
  const { db, world, subscriptions } = hooked();
  const plan = await subscriptions.addSubscriptionPlan(MONTHLY);
  const other = world.open();
  db.afterRead = async () => {
    const alsoGrants = [{ creditType: 'image', creditLimit: 7 }];
    await other.subscriptions.updateSubscriptionPlan({ id: plan.id, alsoGrants });
  };
  await subscriptions.setUserSubscriptionPlan('u', plan);
  expect([await world.balance('u'), await world.balance('u', 'image')]).toEqual([100, 7]);
});

test('a plan read before it was changed, and answered after, is not kept', async () => {
  const { db, subscriptions } = hooked();
  const { id } = await subscriptions.addSubscriptionPlan(MONTHLY);
  db.afterRead = async () => {
    await subscriptions.updateSubscriptionPlan({ id, creditLimit: 500 });
  };
  expect((await subscriptions.getSubscriptionPlan(id))?.creditLimit).toBe(100);
  expect((await subscriptions.getSubscriptionPlan(id))?.creditLimit).toBe(500);
});

test('a lease whose answer is lost is kept, and given back', async () => {
  const { db, world, jobs } = hooked();
  await world.manager.init();
  db.loseAnswers = true;
  expect((await jobs.runExpiration()).status).toBe('completed');
  db.loseAnswers = false;
  expect((await world.open().jobs.runExpiration()).status).toBe('completed');
});

test('a job of a manager that is closed, or whose store is away, answers stopped', async () => {
  const { jobs, close } = memoryWorld().manager;
  await close();
  for (const run of Object.values(jobs)) {
    for (const report of [await run()].flat()) {
      expect(report).toMatchObject({ status: 'stopped', processed: 0, skippedCount: 1, skipped: [{ code: 'CLOSED' }] });
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    }
  }
});

test('what the database says of a transaction of the host reaches the host as it is', async () => {
  const { db, world, subscriptions } = hooked();
  await world.manager.init();
  const redo = Object.assign(new Error('could not serialize access'), { code: '40001' });
  const call = world.begin((session: Session) => {
    db.failWith = redo;
    return subscriptions.addSubscriptionPlan(MONTHLY, { session, idempotencyKey: 'k' });
  });
  expect(await call.catch((error: unknown) => error)).toBe(redo);
});

test('a late cycle that stops without room for its last grant tells what the ones before were granted', async () => {
  const { clock, manager } = memoryWorld({ limits: { openGrants: 2 } });
  const { subscriptions, credits, ledger } = manager;
  const cycle = await subscriptions.startCycle('u', { amount: 10, days: 1, recurring: true });
  await credits.addCredits('u', 1);
  clock.advance({ days: 2, hours: 1 });
  await credits.addCredits('u', 1);
  expect(await subscriptions.stopCycle(cycle)).toMatchObject({
    status: 'canceled',
    end: new Date('2026-01-03T00:00:00Z'),
  });
  const [stopped] = (await ledger.list({ userId: 'u', types: ['plan_changed'] })).items;
  expect(stopped?.details).toMatchObject({ granted: 10_000_000 });
});
