/** Conformance: values of every kind come back exactly as they went in. */
import assert from 'node:assert/strict';
import type { Json } from '../../models/values.js';
import type { DbManager, Row, StoredModel, StoredValue } from '../../ports/db-manager.js';
import { COMMITTED, commit, insert, insertAll, readOne, replace, type Tests } from './fixture.js';
import { freshKey, item, keyOf } from './models.js';

const STRINGS = [
  '',
  ' ',
  ' padded ',
  'null',
  'true',
  '123',
  '1e3',
  '2024-01-01T00:00:00.000Z',
  '{"json":[1]}',
  '$ne',
  '$$ROOT',
  'a.b',
  "'; DROP TABLE x;--",
  '"quoted" \'quoted\' `quoted`',
  'back\\slash \\u0000 \\n',
  '100% _under_ :name $1 ? @p1 #{x} $x',
  'line\nbreak\r\n\ttab\u0001',
  ...['\u001c\u001d\u001e\u001f', '\u001e', '\u001f', 'a\u001eb\u001f'],
  '😀 👩‍👩‍👧‍👦 Ünïcödé 日本語 עברית \u2028\u2029\ufeff',
  'e\u0301 is not \u00e9',
  'x'.repeat(255),
  '€'.repeat(255),
  `${'😀'.repeat(127)}x`,
];

const NUMBERS = [0, 1, -1, 0.1 + 0.2, 1e21, -1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, 1 - 2 ** 53];

const OBJECT: Json = {
  '': 'empty key',
  ' ': 'blank key',
  $ne: 1,
  $date: '2024-01-01T00:00:00.000Z',
  $numberLong: '1',
  $oid: '000000000000000000000000',
  'a.b': { 'c.d.': [], '.e': {}, 'f[0]': null },
  'quote"\'`\\': "it's",
  '10': 'ten',
  '2': 'two',
  '02': 'not two',
  '-1': 'minus one',
  _id: 'not the key',
  id: 1,
  version: 99,
  length: 0,
  toJSON: 'not a function',
  ключ: 'значение',
  '😀': ['👩‍👩‍👧‍👦', 'e\u0301', '\u00e9', '\u2028'],
  nothing: null,
  text: STRINGS,
  numbers: NUMBERS,
  lists: [[], [[]], [null], [1, [2, [3, { four: [{}] }]]], [true, false, 'true', 0, '0', '']],
};

/** A value with 40 levels. */
const DEEP = Array.from({ length: 40 }).reduce<Json>((inner, _, i) => (i % 2 ? [inner] : { inner }), 'bottom');

export function valueTests<S>(): Tests<S> {
  return {
    'integers are exact up to 2^53 - 1': async ({ db, models }) => {
      const integers = [0, 1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 51, 2 ** 53 - 1, 1 - 2 ** 53];
      await keeps(db, models.item, integers, (integer) => ({ amount: integer, rank: integer }));
    },

    'booleans are booleans': async ({ db, models }) => {
      await keeps(db, models.item, [true, false], (isTrue) => ({ isOpen: isTrue, isHidden: isTrue }));
    },

    'instants keep their milliseconds': async ({ db, models }) => {
      const instants = [
        ...['1970-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '1900-01-01T00:00:00.001Z'],
        ...['2024-02-29T23:59:59.999Z', '2024-03-31T02:30:00.123Z', '2024-10-27T01:30:00.007Z'],
        ...['2024-11-03T06:30:00.100Z', '9999-12-31T23:59:59.999Z'],
      ];
      await keeps(db, models.item, instants, (text) => ({ madeAt: new Date(text), dueAt: new Date(text) }));
    },

    'strings are kept literally': async ({ db, models }) => {
      await keeps(db, models.item, STRINGS, (text) => ({ label: text }));
    },

    'json objects are kept literally, whatever their keys': async ({ db, models }) => {
      await keeps(db, models.item, [{}, OBJECT, DEEP, { large: 'ü'.repeat(65_536) }], (json) => ({
        data: json,
        extra: json,
      }));
    },

    'json may be any json value': async ({ db, models }) => {
      const values: Json[] = [...STRINGS, ...NUMBERS, true, false, [], [null], [[]], [OBJECT], '"', '[]', '{}'];
      await keeps(db, models.item, values, (json) => ({ data: json, extra: json }));
    },

    'null inside json is kept apart from what is left out': async ({ db, models }) => {
      const row = item({ data: { here: null, list: [null, null] } });
      await commit(db, insert(models.item, row));
      const stored = (await readOne(db, models.item, keyOf(row)))?.data as Record<string, unknown>;
      assert.deepEqual(Object.keys(stored).sort(), ['here', 'list']);
      assert.deepEqual(stored, row.data);
    },
  };
}

/** Inserts a row for each value and reads all by key and by index; then replaces each by its neighbour's value, too. */
async function keeps<S, T>(
  db: DbManager<S>,
  model: StoredModel,
  values: readonly T[],
  fields: (value: T) => Record<string, StoredValue>,
): Promise<void> {
  const account = freshKey();
  const rows = values.map((value, i) => item({ ...fields(value), id: `${account}-${1000 + i}`, account }));
  await insertAll(db, model, rows);
  await holds(db, model, account, rows);
  const next = rows.map((row, i): Row => ({ ...row, ...fields(values.at(i - 1) as T), version: 2 }));
  const outcomes = await db.commit(next.map((row) => [replace(model, row, 1)]));
  assert.deepEqual(
    outcomes,
    next.map(() => COMMITTED),
  );
  await holds(db, model, account, next);
}

async function holds<S>(db: DbManager<S>, model: StoredModel, account: string, rows: readonly Row[]): Promise<void> {
  assert.deepEqual(await db.getMany(model.name, rows.map(keyOf)), rows);
  const page = await db.find(model.name, { index: 'by_account', equals: { account }, limit: rows.length });
  assert.deepEqual(page, { rows, nextCursor: null });
}
