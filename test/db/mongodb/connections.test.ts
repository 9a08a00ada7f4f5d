/** Deadlines, clients and addresses: what a call says that meets no connection, and what is left of it. */
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import { test } from 'vitest';
import { MongoDbManager } from '../../../src/entries/mongodb.js';
import { isCreditError } from '../../../src/errors.js';
import { insert, insertAll, readOne } from '../../../src/testing/db-manager/fixture.js';
import { item, keyOf } from '../../../src/testing/db-manager/models.js';
import { describeMongo } from '../../backends/mongo.js';
import { databaseOf } from '../../backends/mongo-uri.js';
import { sleep } from '../../support/wait.js';
import { errorOf, withBench } from './fixture.js';

await describeMongo('connections on MongoDB', (database) => {
  test('a transaction that is not over by its deadline is rolled back', () =>
    withBench(database, async ({ db, models }) => {
      const row = item();
      const run = async (session: object) => {
        await db.commit([[insert(models.item, row)]], { session: session as never });
        await sleep(600);
      };
      assert.ok(isCreditError(await errorOf(db.transaction(run, { timeoutMs: 150 })), 'TIMEOUT'));
      await sleep(600);
      assert.equal(await readOne(db, models.item, keyOf(row)), null);
    }));

  test('a call that finds no free connection fails by its deadline, has written nothing, and leaks none', () =>
    withBench(
      database,
      async ({ db, models, client, collection }) => {
        const rows = [item(), item()];
        await insertAll(db, models.item, [rows[0] as never]);
        const items = collection(models.item);
        const other = new MongoClient(database.url);
        const holder = other.startSession();
        holder.startTransaction();
        const filter = { _id: keyOf(rows[0] as never) } as object;
        const change = { $set: { label: 'held' } };
        await other.db(databaseOf(database.url)).collection(items.collectionName).updateOne(filter, change, {
          session: holder,
        });
        // Plain writes of the document wait for that transaction, and each has a connection until then.
        const waiting = [items.updateOne(filter, change), items.updateOne(filter, change)];
        await sleep(50);
        for (const call of [
          () => db.commit([[insert(models.item, rows[1] as never)]], { timeoutMs: 150 }),
          () => db.getMany(models.item.name, rows.map(keyOf), { timeoutMs: 150 }),
        ]) {
          const error = await errorOf(call());
          assert.ok(isCreditError(error) && error.outcome === 'not_applied', String(error));
        }
        await holder.abortTransaction();
        await Promise.all(waiting);
        await holder.endSession();
        await other.close();
        assert.equal(await readOne(db, models.item, keyOf(rows[1] as never)), null);
        await Promise.all(Array.from({ length: 4 }, () => client.db('admin').command({ ping: 1 })));
      },
      { clientOptions: { maxPoolSize: 2 } },
    ));

  test('a server that is not there is STORAGE_UNAVAILABLE, and its address is not told', async () => {
    const uris = ['mongodb://nobody:secret@127.0.0.1:1/?serverSelectionTimeoutMS=200', 'mongodb://[bad'];
    for (const uri of uris) {
      const db = MongoDbManager.fromClientUri(uri, 'nowhere');
      const error = await errorOf(db.init([]));
      assert.ok(isCreditError(error, 'STORAGE_UNAVAILABLE', 'CONFIGURATION'), String(error));
      assert.doesNotMatch(error.message, /127|secret|nowhere|bad/);
      await db.close();
    }
  });

  test('a client that was given is left open, one that was made is closed', async () => {
    const client = new MongoClient(database.url);
    const dbName = databaseOf(database.url);
    const given = new MongoDbManager({ client, dbName });
    await given.ping();
    await given.close();
    await new MongoDbManager({ client, dbName }).close();
    assert.equal((await client.db(dbName).command({ ping: 1 })).ok, 1);
    const appName = `credit-${process.pid}`;
    const made = MongoDbManager.fromClientUri(`${database.url}&appName=${appName}`, dbName);
    await made.ping();
    const open = () =>
      client
        .db('admin')
        .aggregate([{ $currentOp: { allUsers: true, idleConnections: true } }, { $match: { appName } }])
        .toArray();
    assert.ok((await open()).length > 0);
    await made.close();
    for (let tries = 0; (await open()).length > 0; tries++) {
      assert.ok(tries < 3_000, 'a connection is left');
      await sleep(20);
    }
    await client.close();
  });
});
