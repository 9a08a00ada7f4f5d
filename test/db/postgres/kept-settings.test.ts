/** The connections of a host, and those that a pooler hands to others, have after calls the settings of before. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { SqlDbManager, type SqlOptions } from '../../../src/entries/sql.js';
import { createCreditManagement } from '../../../src/index.js';
import { insert } from '../../../src/testing/db-manager/fixture.js';
import { item, keyOf, testModels } from '../../../src/testing/db-manager/models.js';
import { findPgBouncer, startPgBouncer } from '../../backends/pgbouncer.js';
import { describePostgres } from '../../backends/postgres.js';
import { codeOf } from '../../support/codes.js';
import { PATIENT_MS } from '../../support/pace.js';
import { QUIET } from '../../support/quiet.js';

const POOL = 3;
/** Other values than the server's own, as a host may have set them. */
const OF_THE_HOST = `set statement_timeout = '61s'; set lock_timeout = '62s'; set jit = on;
  set enable_sort = off`;

/** All settings of every connection, by the id of its backend. */
async function settingsOf(pool: pg.Pool): Promise<Map<number, string>> {
  const clients = await Promise.all(Array.from({ length: POOL }, () => pool.connect()));
  const found = new Map<number, string>();
  // A pooler gives each of these transactions a connection of its own.
  for (const client of clients) await client.query('begin');
  for (const client of clients) {
    const { rows } = await client.query('select pg_backend_pid() as pid');
    const { rows: settings } = await client.query('show all');
    found.set(rows[0].pid, settings.map(({ name, setting }) => `${name} = ${setting}`).join('\n'));
  }
  for (const client of clients) await client.query('commit');
  for (const client of clients) client.release();
  return found;
}

/** Everything that sends statements: also what is refused, locked, rolled back or waits for a lock in vain. */
async function callEverything(options: SqlOptions, host: pg.Client): Promise<void> {
  const db = new SqlDbManager({ ...options, lockTimeoutMs: 50 });
  const models = testModels();
  await db.init(Object.values(models));
  const { credits, jobs, close } = createCreditManagement({ db, logger: QUIET, timeoutMs: PATIENT_MS });
  const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
  await Promise.all(users.map((user) => credits.addCredits(user, 5)));
  expect(await codeOf(credits.deductCredits('user-1', 6))).toBe('INSUFFICIENT_CREDITS');
  await Promise.all(users.map((user) => db.transaction((session) => credits.deductCredits(user, 1, { session }))));
  await expect(db.transaction(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const lateTransaction = db.transaction(() => new Promise(() => {}), { timeoutMs: 50 });
  expect(await codeOf(lateTransaction)).toBe('TIMEOUT');
  await credits.getUsersCreditsInfo(users, { fresh: true });
  await jobs.runAll();
  const rival = item();
  await host.query('begin');
  const stored = Object.fromEntries(Object.entries(rival).map(([name, value]) => [snake(name), value]));
  const table = `${options.prefix}${models.item.name}`;
  const row = `json_populate_record(null::${table}, '${JSON.stringify(stored)}')`;
  await host.query(`insert into ${table} select (${row}).*`);
  const outcomes = await db.commit([[insert(models.item, { ...rival })], [insert(models.item, item())]]);
  expect(outcomes.map(({ status }) => status)).toEqual(['locked', 'committed']);
  await host.query('rollback');
  expect(await db.getMany(models.item.name, [keyOf(rival)])).toEqual([null]);
  await close();
}

const snake = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

await describePostgres('the connections of a host', (database) => {
  const prove = async (url: string, optionsOf: (pool: pg.Pool) => SqlOptions, prepare: string | null) => {
    const pool = new pg.Pool({ connectionString: url, max: POOL });
    if (prepare) pool.on('connect', (client) => void client.query(prepare));
    const host = new pg.Client({ connectionString: database.url });
    await host.connect();
    try {
      const before = await settingsOf(pool);
      expect(before.size).toBe(POOL);
      await callEverything(optionsOf(pool), host);
      const after = await settingsOf(pool);
      for (const [pid, settings] of before) expect(after.get(pid), `of ${pid}`).toBe(settings);
    } finally {
      await host.end();
      await pool.end();
    }
  };

  test('of a pool have the settings of before', () =>
    prove(database.url, (pool) => ({ pool, prefix: 'pool_' }), OF_THE_HOST));

  test('of a Kysely have the settings of before', () =>
    prove(
      database.url,
      (pool) => ({ kysely: new Kysely({ dialect: new PostgresDialect({ pool }) }), poolSize: POOL, prefix: 'kysely_' }),
      OF_THE_HOST,
    ));

  test('a call through a pool is one round trip, and sets what its statement needs', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    let answers = 0;
    pool.on('connect', (client) => {
      (client as unknown as { connection: pg.Connection }).connection.on('readyForQuery', () => answers++);
    });
    const db = new SqlDbManager({ pool, prefix: 'trips_' });
    const models = testModels();
    await db.init(Object.values(models));
    const trips = async (call: () => Promise<unknown>) => {
      answers = 0;
      await call();
      return answers;
    };
    for (let round = 0; round < 2; round++) {
      const row = item();
      expect(await trips(() => db.commit([[insert(models.item, row)]]))).toBe(1);
      expect(await trips(() => db.getMany(models.item.name, [keyOf(row)]))).toBe(1);
      expect(await trips(() => db.ping())).toBe(1);
    }
    await db.close();
    await pool.end();
  });
});

const bouncer = findPgBouncer();
if (bouncer === null)
  describe.skip('connections of PgBouncer (skipped: it is not installed)', () => test('not run', () => {}));
else
  await describePostgres('connections of PgBouncer, which others get next', (database) => {
    test.each<[string, (url: string, pool: pg.Pool) => SqlOptions]>([
      ['a URL', (url) => ({ url, poolSize: POOL, prefix: 'url_' })],
      ['a pool', (_, pool) => ({ pool, prefix: 'bounced_' })],
      ['a Kysely', (_, pool) => ({ kysely: new Kysely({ dialect: new PostgresDialect({ pool }) }), prefix: 'trx_' })],
    ])('have after calls by %s the settings of before', async (_, optionsOf) => {
      const { url, stop } = await startPgBouncer(database.url, POOL);
      // PgBouncer itself gives a connection the name of whom it serves, if that has one.
      const pool = new pg.Pool({ connectionString: url, max: POOL, application_name: 'host' });
      const host = new pg.Client({ connectionString: database.url });
      await host.connect();
      try {
        const before = await settingsOf(pool);
        expect(before.size).toBe(POOL);
        await callEverything({ ...optionsOf(url, pool), prepare: false }, host);
        expect(await settingsOf(pool)).toEqual(before);
      } finally {
        await host.end();
        await pool.end();
        await stop();
      }
    });
  });
