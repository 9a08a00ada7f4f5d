/** What others hold and what the server refuses, and what becomes of the units beside it. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isCreditError } from '../../../src/errors.js';
import { commit, insert, insertAll, readOne, remove, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describeMongo } from '../../backends/mongo.js';
import { ownNow } from '../../support/pace.js';
import { sleep } from '../../support/wait.js';
import { haveFailPoint } from './fail-point.js';
import { bumped, errorOf, only, statuses, withBench } from './fixture.js';

await describeMongo('outcomes on MongoDB', (database) => {
  haveFailPoint(database);

  test('a document that a host holds is locked, its neighbours are committed; the next time it travels apart', () =>
    withBench(database, async ({ db, models, collection, begin }) => {
      const rows = Array.from({ length: 40 }, () => item());
      await insertAll(db, models.item, rows);
      const session = begin();
      const held = [rows[3], rows[17]].map(keyOf);
      const lock = { $set: { _lock: 7 } };
      await collection(models.item).updateMany({ _id: { $in: held } } as object, lock, { session });
      const write = (version: number) =>
        db.commit(
          rows.map((row, i) => [
            i === 17
              ? remove(models.item, keyOf(row), 1)
              : replace(models.item, { ...row, version: version + 1 }, version),
            insert(models.entry, entry()),
          ]),
        );
      const expected = (otherwise: string) => rows.map((row) => (held.includes(keyOf(row)) ? otherwise : 'committed'));
      assert.deepEqual(statuses(await write(1)), expected('locked'));
      assert.equal(await db.count(models.entry.name, { index: 'by_time' }), 38);
      const began = ownNow();
      const again = rows.map((row, i) => (held.includes(keyOf(row)) ? [i === 17 ? 1 : 1] : [2]));
      const outcomes = await db.commit(
        rows.map((row, i) => {
          const [version] = again[i] as [number];
          return [replace(models.item, { ...row, version: version + 1 }, version)];
        }),
      );
      assert.deepEqual(statuses(outcomes), expected('locked'));
      assert.ok(ownNow() - began < 1_000);
      await session.abortTransaction();
      const free = await db.commit([held.map((key) => remove(models.item, key, 1))]);
      assert.deepEqual(statuses(free), ['committed']);
    }));

  test('of a held document at another version a conflict is told', () =>
    withBench(database, async ({ db, models, collection, begin }) => {
      const [a, b] = [item(), item()];
      await insertAll(db, models.item, [a, b]);
      await collection(models.item).updateMany({}, { $set: { _lock: 7 } }, { session: begin() });
      const outcomes = await db.commit([[replace(models.item, bumped(a), 1)], [replace(models.item, bumped(b), 5)]]);
      assert.deepEqual(outcomes, [{ status: 'locked' }, { status: 'conflict', model: models.item.name, key: b.id }]);
    }));

  test('a unique value in an open transaction makes its rival locked, and nobody else', () =>
    withBench(database, async ({ db, models, begin }) => {
      const code = freshKey();
      const rows = Array.from({ length: 64 }, (_, i) => item(i === 40 ? { code } : {}));
      const session = begin();
      const holder = item({ code });
      assert.deepEqual(await db.commit([[insert(models.item, holder)]], { session }), [{ status: 'committed' }]);
      const outcomes = await db.commit(rows.map((row) => [insert(models.item, row)]));
      assert.deepEqual(
        statuses(outcomes),
        rows.map((_, i) => (i === 40 ? 'locked' : 'committed')),
      );
      await session.commitTransaction();
      const found = [{ model: models.item.name, index: 'by_code', key: keyOf(holder) }];
      const late = await db.commit([[insert(models.item, rows[40] as never)]]);
      assert.deepEqual(late, [{ status: 'duplicate', found }]);
    }));

  test('a new key that is taken although the unit is guarded is a conflict, and its neighbours are committed', () =>
    withBench(database, async ({ db, models }) => {
      const rows = [item(), item(), item()];
      const line = entry();
      await insertAll(db, models.item, rows);
      await insertAll(db, models.entry, [line]);
      const outcomes = await db.commit(
        rows.map((row, i) => [replace(models.item, bumped(row), 1), insert(models.entry, i === 1 ? line : entry())]),
      );
      assert.deepEqual(outcomes, [
        { status: 'committed' },
        { status: 'conflict', model: models.entry.name, key: keyOf(line) },
        { status: 'committed' },
      ]);
    }));

  test('what is refused is rejected alone, with what the validator of a stranger refuses too', () =>
    withBench(database, async ({ db, models, raw }) => {
      const good = Array.from({ length: 20 }, () => item());
      const bad = [item({ label: 'a\ud800b' }), item({ amount: 1.5 }), item({ version: 0 })];
      const validator = { label: { $ne: 'forbidden' } };
      await raw.command({ collMod: `credit_${models.item.name}`, validator });
      bad.push(item({ label: 'forbidden' }));
      const rows = good.flatMap((row, i) => (bad[i] ? [bad[i], row] : [row]));
      const outcomes = await db.commit(rows.map((row) => [insert(models.item, row), insert(models.entry, entry())]));
      const expected = rows.map((row) => (bad.includes(row) ? 'rejected' : 'committed'));
      assert.deepEqual(statuses(outcomes), expected);
      assert.equal(await db.count(models.entry.name, { index: 'by_time' }), good.length);
    }));

  test('years far away, NUL in a string, and strings that look like operators are stored literally', () =>
    withBench(database, async ({ db, models }) => {
      const instants = ['-271821-04-20T00:00:00.000Z', '+275760-09-13T00:00:00.000Z', '0000-02-29T01:02:03.004Z'];
      const rows = [
        ...instants.map((text) => item({ madeAt: new Date(text) })),
        item({ label: 'a\0b', account: '$ne' }),
        item({ id: `${freshKey()}\0$x`, data: { deep: ['\0', '\ud800'] } }),
      ];
      await insertAll(db, models.item, rows);
      assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), rows);
      assert.equal(
        await db.count(models.item.name, { index: 'by_label', equals: { account: '$ne', label: 'a\0b' } }),
        1,
      );
    }));

  test('a call whose time is over before the commit was sent has applied nothing, also later', () =>
    withBench(
      database,
      async ({ db, models, client }) => {
        await client.db('admin').command({
          ...{ configureFailPoint: 'failCommand', mode: { times: 1 } },
          data: { failCommands: ['insert'], blockConnection: true, blockTimeMS: 400, appName: 'slow-insert' },
        });
        const row = item();
        const error = await errorOf(db.commit([[insert(models.item, row)]], { timeoutMs: 200 }));
        assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE'));
        await sleep(600);
        assert.equal(await readOne(db, models.item, keyOf(row)), null);
        assert.deepEqual(await commit(db, insert(models.item, row)), { status: 'committed' }, 'nothing is held');
      },
      { clientOptions: { appName: 'slow-insert' } },
    ));

  test('a call whose time went on other transactions says that its units are locked, and has applied nothing', () =>
    withBench(
      database,
      async ({ db, models, client }) => {
        const rows = Array.from({ length: 32 }, () => item());
        await insertAll(db, models.item, rows);
        const admin = client.db('admin');
        await admin.command({
          ...{ configureFailPoint: 'failCommand', mode: 'alwaysOn' },
          data: {
            ...{ failCommands: ['update'], blockConnection: true, blockTimeMS: 60, appName: 'held-up' },
            ...{ errorCode: 112, errorLabels: ['TransientTransactionError'] },
          },
        });
        const units = rows.map((row) => [replace(models.item, bumped(row), 1)]);
        const outcomes = await db
          .commit(units, { timeoutMs: 300 })
          .finally(() => admin.command({ configureFailPoint: 'failCommand', mode: 'off' }));
        assert.deepEqual(new Set(statuses(outcomes)), new Set(['locked']));
        assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), rows);
      },
      { clientOptions: { appName: 'held-up' } },
    ));

  test('a call whose time is over while its commit is under way is unknown', () =>
    withBench(
      database,
      async ({ db, models, client }) => {
        await client.db('admin').command({
          ...{ configureFailPoint: 'failCommand', mode: { times: 1 } },
          data: {
            failCommands: ['commitTransaction'],
            blockConnection: true,
            blockTimeMS: 400,
            appName: 'slow-commit',
          },
        });
        const rows = [item(), item()];
        const outcomes = await db.commit(
          rows.map((row) => [insert(models.item, row)]),
          { timeoutMs: 200 },
        );
        assert.deepEqual(statuses(outcomes), ['unknown', 'unknown']);
        await sleep(600);
        const stored = await db.getMany(models.item.name, rows.map(keyOf));
        assert.equal(new Set(stored.map((row) => row === null)).size, 1, 'both or none');
        const outcome = only(await db.commit([rows.map((row) => insert(models.item, row))]));
        assert.equal(outcome.status, stored[0] === null ? 'committed' : 'conflict');
      },
      { clientOptions: { appName: 'slow-commit' } },
    ));
});
