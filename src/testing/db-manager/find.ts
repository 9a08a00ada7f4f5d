/** Conformance: a query selects the right rows. */
import assert from 'node:assert/strict';
import type { FindQuery, Row } from '../../ports/db-manager.js';
import { type Fixture, findKeys, insertAll, rejectsWith, type Tests } from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

type Query = Omit<FindQuery, 'limit'>;
export function findTests<S>(): Tests<S> {
  return {
    'equals selects by the leading fields of the index': async ({ db, models }) => {
      const { account, ids } = await entries({ db, models });
      const at = new Date(2);
      assert.deepEqual(await findKeys(db, models.entry, { index: 'by_time', equals: { account } }), ids.sort());
      assert.deepEqual(
        await findKeys(db, models.entry, { index: 'by_time', equals: { account, at } }),
        ids.slice(8, 12),
      );
      const all = { index: 'by_time', equals: { account, at, seq: 1 } };
      assert.deepEqual(await findKeys(db, models.entry, all), ids.slice(10, 12));
      assert.deepEqual(await findKeys(db, models.entry, { index: 'by_time', equals: { account: 'nobody' } }), []);
    },

    'equals finds by a unique index': async ({ db, models }) => {
      const rows = [item({ code: freshKey() }), item({ code: freshKey(), slug: 's' })];
      await insertAll(db, models.item, rows);
      for (const { id, code } of rows) {
        assert.deepEqual(await findKeys(db, models.item, { index: 'by_code', equals: { code: code as string } }), [id]);
      }
      const equals = { account: rows[1]?.account as string, slug: 's' };
      assert.deepEqual(await findKeys(db, models.item, { index: 'by_slug', equals }), [rows[1]?.id]);
    },

    'equals takes booleans, and values are literal': async ({ db, models }) => {
      const account = freshKey();
      const labels = ["' OR 1=1 --", '$ne', '%', '_', '', ' ', 'a', 'A', 'a '];
      const rows = labels.map((label, i) => item({ account, label, id: `${account}-${i}`, isOpen: i === 3 }));
      await insertAll(db, models.item, rows);
      for (const [i, label] of labels.entries()) {
        const found = await findKeys(db, models.item, { index: 'by_label', equals: { account, label } });
        assert.deepEqual(found, [`${account}-${i}`], `label ${JSON.stringify(label)}`);
      }
      const closed = { index: 'by_open', equals: { account, isOpen: false } };
      assert.equal((await findKeys(db, models.item, closed)).length, labels.length - 1);
      assert.deepEqual(await findKeys(db, models.item, { ...closed, equals: { account, isOpen: true } }), [
        `${account}-3`,
      ]);
    },

    'no condition at all walks the whole index, nulls included': async ({ db, own }) => {
      const { item: model } = await own();
      const rows = [3, null, 1, 2, null].map((n, i) => item({ id: `r${i}`, dueAt: n === null ? null : new Date(n) }));
      await insertAll(db, model, rows);
      const found = await findKeys(db, model, { index: 'by_due' });
      assert.deepEqual(found.toSorted(), ['r0', 'r1', 'r2', 'r3', 'r4']);
      assert.deepEqual(
        found.filter((key) => key !== 'r1' && key !== 'r4'),
        ['r2', 'r3', 'r0'],
      );
      assert.deepEqual(await findKeys(db, model, { index: 'by_account' }), byAccount(rows));
    },

    'null matches no equals, no range and no anyOf': async ({ db, models }) => {
      const account = freshKey();
      await insertAll(db, models.item, [item({ account }), item({ account }), item({ account, rank: 0, label: '' })]);
      const none = async (query: Query) => assert.deepEqual(await findKeys(db, models.item, query), []);
      await none({ index: 'by_rank', equals: { account, rank: null } });
      await none({ index: 'by_label', equals: { account, label: null } });
      await none({ index: 'by_slug', equals: { account, slug: null } });
      await none({ index: 'by_account', equals: { account }, anyOf: { field: 'rank', values: [null] } });
      await none({ index: 'by_account', equals: { account }, anyOf: { field: 'code', values: [null, 'x'] } });
      for (const range of [{ gte: -5 }, { gt: -5 }, { lte: 5 }, { lt: 5 }]) {
        const query = { index: 'by_rank', equals: { account }, range: { field: 'rank', ...range } };
        assert.equal((await findKeys(db, models.item, query)).length, 1, JSON.stringify(range));
      }
      await none({ index: 'by_rank', equals: { account }, range: { field: 'rank', lt: 0 } });
      await none({ index: 'by_label', equals: { account }, range: { field: 'label', lt: '' } });
      const zero = { index: 'by_account', equals: { account }, anyOf: { field: 'rank', values: [null, 0] } };
      assert.equal((await findKeys(db, models.item, zero)).length, 1, 'null among other values');
    },

    'limit bounds the page, whatever the direction': async ({ db, models }) => {
      const { account, ids } = await entries({ db, models });
      for (const limit of [1, 2, 15, 16, 17]) {
        for (const direction of ['asc', 'desc'] as const) {
          const query = { index: 'by_time', equals: { account }, direction, limit };
          const { rows, nextCursor } = await db.find(models.entry.name, query);
          const all = direction === 'asc' ? ids : ids.toReversed();
          assert.deepEqual(rows.map(keyOf), all.slice(0, limit));
          assert.equal(nextCursor === null, limit >= ids.length);
        }
      }
    },

    'count counts every row that the query selects': async ({ db, models }) => {
      const { account } = await entries({ db, models });
      const query: Query = { index: 'by_time', equals: { account } };
      assert.equal(await db.count(models.entry.name, query), 16);
      assert.equal(await db.count(models.entry.name, { ...query, direction: 'desc' }), 16);
      assert.equal(await db.count(models.entry.name, { ...query, range: { field: 'at', lt: new Date(2) } }), 8);
      assert.equal(await db.count(models.entry.name, { index: 'by_time', equals: { account: 'nobody' } }), 0);
      await rejectsWith('INVALID_ARGUMENT', () => db.count(models.entry.name, { index: 'by_nothing' }));
    },
  };
}

/** Sixteen entries of one account: two of each of the eight pairs of at (0 to 3 ms) and seq (0, 1), in that order. */
export async function entries<S>({ db, models }: Pick<Fixture<S>, 'db' | 'models'>) {
  const account = freshKey();
  const at = (i: number) => new Date(Math.floor(i / 4));
  const rows = Array.from({ length: 16 }, (_, i) =>
    entry({ id: `${account}-${100 + i}`, account, at: at(i), seq: Math.floor(i / 2) % 2 }),
  );
  await insertAll(db, models.entry, rows.toReversed());
  return { account, ids: rows.map(keyOf) };
}

function byAccount(rows: readonly Row[]): string[] {
  return rows.toSorted((a, b) => ((a.account as string) < (b.account as string) ? -1 : 1)).map(keyOf);
}
