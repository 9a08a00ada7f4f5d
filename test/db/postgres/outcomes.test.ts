/** What the server refuses, and what becomes of the units beside it. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { test } from 'vitest';
import { SqlDbManager } from '../../../src/entries/sql.js';
import { isCreditError } from '../../../src/errors.js';
import type { Row, UnitOutcome } from '../../../src/ports/db-manager.js';
import { commit, insert, insertAll, readOne, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describePostgres } from '../../backends/postgres.js';
import { type Bench, bumped, codeBelow, only, statuses, withBench } from './fixture.js';

const HOSTILE = [
  ...["'; drop table credit_item;--", '$1', '{1,2}', '{"a"', '\\', '\\x00', '"', "''", '%s', '(1,2)', 'NULL', 'null'],
  ...['\u001f', '\u001e', '\u0001', '\ufffd', '\u2028', '😀', '$$NOW', '$ne', 'a.b', '__proto__', '  ', '\r\n\t'],
];

/** Longer than an index can hold, and not to be compressed. */
const endless = () => Array.from({ length: 400 }, () => freshKey()).join('');

/** Commits bad rows among sixty good ones. */
async function among(bench: Bench, bad: readonly Row[]): Promise<readonly UnitOutcome[]> {
  const { db, models } = bench;
  const good = Array.from({ length: 60 }, () => item());
  const rows = good.flatMap((row, i) => (i % 20 === 7 && bad[(i - 7) / 20] ? [bad[(i - 7) / 20] as Row, row] : [row]));
  const outcomes = await db.commit(rows.map((row) => [insert(models.item, row), insert(models.entry, entry())]));
  const stored = await db.getMany(models.item.name, good.map(keyOf));
  assert.ok(
    stored.every((row) => row !== null),
    'the good ones are stored',
  );
  assert.equal(outcomes.filter(({ status }) => status === 'committed').length, good.length);
  return rows.flatMap((row, i) => (bad.includes(row) ? [outcomes[i] as UnitOutcome] : []));
}

await describePostgres('outcomes on PostgreSQL', (database) => {
  test('hostile strings are stored literally, alone and in lists, and found again', () =>
    withBench(database, async ({ db, models, client, table }) => {
      const rows = HOSTILE.map((text) =>
        item({ id: `${freshKey()}${text}`, account: text, label: text, code: freshKey() }),
      );
      await insertAll(db, models.item, rows.slice(0, -3));
      for (const row of rows.slice(-3)) await insertAll(db, models.item, [row]);
      const { rows: raw } = await client.query(`select id, account, label from ${table(models.item)}`);
      for (const row of rows) assert.deepEqual(raw.find(({ id }) => id === row.id)?.label, row.label);
      for (const row of rows) {
        const query = { index: 'by_label', equals: { account: row.account as string, label: row.label as string } };
        const found = await db.find(models.item.name, { ...query, limit: 9 });
        assert.deepEqual(found.rows, [row]);
        assert.equal(await db.count(models.item.name, query), 1);
      }
    }));

  test('what PostgreSQL cannot store is rejected, and only that', () =>
    withBench(database, async (bench) => {
      const nul = item({ label: 'a\0b' });
      const half = item({ label: 'a\ud800b' });
      assert.deepEqual(statuses(await among(bench, [nul, half])), ['rejected', 'rejected']);
      const alone = await Promise.all([nul, half].map((row) => commit(bench.db, insert(bench.models.item, row))));
      assert.deepEqual(statuses(alone), ['rejected', 'rejected']);
      const escaped = item({ data: { deep: ['\0', '\ud800'] } });
      await insertAll(bench.db, bench.models.item, [escaped]);
      assert.deepEqual(
        await readOne(bench.db, bench.models.item, keyOf(escaped)),
        escaped,
        'JSON has escapes for both',
      );
    }));

  test('checks, limits of the server and values of the wrong kind are rejected, and only those', () =>
    withBench(database, async (bench) => {
      const bad = [item({ version: 0 }), item({ label: endless() }), item({ amount: 1.5 })];
      const outcomes = await among(bench, bad);
      assert.deepEqual(statuses(outcomes), ['rejected', 'rejected', 'rejected']);
      assert.deepEqual(outcomes.slice(0, 2).map(codeBelow), ['23514', '54000']);
      const wrong = [
        { amount: '1,2' as unknown as number },
        { madeAt: new Date(Number.NaN) },
        { isOpen: null },
        { account: 7 as unknown as string },
      ];
      for (const values of wrong) {
        assert.equal((await commit(bench.db, insert(bench.models.item, item(values)))).status, 'rejected');
      }
    }));

  test('years before 1 and after 9999 are kept, as far as PostgreSQL reaches', () =>
    withBench(database, async ({ db, models }) => {
      const instants = ['-004000-06-01T00:00:00.001Z', '-000001-01-01T00:00:00.000Z', '0000-02-29T01:02:03.004Z'];
      for (const text of [...instants, '+012026-01-01T00:00:00.007Z', '+275760-09-13T00:00:00.000Z']) {
        const [alone, first, second] = Array.from({ length: 3 }, () => item({ madeAt: new Date(text) }));
        await insertAll(db, models.item, [alone as Row]);
        await insertAll(db, models.item, [first as Row, second as Row]);
        const rows = [alone, first, second] as Row[];
        assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), rows, text);
      }
      const before = item({ madeAt: new Date('-100000-01-01T00:00:00.000Z') });
      assert.equal(codeBelow(await commit(db, insert(models.item, before))), '22008');
    }));

  test('two rows of one unit that want one value are a duplicate, two of one key are rejected', () =>
    withBench(database, async ({ db, models }) => {
      const code = freshKey();
      const [a, b] = [item({ code }), item({ code })];
      const outcome = await commit(db, insert(models.item, a), insert(models.item, b));
      const found = [{ model: models.item.name, index: 'by_code', key: keyOf(a) }];
      assert.deepEqual(outcome, { status: 'duplicate', found });
      assert.equal((await commit(db, insert(models.item, a), insert(models.item, a))).status, 'rejected');
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(a), keyOf(b)]), [null, null]);
    }));

  test('two units that share a document are refused before anything is sent', () =>
    withBench(database, async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const units = [1, 2].map((amount) => [replace(models.item, bumped(row, { amount }), 1)]);
      await assert.rejects(db.commit(units), (error) => isCreditError(error, 'INVALID_ARGUMENT'));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    }));

  test('a unit that is stale and a duplicate is called a duplicate', () =>
    withBench(database, async ({ db, models }) => {
      const row = item();
      const line = entry({ ref: freshKey() });
      await insertAll(db, models.item, [row]);
      const unit = [insert(models.entry, line), replace(models.item, bumped(row), 1)];
      assert.deepEqual(statuses(await db.commit([unit])), ['committed']);
      const again = [insert(models.entry, { ...line, id: freshKey() }), replace(models.item, bumped(row), 1)];
      const found = [{ model: models.entry.name, index: 'by_ref', key: keyOf(line) }];
      assert.deepEqual(await db.commit([again]), [{ status: 'duplicate', found }]);
    }));

  test('a statement that the server cancels throws, says nothing of SQL, and has written nothing', () =>
    withBench(
      database,
      async (bench) => {
        const { db, models } = bench;
        await bench.beforeInsert(models.item, 'perform pg_sleep(600)');
        const row = item();
        const error = await db.commit([[insert(models.item, row)]]).catch((thrown: unknown) => thrown);
        assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'));
        assert.equal(codeBelow(error), '57014');
        assert.doesNotMatch(error.message, /canceling|credit_|insert/i);
        assert.equal(await readOne(db, models.item, keyOf(row)), null);
      },
      { statementTimeoutMs: 200 },
    ));

  test('a server that only reads refuses commits, and answers reads', () =>
    withBench(database, async ({ db, models }) => {
      const options = '-c default_transaction_read_only=on';
      const pool = new pg.Pool({ connectionString: database.url, options });
      const standby = new SqlDbManager({ pool });
      await standby.init(Object.values(models));
      const refused = standby.commit([[insert(models.item, item())]]);
      await assert.rejects(refused, (error) => isCreditError(error, 'CONFIGURATION') && codeBelow(error) === '25006');
      assert.equal(await standby.count(models.item.name, { index: 'by_account' }), 0);
      await db.ping();
      await pool.end();
    }));

  test('a right that is missing, a table that is gone: an error of the library', () =>
    withBench(database, async ({ db, models, client, table }) => {
      await client.query(`drop table ${table(models.item)}`);
      const calls = [
        () => db.commit([[insert(models.item, item())]]),
        () => db.getMany(models.item.name, ['k']),
        () => db.find(models.item.name, { index: 'by_account', limit: 1 }),
      ];
      for (const call of calls) await assert.rejects(call, (error) => isCreditError(error, 'CONFIGURATION'));
    }));

  test('values that a query cannot mean are INVALID_ARGUMENT', () =>
    withBench(database, async ({ db, models }) => {
      const { name } = models.item;
      const bad = [
        { index: 'by_rank', equals: { account: 'a', rank: 1.5 } },
        { index: 'by_rank', equals: { account: 'a\0' } },
        { index: 'by_rank', equals: { account: 'a\ud800' } },
        { index: 'by_due', range: { field: 'dueAt', gte: 'yesterday' } },
        { index: 'by_account', anyOf: { field: 'account', values: [1] } },
        { index: 'by_account', anyOf: { field: 'data', values: ['{}'] } },
        { index: 'by_account', equals: { nothing: 1 } },
      ];
      for (const query of bad) {
        for (const call of [() => db.find(name, { ...query, limit: 1 }), () => db.count(name, query)]) {
          await assert.rejects(call, (error) => isCreditError(error, 'INVALID_ARGUMENT'), JSON.stringify(query));
        }
      }
      for (const key of ['a\0', 'a\ud800']) {
        await assert.rejects(db.getMany(name, [key]), (error) => isCreditError(error, 'INVALID_ARGUMENT'));
      }
    }));

  test('a call that is alone and one that is not agree about the same refusals', () =>
    withBench(database, async ({ db, models }) => {
      const [row, other] = [item({ code: freshKey() }), item()];
      await insertAll(db, models.item, [row, other]);
      const units = () => [
        [insert(models.item, item({ code: row.code as string }))],
        [replace(models.item, bumped(row), 7)],
        [replace(models.item, bumped(other), 1), insert(models.entry, entry())],
      ];
      const alone: UnitOutcome[] = [];
      for (const unit of units().slice(0, 2)) alone.push(only(await db.commit([unit])));
      const together = await db.commit(units());
      assert.deepEqual(together, [...alone, { status: 'committed' }]);
      assert.deepEqual(statuses(together), ['duplicate', 'conflict', 'committed']);
    }));
});
