/** Deadlines, lost connections, and what is known of a commit after them. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { isCreditError } from '../../../src/errors.js';
import { createCreditManagement } from '../../../src/index.js';
import { insert, insertAll, readOne, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { createDatabase, describePostgres, dropDatabase } from '../../backends/postgres.js';
import { TcpProxy } from '../../backends/proxy.js';
import { paced } from '../../support/pace.js';
import { unhandledOf } from '../../support/unhandled.js';
import { until } from '../../support/wait.js';
import { backendRunning, bumped, statuses, withBench } from './fixture.js';

const elapsed = async (call: () => Promise<unknown>): Promise<{ ms: number; error: unknown; value: unknown }> => {
  const began = performance.now();
  const end = await call().then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  return { ms: performance.now() - began, ...end };
};

await describePostgres('connections on PostgreSQL', (database) => {
  test('a backend that ends in the middle of a commit leaves it unknown, and the next call works', () =>
    withBench(database, async ({ db, models, client, beforeInsert }) => {
      await beforeInsert(models.entry, 'perform pg_sleep(600)');
      const rows = [item(), item()];
      await insertAll(db, models.item, rows);
      const units = rows.map((row) => [replace(models.item, bumped(row), 1), insert(models.entry, entry())]);
      const committing = db.commit(units);
      const pid = await backendRunning(client, 'with %materialized%');
      await client.query('select pg_terminate_backend($1)', [pid]);
      assert.deepEqual(statuses(await committing), ['unknown', 'unknown']);
      assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), rows);
    }));

  test('a commit that is not answered by its deadline is unknown, and its statement ends', () =>
    withBench(database, async ({ db, models, client, beforeInsert }) => {
      await beforeInsert(models.item, 'perform pg_sleep(600)');
      const committing = db.commit([[insert(models.item, item())]], { timeoutMs: paced(300) });
      await backendRunning(client, 'with %materialized%');
      assert.deepEqual(statuses(await committing), ['unknown']);
      const hasEnded = async () => {
        const { rowCount } = await client.query(
          `select from pg_stat_activity where state = 'active' and datname = current_database()
            and query like 'with %materialized%'`,
        );
        return rowCount === 0;
      };
      await until(hasEnded, 'the statement that nobody waits for ends');
    }));

  test('idle connections that the server ends are replaced without a word', () =>
    withBench(database, async ({ db, models, client, pool }) => {
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 6 }, () => db.ping()));
        await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`);
        await until(() => pool.totalCount === 0, 'the pool hears of it');
        await insertAll(db, models.item, [item()]);
      }
    }));

  test('a transaction whose backend ends is rolled back, and says so', () =>
    withBench(database, async ({ db, models, client }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const { error } = await elapsed(() =>
        db.transaction(async (session) => {
          await db.commit([[replace(models.item, bumped(row), 1)]], { session });
          await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and state = 'idle in transaction'`);
          await db.getMany(models.item.name, [keyOf(row)], { session });
        }),
      );
      assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    }));

  test('a transaction that throws at once, and whose rollback nobody answers, leaves no rejection behind', async () => {
    const proxy = await TcpProxy.start(database.url);
    const db = new SqlDbManager({ url: proxy.url, poolSize: 1 });
    await db.ping();
    const unhandled = await unhandledOf(async () => {
      const run = (session: unknown) => {
        // The transaction is begun, so that there is something to roll back.
        (session as { query(text: string): Promise<unknown> }).query('select 1').catch(() => {});
        proxy.freeze();
        throw new Error('thrown before the first await');
      };
      await assert.rejects(() => db.transaction(run, { timeoutMs: paced(300) }), /before the first await/);
    });
    assert.deepEqual(unhandled, []);
    proxy.heal();
    await db.close();
    await proxy.close();
  });

  test('a transaction whose backend ends before its commit is answered is OUTCOME_UNKNOWN', () =>
    withBench(database, async ({ db, models, client, table }) => {
      await client.query(`create function hold() returns trigger language plpgsql as
          $$ begin perform pg_sleep(600); return null; end $$;
        create constraint trigger t after insert on ${table(models.item)} initially deferred
          for each row execute function hold()`);
      const row = item();
      const ending = elapsed(() => db.transaction((session) => db.commit([[insert(models.item, row)]], { session })));
      const pid = await backendRunning(client, 'commit');
      await client.query('select pg_terminate_backend($1)', [pid]);
      const { error } = await ending;
      assert.ok(isCreditError(error, 'OUTCOME_UNKNOWN'), String(error));
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    }));

  test('a transaction in which a statement failed is not taken for committed', () =>
    withBench(database, async ({ db, models }) => {
      const row = item();
      const { error } = await elapsed(() =>
        db.transaction(async (session) => {
          await db.commit([[insert(models.item, row)]], { session });
          assert.ok('query' in session);
          await session.query('select 1 / 0').catch(() => {});
        }),
      );
      assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'));
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    }));

  test('a transaction that is not over by its deadline is rolled back', () =>
    withBench(database, async ({ db, models }) => {
      const row = item();
      const forEver = new Promise<void>(() => {});
      const { error } = await elapsed(() =>
        db.transaction(
          async (session) => {
            await db.commit([[insert(models.item, row)]], { session });
            await forEver;
          },
          { timeoutMs: paced(300) },
        ),
      );
      assert.ok(isCreditError(error, 'TIMEOUT'));
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    }));

  test('a call that finds no free connection fails by its deadline and has written nothing', () =>
    withBench(database, async ({ db, models, pool }) => {
      const held = await Promise.all(Array.from({ length: 6 }, () => pool.connect()));
      const row = item();
      for (const call of [
        () => db.commit([[insert(models.item, row)]], { timeoutMs: 150 }),
        () => db.getMany(models.item.name, [keyOf(row)], { timeoutMs: 150 }),
      ]) {
        const { ms, error } = await elapsed(call);
        assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'));
        assert.ok(ms >= 100, `${ms} ms`);
      }
      for (const client of held) client.release();
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
      assert.equal(pool.waitingCount, 0);
      assert.equal(pool.idleCount, pool.totalCount, 'no connection leaked');
    }));

  test('a server that is not there is STORAGE_UNAVAILABLE, and its address is not told', async () => {
    const db = new SqlDbManager({ url: 'postgres://nobody:secret@127.0.0.1:1/nowhere' });
    const { error } = await elapsed(() => db.init([]));
    assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'), String(error));
    assert.match(error.message, /\(ECONNREFUSED\)/);
    assert.doesNotMatch(error.message, /127|secret|nowhere/);
    await db.close();
  });

  test('a URL that cannot be parsed is CONFIGURATION, and is not told', async () => {
    for (const url of ['postgres://[bad', 'postgres://nobody:secret@127.0.0.1:port/nowhere']) {
      const db = new SqlDbManager({ url });
      const { error } = await elapsed(() => db.init([]));
      assert.ok(isCreditError(error, 'CONFIGURATION'), String(error));
      assert.match(error.message, /the URL is not one that the driver understands/);
      assert.doesNotMatch(error.message, /127|secret|nowhere|bad/);
      await db.close();
    }
  });

  test('a database that is read-only is CONFIGURATION, new or in use', async () => {
    const url = await createDatabase(database.url);
    const readOnly = new URL(url);
    readOnly.searchParams.set('options', '-c default_transaction_read_only=on');
    for (const isNew of [true, false]) {
      const writer = createCreditManagement({ db: new SqlDbManager({ url }) });
      if (!isNew) await writer.init();
      await writer.close();
      const { credits, close } = createCreditManagement({ db: new SqlDbManager({ url: String(readOnly) }) });
      const { error } = await elapsed(() => credits.addCredits('u', 1));
      assert.ok(isCreditError(error, 'CONFIGURATION'), String(error));
      assert.match(error.message, /25006: the database is read-only.*whether it may write/);
      await close();
    }
    await dropDatabase(database.url, url);
  });

  test('a database that is not there, or a user who may not, is CONFIGURATION: trying again is no use', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const role = `may_nothing_${process.pid}`;
    await client.query(`create role ${role} login password 'x'; revoke create on schema public from public`);
    const asRole = new URL(database.url);
    asRole.username = role;
    asRole.password = 'x';
    const refusedAs = async (url: string, told: RegExp) => {
      const { credits, close } = createCreditManagement({ db: new SqlDbManager({ url }) });
      const { error } = await elapsed(() => credits.addCredits('u', 1));
      assert.ok(isCreditError(error, 'CONFIGURATION'), String(error));
      assert.match(error.message, told);
      assert.doesNotMatch(error.message, new RegExp(`127|localhost|${role}|credit_test`));
      assert.equal(error.retryable, false);
      await close();
    };
    try {
      await refusedAs(`${database.url}_missing`, /\(3D000: no such database\)/);
      await refusedAs(String(asRole), /\(42501: no right on schema public\)/);
      const owner = createCreditManagement({ db: new SqlDbManager({ url: database.url }) });
      await owner.init();
      await owner.close();
      await refusedAs(String(asRole), /\(42501: no right on table credit_\w+\)/);
    } finally {
      await client.query(`drop role ${role}`);
      await client.end();
    }
  });

  test('a pool that was given is left open, one that was made is ended', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    const given = new SqlDbManager({ pool });
    await given.ping();
    await given.close();
    await new SqlDbManager({ pool }).close();
    assert.equal((await pool.query('select 1 as one')).rows[0].one, 1);
    assert.equal(pool.listenerCount('error'), 1, 'however many managers it served');
    await pool.end();
    const name = `credit-${process.pid}`;
    const made = new SqlDbManager({ url: `${database.url}?application_name=${name}` });
    await made.ping();
    await made.close();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const isGone = async () =>
      (await client.query('select from pg_stat_activity where application_name = $1', [name])).rowCount === 0;
    await until(isGone, 'no connection is left');
    await client.end();
  });
});
