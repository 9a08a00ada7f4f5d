/** A store of an earlier version is opened, migrated while processes die, filled in, found clean and used. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { type CreditManagement, createCreditManagement, type DbManager, InMemoryDbManager } from '../../src/index.js';
import { storedModels } from '../../src/models/stored-models.js';
import { testClock } from '../../src/testing/clock.js';
import { describeMongo } from '../backends/mongo.js';
import { databaseOf } from '../backends/mongo-uri.js';
import { type DatabaseConfig, openDb } from '../backends/open-adapter.js';
import { describePostgres } from '../backends/postgres.js';
import { checkedManager } from '../support/checked-manager.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { forkScript } from '../support/script.js';
import { until } from '../support/wait.js';
import { BALANCES, NOW, ROWS, writeOlder, writeOlderTables } from './older-store.js';
import type { FromUpgrade, UpgradeConfig } from './upgrade-worker.js';

const SCRIPT = new URL('./upgrade-worker.ts', import.meta.url);
/** More than a lease lasts. */
const LEASE_MS = 31_000;
const DAY_MS = 86_400_000;
const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

function open(db: DbManager<never>, ms = NOW.getTime()) {
  const clock = testClock(new Date(ms));
  const got: string[] = [];
  const sinks = [{ name: 'shop', publish: async ({ id }: { id: string }) => void got.push(id) }];
  const manager = createCreditManagement({
    ...{ db, clock, sinks, creditTypes: { image: {} }, defaults: { trialCredits: 5 } },
    ...{ timeoutMs: PATIENT_MS, logger: QUIET },
  });
  const checked: unknown = checkedManager(manager as never);
  return { manager: checked as CreditManagement<never, 'image'>, clock, got };
}

/** The lifetime totals of each account, summed from its stored entries, in units. */
function lifetimes(): Map<string, readonly [added: number, spent: number]> {
  const totals = new Map<string, readonly [number, number]>();
  for (const [model, row] of ROWS) {
    if (model !== 'entry' || row.eventType !== 'transaction') continue;
    const { account, type, delta } = row as { account: string; type: string; delta: number } & typeof row;
    const [added, spent] = totals.get(account) ?? [0, 0];
    const isAdded = ['add', 'activate', 'transfer_in'].includes(type);
    const isSpent = ['deduct', 'commit_reserved'].includes(type) || (type === 'reverse' && delta > 0);
    totals.set(account, [added + (isAdded ? delta : 0), spent - (isSpent ? delta : 0)]);
  }
  return totals;
}

/** Every balance and every total is the one of before, and the audit finds nothing. */
async function expectKept({ manager }: ReturnType<typeof open>): Promise<void> {
  expect((await manager.ledger.verify()).problems).toEqual([]);
  for (const [key, before] of BALANCES) {
    const [type, user] = key.split('/') as ['credits', string];
    expect([key, await manager.creditType(type).getUserCreditsInfo(user, { fresh: true })]).toMatchObject([
      key,
      { balance: before.balance, reserved: before.reserved, available: before.available },
    ]);
  }
  for (const [key, [added, spent]] of lifetimes()) {
    const [type, user] = key.split('/') as ['credits', string];
    const info = await manager.creditType(type).getAccount(user, { fresh: true });
    expect([key, info?.lifetimeAdded, info?.lifetimeSpent]).toEqual([key, added / 1e6, spent / 1e6]);
  }
}

/** Goes on with everything that the older version left in the middle. */
async function expectUsable({ manager, clock, got }: ReturnType<typeof open>): Promise<void> {
  const { credits, promos, subscriptions, jobs, ledger } = manager;
  const [hold] = (await credits.getActiveReservations('u0')).items;
  await credits.commitReservedCredits(hold?.id as string, { amount: 4 });
  await expect(credits.addCredits('u1', 101, { source: 'purchase', idempotencyKey: 'buy-1' })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  });
  expect(await credits.deductCredits('u2', 3, { idempotencyKey: 'spend-2', description: 'use' })).toMatchObject({
    replayed: true,
  });
  await credits.transferCredits({ from: 'u3', to: 'u4', amount: 5 });
  expect(await promos.claimPromo('u1', 'twice')).toMatchObject({ success: true });
  expect(await promos.claimPromo('u1', 'twice')).toMatchObject({ message: "You've already claimed this promo" });
  expect(await promos.claimPromo('u2', 'welcome')).toMatchObject({ message: "You've already claimed this promo" });
  const claims = await Promise.all(['a', 'b', 'c', 'd'].map((user) => promos.claimPromo(user, 'welcome')));
  expect(claims.filter(({ success }) => success)).toHaveLength(3);
  const { code } = await promos.createPromo({ credits: 2, referrerId: 'u5', referrerCredits: 3 });
  expect(await promos.claimPromo('u6', code)).toMatchObject({ referrerId: 'u5' });
  await subscriptions.resumeUserSubscription('s3');
  clock.advance({ days: 45 });
  expect((await subscriptions.getUserSubscription('s1'))?.status).toBe('active');
  for (const { status, skipped } of await jobs.runAll()) expect([status, skipped]).toEqual(['completed', []]);
  const waiting = ROWS.flatMap(([model, row]) => (model === 'outbox' ? [row.eventId as string] : []));
  await jobs.runOutbox();
  expect(got).toEqual(expect.arrayContaining(waiting));
  expect((await ledger.verify()).problems).toEqual([]);
}

class Worker {
  readonly closed: Promise<[code: number | null, signal: string | null]>;
  readonly #said: FromUpgrade[] = [];

  constructor(readonly child: ChildProcess) {
    children.add(child);
    this.closed = once(child, 'close') as Promise<[null, null]>;
    child.on('message', (message: FromUpgrade) => this.#said.push(message));
  }

  static start(database: DatabaseConfig, more: Partial<UpgradeConfig> = {}): Worker {
    const config: UpgradeConfig = { database, now: NOW.getTime(), hangAfter: null, ...more };
    return new Worker(forkScript(SCRIPT, [JSON.stringify(config)]));
  }

  async hears(wanted: (said: FromUpgrade) => boolean): Promise<FromUpgrade> {
    await until(() => this.#said.some(wanted) || this.child.exitCode !== null, 'the process says it');
    const found = this.#said.find(wanted);
    if (found === undefined) throw new Error(`the process ended with ${this.child.exitCode}`);
    return found;
  }

  work(): void {
    this.child.send('go');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    expect(await this.closed).toEqual([null, 'SIGKILL']);
  }
}

const isOpen = (said: FromUpgrade) => said === 'open';
const isReport = (said: FromUpgrade) => typeof said === 'object';

/** One process dies while it fills totals in, and another one goes on. */
async function fillWithAKill(database: DatabaseConfig): Promise<void> {
  const first = Worker.start(database, { hangAfter: 6 });
  const second = Worker.start(database, { now: NOW.getTime() + LEASE_MS });
  await Promise.all([first, second].map((worker) => worker.hears(isOpen)));
  first.work();
  await first.hears((said) => said === 'hangs');
  await first.kill();
  const db = openDb(database) as DbManager<never>;
  const midway = open(db, NOW.getTime() + LEASE_MS);
  const unfilled = async () => {
    const rows = await db.getMany('account', [...BALANCES.keys()]);
    return rows.filter(
      (row) => row?.visible && ((row.numbers ?? row.state) as { totals?: object }).totals === undefined,
    ).length;
  };
  await midway.manager.init();
  const left = await unfilled();
  expect([left > 0, left <= BALANCES.size - 6]).toEqual([true, true]);
  await expectKept(midway);
  second.work();
  const report = await second.hears(isReport);
  expect(report).toMatchObject({ status: 'completed' });
  await second.closed;
  await expectKept(midway);
  expect(await unfilled()).toBe(0);
  await midway.manager.close();
}

describe('a store of an earlier version, in memory', () => {
  test('is opened, filled in, found clean and used', async () => {
    const db = new InMemoryDbManager() as unknown as DbManager<never>;
    // Memory keeps nothing over an upgrade: what the present version reads has every field.
    await writeOlder(db, storedModels);
    const world = open(db);
    await expectKept(world);
    expect(await world.manager.jobs.runExpiration()).toMatchObject({ status: 'completed', skipped: [] });
    await expectKept(world);
    await expectUsable(world);
    await world.manager.close();
  });
});

await describePostgres('a store of an earlier version, on PostgreSQL', (server) => {
  test('is migrated by two processes of which one is killed in the middle, filled in so too, and used', async () => {
    const { url } = server;
    const [client, watcher] = [new pg.Client(url), new pg.Client(url)];
    for (const one of [client, watcher]) await one.connect();
    await writeOlderTables(client);
    const database = { adapter: 'postgres', poolSize: 2, url };
    // Whoever is first has changed some tables when it waits for this one.
    await client.query('begin; lock table credit_promo in access share mode');
    const workers = ['one', 'two'].map((name) => {
      const own = new URL(url);
      own.searchParams.set('application_name', name);
      return Worker.start({ ...database, url: own.href });
    });
    const waiting = async () => {
      const text = `select application_name as name, query ~ '^alter' as is_first from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' order by 2 desc`;
      return (await watcher.query(text)).rows as { name: string; is_first: boolean }[];
    };
    let found = await waiting();
    while (found.length < 2) found = await waiting();
    expect(found.map(({ is_first }) => is_first)).toEqual([true, false]);
    const [killed, other] = found[0]?.name === 'one' ? workers : [...workers].reverse();
    await killed?.kill();
    await client.query('rollback');
    await other?.hears(isOpen);
    const db = openDb(database) as DbManager<never>;
    expect(await db.lacking?.(storedModels)).toEqual([]);
    await fillWithAKill(database);
    const world = open(db, NOW.getTime() + DAY_MS);
    await expectUsable(world);
    await world.manager.close();
    for (const one of [client, watcher]) await one.end();
  });
});

await describeMongo('a store of an earlier version, on MongoDB', (server) => {
  test('is migrated by two processes of which one is killed in the middle, filled in so too, and used', async () => {
    const { url } = server;
    const client = new MongoClient(url);
    const older = new MongoDbManager({ client, dbName: databaseOf(url) });
    await writeOlder(older as unknown as DbManager<never>);
    await older.close();
    const database = { adapter: 'mongodb', poolSize: 2, url };
    const [killed, other] = [Worker.start(database), Worker.start(database)];
    const isBegun = async () => {
      const [info] = await client.db(databaseOf(url)).listCollections({ name: 'credit_grant' }).toArray();
      return JSON.stringify(info).includes('paymentId');
    };
    while (!(await isBegun()));
    await killed.kill();
    await other.hears(isOpen);
    const db = openDb(database) as DbManager<never>;
    expect(await db.lacking?.(storedModels)).toEqual([]);
    await fillWithAKill(database);
    const world = open(db, NOW.getTime() + DAY_MS);
    await expectUsable(world);
    await world.manager.close();
    await client.close();
  });
});
