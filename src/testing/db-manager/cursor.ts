/** Conformance: pages, and the cursors that join them. */
import assert from 'node:assert/strict';
import { encodeCursor } from '../../ports/cursor.js';
import type { DbManager, FindQuery, Row, StoredModel } from '../../ports/db-manager.js';
import { commit, type Fixture, findKeys, insert, insertAll, rejectsWith, remove, type Tests } from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

const DIRECTIONS = ['asc', 'desc'] as const;

export function cursorTests<S>(): Tests<S> {
  return {
    'pages of any size, in both directions, visit each of 57 rows exactly once': async ({ db, models }) => {
      const { account, ids } = await ledger({ db, models });
      for (const direction of DIRECTIONS) {
        const query: Query = { index: 'by_time', equals: { account }, direction };
        const expected = direction === 'asc' ? ids : ids.toReversed();
        for (const size of [1, 2, 7, 19, 56, 57, 58]) {
          assert.deepEqual(await walk(db, models.entry, query, size), expected, `pages of ${size}, ${direction}`);
        }
      }
    },

    'pages walk ties by key, a whole table, and rows whose fields are null': async ({ db, own }) => {
      const { item: model } = await own();
      const due = (i: number) => (i % 3 === 0 ? null : new Date(i % 5));
      const rows = Array.from({ length: 57 }, (_, i) =>
        item({
          id: `k${100 + i}`,
          account: `a${i % 2}`,
          rank: i % 4 || null,
          label: i % 7 ? `l${i % 7}` : null,
          dueAt: due(i),
        }),
      );
      await insertAll(db, model, rows);
      const queries: Query[] = [
        { index: 'by_account' },
        { index: 'by_due' },
        { index: 'by_open' },
        { index: 'by_account', equals: { account: 'a1' } },
        { index: 'by_rank', equals: { account: 'a0' } },
        { index: 'by_label', equals: { account: 'a1' } },
        { index: 'by_rank', equals: { account: 'a1', rank: 3 } },
      ];
      for (const query of queries.flatMap((one) => DIRECTIONS.map((direction) => ({ ...one, direction })))) {
        const all = await findKeys(db, model, query);
        assert.equal(new Set(all).size, all.length);
        for (const size of [1, 4, 10]) assert.deepEqual(await walk(db, model, query, size), all, JSON.stringify(query));
      }
    },

    'pages keep to range and anyOf': async ({ db, models }) => {
      const { account, rows } = await ledger({ db, models });
      for (const direction of DIRECTIONS) {
        const query: Query = {
          index: 'by_time',
          equals: { account },
          range: { field: 'at', gte: new Date(1), lt: new Date(5) },
          anyOf: { field: 'kind', values: ['kind0', 'kind2'] },
          direction,
        };
        const picked = rows.filter((row) => {
          const at = (row.at as Date).getTime();
          return at >= 1 && at < 5 && row.kind !== 'kind1';
        });
        const expected = direction === 'asc' ? picked.map(keyOf) : picked.map(keyOf).toReversed();
        for (const size of [1, 5, 100]) assert.deepEqual(await walk(db, models.entry, query, size), expected);
      }
    },

    'nextCursor is what encodeCursor makes of the last row': async ({ db, models }) => {
      const { account } = await ledger({ db, models });
      for (const direction of DIRECTIONS) {
        const query = { index: 'by_time', equals: { account }, direction, limit: 10 };
        const page = await db.find(models.entry.name, query);
        assert.equal(page.nextCursor, encodeCursor(models.entry, query, page.rows.at(-1) as Row));
      }
    },

    'a cursor made of any row continues after that row': async ({ db, models }) => {
      const { account, rows, ids } = await ledger({ db, models });
      for (const direction of DIRECTIONS) {
        for (const i of [0, 1, 28, 55, 56]) {
          const query: Query = { index: 'by_time', equals: { account }, direction };
          const after = encodeCursor(models.entry, query, rows[i] as Row);
          const expected = direction === 'asc' ? ids.slice(i + 1) : ids.slice(0, i).toReversed();
          assert.deepEqual(await findKeys(db, models.entry, { ...query, after }), expected);
        }
      }
      const equals = { account, at: new Date(2) };
      const after = encodeCursor(models.entry, { index: 'by_time', equals }, rows[18] as Row);
      assert.deepEqual(await findKeys(db, models.entry, { index: 'by_time', equals, after }), ids.slice(19, 24));
    },

    'a cursor stays where it is when rows come and go around it': async ({ db, models }) => {
      const { account, ids, rows } = await ledger({ db, models });
      const query = { index: 'by_time', equals: { account }, limit: 10 };
      const { nextCursor } = await db.find(models.entry.name, query);
      const late = entry({ id: `${account}-200`, account, at: new Date(100) });
      await insertAll(db, models.entry, [entry({ account, at: new Date(0), seq: -1 }), late]);
      await commit(db, remove(models.entry, ids[0] as string, 1));
      const last = rows[9] as Row;
      await commit(db, remove(models.entry, keyOf(last), 1));
      const between = entry({ id: `${keyOf(last)}+`, account, at: last.at as Date, seq: last.seq as number });
      await commit(db, insert(models.entry, between));
      const rest = await findKeys(db, models.entry, {
        index: 'by_time',
        equals: { account },
        after: String(nextCursor),
      });
      assert.deepEqual(rest, [keyOf(between), ...ids.slice(10), keyOf(late)]);
    },

    'a cursor at the end of its list answers an empty page': async ({ db, models }) => {
      const { account, rows } = await ledger({ db, models });
      for (const [direction, last] of [['asc', rows.at(-1)] as const, ['desc', rows[0]] as const]) {
        const query = { index: 'by_time', equals: { account }, direction, limit: 10 };
        const after = encodeCursor(models.entry, query, last as Row);
        assert.deepEqual(await db.find(models.entry.name, { ...query, after }), { rows: [], nextCursor: null });
      }
    },

    'a malformed cursor is INVALID_ARGUMENT': async ({ db, models }) => {
      const { account, rows } = await ledger({ db, models });
      const query = { index: 'by_time', equals: { account } };
      const good = encodeCursor(models.entry, query, rows[3] as Row);
      const bad = [
        ...[
          '',
          ' ',
          'x',
          'not a cursor!',
          '../../etc/passwd',
          "'; DROP TABLE x;--",
          'null',
          '[]',
          '{}',
          'A'.repeat(10_240),
        ],
        ...[good.slice(0, -4), good.slice(4), `${good}${good}`, `${good} `, ` ${good}`, `${good}!`],
        ...[
          json('by_time'),
          json(null),
          json({}),
          json(['by_time']),
          json(['by_time', 1, 1]),
          json(['by_time', 1, 1, 'k', 1]),
        ],
        ...[json(['by_time', 'x', 1, 'k']), json(['by_time', 1, '1', 'k']), json(['by_time', 1, 1.5, 'k'])],
        ...[json(['by_time', 1, 1, 7]), json(['by_time', 1, 1, null]), json(['by_time', 1, { $gt: '' }, 'k'])],
        ...[json(['by_time', 1e300, 1, 'k']), json(['by_time', true, 1, 'k']), json(['by_kind', 1, 1, 'k'])],
        encodeCursor(models.entry, { index: 'by_kind', equals: { account } }, rows[3] as Row),
        encodeCursor(models.entry, { index: 'by_time' }, rows[3] as Row),
      ];
      for (const after of bad) {
        for (const direction of DIRECTIONS) {
          const call = () => db.find(models.entry.name, { ...query, direction, after, limit: 5 });
          await rejectsWith('INVALID_ARGUMENT', call);
        }
      }
    },
  };
}

type Query = Omit<FindQuery, 'limit' | 'after'>;

/** 57 entries of one account in order, with ties in `at` and `seq`. */
async function ledger<S>({ db, models }: Pick<Fixture<S>, 'db' | 'models'>) {
  const account = freshKey();
  const values = (i: number) => ({ at: new Date(Math.floor(i / 8)), seq: Math.floor(i / 3) % 4, kind: `kind${i % 3}` });
  const rows = Array.from({ length: 57 }, (_, i) => entry({ ...values(i), id: `${account}-${100 + i}`, account }))
    .map((row) => ({ row, at: (row.at as Date).getTime(), seq: row.seq as number }))
    .sort((a, b) => a.at - b.at || a.seq - b.seq || (keyOf(a.row) < keyOf(b.row) ? -1 : 1))
    .map(({ row }) => row);
  await insertAll(db, models.entry, [...rows.slice(30), ...rows.slice(0, 30).toReversed()]);
  return { account, rows, ids: rows.map(keyOf) };
}

/** The keys of all pages. It checks that every page but the last is full, and that the last is not empty. */
async function walk<S>(db: DbManager<S>, model: StoredModel, query: Query, limit: number): Promise<string[]> {
  const keys: string[] = [];
  let after: string | null = null;
  for (let page = 0; page < 100; page++) {
    const at: FindQuery = after === null ? { ...query, limit } : { ...query, limit, after };
    const found: { rows: readonly Row[]; nextCursor: string | null } = await db.find(model.name, at);
    keys.push(...found.rows.map(keyOf));
    if (found.nextCursor === null) {
      assert.ok(found.rows.length > 0 && found.rows.length <= limit, 'the last page has the rest');
      return keys;
    }
    assert.equal(found.rows.length, limit, 'a page with a successor is full');
    after = found.nextCursor;
  }
  assert.fail('the walk does not end');
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
