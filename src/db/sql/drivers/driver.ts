/** What a driver is asked for and what it gives: a database is its dialect and where its connections come from. */
import type { SqlSource } from '../connection.js';
import type { Dialect, Timeouts } from '../dialect.js';

/** Options that concern connections, with their defaults; a driver uses those that it knows how to. */
export interface DriverSettings extends Timeouts {
  readonly poolSize: number;
  readonly prepare: boolean;
}

/** A database, named and not yet opened. */
export interface Reached {
  readonly dialect: Dialect;
  readonly source: SqlSource;
}
