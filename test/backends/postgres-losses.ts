/** Ways in which a PostgreSQL loses commits that it acknowledged. */
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { until } from '../support/wait.js';
import type { Loss } from './by-adapter.js';
import { freePort } from './free-port.js';
import { copyFolder } from './kept-data.js';

/** A server that answers before it has written, and is killed. */
export function unflushed(settings: string[]): Loss {
  return {
    name: 'synchronous_commit=off',
    prepare: () => void settings.push('synchronous_commit=off', 'wal_writer_delay=10s'),
    lose: () => void settings.splice(0),
  };
}

export interface StandbyTools {
  readonly data: string;
  readonly kept: string;
  readonly url: string;
  readonly port: number;
  run(data: string, port: number, settings: readonly string[]): Promise<ChildProcess>;
  end(server: ChildProcess | null, signal: 'SIGKILL' | 'SIGQUIT'): Promise<void>;
}

/** A standby that has followed for a while, lags behind, and is promoted in the place of the primary. */
export function standby({ data, kept, url, port, run, end }: StandbyTools): Loss {
  return {
    name: 'a promoted standby',
    prepare() {
      copyFolder(data, kept);
      writeFileSync(join(kept, 'standby.signal'), '');
      appendFileSync(
        join(kept, 'postgresql.auto.conf'),
        `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres'\n`,
      );
    },
    async begin() {
      const own = await freePort();
      const server = await run(kept, own, []);
      const { lsn } = await rowOf<{ lsn: string }>(url, 'select pg_current_wal_lsn() as lsn');
      const follows = `select pg_last_wal_replay_lsn() >= '${lsn}'::pg_lsn as has`;
      await until(
        async () => (await rowOf<{ has: boolean | null }>(at(own), follows)).has === true,
        'the standby has followed',
      );
      await end(server, 'SIGQUIT');
    },
    async lose() {
      copyFolder(kept, data);
      const server = await run(data, port, []);
      await rowOf(url, 'select pg_promote(true)');
      await end(server, 'SIGQUIT');
    },
  };
}

const at = (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`;

async function rowOf<Row extends object>(connectionString: string, text: string): Promise<Row> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows[0];
  } finally {
    await client.end();
  }
}
