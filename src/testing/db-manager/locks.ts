/** Conformance of `getMany` with `lock`: an open transaction keeps others from writing its rows. */
import assert from 'node:assert/strict';
import { isCreditError } from '../../errors.js';
import type { Row, UnitOutcome } from '../../ports/db-manager.js';
import {
  answerWithin,
  COMMITTED,
  commit,
  findKeys,
  insert,
  insertAll,
  readOne,
  replace,
  type Tests,
  type TransactionalFixture,
  whereTransactions,
} from './fixture.js';
import { freshKey, item, keyOf } from './models.js';

/** The wait for a call's answer while another transaction holds a lock. Some adapters make such a call wait. */
const PATIENCE_MS = 300;

export function lockTests<S>(): Tests<S> {
  return whereTransactions<S>({
    'getMany with lock answers rows, order and missing keys as without': async ({ db, models }) => {
      const [a, b] = [item(), item()];
      await insertAll(db, models.item, [a, b]);
      const keys = [keyOf(b), freshKey(), keyOf(a), keyOf(b)];
      const rows = await db.transaction((session) => db.getMany(models.item.name, keys, { session, lock: true }));
      assert.deepEqual(rows, [b, null, a, b]);
    },

    'a locked document is not committed from outside, other documents of the same call are': async (f) => {
      const [held, free, other] = [item(), item(), item()];
      await insertAll(f.db, f.models.item, [held, free, other]);
      const outcomes = await whileHeld(f, [held, free, other], (session) => locks(f, session, held));
      assert.ok(['locked', 'conflict', 'committed'].includes(String(outcomes[0]?.status)), outcomes[0]?.status);
      assert.deepEqual(outcomes.slice(1), [COMMITTED, COMMITTED]);
      const versions = (await f.db.getMany(f.models.item.name, [held, free, other].map(keyOf))).map(
        (row) => row?.version,
      );
      assert.deepEqual(versions, [outcomes[0]?.status === 'committed' ? 2 : 1, 2, 2]);
    },

    'a commit from outside cannot undo what the holder of the lock wrote': async (f) => {
      const [held, free] = [item(), item()];
      await insertAll(f.db, f.models.item, [held, free]);
      const next = { ...held, amount: 100, version: 2 };
      const outcomes = await whileHeld(
        f,
        [held, free],
        (session) => locks(f, session, held),
        (session) => writes(f, session, next),
      );
      assert.ok(['locked', 'conflict'].includes(String(outcomes[0]?.status)), outcomes[0]?.status);
      assert.deepEqual(outcomes[1], COMMITTED);
      assert.deepEqual(await readOne(f.db, f.models.item, keyOf(held)), next);
    },

    'a document that an open transaction has written is locked as well': async (f) => {
      const [held, free] = [item(), item()];
      await insertAll(f.db, f.models.item, [held, free]);
      const next = { ...held, amount: 100, version: 2 };
      const outcomes = await whileHeld(f, [held, free], (session) => writes(f, session, next));
      assert.ok(['locked', 'conflict'].includes(String(outcomes[0]?.status)), outcomes[0]?.status);
      assert.deepEqual(outcomes[1], COMMITTED);
      assert.deepEqual(await readOne(f.db, f.models.item, keyOf(held)), next);
    },

    'a lock ends with its transaction, also when that fails': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const failure = new Error('stop');
      for (const fails of [false, true]) {
        const held = db.transaction(async (session) => {
          await db.getMany(models.item.name, [keyOf(row)], { session, lock: true });
          if (fails) throw failure;
        });
        await held.catch((error: unknown) => assert.equal(error, failure));
        const version = fails ? 3 : 2;
        assert.deepEqual(await commit(db, replace(models.item, { ...row, version }, version - 1)), COMMITTED);
      }
    },

    'the second transaction that locks a row waits, and sees what the first wrote': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const next = { ...row, amount: 7, version: 2 };
      const lock = (session: S) => db.getMany(models.item.name, [keyOf(row)], { session, lock: true });
      let second: Promise<readonly (Row | null)[]> | undefined;
      await db.transaction(async (session) => {
        assert.deepEqual(await lock(session), [row]);
        second = db.transaction(lock);
        assert.equal(await answerWithin(PATIENCE_MS, second), null, 'the second waits');
        assert.deepEqual(await db.commit([[replace(models.item, next, 1)]], { session }), [COMMITTED]);
        assert.equal(await answerWithin(PATIENCE_MS / 3, second), null, 'until the first has ended');
      });
      assert.deepEqual(await second, [next]);
    },

    'a lock that does not come within timeoutMs rejects with an error of the library': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      await db.transaction(async (session) => {
        await db.getMany(models.item.name, [keyOf(row)], { session, lock: true });
        const second = db.transaction(
          (other) => db.getMany(models.item.name, [keyOf(row)], { session: other, lock: true, timeoutMs: 200 }),
          { timeoutMs: 200 },
        );
        const failed = second.then(
          () => assert.fail('two transactions have the lock'),
          (error: unknown) => error,
        );
        const answer = await answerWithin(10_000, failed);
        assert.ok(answer && isCreditError(answer.value), 'rejected in time');
      });
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), row);
    },

    'increments under a lock need no second attempt and lose nothing': async ({ db, models }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const increment = () =>
        db.transaction(async (session) => {
          const [now] = (await db.getMany(models.item.name, [keyOf(row)], { session, lock: true })) as [Row];
          const next = { ...now, amount: (now.amount as number) + 1, version: now.version + 1 };
          assert.deepEqual(await db.commit([[replace(models.item, next, now.version)]], { session }), [COMMITTED]);
        });
      await Promise.all(Array.from({ length: 20 }, increment));
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), { ...row, amount: 20, version: 21 });
    },

    'a unique value that an open transaction has inserted is not given twice': async ({ db, models }) => {
      const failure = new Error('stop');
      for (const fails of [false, true]) {
        const code = freshKey();
        const [inside, outside] = [item({ code }), item({ code })];
        let ended = false;
        let racing: Promise<UnitOutcome> | undefined;
        const transaction = db.transaction(async (session) => {
          assert.deepEqual(await db.commit([[insert(models.item, inside)]], { session }), [COMMITTED]);
          racing = commit(db, insert(models.item, outside)).then((outcome) => {
            assert.ok(ended || outcome.status !== 'committed', 'not while the transaction is open');
            return outcome;
          });
          await answerWithin(PATIENCE_MS, racing);
          ended = true;
          if (fails) throw failure;
        });
        await transaction.catch((error: unknown) => assert.equal(error, failure));
        const { status } = (await racing) as UnitOutcome;
        const allowed = ['locked', 'duplicate', ...(fails ? ['committed'] : [])];
        assert.ok(allowed.includes(status), status);
        const found = await findKeys(db, models.item, { index: 'by_code', equals: { code } });
        if (fails) assert.deepEqual(found, status === 'committed' ? [keyOf(outside)] : []);
        else assert.deepEqual(found, [keyOf(inside)]);
      }
    },
  });
}

async function locks<S>({ db, models }: TransactionalFixture<S>, session: S, row: Row): Promise<void> {
  assert.deepEqual(await db.getMany(models.item.name, [keyOf(row)], { session, lock: true }), [row]);
}

async function writes<S>({ db, models }: TransactionalFixture<S>, session: S, next: Row): Promise<void> {
  assert.deepEqual(await db.commit([[replace(models.item, next, next.version - 1)]], { session }), [COMMITTED]);
}

/**
 * Opens a transaction that holds the first of `rows`. Meanwhile it commits all rows from outside, each in its own unit,
 * and then lets the transaction act. Answers the outcomes. The first unit must not commit before the transaction ends.
 */
async function whileHeld<S>(
  { db, models }: TransactionalFixture<S>,
  rows: readonly [Row, ...Row[]],
  hold: (session: S) => Promise<void>,
  act: (session: S) => Promise<void> = async () => {},
): Promise<readonly UnitOutcome[]> {
  let ended = false;
  let sent: Promise<readonly UnitOutcome[]> | undefined;
  await db.transaction(async (session) => {
    await hold(session);
    const units = rows.map((row) => [replace(models.item, { ...row, amount: 1, version: 2 }, 1)]);
    sent = db.commit(units).then((outcomes) => {
      assert.ok(ended || outcomes[0]?.status !== 'committed', 'not while the lock is held');
      return outcomes;
    });
    await answerWithin(PATIENCE_MS, sent);
    await act(session);
    const seen = await answerWithin(PATIENCE_MS, db.getMany(models.item.name, [keyOf(rows[0])]));
    if (seen) assert.deepEqual(seen.value, [rows[0]], 'a plain read does not see what is not committed');
    ended = true;
  });
  return (await sent) as readonly UnitOutcome[];
}
