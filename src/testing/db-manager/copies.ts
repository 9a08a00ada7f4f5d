/** Conformance: an adapter neither keeps nor changes the rows it gets, and the rows it answers are copies. */
import assert from 'node:assert/strict';
import type { Row } from '../../ports/db-manager.js';
import { COMMITTED, commit, insert, readOne, remove, replace, type Tests } from './fixture.js';
import { item, keyOf } from './models.js';

export function copyTests<S>(): Tests<S> {
  return {
    'changing a row after it was inserted changes nothing stored': async ({ db, models }) => {
      const { row, untouched } = sample();
      await commit(db, insert(models.item, row));
      deface(row);
      assert.deepEqual(await readOne(db, models.item, keyOf(untouched)), untouched);
    },

    'changing a row after it was replaced changes nothing stored': async ({ db, models }) => {
      const { row, untouched } = sample();
      await commit(db, insert(models.item, item({ id: keyOf(row) })));
      await commit(db, replace(models.item, row, 1));
      deface(row);
      assert.deepEqual(await readOne(db, models.item, keyOf(untouched)), untouched);
    },

    'changing a row that getMany answered changes nothing stored': async ({ db, models }) => {
      const { row, untouched } = sample();
      await commit(db, insert(models.item, row));
      deface(await readOne(db, models.item, keyOf(row)));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), untouched);
    },

    'changing a row that find answered changes nothing stored': async ({ db, models }) => {
      const { row, untouched } = sample();
      await commit(db, insert(models.item, row));
      const query = { index: 'by_account', equals: { account: row.account as string }, limit: 5 };
      const found = (await db.find(models.item.name, query)).rows;
      assert.equal(found.length, 1);
      deface(found[0]);
      assert.deepEqual((await db.find(models.item.name, query)).rows, [untouched]);
      assert.deepEqual(await readOne(db, models.item, keyOf(untouched)), untouched);
    },

    'commit changes no row and no change that it is given': async ({ db, models }) => {
      const { row } = sample();
      const first = deepFreeze([insert(models.item, row)]);
      assert.deepEqual(await db.commit([first]), [COMMITTED]);
      const second = deepFreeze([replace(models.item, { ...row, version: 5 }, 2)]);
      assert.deepEqual(await db.commit([second]), [COMMITTED]);
      const stale = deepFreeze([replace(models.item, { ...row, version: 6 }, 2), remove(models.item, 'none', 1)]);
      assert.equal((await db.commit([stale]))[0]?.status, 'conflict');
      assert.deepEqual(row, sample(keyOf(row)).row, 'also not the dates, which cannot be frozen');
    },

    'a query may be frozen': async ({ db, models }) => {
      const query = deepFreeze({
        index: 'by_rank',
        equals: { account: 'nobody' },
        anyOf: { field: 'label', values: ['a', 'b'] },
        range: { field: 'rank', gte: 0, lt: 5 },
        limit: 5,
      });
      assert.deepEqual(await db.find(models.item.name, query), { rows: [], nextCursor: null });
    },
  };
}

function sample(id = keyOf(item())): { row: Row; untouched: Row } {
  const make = () =>
    item({
      id,
      account: id,
      version: 2,
      label: 'label',
      madeAt: new Date('2024-01-01T00:00:00.001Z'),
      dueAt: new Date('2024-01-02T00:00:00.002Z'),
      data: { nested: { list: [1, { deep: 'value' }] } },
      extra: [{ one: 1 }],
    });
  return { row: make(), untouched: make() };
}

/** Changes everything in a row that can be changed, nested values included. */
function deface(row: Row | null | undefined): void {
  assert.ok(row, 'the row exists');
  const open = row as Record<string, unknown>;
  (open.madeAt as Date).setTime(0);
  (open.dueAt as Date).setTime(0);
  const data = open.data as { nested: { list: unknown[] }; added?: number };
  (data.nested.list[1] as { deep: string }).deep = 'changed';
  data.nested.list.push('pushed');
  data.added = 1;
  (open.extra as unknown[]).pop();
  open.label = 'changed';
  open.version = 77;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
