/** The settings that a driver takes and the database that it gives: a dialect and a source of connections. */
import type { SqlSource } from '../connection.js';
import type { Dialect, Timeouts } from '../dialect.js';

/** Settings of connections, with their defaults; a driver uses those that it knows. */
export interface DriverSettings extends Timeouts {
  readonly poolSize: number;
  readonly prepare: boolean;
  /** Milliseconds after which a connection that is being made has failed. */
  readonly connectMs: number;
}

/** A database, named and not yet opened. */
export interface Reached {
  readonly dialect: Dialect;
  readonly source: SqlSource;
}
