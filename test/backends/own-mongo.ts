/** A MongoDB of our own, a replica set of one node on a free port with its data in a temporary folder. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { OwnServer } from './own-server.js';

/** Where `mongod` is; null where a download is allowed instead. */
export function findMongod(): { readonly path: string | null } | { readonly missing: string } {
  const given = process.env.MONGOMS_SYSTEM_BINARY;
  if (given) return existsSync(given) ? { path: given } : { missing: `MONGOMS_SYSTEM_BINARY names no file: ${given}` };
  const folders = (process.env.PATH ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, 'mongod')).find((each) => existsSync(each));
  if (path) return { path };
  if (process.env.CREDIT_TEST_MONGO_DOWNLOAD === '1') return { path: null };
  return {
    missing: 'CREDIT_TEST_MONGO_URI is not set and there is no mongod (CREDIT_TEST_MONGO_DOWNLOAD=1 loads one)',
  };
}

/**
 * A transaction whose process was killed holds its documents for so long; a minute where nobody says otherwise. The
 * suites kill processes. Test commands let a test make the server fail on purpose.
 */
const LIFETIME_SECONDS = 2;
export const SERVER_PARAMETERS = [
  `transactionLifetimeLimitSeconds=${LIFETIME_SECONDS}`,
  'enableTestCommands=1',
].flatMap((parameter) => ['--setParameter', parameter]);

export async function startOwnMongo(flags: readonly string[]): Promise<OwnServer> {
  const found = findMongod();
  if ('missing' in found) throw new Error(found.missing);
  const { MongoMemoryReplSet } = await import('mongodb-memory-server-core');
  const binary = found.path === null ? {} : { systemBinary: found.path, version: versionOf(found.path) };
  const server = await MongoMemoryReplSet.create({
    binary,
    replSet: { count: 1, storageEngine: 'wiredTiger', args: [...SERVER_PARAMETERS, ...flags] },
  });
  const { port } = new URL(server.getUri().replace('mongodb:', 'http:'));
  // A proxy in between is gone around by clients that look for the other members.
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  return { url, stop: async () => void (await server.stop({ doCleanup: true, force: true })) };
}

function versionOf(path: string): string {
  return /v(\d+\.\d+\.\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1] ?? '7.0.0';
}
