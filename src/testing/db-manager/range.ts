/** Conformance: `range` and `anyOf`. */
import assert from 'node:assert/strict';
import type { FindQuery, Row, StoredModel, StoredValue } from '../../ports/db-manager.js';
import { entries } from './find.js';
import { type Fixture, findKeys, insertAll, type Tests } from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

type Query = Omit<FindQuery, 'limit'>;
const RANGES = [{}, { gte: 1 }, { gt: 1 }, { lte: 3 }, { lt: 3 }, { gte: 1, lt: 3 }, { gt: 1, lte: 3 }] as const;
const MORE_RANGES = [
  { gte: 2, lte: 2 },
  { gt: 1, lt: 3 },
  { gt: 2, lt: 2 },
  { gte: 3, lte: 1 },
] as const;

export function rangeTests<S>(): Tests<S> {
  return {
    'a range bounds an integer, a string or an instant, from both sides, in both directions': async (f) => {
      const account = freshKey();
      const rows = [0, 1, 1, 2, 2, 3, 3, 4].map((n, i) =>
        item({ id: `${account}-${i}`, account, rank: n, label: `l${n}`, dueAt: new Date(n * 1000) }),
      );
      await insertAll(f.db, f.models.item, rows);
      await insertAll(f.db, f.models.item, [item({ account }), item({ rank: 2, label: 'l2' })]);
      for (const range of [...RANGES.slice(1), ...MORE_RANGES]) {
        await sameAsFiltered(f, f.models.item, rows, { index: 'by_rank', equals: { account } }, 'rank', range, Number);
        const label = (n: number) => `l${n}`;
        await sameAsFiltered(f, f.models.item, rows, { index: 'by_label', equals: { account } }, 'label', range, label);
      }
      const lines = rows.map((row, i) => entry({ id: row.id as string, account, at: row.dueAt as Date, seq: i }));
      await insertAll(f.db, f.models.entry, lines);
      for (const range of [...RANGES, ...MORE_RANGES]) {
        const at = (n: number) => new Date(n * 1000);
        await sameAsFiltered(f, f.models.entry, lines, { index: 'by_time', equals: { account } }, 'at', range, at);
      }
    },

    'a range may bound the first field of an index': async ({ db, own }) => {
      const models = await own();
      const rows = [1, 2, 3, 4].map((n) => item({ id: `r${n}`, dueAt: new Date(n) }));
      await insertAll(db, models.item, [...rows, item()]);
      const query: Query = { index: 'by_due', range: { field: 'dueAt', lte: new Date(3) } };
      assert.deepEqual(await findKeys(db, models.item, query), ['r1', 'r2', 'r3']);
      assert.deepEqual(await findKeys(db, models.item, { ...query, direction: 'desc' }), ['r3', 'r2', 'r1']);
    },

    'a range after several equal fields': async ({ db, models }) => {
      const { account, ids } = await entries({ db, models });
      const query: Query = { index: 'by_time', equals: { account, at: new Date(1) }, range: { field: 'seq', gt: 0 } };
      assert.deepEqual(await findKeys(db, models.entry, query), ids.slice(6, 8));
    },

    'anyOf keeps the rows that have one of the values, of any field': async ({ db, models }) => {
      const account = freshKey();
      const row = (i: number) => ({
        rank: i,
        isHidden: i % 2 === 0,
        dueAt: new Date(i),
        label: `l${i % 3}`,
        amount: 10 * i,
      });
      const rows = [0, 1, 2, 3, 4, 5].map((i) => item({ ...row(i), id: `${account}-${i}`, account }));
      await insertAll(db, models.item, [...rows, item(row(1))]);
      const found = async (field: string, ...values: StoredValue[]) => {
        const query = { index: 'by_account', equals: { account }, anyOf: { field, values } };
        return (await findKeys(db, models.item, query)).map((key) => Number(key.at(-1)));
      };
      assert.deepEqual(await found('label', 'l0', 'l2'), [0, 2, 3, 5]);
      assert.deepEqual(await found('label', 'l1', 'l1', 'other'), [1, 4]);
      assert.deepEqual(await found('label', 'L1', 'l', ''), []);
      assert.deepEqual(await found('amount', 20, 40, 41), [2, 4]);
      assert.deepEqual(await found('dueAt', new Date(5), new Date(0)), [0, 5]);
      assert.deepEqual(await found('isHidden', true), [0, 2, 4]);
      assert.deepEqual(await found('id', `${account}-4`, `${account}-1`, 'missing'), [1, 4]);
      assert.deepEqual(await found('account', account), [0, 1, 2, 3, 4, 5]);
      assert.deepEqual(await found('label'), [], 'none of no values');
      const many = Array.from({ length: 500 }, (_, i) => i);
      assert.deepEqual(await found('rank', ...many), [0, 1, 2, 3, 4, 5]);
    },

    'anyOf, equals and range together': async ({ db, models }) => {
      const account = freshKey();
      const kinds = ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b'];
      const rows = kinds.map((kind, seq) => entry({ id: `${account}-${seq}`, account, at: new Date(seq), seq, kind }));
      await insertAll(db, models.entry, [...rows, entry({ kind: 'a', seq: 3 })]);
      const query: Query = {
        index: 'by_time',
        equals: { account },
        range: { field: 'at', gt: new Date(0), lt: new Date(7) },
        anyOf: { field: 'kind', values: ['a', 'b'] },
      };
      const expected = [1, 3, 4, 6].map((i) => `${account}-${i}`);
      assert.deepEqual(await findKeys(db, models.entry, query), expected);
      assert.deepEqual(await findKeys(db, models.entry, { ...query, direction: 'desc' }), expected.toReversed());
      const { rows: two } = await db.find(models.entry.name, { ...query, limit: 2 });
      assert.deepEqual(two, [rows[1], rows[3]]);
    },
  };
}

/** Compares a range query, in both directions, with a filter of `rows`, which are in ascending order. */
async function sameAsFiltered<S>(
  { db }: Fixture<S>,
  model: StoredModel,
  rows: readonly Row[],
  query: Query,
  field: string,
  bounds: Readonly<Partial<Record<'gte' | 'gt' | 'lte' | 'lt', number>>>,
  value: (n: number) => StoredValue,
): Promise<void> {
  const numeric = rows.map((row, i) => ({ key: keyOf(row), n: [0, 1, 1, 2, 2, 3, 3, 4][i] as number }));
  const { gte = 0, gt = -1, lte = 9, lt = 10 } = bounds;
  const expected = numeric.filter(({ n }) => n >= gte && n > gt && n <= lte && n < lt).map(({ key }) => key);
  const range = { field, ...Object.fromEntries(Object.entries(bounds).map(([bound, n]) => [bound, value(n)])) };
  assert.deepEqual(await findKeys(db, model, { ...query, range }), expected, JSON.stringify(range));
  const backwards = await findKeys(db, model, { ...query, range, direction: 'desc' });
  assert.deepEqual(backwards, expected.toReversed(), `${JSON.stringify(range)}, descending`);
}
