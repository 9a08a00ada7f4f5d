/** What the tests of the PostgreSQL adapter share: managers, clients and rows on one database. */
import assert from 'node:assert/strict';
import pg from 'pg';
import { SqlDbManager, type SqlOptions } from '../../../src/entries/sql.js';
import type { Row, StoredModel, UnitOutcome } from '../../../src/ports/db-manager.js';
import { type TestModels, testModels } from '../../../src/testing/db-manager/models.js';
import type { Database } from '../../backends/postgres.js';
import { until } from '../../support/wait.js';

export interface Bench {
  readonly db: SqlDbManager;
  readonly models: TestModels;
  /** A connection that is not the adapter's. */
  readonly client: pg.Client;
  readonly pool: pg.Pool;
  table(model: StoredModel): string;
  /** Makes every insert into a model run this first. */
  beforeInsert(model: StoredModel, statement: string): Promise<void>;
}

/** Runs a test with a manager, models and a connection of its own. */
export async function withBench(
  database: Database,
  body: (bench: Bench) => Promise<void>,
  options: Partial<SqlOptions> = {},
): Promise<void> {
  const pool = new pg.Pool({ connectionString: database.url, max: 6 });
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => {});
  await client.connect();
  const db = new SqlDbManager({ pool, ...options });
  const models = testModels();
  const table = (model: StoredModel) => `credit_${model.name}`;
  try {
    await db.init(Object.values(models));
    await body({
      ...{ db, models, client, pool, table },
      async beforeInsert(model, statement) {
        const name = `before_${model.name}`;
        await client.query(`create function ${name}() returns trigger language plpgsql as
          $$ begin ${statement}; return new; end $$;
          create trigger t before insert on ${table(model)} for each row execute function ${name}()`);
      },
    });
  } finally {
    await db.close();
    await client.end();
    // A test that failed may not have given back what it took.
    await Promise.race([pool.end(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  }
}

export function only(outcomes: readonly UnitOutcome[]): UnitOutcome {
  assert.equal(outcomes.length, 1);
  return outcomes[0] as UnitOutcome;
}

export function statuses(outcomes: readonly UnitOutcome[]): string[] {
  return outcomes.map(({ status }) => status);
}

/** The SQLSTATE below a rejected outcome or an error of the library. */
export function codeBelow(value: unknown): unknown {
  return (value as { cause?: { code?: unknown } }).cause?.code;
}

export const bumped = (row: Row, values: Partial<Row> = {}): Row => ({ ...row, ...values, version: row.version + 1 });

/** Waits until a statement of the adapter is running, and answers the process id of its backend. */
export async function backendRunning(client: pg.Client, like: string): Promise<number> {
  let pid: number | undefined;
  const isRunning = async () => {
    const { rows } = await client.query(
      `select pid from pg_stat_activity where datname = current_database() and state = 'active'
        and pid <> pg_backend_pid() and query like $1`,
      [like],
    );
    pid = rows[0]?.pid;
    return pid !== undefined;
  };
  await until(isRunning, `a backend runs ${like}`);
  return pid as number;
}
