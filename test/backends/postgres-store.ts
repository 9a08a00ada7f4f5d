/** What the tests of the services on PostgreSQL share: a store that is emptied, managers, hosts, and dumps of rows. */
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { SqlDbManager, type SqlOptions, type SqlSession } from '../../src/entries/sql.js';
import { type CreditManagementOptions, createCreditManagement, type DbManager } from '../../src/index.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { emptyTables, tablesOf } from './adapters.js';
import type { Database } from './find.js';
import {
  expectSound as expectSoundly,
  type HostedAdapter,
  type HostTransaction as HostedTransaction,
  rolledBack,
  untilWritten as untilWrittenBy,
} from './hosted.js';
import { describePostgres } from './postgres.js';

export type SqlManager = ReturnType<typeof createCreditManagement<DbManager<SqlSession>>>;
export type SqlService = SqlManager['credits'];

const ignore = () => {};
/** A host's transaction as its own code sees it. */
export interface HostTransaction extends HostedTransaction {
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
    const manager = createCreditManagement<DbManager<SqlSession>>({
      db,
      logger: QUIET,
      timeoutMs: PATIENT_MS,
      ...options,
    });
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
    await rolledBack(host as never, work as never);
  }

  async orders(): Promise<string[]> {
    return (await this.query('select id from shop_order order by id')).map(({ id }) => String(id));
  }

  damage(entryId: string): Promise<unknown> {
    return this.query('update credit_entry set delta = delta + 1 where id = $1', [entryId]);
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
    await emptyTables(store.pool);
    await store.query('create table if not exists shop_order (id text primary key)');
    await store.query('delete from shop_order');
    await body(store);
  } finally {
    await store.close();
  }
}

/** The statement that writes an order of the host's own. */
export const ORDER = (id: string) => `insert into shop_order values ('${id}')`;

function clientHost(pool: pg.Pool, wrapped: boolean): Host {
  return async (work) => {
    const client = await pool.connect();
    const wrapper: SqlSession = { query: (text: string, values?: unknown[]) => client.query(text, values) };
    try {
      await client.query('begin');
      const query = (text: string) => client.query(text);
      const session = wrapped ? wrapper : client;
      const answer = await work({ session, query, order: (id) => query(ORDER(id)) });
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
    kysely.transaction().execute((trx) => {
      const query = (text: string) => trx.executeQuery(CompiledQuery.raw(text));
      return work({ session: trx, query, order: (id) => query(ORDER(id)) });
    });
}

export const expectSound = (manager: SqlManager) => expectSoundly(manager as never);
export const untilWritten = (manager: SqlManager) => untilWrittenBy(manager as never);

export const POSTGRES_HOSTS: HostedAdapter = {
  title: 'PostgreSQL',
  hosts: HOSTS,
  describeDatabase: describePostgres,
  withStore: (url, body) => withStore({ url }, (store) => body(store as never)),
};
