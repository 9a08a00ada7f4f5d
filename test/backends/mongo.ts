/**
 * Suites on a MongoDB: `CREDIT_TEST_MONGO_URI` (a replica set), else a `mongod` of this machine that the test run
 * starts as a replica set of one node.
 */
import { MongoClient } from 'mongodb';
import { type Database, describeServer } from './find.js';
import { databaseOf, onDatabase } from './mongo-uri.js';

/** Registers a suite that needs a database. Without a server it is reported as skipped, with the reason. */
export function describeMongo(name: string, body: (database: Database) => void): Promise<void> {
  const variable = 'CREDIT_TEST_MONGO_URI';
  const drop = (_: string, uri: string) => dropMongoDatabase(uri);
  return describeServer({ name: 'mongo', variable, create: async (uri) => onDatabase(uri), drop }, name, body);
}

export async function dropMongoDatabase(uri: string): Promise<void> {
  const client = new MongoClient(uri);
  try {
    await client.db(databaseOf(uri)).dropDatabase();
  } finally {
    await client.close();
  }
}
