/** What a sweep reads: each row once for all of a batch, and of an account nothing that the walk has read already. */
import { expect, test } from 'vitest';
import type { DbManager, Row } from '../../src/index.js';
import { codeOf } from '../support/codes.js';
import { MONTHLY, memoryWorld, type Session, type World } from '../support/plan-world.js';

const COUNT = 40;
const USERS = Array.from({ length: COUNT }, (_, i) => `u${i}`);

/** The models of the reads by key that follow, leases left out. */
function countReads({ host }: World): string[] {
  const models: string[] = [];
  const { getMany } = host;
  host.getMany = (model, keys, options) => {
    if (!keys[0]?.startsWith('lease:')) models.push(model);
    return getMany.call(host, model, keys, options);
  };
  return models;
}

/** Runs `act` once, after the next page of a model was read and before anybody has it. */
function afterNextPage({ host }: World, model: string, act: () => Promise<unknown>): void {
  const find = host.find.bind(host);
  host.find = async (...args: Parameters<DbManager<Session>['find']>) => {
    const page = await find(...args);
    if (args[0] !== model) return page;
    host.find = find;
    await act();
    return page;
  };
}

async function subscribed(world: World, plan: Partial<typeof MONTHLY> = {}): Promise<void> {
  const { subscriptions } = world.manager;
  const ids = await Promise.all(
    ['a', 'b'].map((name) => subscriptions.addSubscriptionPlan({ ...MONTHLY, ...plan, name })),
  );
  await Promise.all(
    USERS.map((user, i) => subscriptions.setUserSubscriptionPlan(user, ids[i % 2] as (typeof ids)[number])),
  );
}

test('an allocation reads accounts, subscriptions and plans once each, and asks no row a second time', async () => {
  const world = memoryWorld();
  await subscribed(world);
  const { jobs } = world.open();
  world.clock.set('2026-02-01T00:00:00Z');
  await jobs.runExpiration({ asOf: '2026-01-01T00:00:00Z' });
  const models = countReads(world);
  expect(await jobs.runAllocation()).toMatchObject({ processed: COUNT, granted: 100 * COUNT });
  expect(models).toEqual(['account', 'subscription', 'plan']);
});

test('calls on many accounts are read for together, whether they know what they need or find out', async () => {
  const world = memoryWorld();
  const { credits } = world.manager;
  const make = (user: string) => credits.createAccount(user, { trialCredits: 5 });
  await Promise.all(USERS.map(make));
  const models = countReads(world);
  await Promise.all(USERS.map(make));
  expect(models.filter((model) => model === 'entry')).toHaveLength(1);
  const spent = await Promise.all(USERS.map((user) => credits.deductCredits(user, 5)));
  await Promise.all(spent.map(({ id }) => credits.reverseTransaction(id)));
  expect(models.filter((model) => model === 'grant')).toHaveLength(1);
  await world.expectSound();
});

test('an expiry reads no account that the walk has read', async () => {
  const world = memoryWorld();
  await subscribed(world, { validityDays: 10 });
  world.clock.set('2026-01-15T00:00:00Z');
  const { jobs } = world.open();
  await jobs.runExpiration({ asOf: '2026-01-01T00:00:00Z' });
  const models = countReads(world);
  expect(await jobs.runExpiration({ batchSize: 15 })).toMatchObject({ processed: COUNT, expired: 100 * COUNT });
  expect(models).toEqual([]);
});

test('what others did since the walk read a row counts', async () => {
  const world = memoryWorld();
  await subscribed(world, { validityDays: 10 });
  world.clock.set('2026-01-15T00:00:00Z');
  const [first, other] = [world.open(), world.open()];
  afterNextPage(world, 'account', async () => {
    await other.credits.expireCredits('u0');
    await other.credits.addCredits('u1', 7);
    await other.credits.addCredits('u2', 7, { expiresAt: '2026-01-15T00:00:00.001Z' });
  });
  const report = await first.jobs.runExpiration();
  // Two of them were written by the calls in between.
  expect(report).toMatchObject({ status: 'completed', processed: COUNT, expired: 100 * (COUNT - 3), skippedCount: 0 });
  expect(await Promise.all(['u0', 'u1', 'u2', 'u3'].map((user) => world.balance(user)))).toEqual([0, 7, 7, 0]);
  await world.expectSound();
});

test('a page that cannot be read stops a job after what it had read before', async () => {
  const world = memoryWorld();
  await subscribed(world);
  world.clock.set('2026-02-01T00:00:00Z');
  afterNextPage(world, 'subscription', async () => {
    const find = world.host.find.bind(world.host);
    world.host.find = (...args) => {
      world.host.find = find;
      return Promise.reject(new Error(`no ${args[0]}`));
    };
  });
  const stopped = await world.manager.jobs.runAllocation({ batchSize: 15 });
  expect(stopped).toMatchObject({ status: 'stopped', processed: 15, granted: 1_500, skippedCount: 1 });
  expect(await world.manager.jobs.runAllocation()).toMatchObject({ processed: COUNT - 15, skippedCount: 0 });
});

test('more periods than one operation makes up for are made up for in one run', async () => {
  const world = memoryWorld();
  const { subscriptions, jobs } = world.manager;
  const plan = await subscriptions.addSubscriptionPlan({ ...MONTHLY, billingPeriod: 'daily' });
  await subscriptions.setUserSubscriptionPlan('u', plan);
  await subscriptions.startCycle('v', { amount: 3, days: 1, recurring: true });
  world.clock.advance({ days: 250 });
  expect(await jobs.runAllocation()).toMatchObject({ processed: 2, granted: 250 * 103, skippedCount: 0 });
  expect(await jobs.runAllocation()).toMatchObject({ processed: 0 });
  await world.expectSound();
});

test('an account that nobody can read stops neither the others of its batch nor a job', async () => {
  const world = memoryWorld();
  await subscribed(world);
  world.clock.set('2026-02-01T00:00:00Z');
  const { getMany, find } = world.host;
  const damaged = <R extends Row | null>(row: R): R => (row?.id === 'credits/u7' ? { ...row, state: null } : row);
  world.host.getMany = async (...args) => (await getMany.apply(world.host, args)).map(damaged);
  world.host.find = async (...args) => {
    const page = await find.apply(world.host, args);
    return { ...page, rows: page.rows.map(damaged) };
  };
  const { jobs, credits } = world.open();
  const rest = { status: 'completed', processed: COUNT - 1, skippedCount: 1 };
  const allocated = await jobs.runAllocation();
  expect(allocated).toMatchObject({ ...rest, granted: 100 * (COUNT - 1) });
  expect(allocated.skipped).toMatchObject([{ code: 'INVARIANT_VIOLATION' }]);
  expect(await world.open().jobs.runExpiration()).toMatchObject({ skippedCount: 1, skipped: [{ id: 'credits/u7' }] });
  const other = world.open().credits;
  const codes = await Promise.all(USERS.map((user) => codeOf(other.addCredits(user, 1))));
  expect(codes.filter((code) => code === 'INVARIANT_VIOLATION')).toHaveLength(1);
  expect(codes[7]).toBe('INVARIANT_VIOLATION');
  expect(codes.filter((code) => code === 'resolved')).toHaveLength(COUNT - 1);
  expect((await credits.deductCredits('u8', 1)).delta).toBe(-1);
});
