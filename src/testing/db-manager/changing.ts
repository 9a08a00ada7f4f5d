/** Conformance: queries stay right while rows come, change and go. This tests adapters that keep their own indexes. */
import assert from 'node:assert/strict';
import type { DbManager, FindQuery, Row, StoredModel } from '../../ports/db-manager.js';
import { COMMITTED, commit, findKeys, insert, insertAll, remove, replace, type Tests } from './fixture.js';
import { freshKey, item, keyOf } from './models.js';

export function changingTests<S>(): Tests<S> {
  return {
    'rows that were found before they changed are found where they are now': async ({ db, models }) => {
      const account = freshKey();
      const rows = [1, 2, 3, 4].map((rank) => item({ id: `${account}-${rank}`, account, rank }));
      await insertAll(db, models.item, rows);
      const ranks = async (query: Omit<FindQuery, 'limit' | 'index'> = {}) => {
        const found = await findKeys(db, models.item, { equals: { account }, ...query, index: 'by_rank' });
        return found.map((key) => key.slice(account.length + 1)).join(' ');
      };
      assert.equal(await ranks(), '1 2 3 4');
      await commit(db, replace(models.item, { ...(rows[0] as Row), rank: 9, version: 2 }, 1));
      assert.equal(await ranks(), '2 3 4 1');
      await commit(
        db,
        remove(models.item, `${account}-3`, 1),
        insert(models.item, item({ id: `${account}-5`, account, rank: 0 })),
      );
      assert.equal(await ranks(), '5 2 4 1');
      await commit(db, replace(models.item, { ...(rows[1] as Row), account: freshKey(), version: 2 }, 1));
      assert.equal(await ranks(), '5 4 1');
      await commit(db, insert(models.item, rows[2] as Row));
      assert.equal(await ranks({ direction: 'desc' }), '1 4 3 5');
      await commit(db, replace(models.item, { ...(rows[3] as Row), rank: null, version: 2 }, 1));
      assert.equal(await ranks({ range: { field: 'rank', lte: 9 } }), '5 3 1');
      assert.equal(await ranks({ equals: { account, rank: 4 } }), '');
    },

    'a replacement may name fields that stay as they are': async ({ db, models }) => {
      const account = freshKey();
      const unchanged = ['account', 'label', 'slug'];
      const fewer = ['account', 'slug'];
      for (const count of [1, 70]) {
        const first = Array.from({ length: count }, (_, i) => {
          const id = `${account}-${count * 100 + i}`;
          return item({ id, account, rank: 0, label: `l${i}`, slug: `s-${id}` });
        });
        await insertAll(db, models.item, first);
        let rows: readonly Row[] = first;
        // As often as an adapter may need to find that it is worth its while.
        for (let round = 1; round <= 12; round++) {
          // In one commit some name them, some change one of them and name fewer or none, one is at another version.
          const after = rows.map((row, n) => ({
            ...{ ...row, rank: round * n, version: round + 1 },
            ...((n === 2 || n === 4) && { label: `another ${round}` }),
          }));
          const units = after.map((row, n) => {
            const change = replace(models.item, row, n === 3 ? 99 : round);
            if (n === 2 && round % 2 === 0) return [change];
            return [{ ...change, unchanged: n === 2 || n === 4 ? fewer : unchanged }];
          });
          const outcomes = await db.commit(units);
          assert.deepEqual(
            outcomes.map(({ status }) => status),
            units.map((_, n) => (n === 3 ? 'conflict' : 'committed')),
          );
          rows = after.map((row, n) => (n === 3 ? (first[3] as Row) : row));
          const keys = rows.map((row) => row.id as string);
          assert.deepEqual(await db.getMany(models.item.name, keys), rows);
        }
        // A unique value that stays collides with nobody, and keeps others out.
        const other = item({ id: freshKey(), account, slug: first[0]?.slug as string });
        assert.equal((await db.commit([[insert(models.item, other)]]))[0]?.status, 'duplicate');
      }
    },

    'a thousand random changes, queried all the while': async ({ db, models }) => {
      const random = randomFrom(20_240_229);
      const accounts = [freshKey(), freshKey(), freshKey()];
      const truth = new Map<string, Row>();
      const pick = <T>(list: readonly T[]) => list[random(list.length)] as T;
      const values = () => ({
        account: pick(accounts),
        rank: pick([null, 0, 1, 2, 3, 4]),
        label: pick([null, 'a', 'b', 'B']),
        isOpen: random(2) === 0,
        slug: freshKey('slug'),
      });
      for (let round = 0; round < 100; round++) {
        const units = Array.from({ length: 10 }, (_, i) => `${accounts[0]}-${10 * random(6) + i}`).map((id) => {
          const before = truth.get(id);
          const after = item({ ...values(), id, version: (before?.version ?? 0) + 1 });
          if (before && random(3) === 0) {
            truth.delete(id);
            return [remove(models.item, id, before.version)];
          }
          truth.set(id, after);
          return [before ? replace(models.item, after, before.version) : insert(models.item, after)];
        });
        assert.deepEqual(
          await db.commit(units),
          units.map(() => COMMITTED),
        );
        const rows = [...truth.values()].filter((row) => row.account === accounts[round % 3]);
        await queriesAgree(db, models.item, accounts[round % 3] as string, rows, random(5));
      }
    },
  };
}

async function queriesAgree<S>(
  db: DbManager<S>,
  model: StoredModel,
  account: string,
  rows: readonly Row[],
  n: number,
): Promise<void> {
  const direction = n % 2 ? 'asc' : 'desc';
  const agree = async (query: Omit<FindQuery, 'limit'>, fields: readonly string[], selects: (row: Row) => boolean) => {
    const expected = rows.filter(selects).sort(along(fields)).map(keyOf);
    const found = await findKeys(db, model, { ...query, direction });
    assert.deepEqual(found, direction === 'asc' ? expected : expected.toReversed(), JSON.stringify(query));
  };
  const rank = { field: 'rank', gte: n - 1, lt: n + 2 };
  const isNear = (row: Row) => row.rank !== null && Number(row.rank) >= n - 1 && Number(row.rank) < n + 2;
  await agree({ index: 'by_account', equals: { account } }, [], () => true);
  await agree({ index: 'by_rank', equals: { account }, range: rank }, ['rank'], isNear);
  await agree({ index: 'by_rank', equals: { account, rank: n } }, [], (row) => row.rank === n);
  await agree({ index: 'by_label', equals: { account, label: 'b' } }, [], (row) => row.label === 'b');
  const openIn = { index: 'by_open', equals: { account, isOpen: true }, range: rank };
  await agree(openIn, ['rank'], (row) => row.isOpen === true && isNear(row));
  const anyOf = { field: 'label', values: ['a', 'B'] };
  await agree(
    { index: 'by_slug', equals: { account }, anyOf },
    ['slug'],
    ({ label }) => label === 'a' || label === 'B',
  );
}

function along(fields: readonly string[]) {
  return (a: Row, b: Row): number => {
    const field = [...fields, 'id'].find((name) => a[name] !== b[name]);
    return field !== undefined && (a[field] as string | number) < (b[field] as string | number) ? -1 : 1;
  };
}

/** A small generator (mulberry32), so that a failure can be repeated: whole numbers below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
