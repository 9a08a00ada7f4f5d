/** Conformance of `transaction`, if the adapter has it: commit, rollback, and what others see meanwhile. */
import assert from 'node:assert/strict';
import type { Row } from '../../ports/db-manager.js';
import {
  answerWithin,
  COMMITTED,
  commit,
  conflict,
  findKeys,
  insert,
  insertAll,
  readOne,
  rejectsWith,
  remove,
  replace,
  type Tests,
  whereTransactions,
} from './fixture.js';
import { entry, freshKey, item, keyOf } from './models.js';

export function transactionTests<S>(): Tests<S> {
  return whereTransactions<S>({
    'a transaction commits when its run resolves, and answers what run answered': async ({ db, models }) => {
      const [row, line] = [item(), entry()];
      await insertAll(db, models.item, [row]);
      const next = { ...row, amount: 1, version: 2 };
      const answer = await db.transaction(async (session) => {
        assert.deepEqual(await db.commit([[replace(models.item, next, 1)]], { session }), [COMMITTED]);
        assert.deepEqual(await db.commit([[insert(models.entry, line)]], { session }), [COMMITTED]);
        return { some: 'value' };
      });
      assert.deepEqual(answer, { some: 'value' });
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), next);
      assert.deepEqual(await readOne(db, models.entry, keyOf(line)), line);
    },

    'a transaction that wrote nothing is fine': async ({ db, models }) => {
      assert.equal(await db.transaction(async () => undefined), undefined);
      const read = db.transaction((session) => db.getMany(models.item.name, [freshKey()], { session }));
      assert.deepEqual(await read, [null]);
    },

    'a throw in run undoes everything and comes out as it is': async ({ db, models }) => {
      const [row, gone] = [item({ code: freshKey() }), item()];
      const [made, line] = [item({ code: freshKey() }), entry()];
      await insertAll(db, models.item, [row, gone]);
      for (const failure of [new Error('stop'), { not: 'an error' }]) {
        const thrown = await db
          .transaction(async (session) => {
            await db.commit([[insert(models.item, made), insert(models.entry, line)]], { session });
            const freed = { ...row, code: null, version: 2 };
            await db.commit([[replace(models.item, freed, 1), remove(models.item, keyOf(gone), 1)]], { session });
            throw failure;
          })
          .catch((error: unknown) => error);
        assert.equal(thrown, failure);
        const keys = [row, gone, made].map(keyOf);
        assert.deepEqual(await db.getMany(models.item.name, keys), [row, gone, null]);
        assert.equal(await readOne(db, models.entry, keyOf(line)), null);
      }
      const code = made.code as string;
      assert.deepEqual(await findKeys(db, models.item, { index: 'by_code', equals: { code } }), []);
      assert.deepEqual(await commit(db, insert(models.item, item({ code }))), COMMITTED, 'its value is free');
      const taken = await commit(db, insert(models.item, item({ code: row.code as string })));
      assert.equal(taken.status, 'duplicate', 'what it had freed is taken');
      assert.deepEqual(
        await commit(db, replace(models.item, { ...row, version: 2 }, 1)),
        COMMITTED,
        'nothing is locked',
      );
    },

    'reads inside see the own writes, reads outside only after the commit': async ({ db, models }) => {
      const account = freshKey();
      const [row, made] = [item({ account, rank: 1 }), item({ account, rank: 2 })];
      await insertAll(db, models.item, [row]);
      const next: Row = { ...row, rank: 3, version: 2 };
      const read = async (session?: S) => {
        const query = { index: 'by_rank', equals: { account } };
        return [
          await db.getMany(models.item.name, [keyOf(row), keyOf(made)], { session }),
          (await db.find(models.item.name, { ...query, limit: 9 }, { session })).rows,
          await db.count(models.item.name, query, { session }),
        ];
      };
      const [before, after] = [
        [[row, null], [row], 1],
        [[next, made], [made, next], 2],
      ];
      let outside: ReturnType<typeof read> | undefined;
      await db.transaction(async (session) => {
        assert.deepEqual(await read(session), before);
        const unit = [replace(models.item, next, 1), insert(models.item, made)];
        assert.deepEqual(await db.commit([unit], { session }), [COMMITTED]);
        assert.deepEqual(await read(session), after);
        outside = read();
        const early = await answerWithin(300, outside); // null when a database with one connection makes it wait
        if (early) assert.deepEqual(early.value, before);
      });
      await outside;
      assert.deepEqual(await read(), after);
    },

    'a conflicting unit inside writes nothing': async ({ db, models }) => {
      const [first, second] = [item(), item()];
      await insertAll(db, models.item, [first, second]);
      const made = entry();
      await db.transaction(async (session) => {
        const unit = [
          insert(models.entry, made),
          replace(models.item, { ...first, amount: 1, version: 2 }, 1),
          replace(models.item, { ...second, amount: 1, version: 9 }, 8),
        ];
        assert.deepEqual(await db.commit([unit], { session }), [conflict(models.item, keyOf(second))]);
      });
      assert.deepEqual(await db.getMany(models.item.name, [keyOf(first), keyOf(second)]), [first, second]);
      assert.equal(await readOne(db, models.entry, keyOf(made)), null);
    },

    'a transaction goes on after a conflict': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const [before, after] = [entry(), entry()];
      await db.transaction(async (session) => {
        assert.deepEqual(await db.commit([[insert(models.entry, before)]], { session }), [COMMITTED]);
        const stale = [remove(models.item, keyOf(row), 7)];
        assert.deepEqual(await db.commit([stale], { session }), [conflict(models.item, keyOf(row))]);
        assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session }), [row]);
        assert.deepEqual(await db.commit([[insert(models.entry, after)]], { session }), [COMMITTED]);
      });
      assert.deepEqual(await db.getMany(models.entry.name, [keyOf(before), keyOf(after)]), [before, after]);
    },

    'a change inside sees the versions that were written inside': async ({ db, models }) => {
      const made = item();
      await db.transaction(async (session) => {
        const write = (...unit: Parameters<typeof replace>[]) =>
          db.commit([unit.map((change) => replace(...change))], { session });
        await db.commit([[insert(models.item, made)]], { session });
        assert.deepEqual(await write([models.item, { ...made, version: 2 }, 1]), [COMMITTED]);
        assert.deepEqual(await write([models.item, { ...made, version: 2 }, 1]), [conflict(models.item, keyOf(made))]);
        assert.deepEqual(await write([models.item, { ...made, amount: 3, version: 3 }, 2]), [COMMITTED]);
      });
      assert.deepEqual(await readOne(db, models.item, keyOf(made)), { ...made, amount: 3, version: 3 });
    },

    'a row that is written twice inside stays as it was for those outside, until the commit': async ({
      db,
      models,
    }) => {
      const row = item({ code: freshKey() });
      await insertAll(db, models.item, [row]);
      const failure = new Error('stop');
      const second = { ...row, code: freshKey(), version: 3 };
      for (const fails of [true, false]) {
        let outside: Promise<Row | null | undefined> | undefined;
        const transaction = db.transaction(async (session) => {
          for (const next of [{ ...row, code: freshKey(), version: 2 }, second]) {
            const unit = [replace(models.item, next, next.version - 1)];
            assert.deepEqual(await db.commit([unit], { session }), [COMMITTED]);
            assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session }), [next]);
          }
          outside = readOne(db, models.item, keyOf(row));
          const early = await answerWithin(300, outside);
          if (early) assert.deepEqual(early.value, row);
          if (fails) throw failure;
        });
        await transaction.catch((error: unknown) => assert.equal(error, failure));
        await outside;
        const expected = fails ? row : second;
        assert.deepEqual(await readOne(db, models.item, keyOf(row)), expected);
        const equals = { code: expected.code as string };
        assert.deepEqual(await findKeys(db, models.item, { index: 'by_code', equals }), [keyOf(row)]);
      }
    },

    'a session is refused after its transaction has ended': async ({ db, models }) => {
      const ended: S[] = [];
      await db.transaction(async (session) => void ended.push(session));
      const failure = new Error('stop');
      const rolledBack = db.transaction(async (session) => {
        ended.push(session);
        throw failure;
      });
      await assert.rejects(rolledBack, failure);
      assert.equal(ended.length, 2);
      const row = item();
      const query = { index: 'by_account', equals: { account: 'nobody' } };
      for (const session of ended) {
        await rejectsWith('INVALID_ARGUMENT', () => db.getMany(models.item.name, ['k'], { session }));
        await rejectsWith('INVALID_ARGUMENT', () => db.find(models.item.name, { ...query, limit: 1 }, { session }));
        await rejectsWith('INVALID_ARGUMENT', () => db.count(models.item.name, query, { session }));
        await rejectsWith('INVALID_ARGUMENT', () => db.commit([[insert(models.item, row)]], { session }));
      }
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    },

    'an aborted signal keeps a transaction from running': async ({ db }) => {
      let ran = false;
      const run = async () => {
        ran = true;
      };
      await rejectsWith('ABORTED', () => db.transaction(run, { signal: AbortSignal.abort() }));
      assert.equal(ran, false);
    },
  });
}
