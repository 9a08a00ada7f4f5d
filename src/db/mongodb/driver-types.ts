/**
 * The parts of the official driver that the adapter needs, as types of its own. Nothing of `mongodb` is imported, so
 * the declarations compile without it, and documents are always of the BSON library of the client.
 */

/** A document on its way to the driver or from it. */
export interface Document {
  [field: string]: unknown;
}

/** A `ClientSession` of the driver inside a transaction: `session.withTransaction(…)` or `startTransaction()`. */
export interface MongoSession {
  readonly hasEnded: boolean;
  /** A new object for each transaction. */
  readonly transaction?: { readonly isCommitted?: boolean };
  inTransaction(): boolean;
  startTransaction(options?: TransactionSettings): void;
  commitTransaction(): Promise<unknown>;
  abortTransaction(): Promise<unknown>;
  endSession(): Promise<void>;
}

export interface TransactionSettings {
  readConcern?: { level: 'snapshot' };
  writeConcern?: { w: 'majority'; journal: boolean };
  readPreference?: 'primary';
  maxCommitTimeMS?: number;
}

export interface CommandSettings {
  session?: MongoSession;
  /** Frees the connection: without it the driver waits for ever to write to a connection that was closed meanwhile. */
  signal?: AbortSignal | undefined;
}

export interface ReadSettings extends CommandSettings {
  readConcern?: { level: 'majority' | 'linearizable' };
  hint?: string;
  sort?: Record<string, 1 | -1>;
  limit?: number;
  batchSize?: number;
  projection?: Record<string, 0 | 1>;
  allowDiskUse?: boolean;
  maxTimeMS?: number;
}

export interface CountSettings extends CommandSettings {
  readConcern?: unknown;
  hint?: unknown;
  maxTimeMS?: number;
}

/** The members of a collection that are used. */
export interface MongoCollectionLike {
  find(filter: Document, options?: ReadSettings): { toArray(): Promise<unknown[]> };
  countDocuments(filter: Document, options?: CountSettings): Promise<number>;
}

/** The members of a database that are used. */
export interface MongoDatabaseLike {
  command(command: Document, options?: CommandSettings): Promise<unknown>;
  collection(name: string): MongoCollectionLike;
}

/** The members of a `MongoClient` that are used; 6.16 and newer, and 7. */
export interface MongoClientLike {
  db(name: string, options?: DatabaseSettings): MongoDatabaseLike;
  startSession(options?: { causalConsistency?: boolean }): MongoSession;
  close(): Promise<void>;
}

/** The settings that a database of ours is opened with, however the client was made. */
export interface DatabaseSettings {
  readPreference?: 'primary';
  promoteLongs?: boolean;
  promoteValues?: boolean;
  useBigInt64?: boolean;
  ignoreUndefined?: boolean;
}
