/**
 * Suites on a MongoDB: `CREDIT_TEST_MONGO_URI` (a replica set), else a `mongod` of this machine that the test run
 * starts as a replica set of one node.
 */
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { type Database, describeServer } from './find.js';

/** Registers a suite that needs a database. Without a server it is reported as skipped, with the reason. */
export function describeMongo(name: string, body: (database: Database) => void): Promise<void> {
  const variable = 'CREDIT_TEST_MONGO_URI';
  const drop = (_: string, uri: string) => dropMongoDatabase(uri);
  return describeServer({ name: 'mongo', variable, create: async (uri) => onDatabase(uri), drop }, name, body);
}

/** The URI of a database with a name of its own; MongoDB makes it when something is written there. */
export function onDatabase(serverUri: string, name = `credit_test_${randomBytes(6).toString('hex')}`): string {
  const [, server, query = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*(\?.*)?$/.exec(serverUri) ?? [];
  if (server === undefined) throw new Error('CREDIT_TEST_MONGO_URI is not a MongoDB URI.');
  // Users are looked for in the database of the URI, unless it says where they are.
  if (!server.includes('@') || query.includes('authSource=')) return `${server}/${name}${query}`;
  return `${server}/${name}${query === '' ? '?' : `${query}&`}authSource=admin`;
}

/** The database that a URI names. */
export function databaseOf(uri: string): string {
  return /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1] ?? 'credit_management';
}

export async function dropMongoDatabase(uri: string): Promise<void> {
  const client = new MongoClient(uri);
  try {
    await client.db(databaseOf(uri)).dropDatabase();
  } finally {
    await client.close();
  }
}
