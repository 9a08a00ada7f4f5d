/** Many writers on few rows, of which hosts hold some; and plans that do not age. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import pg from 'pg';
import { test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import type { Row } from '../../../src/ports/db-manager.js';
import { insert, insertAll, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { POSTGRES } from '../../backends/adapters.js';
import { describePostgres } from '../../backends/postgres.js';
import { testStress } from '../../backends/suites/stress.js';
import { sleep } from '../../support/wait.js';
import { bumped, withBench } from './fixture.js';

await testStress(POSTGRES, ({ url }, models, goesOn) => async (keys) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (goesOn()) {
    await client.query('begin');
    const key = keys[randomInt(keys.length)];
    await client.query(`select from credit_${models.item.name} where id = $1 for update`, [key]);
    await sleep(randomInt(15));
    await client.query('rollback');
  }
  await client.end();
});

await describePostgres('plans of many writers on PostgreSQL', (database) => {
  test('plans made while tables are empty and analysed never read a table whole', () =>
    withBench(database, async ({ models, client, table }) => {
      await client.query(`analyze ${table(models.item)}; analyze ${table(models.entry)}`);
      const db = new SqlDbManager({ url: database.url, poolSize: 1 });
      await db.init(Object.values(models));
      let rows: Row[] = [];
      for (let round = 0; round < 60; round++) {
        const fresh = Array.from({ length: 20 }, () => item({ code: freshKey(), slug: 's' }));
        await insertAll(db, models.item, fresh);
        const line = () => insert(models.entry, entry({ ref: freshKey() }));
        const outcomes = await db.commit(rows.map((row) => [replace(models.item, bumped(row), 1), line()]));
        assert.ok(outcomes.every(({ status }) => status === 'committed'));
        await db.getMany(models.item.name, fresh.map(keyOf));
        const values = fresh.map((row) => row.code as string);
        await db.find(models.item.name, { index: 'by_code', anyOf: { field: 'code', values }, limit: 20 });
        rows = fresh;
      }
      // A backend has reported what it did when it has ended.
      await db.close();
      for (let tries = 0; ; tries++) {
        const { rows: found } = await client.query(
          `select coalesce(sum(seq_tup_read), 0)::int as scanned, coalesce(sum(idx_tup_fetch), 0)::int as fetched
            from pg_stat_user_tables where relname in ($1, $2)`,
          [table(models.item), table(models.entry)],
        );
        const { scanned, fetched } = found[0];
        if (fetched === 0 && tries < 2_000) {
          await sleep(50);
          continue;
        }
        assert.ok(scanned < 100, `${scanned} rows were read by whole scans`);
        // 1,200 of each: locked, replaced, found by key, found by code, met by their own probe.
        assert.ok(fetched > 1_200 && fetched < 9_000, `${fetched} rows were fetched`);
        return;
      }
    }));
});
