/**
 * Measures the machine, starts the servers of a test run when a test file first asks for one, and stops them at its
 * end. Test files run in other processes and ask through a folder: `NAME.wanted` is the question, `NAME.json` the
 * answer.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measurePace } from '../support/pace.js';
import { type Answer, type OwnServer, type ServerName, startOwnServer } from './own-server.js';
import { quickFolder } from './quick-folder.js';

/** Flags of each; what a test stores need not outlive the machine, so none waits for the disk. */
const SERVERS: Record<ServerName, readonly string[]> = { postgres: ['-c', 'fsync=off'], mongo: [] };

const POLL_MS = 25;

export default async function setup(): Promise<() => Promise<void>> {
  process.env.CREDIT_TEST_PACE = String(await measurePace());
  const folder = mkdtempSync(join(tmpdir(), 'credit-run-'));
  process.env.CREDIT_TEST_RUN = folder;
  const starting = new Map<ServerName, Promise<OwnServer>>();
  const timer = setInterval(() => {
    for (const [name, flags] of Object.entries(SERVERS) as [ServerName, readonly string[]][]) {
      if (starting.has(name) || !existsSync(join(folder, `${name}.wanted`))) continue;
      const server = startOwnServer(name, flags, quickFolder());
      starting.set(name, server);
      server.then(
        ({ url }) => answer(name, { url }),
        (error: unknown) => answer(name, { missing: error instanceof Error ? error.message : String(error) }),
      );
    }
  }, POLL_MS);
  timer.unref();
  const answer = (name: ServerName, text: Answer) => {
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
