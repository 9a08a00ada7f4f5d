/**
 * Finds a PostgreSQL: `CREDIT_TEST_POSTGRES_URL`, else the one that the test run starts from npm. Each suite gets a
 * database of its own, which is dropped. `CREDIT_TEST_REQUIRE=postgres` makes a missing server a failure.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Answer } from './setup.js';

export interface Database {
  /** The URL of the database; known once the tests run. */
  readonly url: string;
}

/** Registers a suite that needs a database. Without a server it is reported as skipped, with the reason. */
export async function describePostgres(name: string, body: (database: Database) => void): Promise<void> {
  const server = await findPostgres();
  if ('missing' in server) {
    const isRequired = (process.env.CREDIT_TEST_REQUIRE ?? '').split(',').includes('postgres');
    if (isRequired) test(name, () => Promise.reject(new Error(`No PostgreSQL: ${server.missing}`)));
    else describe.skip(`${name} (skipped: ${server.missing})`, () => test('not run', () => {}));
    return;
  }
  describe(name, () => {
    const database = { url: '' };
    beforeAll(async () => {
      database.url = await createDatabase(server.url);
    });
    afterAll(() => dropDatabase(server.url, database.url));
    body(database);
  });
}

async function findPostgres(): Promise<Answer> {
  const given = process.env.CREDIT_TEST_POSTGRES_URL;
  if (given) return { url: given };
  const folder = process.env.CREDIT_TEST_SERVERS;
  if (!folder) return { missing: 'CREDIT_TEST_POSTGRES_URL is not set' };
  const path = join(folder, 'postgres.json');
  writeFileSync(join(folder, 'postgres.wanted'), '');
  for (let waited = 0; !existsSync(path); waited += 25) {
    if (waited > 60_000) return { missing: 'no server was started within a minute' };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Answer;
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
  if (url !== '') await onServer(serverUrl, `drop database if exists ${new URL(url).pathname.slice(1)} with (force)`);
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
