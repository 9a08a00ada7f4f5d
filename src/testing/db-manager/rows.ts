/** Conformance: rows come back in the order of their keys. */
import assert from 'node:assert/strict';
import { commit, insert, insertAll, readOne, replace, type Tests } from './fixture.js';
import { freshKey, item, keyOf } from './models.js';

const KEYS = [
  ...["'; DROP TABLE x;--", '$ne', 'a.b', '{"$gt":""}', '%', '_', '\\', '"', '`', '/', '?', '#', ':1', 'a b', ' ', '0'],
  ...[
    'U1',
    'u1',
    'a',
    'a ',
    ' a',
    '\u00e9',
    'e\u0301',
    'e',
    '😀',
    '日本',
    'ß',
    'ss',
    '1',
    '01',
    '1.0',
    'null',
    'undefined',
  ],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'x'.repeat(1000), 'y'.repeat(1100)],
];

export function rowTests<S>(): Tests<S> {
  return {
    'rows come in the order of the keys, null where there is none': async ({ db, models }) => {
      const [a, b, c] = [item(), item(), item()];
      await insertAll(db, models.item, [a, b, c]);
      const keys = [keyOf(c), freshKey('missing'), keyOf(a), freshKey('missing'), keyOf(b)];
      assert.deepEqual(await db.getMany(models.item.name, keys), [c, null, a, null, b]);
    },

    'a key asked for twice is answered twice': async ({ db, models }) => {
      const [a, b] = [item(), item()];
      await insertAll(db, models.item, [a, b]);
      const keys = [keyOf(a), keyOf(b), keyOf(a), 'missing', 'missing', keyOf(a)];
      assert.deepEqual(await db.getMany(models.item.name, keys), [a, b, a, null, null, a]);
    },

    'no keys, no rows': async ({ db, models }) => {
      assert.deepEqual(await db.getMany(models.item.name, []), []);
    },

    'five hundred keys in one call': async ({ db, models }) => {
      const rows = Array.from({ length: 250 }, (_, i) => item({ amount: i }));
      await insertAll(db, models.item, rows);
      const expected = rows.toReversed().flatMap((row) => [row, null]);
      const keys = expected.map((row, i) => (row ? keyOf(row) : `missing-${i}`));
      assert.deepEqual(await db.getMany(models.item.name, keys), expected);
    },

    'keys of one model are not keys of another': async ({ db, models }) => {
      const row = item();
      await commit(db, insert(models.item, row));
      assert.equal(await readOne(db, models.entry, keyOf(row)), null);
    },

    'keys are kept literally: case, accents, blanks, up to 1,100 characters': async ({ db, own }) => {
      const { item: model } = await own();
      const rows = KEYS.map((id, i) => item({ id, amount: i, account: 'a' }));
      await insertAll(db, model, rows);
      assert.deepEqual(await db.getMany(model.name, KEYS), rows);
      assert.deepEqual(
        await db.getMany(model.name, ['A', 'É', 'E', 'SS', 'null ', 'valueOf', '']),
        Array(7).fill(null),
      );
    },

    'null is kept in a field of every kind, and replaces a value': async ({ db, models }) => {
      const values = {
        label: 'l',
        rank: 1,
        isHidden: true,
        dueAt: new Date(0),
        extra: { a: 1 },
        code: freshKey(),
        slug: 's',
      };
      const full = item(values);
      await commit(db, insert(models.item, full));
      const empty = item({ id: keyOf(full), version: 2 });
      await commit(db, replace(models.item, empty, 1));
      assert.deepEqual(await readOne(db, models.item, keyOf(full)), empty);
      await commit(db, replace(models.item, { ...full, version: 3 }, 2));
      assert.deepEqual(await readOne(db, models.item, keyOf(full)), { ...full, version: 3 });
    },
  };
}
