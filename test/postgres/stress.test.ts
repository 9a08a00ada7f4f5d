/** Many writers on few rows: no half unit, no lost update, no false answer. And plans that do not age. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'vitest';
import type { Row, Unit, UnitOutcome } from '../../src/ports/db-manager.js';
import { SqlDbManager } from '../../src/sql.js';
import { insert, insertAll, replace } from '../../src/testing/db-manager-fixture.js';
import { entry, freshKey, item, keyOf } from '../../src/testing/db-manager-models.js';
import { describePostgres } from '../servers/postgres.js';
import { bumped, withBench } from './fixture.js';

const SECONDS = 4;
const ROWS = 24;

await describePostgres('many writers on PostgreSQL', (database) => {
  test('eight writers and two hosts on 24 rows leave every unit whole and every answer true', () =>
    withBench(database, async ({ db, models, pool, table, client }) => {
      const rows = Array.from({ length: ROWS }, () => item());
      await insertAll(db, models.item, rows);
      const keys = rows.map(keyOf);
      const tally = new Map<string, number>();
      const applied = new Map<string, number>(keys.map((key) => [key, 0]));
      const ends = performance.now() + SECONDS * 1000;
      const managers = [db, new SqlDbManager({ url: database.url, poolSize: 4 })];
      await managers[1]?.init(Object.values(models));

      /** Two rows of a unit move on together, each with an entry; sometimes with a value that is taken. */
      const writer = async (manager: SqlDbManager) => {
        while (performance.now() < ends) {
          const picked = [...keys].sort(() => randomInt(3) - 1).slice(0, 12);
          const now = (await manager.getMany(models.item.name, picked)) as Row[];
          const units: Unit[] = [];
          for (let i = 0; i < 12; i += 2) {
            const pair = now.slice(i, i + 2);
            const isTaken = randomInt(10) === 0;
            units.push(
              pair.flatMap((row) => [
                replace(models.item, bumped(row), row.version),
                insert(
                  models.entry,
                  entry({ account: keyOf(row), seq: row.version, ref: isTaken ? 'taken' : freshKey() }),
                ),
              ]),
            );
          }
          const outcomes = await manager.commit(units);
          for (const [i, outcome] of outcomes.entries()) note(outcome, picked.slice(2 * i, 2 * i + 2));
        }
      };
      const note = ({ status }: UnitOutcome, pair: readonly string[]) => {
        tally.set(status, (tally.get(status) ?? 0) + 1);
        if (status === 'committed') for (const key of pair) applied.set(key, (applied.get(key) as number) + 1);
      };
      const host = async () => {
        const held = await pool.connect();
        while (performance.now() < ends) {
          await held.query('begin');
          await held.query(`select from ${table(models.item)} where id = $1 for update`, [keys[randomInt(ROWS)]]);
          await new Promise((resolve) => setTimeout(resolve, randomInt(15)));
          await held.query('rollback');
        }
        held.release();
      };
      await insertAll(db, models.entry, [entry({ ref: 'taken' })]);
      await Promise.all([
        ...Array.from({ length: 8 }, (_, i) => writer(managers[i % 2] as SqlDbManager)),
        host(),
        host(),
      ]);
      await managers[1]?.close();

      const statuses = [...tally.keys()].sort();
      assert.ok(
        statuses.every((status) => ['committed', 'conflict', 'duplicate', 'locked'].includes(status)),
        statuses.join(),
      );
      console.log(JSON.stringify(Object.fromEntries(tally)));
      const { rows: found } = await client.query(
        `select i.id, i.version::int - 1 as moves, count(e.id)::int as entries, count(distinct e.seq)::int as places
          from ${table(models.item)} i left join ${table(models.entry)} e on e.account = i.id group by i.id, i.version`,
      );
      for (const { id, moves, entries, places } of found) {
        assert.deepEqual([moves, entries, places], [applied.get(id), applied.get(id), applied.get(id)]);
      }
    }));

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
        if (fetched === 0 && tries < 100) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          continue;
        }
        assert.ok(scanned < 100, `${scanned} rows were read by whole scans`);
        // 1,200 of each: locked, replaced, found by key, found by code, met by their own probe.
        assert.ok(fetched > 1_200 && fetched < 9_000, `${fetched} rows were fetched`);
        return;
      }
    }));
});
