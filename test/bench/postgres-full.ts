/** The parts of the PostgreSQL benchmark, each on a database of its own; `--only a,b` chooses among them. */
import { startOwnServer } from '../backends/own-server.js';
import { createDatabase, dropDatabase } from '../backends/postgres.js';
import { benchPostgres } from './postgres.js';
import { faults } from './postgres-faults.js';
import { history } from './postgres-history.js';
import { type Bench, sql } from './postgres-load.js';
import { pglite } from './postgres-pglite.js';
import { processes } from './postgres-processes.js';
import { shapes } from './postgres-shapes.js';
import { sweeps } from './postgres-sweeps.js';
import { trap } from './postgres-trap.js';
import { postgresUsers } from './postgres-users.js';
import { eventLoop, one, pgbench, replay, reserve, sixtyFour, zipf } from './postgres-workloads.js';
import { Report } from './report.js';

/** `default` is what runs without `--full`. */
const PARTS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  default: benchPostgres,
  users: postgresUsers,
  zipf,
  '64': sixtyFour,
  one,
  pgbench,
  processes,
  history,
  replay,
  reserve,
  loop: eventLoop,
  pglite,
  faults,
  trap,
  shapes,
  sweeps,
};

export interface PartsOptions extends Pick<Bench, 'rounds' | 'seconds' | 'history' | 'rttMs'> {
  readonly json: boolean;
  readonly full: boolean;
  /** Names of parts, separated by commas. */
  readonly only: string | undefined;
}

export async function benchParts({ json, full, only, ...options }: PartsOptions): Promise<void> {
  const names = only?.split(',') ?? (full ? Object.keys(PARTS) : ['default']);
  const unknown = names.filter((name) => !(name in PARTS));
  if (unknown.length > 0) throw new Error(`--only takes ${Object.keys(PARTS).join(', ')}`);
  const given = process.env.CREDIT_TEST_POSTGRES_URL;
  const own = given ? null : await startOwnServer('postgres');
  const server = given ?? (own?.url as string);
  const report = new Report('postgres', json);
  try {
    const [settings] = await sql(
      server,
      `select current_setting('server_version') as version, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as commit`,
    );
    report.figures('server', settings as Record<string, string>);
    for (const name of names) {
      if (!json && names.length > 1) console.log(`\n${name}`);
      const url = await createDatabase(server);
      try {
        await PARTS[name]?.({ url, server, report, ...options });
      } finally {
        await dropDatabase(server, url);
      }
    }
  } finally {
    await own?.stop();
  }
}
