/** Conformance: unique indexes refuse taken values, name the row that has them, and free values that are given up. */
import assert from 'node:assert/strict';
import type { Row, StoredModel, UnitOutcome } from '../../ports/db-manager.js';
import { COMMITTED, commit, insert, insertAll, readOne, remove, replace, type Tests } from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

export function uniqueTests<S>(): Tests<S> {
  return {
    'an inserted duplicate names model, index and the row that has the value': async ({ db, models }) => {
      const row = item({ code: freshKey() });
      await insertAll(db, models.item, [row, item({ code: freshKey() })]);
      const double = item({ code: row.code as string });
      const outcome = await commit(db, insert(models.item, double));
      assert.deepEqual(outcome, duplicate([models.item, 'by_code', row]));
      assert.equal(await readOne(db, models.item, keyOf(double)), null);
    },

    'a replaced row cannot take a value that another row has': async ({ db, models }) => {
      const [row, other] = [item({ code: freshKey() }), item({ code: freshKey() })];
      await insertAll(db, models.item, [row, other]);
      const outcome = await commit(db, replace(models.item, { ...other, code: row.code as string, version: 2 }, 1));
      assert.deepEqual(outcome, duplicate([models.item, 'by_code', row]));
      assert.deepEqual(await readOne(db, models.item, keyOf(other)), other);
    },

    'every duplicate of a unit is named: two indexes, two rows, two models': async ({ db, models }) => {
      const account = freshKey();
      const [one, two] = [item({ code: freshKey() }), item({ account, slug: 'slug' })];
      const line = entry({ ref: freshKey() });
      await insertAll(db, models.item, [one, two]);
      await insertAll(db, models.entry, [line]);
      const outcome = await commit(
        db,
        insert(models.item, item()),
        insert(models.item, item({ account, slug: 'slug', code: one.code as string })),
        insert(models.entry, entry({ ref: line.ref as string })),
      );
      const all = duplicate(
        [models.item, 'by_code', one],
        [models.item, 'by_slug', two],
        [models.entry, 'by_ref', line],
      );
      assert.deepEqual(sorted(outcome), sorted(all));
    },

    'null never collides in a unique index': async ({ db, models }) => {
      const account = freshKey();
      const rows = Array.from({ length: 4 }, () => item({ account, code: null, slug: null }));
      await insertAll(db, models.item, rows);
      const next = { ...(rows[0] as Row), amount: 1, version: 2 };
      assert.deepEqual(await commit(db, replace(models.item, next, 1)), COMMITTED);
      assert.deepEqual(await db.getMany(models.item.name, rows.map(keyOf)), [next, ...rows.slice(1)]);
    },

    'an empty string is a value and collides': async ({ db, own }) => {
      const models = await own();
      const row = item({ code: '' });
      await insertAll(db, models.item, [row, item()]);
      assert.deepEqual(
        await commit(db, insert(models.item, item({ code: '' }))),
        duplicate([models.item, 'by_code', row]),
      );
    },

    'an index of two fields is unique in both together': async ({ db, models }) => {
      const [a, b] = [freshKey(), freshKey()];
      const row = item({ account: a, slug: 'x' });
      await insertAll(db, models.item, [row, item({ account: a, slug: 'y' }), item({ account: b, slug: 'x' })]);
      const outcome = await commit(db, insert(models.item, item({ account: a, slug: 'x' })));
      assert.deepEqual(outcome, duplicate([models.item, 'by_slug', row]));
    },

    'values run together do not collide with values cut elsewhere': async ({ db, models }) => {
      const key = freshKey();
      for (const joint of [':', ',', '|', '/', '\u001f', '","', '']) {
        const rows = [
          item({ account: `${key}${joint}a`, slug: `b${joint}c` }),
          item({ account: `${key}${joint}a${joint}b`, slug: 'c' }),
        ];
        await insertAll(db, models.item, joint === '' ? rows.slice(0, 1) : rows);
      }
    },

    'values that differ in case, accents or blanks are different': async ({ db, models }) => {
      const code = freshKey('Code');
      const codes = [
        code,
        code.toUpperCase(),
        code.toLowerCase(),
        `${code} `,
        ` ${code}`,
        `${code}é`,
        `${code}e\u0301`,
      ];
      await insertAll(
        db,
        models.item,
        codes.map((value) => item({ code: value })),
      );
    },

    'a value is free again after its row was deleted': async ({ db, models }) => {
      const row = item({ code: freshKey() });
      await insertAll(db, models.item, [row]);
      await commit(db, remove(models.item, keyOf(row), 1));
      assert.deepEqual(await commit(db, insert(models.item, item({ code: row.code as string }))), COMMITTED);
    },

    'replace frees the old value and takes the new one': async ({ db, models }) => {
      const [before, after] = [freshKey(), freshKey()];
      const row = item({ code: before });
      await insertAll(db, models.item, [row]);
      assert.deepEqual(await commit(db, replace(models.item, { ...row, code: after, version: 2 }, 1)), COMMITTED);
      const late = await commit(db, insert(models.item, item({ code: after })));
      assert.deepEqual(late, duplicate([models.item, 'by_code', row]));
      assert.deepEqual(await commit(db, insert(models.item, item({ code: before }))), COMMITTED);
    },

    'replace with null frees the value': async ({ db, models }) => {
      const code = freshKey();
      const row = item({ code });
      await insertAll(db, models.item, [row]);
      await commit(db, replace(models.item, { ...row, code: null, version: 2 }, 1));
      assert.deepEqual(await commit(db, insert(models.item, item({ code }))), COMMITTED);
    },

    'a row that keeps its value does not collide with itself': async ({ db, models }) => {
      const row = item({ code: freshKey(), slug: 'own' });
      await insertAll(db, models.item, [row]);
      const next = { ...row, amount: 1, version: 2 };
      assert.deepEqual(await commit(db, replace(models.item, next, 1)), COMMITTED);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), next);
    },

    'a value that a failed unit would have taken stays free': async ({ db, models }) => {
      const code = freshKey();
      const failed = await commit(db, insert(models.item, item({ code })), remove(models.item, freshKey(), 1));
      assert.equal(failed.status, 'conflict');
      assert.deepEqual(await commit(db, insert(models.item, item({ code }))), COMMITTED);
    },

    'a value that a failed unit would have freed stays taken': async ({ db, models }) => {
      const row = item({ code: freshKey() });
      await insertAll(db, models.item, [row]);
      const freed = replace(models.item, { ...row, code: null, version: 2 }, 1);
      assert.equal((await commit(db, freed, remove(models.item, freshKey(), 1))).status, 'conflict');
      const outcome = await commit(db, insert(models.item, item({ code: row.code as string })));
      assert.deepEqual(outcome, duplicate([models.item, 'by_code', row]));
    },
  };
}

function duplicate(...found: [StoredModel, string, Row][]): UnitOutcome {
  return {
    status: 'duplicate',
    found: found.map(([model, index, row]) => ({ model: model.name, index, key: keyOf(row) })),
  };
}

/** The outcome with its duplicates sorted, because the port promises no order. */
function sorted(outcome: UnitOutcome): UnitOutcome {
  if (outcome.status !== 'duplicate') return outcome;
  return { ...outcome, found: outcome.found.toSorted((a, b) => (a.index < b.index ? -1 : 1)) };
}
