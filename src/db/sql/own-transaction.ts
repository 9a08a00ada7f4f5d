/** A transaction of our own on its connection: begin, statements, commit or rollback. */
import { commitUnanswered } from '../kit/failures.js';
import type { CallConnection } from './calls.js';
import type { SqlConnection, SqlResult } from './connection.js';
import type { Dialect } from './dialect.js';
import { callFailure, storageFailure } from './failures.js';

/**
 * A transaction that its first statement begins. Before that it has no connection: so a call of a session may first do
 * what it has to do outside of it, even where there is one connection.
 */
export class OwnTransaction implements SqlConnection {
  readonly #open: () => Promise<CallConnection>;
  readonly #dialect: Dialect;
  #begun: Promise<CallConnection> | null = null;

  constructor(dialect: Dialect, open: () => Promise<CallConnection>) {
    this.#dialect = dialect;
    this.#open = open;
  }

  get hasBegun(): boolean {
    return this.#begun !== null;
  }

  async query(text: string, values?: readonly (string | null)[]): Promise<SqlResult> {
    this.#begun ??= this.#begin();
    return (await this.#begun).query(text, values);
  }

  /** @throws OUTCOME_UNKNOWN when no answer came */
  async commit(): Promise<void> {
    const connection = await this.#begun;
    if (connection === null) return;
    try {
      await commit(connection, this.#dialect);
    } finally {
      connection.end();
    }
  }

  async rollBack(): Promise<void> {
    // One that could not begin holds nothing.
    const connection = await this.#begun?.catch(() => null);
    if (!connection) return;
    await connection.query('rollback').catch(() => connection.break());
    connection.end();
  }

  async #begin(): Promise<CallConnection> {
    const connection = await this.#open();
    try {
      await connection.query(this.#dialect.begin(connection.remainingMs));
      return connection;
    } catch (error) {
      // It may have begun, and what it then set was refused.
      connection.break();
      connection.end();
      throw callFailure(this.#dialect, error);
    }
  }
}

async function commit(connection: CallConnection, dialect: Dialect): Promise<void> {
  let answer: SqlResult;
  try {
    answer = await connection.query('commit');
  } catch (cause) {
    throw dialect.failureOf(cause) === 'lost' ? commitUnanswered(cause) : callFailure(dialect, cause);
  }
  if (dialect.isCommitted(answer)) return;
  throw storageFailure(dialect, new Error(`The commit was answered with ${answer.command}.`));
}
