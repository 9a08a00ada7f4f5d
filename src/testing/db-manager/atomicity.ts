/** Conformance: a unit applies as a whole or not at all, and units of one call do not touch each other. */
import assert from 'node:assert/strict';
import type { Change, Row, UnitOutcome } from '../../ports/db-manager.js';
import {
  COMMITTED,
  commit,
  conflict,
  type Fixture,
  insert,
  insertAll,
  readOne,
  remove,
  replace,
  type Tests,
} from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

export function atomicityTests<S>(): Tests<S> {
  return {
    'a unit of several models is committed as a whole': async ({ db, models }) => {
      const [kept, gone] = await stored({ db, models });
      const [made, line] = [item(), entry()];
      const next = { ...kept, amount: 1, version: 2 };
      const unit = [replace(models.item, next, 1), remove(models.item, keyOf(gone), 1), insert(models.item, made)];
      assert.deepEqual(await commit(db, ...unit, insert(models.entry, line)), COMMITTED);
      const rows = await db.getMany(models.item.name, [keyOf(kept), keyOf(gone), keyOf(made)]);
      assert.deepEqual(rows, [next, null, made]);
      assert.deepEqual(await readOne(db, models.entry, keyOf(line)), line);
    },

    'a conflict of the second change undoes the first, whatever they are': async ({ db, models }) => {
      const missing = freshKey();
      const stale = (row: Row): [Change, UnitOutcome][] => [
        [insert(models.item, item({ id: keyOf(row) })), conflict(models.item, keyOf(row))],
        [replace(models.item, { ...row, version: 9 }, 8), conflict(models.item, keyOf(row))],
        [replace(models.item, item({ id: missing, version: 2 }), 1), conflict(models.item, missing)],
        [remove(models.item, keyOf(row), 8), conflict(models.item, keyOf(row))],
        [remove(models.entry, missing, 1), conflict(models.entry, missing)],
      ];
      const [first, second] = await stored({ db, models });
      const made = entry();
      const good = [
        insert(models.entry, made),
        replace(models.item, { ...first, amount: 5, version: 2 }, 1),
        remove(models.item, keyOf(first), 1),
      ];
      for (const [bad, expected] of stale(second)) {
        for (const change of good) {
          assert.deepEqual(await commit(db, change, bad), expected);
          assert.deepEqual(await commit(db, bad, change), expected);
        }
      }
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(first), keyOf(second), missing]), [
        first,
        second,
        null,
      ]);
      assert.equal(await readOne(db, models.entry, keyOf(made)), null);
    },

    'a duplicate of the last change undoes all before it': async ({ db, models }) => {
      const [first, second] = await stored({ db, models });
      const taken = entry({ ref: freshKey() });
      await insertAll(db, models.entry, [taken]);
      const [made, double] = [item(), entry({ ref: taken.ref as string })];
      const outcome = await commit(
        db,
        insert(models.item, made),
        replace(models.item, { ...first, amount: 5, version: 2 }, 1),
        remove(models.item, keyOf(second), 1),
        insert(models.entry, double),
      );
      const found = [{ model: models.entry.name, index: 'by_ref', key: keyOf(taken) }];
      assert.deepEqual(outcome, { status: 'duplicate', found });
      const keys = [keyOf(made), keyOf(first), keyOf(second)];
      assert.deepEqual(await db.getMany(models.item.name, keys), [null, first, second]);
      assert.deepEqual(await db.getMany(models.entry.name, [keyOf(taken), keyOf(double)]), [taken, null]);
    },

    'delete and insert in one unit happen together or not at all': async ({ db, models }) => {
      const [first, second] = await stored({ db, models });
      const made = item();
      const clash = insert(models.item, item({ id: keyOf(second) }));
      assert.equal((await commit(db, remove(models.item, keyOf(first), 1), clash)).status, 'conflict');
      assert.deepEqual(await readOne(db, models.item, keyOf(first)), first);
      const outcome = await commit(db, remove(models.item, keyOf(first), 1), insert(models.item, made));
      assert.deepEqual(outcome, COMMITTED);
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(first), keyOf(made)]), [null, made]);
    },

    'two documents replaced in one unit each get their own row': async ({ db, models }) => {
      const [first, second] = await stored({ db, models });
      const next = [
        { ...first, amount: 20, version: 2 },
        { ...second, amount: 10, version: 4 },
      ] as const;
      const outcome = await commit(db, ...next.map((row) => replace(models.item, row, 1)));
      assert.deepEqual(outcome, COMMITTED);
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(first), keyOf(second)]), next);
    },

    'a commit that throws has applied nothing': async ({ db, models }) => {
      const row = item();
      const lost = { ...insert(models.item, item()), model: 'nowhere' };
      const outcomes = await db.commit([[insert(models.item, row)], [lost]]).catch(() => null);
      if (outcomes) assert.deepEqual([outcomes[0], outcomes[1]?.status], [COMMITTED, 'rejected']);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), outcomes ? row : null);
    },

    'no units, no outcomes': async ({ db }) => {
      assert.deepEqual(await db.commit([]), []);
    },

    'units of one call are independent, their outcomes in order': async ({ db, models }) => {
      const [first, second, third] = await stored({ db, models });
      const taken = item({ code: freshKey() });
      await insertAll(db, models.item, [taken]);
      const [made, lost] = [item(), item({ code: taken.code as string })];
      const half = entry();
      const missing = freshKey();
      const outcomes = await db.commit([
        [replace(models.item, { ...first, amount: 1, version: 2 }, 1)],
        [insert(models.entry, half), replace(models.item, { ...second, version: 3 }, 2)],
        [insert(models.item, lost)],
        [insert(models.item, made)],
        [remove(models.item, missing, 1)],
        [remove(models.item, keyOf(third), 1)],
      ]);
      assert.deepEqual(outcomes, [
        COMMITTED,
        conflict(models.item, keyOf(second)),
        { status: 'duplicate', found: [{ model: models.item.name, index: 'by_code', key: keyOf(taken) }] },
        COMMITTED,
        conflict(models.item, missing),
        COMMITTED,
      ]);
      const keys = [first, second, third, lost, made].map(keyOf);
      const expected = [{ ...first, amount: 1, version: 2 }, second, null, null, made];
      assert.deepEqual(await db.getMany(models.item.name, keys), expected);
      assert.equal(await readOne(db, models.entry, keyOf(half)), null);
    },

    'sixty units of one call each have their true outcome': async ({ db, models }) => {
      const rows = Array.from({ length: 60 }, () => item({ code: freshKey() }));
      await insertAll(db, models.item, rows);
      const lines = rows.map(() => entry());
      const kind = (i: number) => (['good', 'good', 'stale', 'good', 'taken'] as const)[i % 5];
      const outcomes = await db.commit(
        rows.map((row, i) => [
          replace(models.item, { ...row, amount: 1, version: 2 }, kind(i) === 'stale' ? 7 : 1),
          kind(i) === 'taken'
            ? insert(models.item, item({ id: `new-${keyOf(row)}`, code: row.code as string }))
            : insert(models.entry, lines[i] as Row),
        ]),
      );
      const expected = rows.map((row, i) => {
        if (kind(i) === 'stale') return conflict(models.item, keyOf(row));
        const found = [{ model: models.item.name, index: 'by_code', key: keyOf(row) }];
        return kind(i) === 'taken' ? { status: 'duplicate', found } : COMMITTED;
      });
      assert.deepEqual(outcomes, expected);
      const after = await db.getMany(models.item.name, rows.map(keyOf));
      assert.deepEqual(
        after.map((row) => row?.version),
        rows.map((_, i) => (kind(i) === 'good' ? 2 : 1)),
      );
      const written = await db.getMany(models.entry.name, lines.map(keyOf));
      assert.deepEqual(
        written,
        lines.map((line, i) => (kind(i) === 'good' ? line : null)),
      );
    },
  };
}

/** Three rows at version 1. */
async function stored<S>({ db, models }: Pick<Fixture<S>, 'db' | 'models'>): Promise<[Row, Row, Row]> {
  const rows: [Row, Row, Row] = [item({ amount: 10 }), item({ amount: 20 }), item({ amount: 30 })];
  await insertAll(db, models.item, rows);
  return rows;
}
