/**
 * Finds a server and registers the suites that need one: a variable of the environment, else the one that the test run
 * starts (setup.ts). `CREDIT_TEST_REQUIRE=NAME,…` makes a missing server a failure.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Answer, ServerName } from './own-server.js';

export interface Database {
  /** The URL of the database; known once the tests run. */
  readonly url: string;
}

export interface Server {
  readonly name: ServerName;
  /** The variable with its URL. */
  readonly variable: string;
  /** Makes an empty database on the server and answers its URL. */
  create(serverUrl: string): Promise<string>;
  drop(serverUrl: string, url: string): Promise<void>;
}

/** Registers a suite that gets a database of its own. Without a server it is reported as skipped, with the reason. */
export async function describeServer(server: Server, title: string, body: (database: Database) => void): Promise<void> {
  const found = await find(server);
  if ('missing' in found) {
    describeAbsent(server.name, title, found.missing);
    return;
  }
  describe(title, () => {
    const database = { url: '' };
    beforeAll(async () => {
      database.url = await server.create(found.url);
    });
    afterAll(() => (database.url === '' ? undefined : server.drop(found.url, database.url)));
    body(database);
  });
}

/** Registers a suite that cannot run: as skipped, or as a failure where the server is required. */
export function describeAbsent(name: string, title: string, reason: string): void {
  const isRequired = (process.env.CREDIT_TEST_REQUIRE ?? '').split(',').includes(name);
  if (isRequired) test(title, () => Promise.reject(new Error(`No ${name}: ${reason}`)));
  else describe.skip(`${title} (skipped: ${reason})`, () => test('not run', () => {}));
}

async function find({ name, variable }: Server): Promise<Answer> {
  const given = process.env[variable];
  if (given) return { url: given };
  const folder = process.env.CREDIT_TEST_RUN;
  if (!folder) return { missing: `${variable} is not set` };
  const path = join(folder, `${name}.json`);
  writeFileSync(join(folder, `${name}.wanted`), '');
  for (let waited = 0; !existsSync(path); waited += 25) {
    if (waited > 300_000) return { missing: 'no server was started within five minutes of waiting' };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Answer;
}
