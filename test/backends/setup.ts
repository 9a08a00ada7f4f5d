/**
 * Starts the servers of a test run when a test file first asks for one, and stops them at its end. Test files run in
 * processes of their own and ask through a folder: `NAME.wanted` is the question, `NAME.json` the answer.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OwnServer, startEmbeddedPostgres } from './embedded-postgres.js';
import { startOwnMongo } from './own-mongo.js';

/** What a starter answers: how to reach the server, or why there is none. */
export type Answer = { readonly url: string } | { readonly missing: string };

const STARTERS = { postgres: startEmbeddedPostgres, mongo: startOwnMongo };

export type ServerName = keyof typeof STARTERS;

const POLL_MS = 25;

export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-servers-'));
  process.env.CREDIT_TEST_SERVERS = folder;
  const starting = new Map<string, Promise<OwnServer>>();
  const timer = setInterval(() => {
    for (const [name, start] of Object.entries(STARTERS)) {
      if (starting.has(name) || !existsSync(join(folder, `${name}.wanted`))) continue;
      const server = start();
      starting.set(name, server);
      server.then(
        ({ url }) => answer(name, { url }),
        (error: unknown) => answer(name, { missing: error instanceof Error ? error.message : String(error) }),
      );
    }
  }, POLL_MS);
  timer.unref();
  const answer = (name: string, text: Answer) => {
    // Renamed into place, so that nobody reads half of it.
    const path = join(folder, `${name}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(text));
    renameSync(`${path}.new`, path);
  };
  return async () => {
    clearInterval(timer);
    for (const server of starting.values()) await server.then(({ stop }) => stop()).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
}
