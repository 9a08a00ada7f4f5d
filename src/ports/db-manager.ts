/**
 * The port to a database: the smallest interface that is still atomic. Adapters know nothing of credits: they store
 * rows of declared models and apply changes. Run `testDbManager` from `credit-management/testing` on yours.
 */
import type { Json } from '../models/values.js';

/** `null` means absent: it is stored, returned as `null`, and never equal to anything in a unique index. */
export type StoredValue = string | number | boolean | Date | null | Json;

/** A stored record, with every field of its model. `version` is the writer's, compared by `replace` and `delete`. */
export type Row = { readonly version: number; readonly [field: string]: StoredValue };

export type FieldKind = 'string' | 'integer' | 'boolean' | 'instant' | 'json';

/**
 * `values`: those of a closed set. An adapter may refuse others, as long as `init` allows what a later version knows,
 * and takes nothing back that it allows already: processes of several versions write at once.
 */
export interface StoredField {
  readonly kind: FieldKind;
  readonly nullable: boolean;
  readonly values?: readonly string[];
}

/**
 * Everything that an adapter must know of a model. Integers are safe integers (64-bit columns), instants have
 * millisecond precision, json is any JSON value. `version` is an integer field of every model and is not listed.
 */
export interface StoredModel {
  readonly name: string;
  /** The field that identifies a row: a string of at most 1,100 characters. */
  readonly key: string;
  readonly fields: Readonly<Record<string, StoredField>>;
  /** A unique index leaves out rows that are null in any of its fields. */
  readonly indexes: readonly { readonly name: string; readonly fields: readonly string[]; readonly unique: boolean }[];
  /** A hint: its rows are replaced again and again, so that free room beside them is well spent. */
  readonly rewritten?: boolean;
}

export type Change =
  | { readonly op: 'insert'; readonly model: string; readonly row: Row }
  | {
      readonly op: 'replace';
      readonly model: string;
      readonly row: Row;
      readonly expectedVersion: number;
      /** Fields that the expected version has as `row` has them: an adapter may leave them as they are. */
      readonly unchanged?: readonly string[];
    }
  | { readonly op: 'delete'; readonly model: string; readonly key: string; readonly expectedVersion: number };

/** Changes that apply as a whole or not at all. No document appears twice in one unit. */
export type Unit = readonly Change[];

/**
 * The outcome of one unit.
 * - `conflict`: a document was not at the expected version, or an inserted key exists already. Nothing was written.
 * - `locked`: somebody else holds a lock on a document (or is inserting one of its unique keys). Nothing was written.
 * - `duplicate`: rows already hold unique values of the unit; `found` lists all that were found, by the key of the row.
 * - `rejected`: the database refuses this data. Nothing was written.
 * - `unknown`: the changes were sent and no answer came.
 */
export type UnitOutcome =
  | { readonly status: 'committed' }
  | { readonly status: 'conflict'; readonly model: string; readonly key: string }
  | { readonly status: 'locked' }
  | {
      readonly status: 'duplicate';
      readonly found: readonly { readonly model: string; readonly index: string; readonly key: string }[];
    }
  | { readonly status: 'rejected'; readonly cause: unknown }
  | { readonly status: 'unknown'; readonly cause: unknown };

/**
 * A walk along ONE declared index: `equals` fixes its leading fields, `range` bounds the field after them, rows come in
 * the order of the remaining fields, ties by key. `anyOf` keeps the rows whose field (any field of the model) is one of
 * the values. A null never matches `equals`, `range` or `anyOf`.
 */
export interface FindQuery {
  readonly index: string;
  readonly equals?: Readonly<Record<string, StoredValue>>;
  readonly anyOf?: { readonly field: string; readonly values: readonly StoredValue[] };
  readonly range?: {
    readonly field: string;
    readonly gte?: StoredValue;
    readonly gt?: StoredValue;
    readonly lte?: StoredValue;
    readonly lt?: StoredValue;
  };
  readonly direction?: 'asc' | 'desc';
  /** At least 1. */
  readonly limit: number;
  /** A cursor made by `encodeCursor` for the last row seen; a malformed one is `INVALID_ARGUMENT`. */
  readonly after?: string;
}

export interface StoreOptions<S> {
  readonly session?: S | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the call must have failed if the database has not answered. */
  readonly timeoutMs?: number | undefined;
  /** A read that must see every commit acknowledged before it, across a failover too. */
  readonly fresh?: boolean | undefined;
}

/**
 * A database. Construction opens nothing; `init` is called before anything else and may be called again. Every method
 * rejects with errors of the library only (`creditError`): `STORAGE_UNAVAILABLE` when the database does not answer,
 * `CLOSED` after `close()`, `INVALID_ARGUMENT` for a session that is not a live session of this adapter. One exception:
 * with a session, an error after which the host has to redo its whole transaction is thrown as the driver made it.
 * Rows handed in are neither kept nor changed, rows handed out are copies. Frozen JSON inside a row is taken to be
 * frozen all the way down and may be shared.
 */
export interface DbManager<S = unknown> {
  /** Names the kind of database. */
  readonly name: string;
  /** The limits of the database; one that is absent is none. */
  readonly limits?: {
    /** Bytes of one row. */
    readonly maxRowBytes?: number;
    /** Changes of one unit. */
    readonly maxChangesPerUnit?: number;
    /** How many operations one `commit` serves best, 512 where nothing is said. */
    readonly operationsPerCommit?: number;
  };

  /**
   * Creates what the models need. Idempotent, and safe when several processes start at once. Refuses with
   * `CONFIGURATION` a non-empty table of our name that we did not make, and with `TRANSACTIONS_UNSUPPORTED` a server
   * that cannot commit atomically. Answers the server's time.
   */
  init(models: readonly StoredModel[]): Promise<{ now: Date }>;
  /**
   * The names of what `init` would make: tables, columns, indexes. It makes nothing. An adapter that makes nothing need
   * not have it.
   */
  lacking?(models: readonly StoredModel[]): Promise<readonly string[]>;

  /**
   * Rows by key, in the order of the keys, `null` where there is none. `lock` (with a session) locks them to its
   * end.
   */
  getMany(
    model: string,
    keys: readonly string[],
    options?: StoreOptions<S> & { readonly lock?: boolean },
  ): Promise<readonly (Row | null)[]>;

  /** One page along one index. `nextCursor` is null at the end. */
  find(
    model: string,
    query: FindQuery,
    options?: StoreOptions<S>,
  ): Promise<{ rows: readonly Row[]; nextCursor: string | null }>;

  /** How many rows the query selects. */
  count(model: string, query: Omit<FindQuery, 'limit' | 'after'>, options?: StoreOptions<S>): Promise<number>;

  /**
   * Applies each unit as a whole or not at all, independently of the others, and answers one outcome a unit, in order.
   * Units of one call share no document and no unique key. With `session`, one unit, written inside that transaction.
   * Throws only when no unit can have been applied. With `handOver` the caller never touches the rows again, so that an
   * adapter that stores objects may keep them instead of copies.
   */
  commit(
    units: readonly Unit[],
    options?: StoreOptions<S> & { readonly handOver?: boolean },
  ): Promise<readonly UnitOutcome[]>;

  /**
   * Runs `run` in a transaction of our own: commits when it resolves, rolls back and rethrows when it rejects. When the
   * commit was sent and no answer came, it rejects with `OUTCOME_UNKNOWN`.
   */
  transaction?<T>(run: (session: S) => Promise<T>, options?: StoreOptions<never>): Promise<T>;

  /**
   * Whether this session has the only connection there is, so that a call without it would wait for its end. What a
   * call in the session needs is then done inside of it. Without this method no session has.
   */
  hasOnlyConnection?(session: S): boolean;

  /**
   * Ends a host's transaction with the database's own error that tells the host to redo it. It is called for a row that
   * exists and that the snapshot of the transaction cannot see. Without this method such a call is refused as
   * `CONTENTION`.
   */
  redo?(session: S): Promise<never>;

  /** The server's clock. */
  ping(options?: StoreOptions<S>): Promise<{ now: Date }>;

  /** Ends what was opened. Calls after it reject with `CLOSED`; a second `close()` is harmless. */
  close(): Promise<void>;
}

/** The sessions that a database takes; of one of several databases, the sessions of them all. */
export type SessionOf<Db> = Db extends DbManager<infer S> ? S : never;
