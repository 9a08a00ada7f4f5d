/** What the tests of the services on PostgreSQL share: a store that is emptied, managers, hosts, and dumps of rows. */
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { expect } from 'vitest';
import { type CreditManagementOptions, createCreditManagement } from '../../src/index.js';
import { SqlDbManager, type SqlOptions, type SqlSession } from '../../src/sql.js';
import type { Database } from '../servers/postgres.js';

export type SqlManager = ReturnType<typeof createCreditManagement<SqlSession>>;
export type SqlService = SqlManager['credits'];

const ignore = () => {};
export const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A host's transaction as its own code sees it. */
export interface HostTransaction {
  readonly session: SqlSession;
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Runs `work` in a transaction of the host; what it throws rolls back and is thrown. */
export type Host = <T>(work: (host: HostTransaction) => Promise<T>) => Promise<T>;

export const HOSTS = ['pg', 'wrapper', 'kysely'] as const;

export class Store {
  readonly db: SqlDbManager;
  /** The pool of the host, which the adapter does not use. */
  readonly pool: pg.Pool;
  readonly #managers: SqlManager[] = [];
  readonly #options: SqlOptions;

  constructor(url: string, options: Partial<SqlOptions> = {}) {
    this.#options = { url, poolSize: 6, ...options };
    this.db = new SqlDbManager(this.#options);
    this.pool = new pg.Pool({ connectionString: url, max: 6 });
    this.pool.on('error', ignore);
  }

  /** An adapter with connections of its own, which whoever uses it closes. */
  adapter(): SqlDbManager {
    return new SqlDbManager(this.#options);
  }

  /** One more instance of the library, as another process has it: with an adapter and connections of its own. */
  open(options: CreditManagementOptions<SqlSession> = {}): SqlManager {
    const db = this.#managers.length === 0 ? this.db : new SqlDbManager(this.#options);
    const manager = createCreditManagement<SqlSession>({ db, logger: QUIET, ...options });
    this.#managers.push(manager);
    return manager;
  }

  async query(text: string, values: unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.pool.query(text, values)).rows;
  }

  host(kind: (typeof HOSTS)[number] = 'pg'): Host {
    return kind === 'kysely' ? kyselyHost(this.pool) : clientHost(this.pool, kind === 'wrapper');
  }

  /** Rolls back, and passes only what `work` itself did not mean to throw. */
  async rolledBack(host: Host, work: (host: HostTransaction) => Promise<unknown>): Promise<void> {
    const undone = new Error('roll back');
    const run = host(async (transaction) => {
      await work(transaction);
      throw undone;
    });
    expect(await run.catch((error: unknown) => error)).toBe(undone);
  }

  /** Everything stored, as text; without the empty rows of accounts that nobody has used. */
  async dump(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const name of await tablesOf(this.pool)) {
      for (const { row } of await this.query(`select to_jsonb(t) as row from ${name} t order by to_jsonb(t)::text`)) {
        const { visible, seq } = row as { visible?: boolean; seq?: number };
        if (name !== 'credit_account' || visible || seq !== 0) lines.push(`${name} ${JSON.stringify(row)}`);
      }
    }
    return lines;
  }

  async close(): Promise<void> {
    for (const manager of this.#managers) await manager.close();
    await this.db.close();
    // A test that failed may not have given back what it took.
    await Promise.race([this.pool.end(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  }
}

/** Runs a test on an empty store. */
export async function withStore(
  database: Database,
  body: (store: Store) => Promise<void>,
  options: Partial<SqlOptions> = {},
): Promise<void> {
  const store = new Store(database.url, options);
  try {
    await empty(store.pool);
    await body(store);
  } finally {
    await store.close();
  }
}

async function tablesOf(pool: pg.Pool, prefix = 'credit_'): Promise<string[]> {
  const query = `select table_name as name from information_schema.tables
    where table_schema = current_schema() and left(table_name, length($1)) = $1 order by 1`;
  return (await pool.query(query, [prefix])).rows.map((row) => row.name as string);
}

/** Deletes every row of the tables with a prefix. Faster than making them anew. */
export async function empty(pool: pg.Pool, prefix = 'credit_'): Promise<void> {
  const tables = await tablesOf(pool, prefix);
  if (tables.length > 0) await pool.query(tables.map((name) => `delete from ${name}`).join('; '));
}

function clientHost(pool: pg.Pool, wrapped: boolean): Host {
  return async (work) => {
    const client = await pool.connect();
    const wrapper: SqlSession = { query: (text: string, values?: unknown[]) => client.query(text, values) };
    try {
      await client.query('begin');
      const answer = await work({ session: wrapped ? wrapper : client, query: (text) => client.query(text) });
      const { command } = await client.query('commit');
      if (command !== 'COMMIT') throw new Error(`The host's commit was answered with ${command}.`);
      return answer;
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  };
}

function kyselyHost(pool: pg.Pool): Host {
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return (work) =>
    kysely
      .transaction()
      .execute((trx) => work({ session: trx, query: (text) => trx.executeQuery(CompiledQuery.raw(text)) }));
}

export async function expectSound(manager: SqlManager): Promise<void> {
  const { ok, problems } = await manager.ledger.verify();
  expect(problems).toEqual([]);
  expect(ok).toBe(true);
}

/** Waits until the file has the line of every commit of this instance. */
export async function untilWritten(manager: SqlManager): Promise<void> {
  while ((await manager.health()).ledgerFile?.lag !== 0) await sleep(5);
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
