/** The SQL adapter: every call of the port as one statement of the dialect. */
import { randomUUID } from 'node:crypto';
import type {
  DbManager,
  FindQuery,
  Row,
  StoredModel,
  StoreOptions,
  Unit,
  UnitOutcome,
} from '../../ports/db-manager.js';
import { outcomesOf, pageOf, rowsByKey } from '../kit/answers.js';
import { checkOpen, madeFor } from '../kit/failures.js';
import { checkAlone } from '../kit/units.js';
import { type CallConnection, Calls } from './calls.js';
import type { Dialect, Statement, TableUnit } from './dialect.js';
import { callFailure, storageFailure } from './failures.js';
import type { SqlSession } from './host-session.js';
import { IndexBuilds } from './index-builds.js';
import { LongLeases } from './long-leases.js';
import { type Opened, openOptions, type SqlOptions } from './options.js';
import { SessionCalls } from './session-calls.js';
import type { Table } from './table.js';
import { runTransaction } from './transaction.js';
import { writeUnits } from './unit-writer.js';
import { translated } from './units.js';

type Options = StoreOptions<SqlSession> | undefined;

/** The time that parts of a commit wait for a lock, after the whole commit has waited in vain. */
const LOCK_AGAIN_MS = 20;

/**
 * Credits in a SQL database; {@link SqlOptions} lists the databases and how to reach them. Many operations share one
 * statement and one durable commit, and with `session` a call joins a transaction of yours: `session` is a client of
 * the driver after `BEGIN`, or a kysely transaction.
 *
 * The tables are `credit_account`, `credit_entry` and so on, made by `init`. Read them as you like, and never write to
 * them. Construction opens nothing.
 *
 * @param options the database, or what reaches it; see {@link SqlOptions} for the fields and their defaults.
 * @throws CONFIGURATION when the options do not go together.
 * @example
 * const db = new SqlDbManager({ url: process.env.DATABASE_URL });
 * const manager = createCreditManagement({ db });
 * await manager.credits.addCredits('user-1', 100);
 */
export class SqlDbManager implements DbManager<SqlSession> {
  readonly name: string;
  readonly limits = { operationsPerCommit: 512 };
  readonly #opened: Opened;
  readonly #calls: Calls;
  readonly #transactions: Calls;
  readonly #sessions: SessionCalls;
  readonly #indexBuilds: IndexBuilds;
  #tables: ReadonlyMap<string, Table> = new Map();
  #place: string | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: SqlOptions) {
    this.#opened = openOptions(options);
    const { dialect, source, timeoutMs } = this.#opened;
    this.name = dialect.name;
    this.#calls = new Calls(source, dialect, timeoutMs);
    this.#transactions = new Calls(new LongLeases(source), dialect, timeoutMs);
    this.#sessions = new SessionCalls(dialect, timeoutMs, (place) => this.#isHere(place));
    this.#indexBuilds = new IndexBuilds(this.#calls, dialect);
  }

  async init(models: readonly StoredModel[]): Promise<{ now: Date }> {
    this.#enter(undefined);
    const { dialect, source, prefix, schema, initTimeoutMs } = this.#opened;
    const until = performance.now() + initTimeoutMs;
    const isAlone = source.isShared === true;
    const { tables, newIndexes } = await this.#calls.run({ timeoutMs: initTimeoutMs }, async (connection) => {
      try {
        this.#place = await placeOf(connection, dialect);
        return await dialect.migrate(connection, { models, prefix, schema, isAlone });
      } catch (error) {
        throw storageFailure(dialect, error);
      }
    });
    await this.#indexBuilds.wait(newIndexes, until - performance.now());
    this.#tables = new Map([...this.#tables, ...tables.map((table) => [table.model.name, table] as const)]);
    return this.ping();
  }

  async lacking(models: readonly StoredModel[]): Promise<readonly string[]> {
    this.#enter(undefined);
    const { dialect, source, prefix, schema } = this.#opened;
    return this.#calls.run(undefined, async (connection) => {
      try {
        return await dialect.lacking(connection, { models, prefix, schema, isAlone: source.isShared === true });
      } catch (error) {
        throw storageFailure(dialect, error);
      }
    });
  }

  async getMany(
    model: string,
    keys: readonly string[],
    options?: StoreOptions<SqlSession> & { readonly lock?: boolean },
  ): Promise<readonly (Row | null)[]> {
    this.#enter(options);
    const table = this.#table(model);
    const lock = options?.session !== undefined && options.lock === true;
    const rows = await this.#rows(table, () => this.#opened.dialect.readByKeys(table, keys, lock), options, lock);
    return rowsByKey(keys, rows, table);
  }

  async find(
    model: string,
    query: FindQuery,
    options?: StoreOptions<SqlSession>,
  ): Promise<{ rows: readonly Row[]; nextCursor: string | null }> {
    this.#enter(options);
    const table = this.#table(model);
    const found = await this.#rows(table, () => this.#opened.dialect.readPage(table, query), options);
    return pageOf(table.model, query, found);
  }

  async count(
    model: string,
    query: Omit<FindQuery, 'limit' | 'after'>,
    options?: StoreOptions<SqlSession>,
  ): Promise<number> {
    this.#enter(options);
    const table = this.#table(model);
    const [row] = await this.#read(() => this.#opened.dialect.count(table, query), options);
    return Number((row as { n: string }).n);
  }

  async commit(
    units: readonly Unit[],
    options?: StoreOptions<SqlSession> & { readonly handOver?: boolean },
  ): Promise<readonly UnitOutcome[]> {
    this.#enter(options);
    const { sent, places, settled } = translated(units, (model) => this.#table(model));
    const answers =
      options?.session === undefined
        ? await this.#write(sent, options)
        : await this.#writeWithin(options.session, sent, options);
    return outcomesOf(settled, places, answers);
  }

  async transaction<T>(run: (session: SqlSession) => Promise<T>, options?: StoreOptions<never>): Promise<T> {
    this.#enter(options);
    const timeoutMs = options?.timeoutMs ?? this.#opened.timeoutMs;
    const open = (restMs: number) => this.#transactions.open({ ...options, timeoutMs: restMs });
    return runTransaction(timeoutMs, this.#opened.dialect, this.#sessions, open, run);
  }

  hasOnlyConnection(session: SqlSession): boolean {
    const { source } = this.#opened;
    if (this.#sessions.isOwn(session)) return source.connectionsMax === 1 && this.#sessions.hasBegun(session);
    return source.isShared === true;
  }

  async redo(session: SqlSession): Promise<never> {
    await this.#read(() => ({ text: this.#opened.dialect.redo, values: [] }), { session });
    throw storageFailure(this.#opened.dialect, new Error('The database did not ask for a new transaction.'));
  }

  async ping(options?: StoreOptions<SqlSession>): Promise<{ now: Date }> {
    this.#enter(options);
    const [row] = await this.#read(() => ({ text: this.#opened.dialect.now, values: [] }), options);
    return { now: new Date(Number((row as { now: string }).now)) };
  }

  async close(): Promise<void> {
    this.#indexBuilds.close();
    this.#closing ??= this.#opened.source.close();
    await this.#closing.catch((error) => {
      throw storageFailure(this.#opened.dialect, error);
    });
  }

  #enter(options: Options): void {
    checkOpen(options, this.#closing !== null);
  }

  /** Whether a session is on the database of the credits. */
  async #isHere(place: string): Promise<boolean> {
    const { dialect, source } = this.#opened;
    if (place === this.#place) return true;
    // Where there is one connection, the session has it. Elsewhere the server may have been started again.
    if (source.isShared) return false;
    this.#place = await this.#calls.run(undefined, (connection) => placeOf(connection, dialect));
    return place === this.#place;
  }

  #table(model: string): Table {
    return madeFor(this.#tables, model);
  }

  async #rows(table: Table, make: () => Statement, options: Options, locks = false): Promise<Row[]> {
    const rows = await this.#read(make, options, locks);
    return rows.map((row) => table.decode((row as { r: string }).r));
  }

  /** Sends a statement that only reads. */
  async #read(make: () => Statement, options: Options, locks = false): Promise<readonly unknown[]> {
    const { dialect } = this.#opened;
    try {
      const statement = make();
      if (options?.session !== undefined) return await this.#sessions.read(options.session, options, statement, locks);
      return await this.#calls.run(options, async (connection) => (await send(connection, statement)).rows);
    } catch (error) {
      if (options?.session !== undefined) throw this.#sessions.failure(options.session, error);
      throw callFailure(dialect, error);
    }
  }

  async #write(units: readonly TableUnit[], options: Options): Promise<readonly UnitOutcome[]> {
    if (units.length === 0) return [];
    return this.#calls.run(options, (connection) => {
      const sender = {
        mark: null,
        isKept: true,
        send: async (statement: Statement) => (await send(connection, statement)).rows[0],
        beImpatient: () => connection.waitForLocks(LOCK_AGAIN_MS),
      };
      return writeUnits(this.#opened.dialect, sender, units);
    });
  }

  /** Writes one unit in a transaction that is open already. A unit that is not committed leaves nothing there. */
  async #writeWithin(
    session: SqlSession,
    units: readonly TableUnit[],
    options: Options,
  ): Promise<readonly UnitOutcome[]> {
    const { dialect } = this.#opened;
    checkAlone(units);
    const isKept = (row: unknown) => dialect.refusals(row, units).units.length === 0;
    const mark = this.#sessions.isOwn(session) ? null : randomUUID();
    const sender = {
      mark,
      isKept: false,
      send: (statement: Statement) => this.#sessions.write(session, options, statement, { isKept, mark }),
      endsAll: (error: unknown) => dialect.endsTransaction(error),
    };
    try {
      if (units.length === 0) return await this.#sessions.read(session, options, NOTHING).then(() => []);
      return await writeUnits(dialect, sender, units);
    } catch (error) {
      throw this.#sessions.failure(session, error);
    }
  }
}

const NOTHING: Statement = { text: 'select 1', values: [] };

function send(connection: CallConnection, { text, values }: Statement) {
  return connection.query(text, values, true);
}

async function placeOf(connection: CallConnection, { place }: Dialect): Promise<string> {
  const { rows } = await connection.query(place);
  return (rows[0] as { place: string }).place;
}
