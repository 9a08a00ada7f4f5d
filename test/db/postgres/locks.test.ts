/** What others hold neither blocks nor fails what they do not hold. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isCreditError } from '../../../src/errors.js';
import { insert, insertAll, remove, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describePostgres } from '../../backends/postgres.js';
import { until } from '../../support/wait.js';
import { bumped, statuses, withBench } from './fixture.js';

await describePostgres('locks on PostgreSQL', (database) => {
  test('a row that a host holds is locked, its neighbours are committed at once', () =>
    withBench(database, async ({ db, models, client, table }) => {
      const rows = Array.from({ length: 40 }, () => item());
      await insertAll(db, models.item, rows);
      await client.query('begin');
      const held = [rows[3], rows[17]].map(keyOf);
      await client.query(`select from ${table(models.item)} where id = any($1) for update`, [held]);
      // The host lets go only when it is answered.
      const outcomes = await db.commit(
        rows.map((row, i) => [
          i === 17 ? remove(models.item, keyOf(row), 1) : replace(models.item, bumped(row), 1),
          insert(models.entry, entry()),
        ]),
      );
      const expected = rows.map((row) => (held.includes(keyOf(row)) ? 'locked' : 'committed'));
      assert.deepEqual(statuses(outcomes), expected);
      assert.equal(await db.count(models.entry.name, { index: 'by_time' }), 38);
      await client.query('rollback');
    }));

  test('a held row at another version is a conflict, one at the expected version is locked', () =>
    withBench(database, async ({ db, models, client, table }) => {
      const [a, b] = [item(), item()];
      await insertAll(db, models.item, [a, b]);
      await client.query('begin');
      await client.query(`select from ${table(models.item)} for update`);
      const outcomes = await db.commit([[replace(models.item, bumped(a), 1)], [replace(models.item, bumped(b), 5)]]);
      assert.deepEqual(outcomes, [{ status: 'locked' }, { status: 'conflict', model: models.item.name, key: b.id }]);
      await client.query('rollback');
    }));

  test('a unique value in an open transaction makes its rival locked, and holds up the others but briefly', () =>
    withBench(database, async ({ db, models, client, table }) => {
      const code = freshKey();
      const rows = Array.from({ length: 64 }, (_, i) => item(i === 40 ? { code } : {}));
      const rival = item({ code });
      const columns = Object.keys(rival).map((field) => field.replace(/[A-Z]/g, (a) => `_${a.toLowerCase()}`));
      const values = Object.values(rival).map((value) =>
        typeof value === 'object' && !(value instanceof Date) && value ? '{}' : value,
      );
      await client.query('begin');
      await client.query(
        `insert into ${table(models.item)} (${columns}) values (${values.map((_, i) => `$${i + 1}`)})`,
        values,
      );
      // The rival commits only when it is answered.
      const outcomes = await db.commit(rows.map((row) => [insert(models.item, row)]));
      assert.deepEqual(
        statuses(outcomes),
        rows.map((_, i) => (i === 40 ? 'locked' : 'committed')),
      );
      await client.query('commit');
      const found = [{ model: models.item.name, index: 'by_code', key: keyOf(rival) }];
      const late = await db.commit([[insert(models.item, rows[40] as never)]]);
      assert.deepEqual(late, [{ status: 'duplicate', found }]);
    }));

  test('a lock of our own transaction that does not come is CONTENTION', () =>
    withBench(database, async ({ db, models, client, table }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      await client.query('begin');
      await client.query(`select from ${table(models.item)} for update`);
      const run = (session: never, options: { timeoutMs?: number } = {}) =>
        db.getMany(models.item.name, [keyOf(row)], { session, lock: true, ...options });
      const waiting = db.transaction((session) => run(session as never, { timeoutMs: 200 }), { timeoutMs: 120_000 });
      await assert.rejects(waiting, (error) => isCreditError(error, 'CONTENTION'));
      await client.query('rollback');
      assert.deepEqual(await db.transaction((session) => run(session as never)), [row]);
    }));

  test('a deadlock between two of our transactions ends one with CONTENTION and the other well', () =>
    withBench(database, async ({ db, models }) => {
      const [a, b] = [item(), item()];
      await insertAll(db, models.item, [a, b]);
      let arrived = 0;
      const inOrder = (first: string, second: string) =>
        db.transaction(async (session) => {
          await db.getMany(models.item.name, [first], { session, lock: true });
          arrived++;
          await until(() => arrived === 2, 'both have a lock');
          await db.getMany(models.item.name, [second], { session, lock: true });
        });
      const ends = await Promise.allSettled([inOrder(keyOf(a), keyOf(b)), inOrder(keyOf(b), keyOf(a))]);
      const failed = ends.filter((end) => end.status === 'rejected');
      assert.equal(failed.length, 1);
      assert.ok(isCreditError(failed[0]?.reason, 'CONTENTION'));
    }));
});
