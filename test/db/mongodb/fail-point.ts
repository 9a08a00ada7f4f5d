/**
 * `failCommand` is one switch for the whole server, and files run side by side: whoever sets it must have it alone, or
 * another file switches it off.
 */
import { type Collection, MongoClient } from 'mongodb';
import { afterAll, beforeAll } from 'vitest';
import type { Database } from '../../backends/find.js';
import { until } from '../../support/wait.js';

/** A process that died does not keep the switch for longer. */
const KEPT_MS = 300_000;
const KEY = { _id: 'failCommand' } as object;

/** Lets the tests of this suite have the switch from its begin to its end. */
export function haveFailPoint(database: Database): void {
  let client: MongoClient;
  let locks: Collection;

  beforeAll(async () => {
    // Only now the suite has its database.
    client = new MongoClient(database.url);
    locks = client.db('credit_test_locks').collection('locks');
    await until(async () => {
      await locks.deleteOne({ ...KEY, since: { $lt: Date.now() - KEPT_MS } });
      return locks.insertOne({ ...KEY, since: Date.now() }).then(
        () => true,
        () => false,
      );
    }, 'the switch of the server is free');
  });

  afterAll(async () => {
    await locks.deleteOne(KEY);
    await client.close();
  });
}
