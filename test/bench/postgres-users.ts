/** The part `users` on PostgreSQL. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { ACCOUNTS } from './closed-loop.js';
import type { Meter } from './cost.js';
import { type Bench, library } from './postgres-load.js';
import { bulkRate, makeTables, naive } from './postgres-rivals.js';
import { type Rivals, users } from './users.js';

export async function postgresUsers(bench: Bench): Promise<void> {
  const { url, seconds, report } = bench;
  await makeTables(url);
  const control = new pg.Client({ connectionString: url });
  await control.connect();
  const tellMore = async () => {
    const most = Math.max(0, ...(await backendMemory(control)));
    report.figures('memory of a connection in the server, MiB', { most });
  };
  try {
    await users(bench, {
      adapter: 'postgres',
      meter: meterOf(control),
      open,
      checkpoint: async () => void (await control.query('checkpoint').catch(() => {})),
      bulkRate: () => bulkRate(url, ACCOUNTS, seconds),
      tellMore,
    });
  } finally {
    await control.end();
  }
}

async function open(url: string): Promise<Rivals> {
  return { 'naive 10': naive(url, 10), 'naive 50': naive(url, 50), library: await library(url) };
}

/** Connections that ended meanwhile are counted for nothing. */
export function meterOf(control: pg.Client): Meter {
  return {
    pids: () => backendsOf(control),
    walBytes: async () => {
      const { rows } = await control.query(`select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`);
      return Number(rows[0].bytes);
    },
  };
}

/** Memory of each connection's process that is its own, in MiB; empty where the server is on another machine. */
async function backendMemory(control: pg.Client): Promise<number[]> {
  try {
    const kiB = (await backendsOf(control)).map((pid) =>
      Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    );
    return kiB.map((each) => each / 1_024);
  } catch {
    return [];
  }
}

async function backendsOf(control: pg.Client): Promise<number[]> {
  const { rows } = await control.query(
    `select pid from pg_stat_activity
      where backend_type = 'client backend' and datname = current_database() and pid <> pg_backend_pid()`,
  );
  return rows.map(({ pid }) => pid);
}
