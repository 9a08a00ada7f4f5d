/** Conformance: the order of rows along an index. */
import assert from 'node:assert/strict';
import type { DbManager, FindQuery, StoredModel } from '../../ports/db-manager.js';
import { findKeys, insertAll, type Tests } from './fixture.js';
import { entry, freshKey, item } from './models.js';

/** Texts in the order of their code units, which is also the order of their UTF-8 bytes. */
const SORTED = ['', ' ', '!', '1', '10', '2', 'A', 'B', 'Z', '_', 'a', 'a ', 'a!', 'aa', 'b', 'z', 'é', '日', '\ufb00'];

export function orderTests<S>(): Tests<S> {
  return {
    'rows come in the order of the fields after those that are fixed': async ({ db, models }) => {
      const account = freshKey();
      const places = [
        [1, 5],
        [1, 9],
        [2, 0],
        [2, 10],
        [10, 1],
      ] as const;
      const rows = places.map(([ms, seq], i) => entry({ id: `${9 - i}-${account}`, account, at: new Date(ms), seq }));
      await insertAll(
        db,
        models.entry,
        [3, 0, 4, 2, 1].map((i) => rows[i] as (typeof rows)[number]),
      );
      const expected = rows.map((row) => row.id as string);
      await inBothDirections(db, models.entry, { index: 'by_time', equals: { account } }, expected);
    },

    'integers are in the order of numbers': async ({ db, models }) => {
      const account = freshKey();
      const sorted = [
        1 - 2 ** 53,
        -(2 ** 33),
        -10,
        -9,
        -1,
        0,
        1,
        2,
        9,
        10,
        11,
        2 ** 31,
        2 ** 51,
        2 ** 53 - 2,
        2 ** 53 - 1,
      ];
      const rows = sorted.map((rank, i) => item({ id: `${account}-${100 - i}`, account, rank }));
      await insertAll(db, models.item, shuffled(rows));
      const expected = rows.map((row) => row.id as string);
      await inBothDirections(db, models.item, { index: 'by_rank', equals: { account } }, expected);
    },

    'instants are in the order of time, also before 1970': async ({ db, models }) => {
      const account = freshKey();
      const sorted = [
        -86_400_000_000, -1001, -1000, -1, 0, 1, 999, 1000, 86_400_000, 1_700_000_000_000, 99_999_999_999_999,
      ];
      const rows = sorted.map((ms, i) => entry({ id: `${account}-${100 - i}`, account, at: new Date(ms) }));
      await insertAll(db, models.entry, shuffled(rows));
      const expected = rows.map((row) => row.id as string);
      await inBothDirections(db, models.entry, { index: 'by_time', equals: { account } }, expected);
    },

    'strings are in the order of their bytes, whatever the language': async ({ db, models }) => {
      const account = freshKey();
      const rows = SORTED.map((label, i) => item({ id: `${account}-${100 - i}`, account, label }));
      await insertAll(db, models.item, shuffled(rows));
      const expected = rows.map((row) => row.id as string);
      const query = { index: 'by_label', equals: { account } };
      await inBothDirections(db, models.item, query, expected);
      const capitals = { ...query, range: { field: 'label', gte: 'A', lt: 'a' } };
      assert.deepEqual(await findKeys(db, models.item, capitals), expected.slice(6, 10));
    },

    'false comes before true': async ({ db, models }) => {
      const account = freshKey();
      const rows = [true, false, true, false].map((isOpen, i) =>
        item({ id: `${account}-${i}`, account, isOpen, rank: i }),
      );
      await insertAll(db, models.item, rows);
      const expected = [1, 3, 0, 2].map((i) => `${account}-${i}`);
      await inBothDirections(db, models.item, { index: 'by_open', equals: { account } }, expected);
    },

    'ties are in the order of the keys, compared as bytes, and descend with the rest': async ({ db, models }) => {
      const account = freshKey();
      const keys = ['10', '2', 'B', 'U1', 'a', 'b', 'u1', 'é', '日'].map((key) => `${account}-${key}`);
      await insertAll(db, models.item, shuffled(keys.map((id) => item({ id, account, rank: 1 }))));
      for (const query of [
        { index: 'by_account', equals: { account } },
        { index: 'by_rank', equals: { account } },
        { index: 'by_rank', equals: { account, rank: 1 } },
        { index: 'by_open', equals: { account, isOpen: true }, range: { field: 'rank', gte: 0 } },
      ]) {
        await inBothDirections(db, models.item, query, keys);
      }
    },

    'rows whose field is null have a place in the order, all at one end': async ({ db, models }) => {
      const account = freshKey();
      const ranks = [null, 5, -5, null, 0, null];
      await insertAll(
        db,
        models.item,
        ranks.map((rank, i) => item({ id: `${account}-${i}`, account, rank })),
      );
      const query = { index: 'by_rank', equals: { account } };
      const found = (await findKeys(db, models.item, query)).map((key) => Number(key.at(-1)));
      const [nulls, numbers] = [
        [0, 3, 5],
        [2, 4, 1],
      ] as const;
      const expected = found[0] === 0 ? [...nulls, ...numbers] : [...numbers, ...nulls];
      assert.deepEqual(found, expected, 'nulls first or last');
      const ids = expected.map((i) => `${account}-${i}`);
      await inBothDirections(db, models.item, query, ids);
    },

    'the order is ascending unless told otherwise': async ({ db, models }) => {
      const account = freshKey();
      const rows = [2, 1].map((rank) => item({ account, rank }));
      await insertAll(db, models.item, rows);
      const query = { index: 'by_rank', equals: { account }, limit: 1 };
      assert.equal((await db.find(models.item.name, query)).rows[0]?.rank, 1);
      assert.equal((await db.find(models.item.name, { ...query, direction: 'desc' })).rows[0]?.rank, 2);
    },
  };
}

async function inBothDirections<S>(
  db: DbManager<S>,
  model: StoredModel,
  query: Omit<FindQuery, 'limit' | 'direction'>,
  expected: readonly string[],
): Promise<void> {
  assert.deepEqual(await findKeys(db, model, query), expected);
  assert.deepEqual(await findKeys(db, model, { ...query, direction: 'asc' }), expected);
  assert.deepEqual(await findKeys(db, model, { ...query, direction: 'desc' }), expected.toReversed());
}

/** The rows in a fixed order that is neither sorted nor reversed. */
function shuffled<T>(rows: readonly T[]): T[] {
  return [
    ...rows.filter((_, i) => i % 3 === 1),
    ...rows.filter((_, i) => i % 3 === 0),
    ...rows.filter((_, i) => i % 3 === 2),
  ];
}
