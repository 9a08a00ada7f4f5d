/** Indexes that a newer version has, on tables that are in use. */
import type pg from 'pg';
import { expect, test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import type { StoredModel } from '../../../src/ports/db-manager.js';
import { insert, insertAll } from '../../../src/testing/db-manager/fixture.js';
import { item } from '../../../src/testing/db-manager/models.js';
import { describePostgres } from '../../backends/postgres.js';
import { codeOf } from '../../support/codes.js';
import { paced } from '../../support/pace.js';
import { until } from '../../support/wait.js';
import { type Bench, statuses, withBench } from './fixture.js';

/** For what hangs. */
const HANG_MS = 8_000;
const BUILDING = `select index_relid::int as oid, pid from pg_stat_progress_create_index
  where datname = current_database() and command = 'CREATE INDEX CONCURRENTLY' and index_relid <> 0`;

interface Used extends Bench {
  /** The model as a newer version declares it. */
  readonly gained: StoredModel;
  /** A transaction of a host that has written to the table: a build cannot end before it. */
  readonly host: pg.PoolClient;
  /** Another process with this model. */
  open(initTimeoutMs?: number): SqlDbManager;
  /** The new index, while it is being built. */
  building(): Promise<{ oid: number; pid: number }>;
  indexes(): Promise<{ oid: number; valid: boolean }[]>;
}

await describePostgres('a new index on a table in use', (database) => {
  const withTable = (body: (used: Used) => Promise<void>) =>
    withBench(database, async (bench) => {
      const { db, client, models, pool, table } = bench;
      await insertAll(db, models.item, [item(), item()]);
      const host = await pool.connect();
      await host.query(`begin; update ${table(models.item)} set label = 'host'`);
      const managers: SqlDbManager[] = [];
      const gained = {
        ...models.item,
        indexes: [...models.item.indexes, { name: 'by_amount', fields: ['amount'], unique: false }],
      };
      const name = `${table(models.item)}_by_amount`;
      try {
        await body({
          ...{ ...bench, gained, host },
          open(initTimeoutMs) {
            const manager = new SqlDbManager({ url: database.url, initTimeoutMs });
            managers.push(manager);
            return manager;
          },
          async building() {
            let found: { oid: number; pid: number } | undefined;
            const isFound = async () => {
              found = (await client.query(BUILDING)).rows[0];
              return found !== undefined;
            };
            await until(isFound, 'the index is being built');
            return found as { oid: number; pid: number };
          },
          async indexes() {
            const text = `select i.oid::int as oid, x.indisvalid as valid from pg_index x
              join pg_class i on i.oid = x.indexrelid where i.relname = $1`;
            return (await client.query(text, [name])).rows;
          },
        });
      } finally {
        await host.query('rollback');
        host.release();
        for (const manager of managers) await manager.close();
      }
    });

  test('is built while others write', () =>
    withTable(async ({ db, models, gained, host, open, building, indexes }) => {
      const initialised = open().init([gained]);
      await building();
      expect(statuses(await db.commit([[insert(models.item, item())]]))).toEqual(['committed']);
      await host.query('commit');
      await initialised;
      expect(await indexes()).toMatchObject([{ valid: true }]);
    }));

  test('is built by one of many processes, and the others wait for it', () =>
    withTable(async ({ gained, host, open, building, indexes }) => {
      const initialised = [open(), open(), open()].map((each) => each.init([gained]));
      const { oid } = await building();
      await host.query('commit');
      await Promise.all(initialised);
      expect(await indexes()).toEqual([{ oid, valid: true }]);
    }));

  test('is built on when init gives up, and the next init finds it', () =>
    withTable(async ({ gained, host, open, building, indexes }) => {
      const db = open(paced(300));
      const first = db.init([gained]);
      const { oid } = await building();
      await expect(first).rejects.toMatchObject({
        code: 'STORAGE_UNAVAILABLE',
        message: expect.stringContaining('_by_amount. The build goes on'),
      });
      expect(await codeOf(db.init([gained]))).toBe('STORAGE_UNAVAILABLE');
      await host.query('commit');
      await until(async () => (await codeOf(db.init([gained]))) === 'resolved', 'the build is over');
      expect(await indexes()).toEqual([{ oid, valid: true }]);
    }));

  test('is begun again where a build was broken off', () =>
    withTable(async ({ client, gained, host, open, building, indexes }) => {
      const first = codeOf(open().init([gained]));
      const { pid, oid } = await building();
      await client.query('select pg_terminate_backend($1)', [pid]);
      expect(await first).toBe('STORAGE_UNAVAILABLE');
      expect(await indexes()).toEqual([{ oid, valid: false }]);
      await host.query('commit');
      await open(HANG_MS).init([gained]);
      expect(await indexes()).toMatchObject([{ valid: true }]);
    }));

  test('does not keep close() waiting', () =>
    withTable(async ({ gained, open, building }) => {
      const db = open();
      const first = codeOf(db.init([gained]));
      await building();
      let isClosed = false;
      const closing = db.close().then(() => (isClosed = true));
      await until(() => isClosed, 'close() ends');
      await closing;
      expect(await first).toBe('STORAGE_UNAVAILABLE');
    }));

  test('that rows do not allow is refused, and leaves nothing', () =>
    withTable(async ({ models, gained, host, open, indexes }) => {
      await host.query('commit');
      const unique = { name: 'by_amount', fields: ['label'], unique: true };
      const wrong = { ...gained, indexes: [...models.item.indexes, unique] };
      expect(await codeOf(open().init([wrong]))).toBe('CONFIGURATION');
      expect(await indexes()).toEqual([]);
      await open().init([gained]);
      expect(await indexes()).toMatchObject([{ valid: true }]);
    }));
});
