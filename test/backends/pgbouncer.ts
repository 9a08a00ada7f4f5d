/**
 * A PgBouncer of our own before a PostgreSQL: a free port, a temporary folder, and one server connection for many
 * clients, handed on after every transaction.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { until } from '../support/wait.js';
import { freePort } from './free-port.js';
import type { OwnServer } from './own-server.js';

/** The program, or null where it is not installed. Debian has it where only root looks. */
export function findPgBouncer(): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path)) ?? null;
}

/** Starts one before the server of `url`, whose databases it has by their names. */
export async function startPgBouncer(url: string, connections: number): Promise<OwnServer> {
  const { hostname, port: serverPort, username, password, pathname } = new URL(url);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'credit-pgbouncer-'));
  chmodSync(folder, 0o755);
  const config = join(folder, 'pgbouncer.ini');
  const server = `host=${hostname} port=${serverPort} user=${username}${password && ` password=${password}`}`;
  writeFileSync(
    config,
    `[databases]
* = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${connections}
`,
  );
  // It refuses to run as root.
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']));
  const user = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : {};
  const child: ChildProcess = spawn(findPgBouncer() as string, [config], { ...user, cwd: folder, stdio: 'ignore' });
  const exited = once(child, 'exit');
  const own = `postgres://credit@127.0.0.1:${port}${pathname}`;
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(() => answers(own), 'PgBouncer answers');
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: own, stop };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
