/** Transactions that callers bring: a client of the driver, a kysely transaction, or our own. */
import type { SqlConnection } from './connection.js';
import { notASession } from './failures.js';

/**
 * A client inside a transaction: what `pool.connect()` of the driver answers, after `BEGIN`; what `transaction` of an
 * embedded database or of `SqlDbManager` gives; or a wrapper of four lines around any other library. A pool is no
 * session: each of its queries may run on another connection.
 */
export interface SqlClientSession {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  readonly totalCount?: never;
  readonly idleCount?: never;
}

/** A kysely `Transaction`; a `Kysely` is no session. */
export interface KyselySession {
  readonly isTransaction: true;
  /** Takes what kysely calls a compiled query. */
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A transaction that the credits join: see `{ session }` of every call. */
export type SqlSession = SqlClientSession | KyselySession;

/** The text by which kysely refuses a transaction that has ended. */
const ENDED = /already (committed|rolled back)/;

/** The connection below a host's session; a value that cannot be a session is `INVALID_ARGUMENT`. */
export function connectionOf(session: unknown): SqlConnection {
  if (typeof session !== 'object' || session === null) throw notASession();
  const { executeQuery, isTransaction, query } = session as Partial<KyselySession & SqlClientSession>;
  if (typeof executeQuery === 'function') {
    if (isTransaction !== true) throw notASession();
    return {
      async query(text, values) {
        try {
          return await (session as KyselySession).executeQuery(compiledQuery(text, values ?? []));
        } catch (error) {
          throw ENDED.test(String(error)) ? notASession(error) : error;
        }
      },
    };
  }
  if (typeof query !== 'function' || 'totalCount' in session || 'idleCount' in session) throw notASession();
  const client = session as SqlClientSession;
  return { query: (text, values) => (values ? client.query(text, [...values]) : client.query(text)) };
}

/** A statement as kysely takes it. */
export function compiledQuery(sql: string, parameters: readonly unknown[]): never {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
  return { sql, parameters, query, queryId: { queryId: 'credit-management' } } as never;
}
