/** What every adapter says of units before it sends them, and of outcomes, rows and pages when it answers. */
import { expect, test } from 'vitest';
import { outcomesOf, pageOf, rowsByKey } from '../../../src/db/kit/answers.js';
import { madeFor } from '../../../src/db/kit/failures.js';
import { checkAlone, translatedUnits } from '../../../src/db/kit/units.js';
import type { Row, Unit } from '../../../src/ports/db-manager.js';
import { insert, remove, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, item, testModels } from '../../../src/testing/db-manager/models.js';

const models = testModels();
const stores = new Map(
  Object.values(models).map((model) => [model.name, { model, keyOf: (row: Row) => row[model.key] as string }]),
);
const plan = (units: readonly Unit[], refuse: (key: string) => void = () => {}) =>
  translatedUnits(
    units,
    (model) => madeFor(stores, model),
    (change, { model }, key) => {
      refuse(key);
      return `${change.op} ${model === models.item ? 'item' : 'entry'} ${key}`;
    },
  );
const a = item({ id: 'a', version: 2 });
const b = item({ id: 'b' });

test('units are translated in order, and one without changes is not sent', () => {
  const { sent, places, settled } = plan([
    [],
    [replace(models.item, a, 1), insert(models.entry, entry({ id: 'a' }))],
    [remove(models.item, 'c', 3)],
  ]);
  expect(sent).toEqual([['replace item a', 'insert entry a'], ['delete item c']]);
  expect(places).toEqual([1, 2]);
  expect([...settled]).toEqual([[0, { status: 'committed' }]]);
});

test('a unit that names a document twice is rejected alone', () => {
  const { sent, places, settled } = plan([
    [insert(models.item, b)],
    [insert(models.item, a), remove(models.item, 'a', 1)],
  ]);
  expect([sent, places]).toEqual([[['insert item b']], [0]]);
  expect([...settled]).toEqual([[1, { status: 'rejected', cause: new Error('A unit names one document twice.') }]]);
});

test('a unit that cannot be translated is rejected alone, with the first cause', () => {
  const cause = new TypeError('no');
  const { sent, settled } = plan(
    [[insert(models.item, a), insert(models.item, b)], [remove(models.item, 'c', 1)]],
    (key) => {
      if (key === 'a') throw cause;
      if (key === 'b') throw new TypeError('later');
    },
  );
  expect(sent).toEqual([['delete item c']]);
  expect(settled.get(0)).toEqual({ status: 'rejected', cause });
});

test.each<[string, () => unknown, string]>([
  [
    'two units that share a document',
    () => plan([[insert(models.item, a)], [insert(models.item, b), remove(models.item, 'a', 1)]]),
    'Two units of one call change the same document.',
  ],
  [
    'a model that init was not given',
    () => plan([[{ op: 'delete', model: 'x', key: 'a', expectedVersion: 1 }]]),
    'Unknown model "x".',
  ],
  ['two units in an open transaction', () => checkAlone([[], []]), 'In a transaction units are written one by one.'],
])('%s: INVALID_ARGUMENT for the whole call', (_, call, message) => {
  expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message }));
});

test('outcomes come in the order of the units, sent or not', () => {
  const settled = new Map([[1, { status: 'committed' } as const]]);
  const stale = { status: 'conflict', model: 'item', key: 'c' } as const;
  expect(outcomesOf(settled, [0, 2], [{ status: 'locked' }, stale])).toEqual([
    { status: 'locked' },
    { status: 'committed' },
    stale,
  ]);
});

test('rows come in the order of the keys, and no two of them are one object', () => {
  const store = { keyOf: (row: Row) => row.id as string };
  const rows = rowsByKey(['b', 'x', 'a', 'b'], [a, b], store);
  expect(rows).toEqual([b, null, a, b]);
  expect(rows[3]).not.toBe(rows[0]);
});

test('a page has a cursor when one row more was found', () => {
  const query = { index: models.item.indexes[0]?.name as string, limit: 1 };
  expect(pageOf(models.item, query, [a])).toEqual({ rows: [a], nextCursor: null });
  expect(pageOf(models.item, query, [])).toEqual({ rows: [], nextCursor: null });
  const { rows, nextCursor } = pageOf(models.item, query, [a, b]);
  expect(rows).toEqual([a]);
  expect(nextCursor).toEqual(expect.any(String));
});
