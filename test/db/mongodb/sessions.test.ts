/** Credits inside the host's own transaction. */
import assert from 'node:assert/strict';
import { type ClientSession, MongoClient } from 'mongodb';
import { expectTypeOf, test } from 'vitest';
import { type MongoClientLike, MongoDbManager, type MongoSession } from '../../../src/entries/mongodb.js';
import { createCreditManagement, isCreditError } from '../../../src/index.js';
import { insert, insertAll, readOne, replace } from '../../../src/testing/db-manager/fixture.js';
import { entry, freshKey, item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describeMongo } from '../../backends/mongo.js';
import { ownNow } from '../../support/pace.js';
import { bumped, errorOf, hasLabel, statuses, withBench } from './fixture.js';

const TRANSIENT = 'TransientTransactionError';

await describeMongo('sessions on MongoDB', (database) => {
  test('a refused unit leaves the transaction of the host as it was', () =>
    withBench(database, async ({ db, models, begin }) => {
      const [taken, row] = [item({ code: freshKey() }), item()];
      await insertAll(db, models.item, [taken, row]);
      const session = begin();
      const write = (...unit: ReturnType<typeof insert>[]) => db.commit([unit], { session });
      const code = taken.code as string;
      const refused = [
        await write(replace(models.item, bumped(row), 9), insert(models.entry, entry())),
        await write(insert(models.entry, entry()), insert(models.item, item({ code }))),
        await write(insert(models.entry, entry()), insert(models.item, taken)),
        await write(insert(models.entry, entry()), insert(models.item, item({ version: 0 }))),
        await write(insert(models.item, item({ code: 'twice' })), insert(models.item, item({ code: 'twice' }))),
      ];
      assert.deepEqual(refused.flatMap(statuses), ['conflict', 'duplicate', 'duplicate', 'rejected', 'duplicate']);
      const query = { index: 'by_rank', equals: { account: 7 as never }, limit: 1 };
      assert.ok(isCreditError(await errorOf(db.find(models.item.name, query, { session })), 'INVALID_ARGUMENT'));
      const made = entry();
      assert.deepEqual(await write(insert(models.entry, made), replace(models.item, bumped(row), 1)), [
        { status: 'committed' },
      ]);
      await session.commitTransaction();
      assert.equal(await db.count(models.entry.name, { index: 'by_time' }), 1);
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), bumped(row));
    }));

  test('a session outside a transaction, of another client, ended, or none at all is INVALID_ARGUMENT', () =>
    withBench(database, async ({ db, models, client, begin }) => {
      const stranger = new MongoClient(database.url);
      const foreign = stranger.startSession();
      foreign.startTransaction();
      const [idle, ended, committed] = [client.startSession(), client.startSession(), begin()];
      await ended.endSession();
      await committed.commitTransaction();
      for (const wrong of [foreign, idle, ended, committed, client, stranger, { inTransaction: () => true }]) {
        const session = wrong as unknown as MongoSession;
        for (const call of [
          db.commit([[insert(models.item, item())]], { session }),
          db.commit([], { session }),
          db.getMany(models.item.name, ['k'], { session, lock: true }),
          db.find(models.item.name, { index: 'by_account', limit: 1 }, { session }),
          db.ping({ session }),
        ]) {
          const error = await errorOf(call);
          assert.ok(isCreditError(error, 'INVALID_ARGUMENT'), String(error));
        }
      }
      await idle.endSession();
      await foreign.endSession();
      await stranger.close();
      expectTypeOf<ClientSession>().toExtend<MongoSession>();
      expectTypeOf<MongoClient>().toExtend<MongoClientLike>();
    }));

  test('a conflict inside withTransaction is thrown as the driver made it, is retried, and ends in one effect', () =>
    withBench(database, async ({ client, raw }) => {
      const db = new MongoDbManager({ client, dbName: raw.databaseName });
      const { credits, ledger } = createCreditManagement({ db });
      await credits.addCredits('u', 100);
      let runs = 0;
      const errors: unknown[] = [];
      await client.withSession((session) =>
        session.withTransaction(async () => {
          runs++;
          await raw.collection('shop_order').insertOne({ run: runs }, { session });
          // Somebody else writes the account after the snapshot of this transaction was taken.
          if (runs <= 2) await credits.deductCredits('u', 1);
          await credits.deductCredits('u', 10, { session }).catch((error: unknown) => {
            errors.push(error);
            throw error;
          });
        }),
      );
      assert.equal(runs, 3);
      assert.ok(errors.every((error) => hasLabel(error, TRANSIENT) && !isCreditError(error)));
      assert.equal((await credits.getUserCreditsInfo('u')).balance, 88);
      assert.equal(await raw.collection('shop_order').countDocuments(), 1);
      assert.deepEqual((await ledger.verify()).problems, []);
    }));

  test('an account that is new to the snapshot makes the host begin again, and once', () =>
    withBench(database, async ({ client, raw }) => {
      const db = new MongoDbManager({ client, dbName: raw.databaseName });
      const { credits } = createCreditManagement({ db });
      await credits.addCredits('somebody', 1);
      let runs = 0;
      await client.withSession((session) =>
        session.withTransaction(async () => {
          runs++;
          await raw.collection('shop_order').findOne({}, { session });
          await credits.addCredits('new', 5, { session });
        }),
      );
      assert.equal(runs, 2);
      assert.equal((await credits.getUserCreditsInfo('new')).balance, 5);
    }));

  test('after an error that ended it the transaction takes nothing more, and the session’s next one does', () =>
    withBench(database, async ({ db, models, begin, collection }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const holder = begin();
      await collection(models.item).updateOne({ _id: row.id } as object, { $set: { _lock: 1 } }, { session: holder });
      const session = begin();
      const unit = [[replace(models.item, bumped(row), 1)]];
      const first = await errorOf(db.commit(unit, { session }));
      assert.ok(first.code === 112 && hasLabel(first, TRANSIENT));
      const second = await errorOf(db.commit([[insert(models.entry, entry())]], { session }));
      assert.ok(second.code === 251 && hasLabel(second, TRANSIENT));
      await session.abortTransaction();
      await holder.abortTransaction();
      session.startTransaction();
      assert.deepEqual(await db.commit(unit, { session }), [{ status: 'committed' }]);
      await session.commitTransaction();
      assert.deepEqual(await readOne(db, models.item, keyOf(row)), bumped(row));
    }));

  test('calls of one session at the same time run one after another', () =>
    withBench(database, async ({ db, models, begin }) => {
      const session = begin();
      const units = Array.from({ length: 20 }, (_, i) => [
        i % 3 === 2
          ? insert(models.item, item({ version: 0 }))
          : insert(models.entry, entry({ seq: i, account: 'one' })),
      ]);
      const outcomes = await Promise.all(units.map((unit) => db.commit([unit], { session })));
      const expected = units.map((_, i) => (i % 3 === 2 ? 'rejected' : 'committed'));
      assert.deepEqual(outcomes.flatMap(statuses), expected);
      await session.commitTransaction();
      assert.equal(await db.count(models.entry.name, { index: 'by_time', equals: { account: 'one' } }), 14);
    }));

  test('a lock of our own transaction that does not come is CONTENTION, in time', () =>
    withBench(database, async ({ db, models, collection, begin }) => {
      const row = item();
      await insertAll(db, models.item, [row]);
      const holder = begin();
      await collection(models.item).updateOne({ _id: row.id } as object, { $set: { _lock: 1 } }, { session: holder });
      const run = (session: MongoSession) =>
        db.getMany(models.item.name, [keyOf(row)], { session, lock: true, timeoutMs: 200 });
      const began = ownNow();
      assert.ok(isCreditError(await errorOf(db.transaction(run, { timeoutMs: 60_000 })), 'CONTENTION', 'TIMEOUT'));
      assert.ok(ownNow() - began < 1_000);
      await holder.abortTransaction();
      assert.deepEqual(await db.transaction(run), [row]);
    }));

  test('the session of our own transaction writes for the caller too', () =>
    withBench(database, async ({ db, models, raw }) => {
      const made = entry();
      await db.transaction(async (session) => {
        await raw.collection('note').insertOne({ text: 'with the credits' }, { session: session as ClientSession });
        await db.commit([[insert(models.entry, made)]], { session });
      });
      assert.equal(await raw.collection('note').countDocuments({ text: 'with the credits' }), 1);
      assert.deepEqual(await readOne(db, models.entry, keyOf(made)), made);
    }));
});
