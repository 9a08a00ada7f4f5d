/** Conformance: insert, replace and delete of one document, and what stops them. */
import assert from 'node:assert/strict';
import { COMMITTED, commit, conflict, findKeys, insert, readOne, remove, replace, type Tests } from './fixture.js';
import { freshKey, item, keyOf } from './models.js';

export function commitTests<S>(): Tests<S> {
  return {
    'an inserted row is there, with the version it was given': async ({ db, models }) => {
      const row = item({ version: 7 });
      assert.deepEqual(await commit(db, insert(models.item, row)), COMMITTED);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'insert of an existing key is a conflict that names it': async ({ db, models }) => {
      const row = item({ amount: 1 });
      await commit(db, insert(models.item, row));
      for (const version of [1, 2]) {
        const again = item({ id: keyOf(row), amount: 2, version });
        assert.deepEqual(await commit(db, insert(models.item, again)), conflict(models.item, keyOf(row)));
      }
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'the very same insert again writes nothing, though its unique values are taken as well': async ({ db, models }) => {
      const row = item({ code: freshKey() });
      await commit(db, insert(models.item, row));
      const again = await commit(db, insert(models.item, { ...row, amount: 2 }));
      const found = [{ model: models.item.name, index: 'by_code', key: keyOf(row) }];
      const expected =
        again.status === 'duplicate' ? { status: 'duplicate', found } : conflict(models.item, keyOf(row));
      assert.deepEqual(again, expected, 'a conflict or a duplicate');
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'replace at the expected version writes the whole row': async ({ db, models }) => {
      const row = item({ label: 'first' });
      await commit(db, insert(models.item, row));
      const next = item({ id: keyOf(row), version: 2, amount: 5 });
      assert.deepEqual(await commit(db, replace(models.item, next, 1)), COMMITTED);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), next);
    },

    'replace sets the version of the row it is given, however far it jumps': async ({ db, models }) => {
      const row = item();
      await commit(db, insert(models.item, row));
      let before = 1;
      for (const version of [2, 102, 2 ** 31, 2 ** 40 + 1]) {
        assert.deepEqual(await commit(db, replace(models.item, { ...row, version }, before)), COMMITTED);
        assert.equal((await readOne(db, models.item, keyOf(row)))?.version, version);
        before = version;
      }
    },

    'replace at another version is a conflict that names the row': async ({ db, models }) => {
      const row = item({ version: 5 });
      await commit(db, insert(models.item, row));
      for (const expected of [0, 4, 6, 50]) {
        const next = { ...row, amount: 9, version: expected + 1 };
        assert.deepEqual(await commit(db, replace(models.item, next, expected)), conflict(models.item, keyOf(row)));
      }
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'replace of a missing row is a conflict and makes none': async ({ db, models }) => {
      const row = item({ version: 2 });
      for (const expected of [0, 1, 2]) {
        assert.deepEqual(await commit(db, replace(models.item, row, expected)), conflict(models.item, keyOf(row)));
      }
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    },

    'delete at the expected version removes the row': async ({ db, models }) => {
      const row = item({ version: 3 });
      await commit(db, insert(models.item, row));
      assert.deepEqual(await commit(db, remove(models.item, keyOf(row), 3)), COMMITTED);
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
      const keys = await findKeys(db, models.item, { index: 'by_account', equals: { account: row.account as string } });
      assert.deepEqual(keys, []);
    },

    'delete at another version is a conflict that names the row': async ({ db, models }) => {
      const row = item({ version: 3 });
      await commit(db, insert(models.item, row));
      for (const expected of [0, 2, 4]) {
        const outcome = await commit(db, remove(models.item, keyOf(row), expected));
        assert.deepEqual(outcome, conflict(models.item, keyOf(row)));
      }
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'delete of a missing row is a conflict that names it': async ({ db, models }) => {
      const key = freshKey();
      assert.deepEqual(await commit(db, remove(models.item, key, 1)), conflict(models.item, key));
    },

    'a deleted key can be inserted again': async ({ db, models }) => {
      const row = item({ code: freshKey(), label: 'old' });
      await commit(db, insert(models.item, row));
      await commit(db, remove(models.item, keyOf(row), 1));
      const next = { ...row, label: 'new', amount: 2 };
      assert.deepEqual(await commit(db, insert(models.item, next)), COMMITTED);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), next);
    },

    'a replaced row is found by its new values only': async ({ db, models }) => {
      const row = item({ label: 'old' });
      const account = row.account as string;
      await commit(db, insert(models.item, row));
      await commit(db, replace(models.item, { ...row, label: 'new', version: 2 }, 1));
      const by = (label: string) => findKeys(db, models.item, { index: 'by_label', equals: { account, label } });
      assert.deepEqual(await by('old'), []);
      assert.deepEqual(await by('new'), [keyOf(row)]);
    },

    'keys that differ only in case or blanks are different documents': async ({ db, models }) => {
      const key = freshKey('Key');
      const keys = [key, key.toUpperCase(), key.toLowerCase(), `${key} `, ` ${key}`];
      for (const id of keys) assert.deepEqual(await commit(db, insert(models.item, item({ id }))), COMMITTED);
      assert.deepEqual(await commit(db, remove(models.item, key.toLowerCase(), 1)), COMMITTED);
      const left = (await db.getMany(models.item.name, keys)).map((row) => row?.id ?? null);
      assert.deepEqual(left, [keys[0], keys[1], null, keys[3], keys[4]]);
    },
  };
}
