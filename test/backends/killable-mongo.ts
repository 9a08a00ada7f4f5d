/** A MongoDB whose process a test may kill: a replica set of one node, which keeps its port and its data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import type { KillableServer } from './by-adapter.js';
import { freePort } from './free-port.js';
import { backup } from './kept-data.js';
import { onDatabase } from './mongo-uri.js';
import { findMongod, SERVER_PARAMETERS } from './own-mongo.js';
import { quickFolder } from './quick-folder.js';

const START_MS = 300_000;

export async function startKillableMongo(): Promise<KillableServer> {
  const found = findMongod();
  if ('missing' in found || found.path === null) throw new Error('There is no mongod.');
  const { path } = found;
  const folder = mkdtempSync(join(quickFolder(), 'credit-killable-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  const port = await freePort();
  const serverUri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  let server: ChildProcess | null = null;
  let log = '';

  async function kill(how: 'SIGKILL' | 'immediate'): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(how === 'SIGKILL' ? 'SIGKILL' : 'SIGABRT');
    await exited;
  }

  async function start(): Promise<void> {
    const args = ['--replSet', 'killable', '--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', data];
    const started = spawn(path as string, [...args, ...SERVER_PARAMETERS], { stdio: ['ignore', 'pipe', 'pipe'] });
    server = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (text: Buffer) => {
        log = `${log}${text}`.slice(-2_000);
      });
    }
    const exited = once(started, 'exit');
    for (const until = performance.now() + START_MS; ; ) {
      if (started.exitCode !== null || performance.now() >= until) throw new Error(`The server did not start: ${log}`);
      if (await isPrimary(serverUri)) return;
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }

  async function remove(): Promise<void> {
    await kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const losses = [backup(data, join(folder, 'kept'))];
  return { url: onDatabase(serverUri, 'credits'), kill, start, remove, losses };
}

const SESSION = Buffer.from('lsid\0');
/** Between the name of the session's id and its 16 bytes: a document, its field `id`, the kind of binary. */
const BEFORE_ID = SESSION.length + 4 + 1 + 'id\0'.length + 4 + 1;

/** The commit of the transaction that a request is part of: the next one of the same session. */
export function commitOf(request: Buffer): ((later: Buffer) => boolean) | null {
  const at = request.lastIndexOf(SESSION);
  if (request.indexOf('txnNumber', Math.max(at, 0)) < 0) return null;
  const id = request.subarray(at + BEFORE_ID, at + BEFORE_ID + 16);
  return (later) => later.includes('commitTransaction') && (at < 0 || later.includes(id));
}

/** Whether it takes writes; a server that is new is told that it is a replica set. */
async function isPrimary(uri: string): Promise<boolean> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 500 });
  try {
    const admin = client.db('admin');
    const { isWritablePrimary, setName } = await admin.command({ hello: 1 });
    if (setName === undefined) await admin.command({ replSetInitiate: {} }).catch(() => {});
    return isWritablePrimary === true && setName !== undefined;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
