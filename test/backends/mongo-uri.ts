/** Databases in the URI of a MongoDB. */
import { randomBytes } from 'node:crypto';

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
