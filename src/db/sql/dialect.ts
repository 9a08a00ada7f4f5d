/**
 * Everything that only one database has: its statements and the meaning of its errors. A new database is one folder
 * with one of these. Statements are plain SQL and not those of a query builder: the models are not known before they
 * run, so kysely would add no type to them, and the money statement is beyond its grammar. Its transactions are
 * accepted as sessions all the same.
 */
import type { FindQuery, Row, StoredModel } from '../../ports/db-manager.js';
import type { LoneConnection, SqlConnection, SqlResult } from './connection.js';
import type { Table, TableIndex } from './table.js';

/** A statement with its values; equal texts may share one prepared statement. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** A change with the table it goes to. */
export type TableChange = { readonly table: Table } & (
  | { readonly op: 'insert'; readonly row: Row }
  | {
      readonly op: 'replace';
      readonly row: Row;
      readonly expectedVersion: number;
      readonly unchanged: readonly string[] | undefined;
    }
  | { readonly op: 'delete'; readonly key: string; readonly expectedVersion: number }
);

export type TableUnit = readonly TableChange[];

/** The answer of a statement about the units that it did not write. */
export interface Refusals {
  /** Their places, from 0. */
  readonly units: readonly number[];
  /**
   * The obstacles of these units; a unit without any was locked. Where `index` is null, the document itself is meant.
   */
  readonly found: readonly { unit: number; model: string; index: string | null; key: string }[];
}

/**
 * The meaning of an error of a statement.
 * - `rejected`: the database refuses this data.
 * - `taken`: a unique value was taken meanwhile.
 * - `locked`: somebody else holds a lock, or a deadlock was broken.
 * - `failed`: nothing of the statement was applied, for a reason of the server's own.
 * - `lost`: no answer came, so nothing is known.
 */
export type Failure = 'rejected' | 'taken' | 'locked' | 'failed' | 'lost';

/** Milliseconds after which the server itself ends a statement, and one that waits for a lock. */
export interface Timeouts {
  readonly statementMs: number;
  readonly lockMs: number;
}

export interface MigrateOptions {
  readonly models: readonly StoredModel[];
  readonly prefix: string;
  /** The schema to use; null for the connection's own. */
  readonly schema: string | null;
  /** Whether nobody else can be writing, so that there is nobody to be kept waiting. */
  readonly isAlone: boolean;
}

/** An index that a table in use lacks. */
export interface NewIndex {
  readonly table: Table;
  readonly index: TableIndex;
}

export interface Migrated {
  readonly tables: readonly Table[];
  readonly newIndexes: readonly NewIndex[];
}

export interface Dialect {
  readonly name: string;
  /** Selects the server's time as epoch milliseconds, in `now`. */
  readonly now: string;
  /** Selects a text in `place` that is another one on every other database, and after a restart of the server. */
  readonly place: string;
  /** Raises the error after which a transaction has to be redone. */
  readonly redo: string;
  /**
   * A statement without values that sets what the statements of the library need: until the transaction ends, or for
   * good on the connection. It answers no row.
   */
  settings(timeouts: Timeouts, scope: 'transaction' | 'connection'): string;
  /**
   * Selects in `isolation` a text that is `''` where transactions begin as the library needs them, and in `pid` the
   * number of the server's process as text.
   */
  readonly look: string;
  /** The text that opens a transaction; what a transaction of ours sets may follow it, behind a semicolon. */
  readonly opening: string;
  /** Opens a transaction whose statements the server ends after `statementMs`. */
  begin(statementMs: number): string;
  /** Sets how long statements of the open transaction wait for a lock. */
  waitForLocks(lockMs: number): string;
  /**
   * Sets the timeouts of an open transaction, selects what they were (`statement`, `lock`) and `place`, and marks it.
   */
  setTimeouts(values: readonly [statement: string, lock: string], mark: string): Statement;
  /** Makes what the models need. Safe in many processes at once; a table that is not ours is `CONFIGURATION`. */
  migrate(connection: SqlConnection, options: MigrateOptions): Promise<Migrated>;
  /** The names of what {@link migrate} would make. */
  lacking(connection: SqlConnection, options: MigrateOptions): Promise<readonly string[]>;
  /**
   * Builds an index while others write, on a connection that has no deadline. Safe in many processes at once: one
   * builds, and the others wait. A build that was broken off is begun again.
   */
  buildIndex(connection: LoneConnection & { break(): void }, table: Table, index: TableIndex): Promise<void>;
  /**
   * Applies each unit as a whole or not at all, independently of the others. A statement that throws applied none. With
   * a `mark`, all units are refused outside of the transaction that has it. Statements that connections keep
   * (`isKept`) have one of few texts.
   */
  write(units: readonly TableUnit[], how: { readonly mark: string | null; readonly isKept: boolean }): Statement;
  /**
   * The same for one unit, at less cost and without a reason. `isWritten` reads the answer; a unique value that
   * somebody has is an error (`taken`).
   */
  writeBlind(unit: TableUnit): Statement;
  isWritten(row: unknown): boolean;
  /** Reads the row that {@link write} answers. */
  refusals(row: unknown, units: readonly TableUnit[]): Refusals;
  /** Selects rows as JSON texts in `r`, in no order. */
  readByKeys(table: Table, keys: readonly string[], lock: boolean): Statement;
  /** Selects rows as JSON texts in `r`, in order; one row more than the page holds, where there are more. */
  readPage(table: Table, query: FindQuery): Statement;
  /** Selects a number as text in `n`. */
  count(table: Table, query: Omit<FindQuery, 'limit' | 'after'>): Statement;
  failureOf(error: unknown): Failure;
  /** Whether the server refuses this service, its user or its database, so that trying again is no use. */
  isSetupError(error: unknown): boolean;
  /** The code that the server gave such an error, its meaning, and what it is about; for messages. */
  tell(error: unknown): string;
  /** Whether a commit that was answered without an error was carried out. */
  isCommitted(answer: SqlResult): boolean;
  /** Whether a savepoint failed because there is no transaction, another one, or none that can still commit. */
  isOutsideTransaction(error: unknown): boolean;
  /** Whether a transaction is over after this error. */
  endsTransaction(error: unknown): boolean;
  /** Whether the database says by this error that a transaction is to be done again as a whole. */
  asksForRedo(error: unknown): boolean;
  /** The index that a `taken` error is about, by its name in the database, where the driver tells it. */
  indexOf(error: unknown): string | null;
}
