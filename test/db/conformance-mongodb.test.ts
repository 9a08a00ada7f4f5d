/** The conformance suite of the `DbManager` port on a real MongoDB. */
import { MongoClient } from 'mongodb';
import { afterAll, describe, test } from 'vitest';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { testDbManager } from '../../src/testing/db-manager/index.js';
import { describeMongo } from '../backends/mongo.js';
import { databaseOf } from '../backends/mongo-uri.js';

await describeMongo('MongoDbManager on MongoDB', (database) => {
  describe('with a client of the host', () => {
    const host: { client?: MongoClient } = {};
    testDbManager({ describe, test }, () => {
      host.client ??= new MongoClient(database.url);
      return new MongoDbManager({ client: host.client, dbName: databaseOf(database.url) });
    });
    afterAll(() => host.client?.close());
  });

  describe('with a URI', () =>
    testDbManager({ describe, test }, () => MongoDbManager.fromClientUri(database.url, databaseOf(database.url))));
});
