/**
 * Starts the servers of a test run when a test file first asks for one, and stops them at its end. Test files run in
 * processes of their own and ask through a folder: `NAME.wanted` is the question, `NAME.json` the answer.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from './embedded-postgres.js';

/** What a starter answers: how to reach the server, or why there is none. */
export type Answer = { readonly url: string } | { readonly missing: string };

const POLL_MS = 25;

export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-servers-'));
  process.env.CREDIT_TEST_SERVERS = folder;
  let starting: ReturnType<typeof startEmbeddedPostgres> | null = null;
  const timer = setInterval(() => {
    if (starting || !existsSync(join(folder, 'postgres.wanted'))) return;
    starting = startEmbeddedPostgres();
    starting.then(
      ({ url }) => answer({ url }),
      (error: unknown) => answer({ missing: `embedded-postgres did not start: ${String(error)}` }),
    );
  }, POLL_MS);
  timer.unref();
  const answer = (text: Answer) => {
    // Renamed into place, so that nobody reads half of it.
    const path = join(folder, 'postgres.json');
    writeFileSync(`${path}.new`, JSON.stringify(text));
    renameSync(`${path}.new`, path);
  };
  return async () => {
    clearInterval(timer);
    await starting?.then((server) => server.stop()).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  };
}
