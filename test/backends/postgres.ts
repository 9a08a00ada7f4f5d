/** Suites on a PostgreSQL: `CREDIT_TEST_POSTGRES_URL`, else the one that the test run starts from npm. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Database, describeServer } from './find.js';

export type { Database } from './find.js';

/** Registers a suite that needs a database. Without a server it is reported as skipped, with the reason. */
export function describePostgres(name: string, body: (database: Database) => void): Promise<void> {
  const variable = 'CREDIT_TEST_POSTGRES_URL';
  return describeServer({ name: 'postgres', variable, create: createDatabase, drop: dropDatabase }, name, body);
}

/** Makes an empty database on a server and answers its URL. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `credit_test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export async function dropDatabase(serverUrl: string, url: string): Promise<void> {
  await onServer(serverUrl, `drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
}

async function onServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
