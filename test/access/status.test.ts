/** The access status is that of the balance at this instant, whoever wrote last; without a database it is told too. */
import { describe, expect, test } from 'vitest';
import {
  type AccessSettings,
  type CreditManagement,
  createCreditManagement,
  type DbManager,
  InMemoryCache,
  InMemoryDbManager,
  type MemorySession,
} from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';
import { GatedDb } from '../backends/gated-db.js';
import { Chance, SEED } from '../support/chance.js';
import { describeBackends } from '../support/plan-world.js';
import { QUIET } from '../support/quiet.js';

await describeBackends('access status', (openWorld) => {
  test('is enabled exactly while credits are available', async () => {
    const world = await openWorld({});
    const { access, credits } = world.manager;
    await credits.addCredits('u', 5);
    expect(await access.getStatus('u')).toEqual({
      ...{ userId: 'u', status: 'enabled', reason: 'Sufficient credits', accountStatus: 'active' },
      ...{ available: 5, validUntil: null },
    });
    const hold = await credits.reserveCredits('u', 5);
    expect(await access.getStatus('u')).toMatchObject({
      ...{ status: 'disabled', reason: 'Insufficient credits', accountStatus: 'active', available: 0 },
      validUntil: hold.expiresAt,
    });
    await credits.releaseReservedCredits(hold);
    expect(await access.getStatus('u')).toMatchObject({ status: 'enabled', available: 5 });
    await credits.deductCreditsAfterService('u', 8);
    expect(await access.getStatus('u')).toMatchObject({ status: 'disabled', available: -3 });
    await credits.addCredits('u', '3.000001');
    expect(await access.getStatus('u', { fresh: true })).toMatchObject({ status: 'enabled', available: 0.000001 });
    await world.close();
  });

  test('changes with each crossing, which is told once and in order', async () => {
    const world = await openWorld({ defaults: { trialCredits: 100, lowCreditThreshold: 20 } });
    const { access, credits } = world.manager;
    await credits.createAccount('shop');
    const told: string[] = [];
    world.manager.on('*', ({ type, data }) => {
      told.push(type === 'credits.plugin_status_changed' ? data.status : type.replace('credits.', ''));
    });
    const crossings = ['low_balance_reached', 'balance_restored', 'balance_exhausted', 'enabled', 'disabled'];
    for (const [change, status, expected] of [
      [-80, 'enabled', ['low_balance_reached']],
      [1, 'enabled', ['balance_restored']],
      [-16, 'enabled', ['low_balance_reached']],
      [-5, 'disabled', ['balance_exhausted', 'disabled']],
      [5, 'enabled', ['enabled']],
      [25, 'enabled', ['balance_restored']],
      [-35, 'disabled', ['low_balance_reached', 'balance_exhausted', 'disabled']],
    ] as const) {
      told.length = 0;
      if (change > 0) await credits.addCredits('shop', change);
      else await credits.deductCreditsAfterService('shop', -change);
      expect(told.filter((type) => crossings.includes(type))).toEqual(expected);
      expect(await access.getStatus('shop')).toMatchObject({ status });
    }
    expect(await access.getStatus('shop')).toMatchObject({ available: -5 });
    await world.close();
  });

  test('of an account that nobody wrote to is disabled, also where it would have a trial', async () => {
    const world = await openWorld({ defaults: { trialCredits: 100 } });
    const { access, credits } = world.manager;
    const unknown = { status: 'disabled', reason: 'Account not found', accountStatus: 'not_found', available: 0 };
    expect(await access.getStatus('new')).toMatchObject(unknown);
    await credits.deductCredits('new', 200).catch(() => null);
    expect(await access.getStatus('new')).toMatchObject(unknown);
    await credits.deductCredits('new', 1);
    expect(await access.getStatus('new')).toMatchObject({ status: 'enabled', accountStatus: 'active', available: 99 });
    await world.close();
  });

  test('knows every commit of other processes that share the cache, and no lapse comes late', async () => {
    const backend = new InMemoryCache();
    const world = await openWorld({ cache: { backend, ttlSeconds: 300 } });
    const managers = [world.manager, world.open({})];
    const chance = new Chance(SEED);
    for (let i = 0; i < 80; i++) {
      const [writer, reader] = chance.shuffle(managers) as [typeof world.manager, typeof world.manager];
      const user = `u${chance.below(3)}`;
      const amount = 1 + chance.below(20);
      const expiresAt =
        chance.below(2) === 0 ? new Date(world.clock.now().getTime() + 1 + chance.below(3_000)) : undefined;
      if (chance.below(3) === 0) await writer.credits.addCredits(user, amount, { expiresAt });
      else if (chance.below(2) === 0) await writer.credits.deductCredits(user, amount).catch(() => null);
      else await writer.credits.reserveCredits(user, amount, { ttlSeconds: 2 }).catch(() => null);
      for (const manager of [reader, writer]) {
        const { status, available } = await manager.access.getStatus(user);
        const now = await reader.credits.getUserCreditsInfo(user, { fresh: true });
        expect([status, available]).toEqual([now.available > 0 ? 'enabled' : 'disabled', now.available]);
      }
      if (chance.below(4) === 0) world.clock.advance({ seconds: chance.below(1_000) / 1_000 });
    }
    await world.close();
  });

  test('of credits that lapse is disabled at that instant, with no sweep', async () => {
    const world = await openWorld({ cache: new InMemoryCache() });
    const { access, credits } = world.manager;
    const expiresAt = new Date(world.clock.now().getTime() + 2_000);
    await credits.addCredits('u', 5, { expiresAt });
    const enabled = { status: 'enabled', available: 5, validUntil: expiresAt };
    expect(await access.getStatus('u')).toMatchObject(enabled);
    world.clock.advance({ seconds: 1.999 });
    expect(await access.getStatus('u')).toMatchObject(enabled);
    world.clock.advance({ seconds: 0.001 });
    expect(await access.getStatus('u')).toMatchObject({ status: 'disabled', available: 0, validUntil: null });
    await world.close();
  });

  test('is right after the TTL where the cache lost what was written', async () => {
    const backend = new InMemoryCache();
    let isLost = false;
    const lossy = {
      get: (key: string) => backend.get(key),
      set: async (...args: Parameters<typeof backend.set>) => (isLost ? undefined : backend.set(...args)),
      delete: (key: string) => backend.delete(key),
    };
    const world = await openWorld({ cache: lossy, access: { ttlSeconds: 15 } });
    const [writer, reader] = [world.manager, world.open({})];
    await writer.credits.addCredits('u', 5);
    isLost = true;
    await writer.credits.deductCredits('u', 5);
    world.clock.advance({ seconds: 15 });
    expect(await reader.access.getStatus('u')).toMatchObject({ status: 'disabled' });
    await world.close();
  });
});

describe('without a database', () => {
  async function awayWorld(access: AccessSettings = {}, cache?: InMemoryCache) {
    const db = new GatedDb();
    const clock = testClock('2026-01-01T00:00:00Z');
    const logged: unknown[] = [];
    const logger = { ...QUIET, error: (fields: unknown) => void logged.push(fields) };
    const manager = createCreditManagement<DbManager<MemorySession>>({ db, clock, logger, access, cache });
    await manager.credits.addCredits('u', 5);
    await manager.credits.addCredits('dated', 5, { expiresAt: new Date(clock.now().getTime() + 1_000) });
    for (const user of ['u', 'dated']) await manager.access.getStatus(user);
    const goAway = (answer: () => Promise<never>) => {
      db.methods.getMany = answer;
    };
    return { manager, db, clock, goAway, logged };
  }
  const refused = () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' }));
  const error = { reason: 'Service error', accountStatus: 'error', validUntil: null } as const;
  const statusOf = ({ access }: CreditManagement, user: string) => access.getStatus(user);

  test('everybody is disabled, and the answers are counted', async () => {
    const { manager, goAway } = await awayWorld();
    goAway(refused);
    expect(await statusOf(manager, 'u')).toEqual({ userId: 'u', status: 'disabled', available: null, ...error });
    expect(await manager.access.getStatuses(['u', 'v'])).toMatchObject([{ userId: 'u' }, { userId: 'v', ...error }]);
    expect(await manager.health()).toMatchObject({ unavailableStatuses: 3 });
    await expect(statusOf(manager, '')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const aborted = manager.access.getStatus('u', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    await manager.close();
    await expect(statusOf(manager, 'u')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('everybody is enabled with open', async () => {
    const { manager, goAway } = await awayWorld({ onUnavailable: 'open' });
    goAway(refused);
    expect(await statusOf(manager, 'u')).toEqual({ userId: 'u', status: 'enabled', available: null, ...error });
    await manager.close();
  });

  test('the last answer stands with last-known, until the clock changes it', async () => {
    const { manager, goAway, clock } = await awayWorld({ onUnavailable: 'last-known' });
    goAway(refused);
    expect(await statusOf(manager, 'u')).toEqual({ userId: 'u', status: 'enabled', available: 5, ...error });
    expect(await statusOf(manager, 'dated')).toMatchObject({ status: 'enabled' });
    clock.advance({ seconds: 1 });
    expect(await statusOf(manager, 'dated')).toMatchObject({ status: 'disabled', available: null, ...error });
    expect(await statusOf(manager, 'nobody')).toMatchObject({ status: 'disabled', ...error });
    await manager.close();
  });

  test('what the cache knows is answered, until its TTL is over', async () => {
    const { manager, goAway, clock } = await awayWorld({ ttlSeconds: 15 }, new InMemoryCache());
    goAway(refused);
    expect(await statusOf(manager, 'u')).toMatchObject({ status: 'enabled', accountStatus: 'active' });
    clock.advance({ seconds: 15 });
    expect(await statusOf(manager, 'u')).toMatchObject({ status: 'disabled', accountStatus: 'error' });
    await manager.close();
  });

  test('a database that hangs is waited for no longer than the timeout', async () => {
    const { manager, goAway, logged } = await awayWorld({ timeoutMs: 30 });
    goAway(() => new Promise(() => {}));
    expect(await statusOf(manager, 'u')).toMatchObject({ status: 'disabled', accountStatus: 'error' });
    expect(await manager.access.getStatus('u', { timeoutMs: 20 })).toMatchObject({ accountStatus: 'error' });
    expect(logged).toMatchObject([{ err: { code: 'TIMEOUT', details: { timeoutMs: expect.any(Number) } } }]);
    expect((logged[0] as { err: { details: { timeoutMs: number } } }).err.details.timeoutMs).toBeLessThanOrEqual(30);
    await manager.close();
  });
});

test('the memory of this process is not asked by who wants the newest, or reads in a transaction', async () => {
  const db = new InMemoryDbManager();
  const options = { db, logger: QUIET };
  const writer = createCreditManagement<DbManager<MemorySession>>(options);
  const reader = createCreditManagement<DbManager<MemorySession>>({ ...options, cache: new InMemoryCache() });
  await writer.credits.addCredits('u', 5);
  expect(await reader.access.getStatus('u')).toMatchObject({ available: 5 });
  await writer.credits.deductCredits('u', 5);
  expect(await reader.access.getStatus('u')).toMatchObject({ status: 'enabled', available: 5 });
  expect(await reader.access.getStatus('u', { fresh: true })).toMatchObject({ status: 'disabled', available: 0 });
  await writer.credits.addCredits('u', 1);
  await db.transaction(async (session) => {
    expect(await reader.credits.getUserCreditsInfo('u', { session })).toMatchObject({ balance: 1 });
  });
  const aborted = AbortSignal.abort();
  await expect(reader.access.getStatus('u', { signal: aborted })).rejects.toMatchObject({ code: 'ABORTED' });
  await Promise.all([reader.close(), writer.close()]);
  await expect(reader.access.getStatus('u')).rejects.toMatchObject({ code: 'CLOSED' });
});

test('a hundred statuses are one read', async () => {
  const db = new GatedDb();
  const manager = createCreditManagement<DbManager<MemorySession>>({ db, logger: QUIET });
  for (let i = 0; i < 100; i++) if (i % 2 === 0) await manager.credits.addCredits(`u${i}`, 1);
  let reads = 0;
  db.methods.getMany = (...args) => {
    reads++;
    return db.inner.getMany(...args);
  };
  const users = Array.from({ length: 100 }, (_, i) => `u${i}`);
  const statuses = await manager.access.getStatuses(users);
  expect(statuses.map(({ userId }) => userId)).toEqual(users);
  expect(statuses.map(({ status }) => status)).toEqual(users.map((_, i) => (i % 2 === 0 ? 'enabled' : 'disabled')));
  expect(reads).toBe(1);
  expect(await manager.access.getStatuses(['u0', 'u0', '__proto__'])).toMatchObject([
    ...[{ status: 'enabled' }, { status: 'enabled' }],
    { userId: '__proto__', accountStatus: 'not_found' },
  ]);
  await expect(manager.access.getStatuses([...users, 'one more'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await manager.close();
});
