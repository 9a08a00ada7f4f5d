/** Options of the SQL adapter: their checks and defaults. */
import {
  CONNECT_TIMEOUT_MS,
  cannotBeMade,
  INIT_TIMEOUT_MS,
  numberProblems,
  PREFIX,
  prefixProblems,
  TIMEOUT_MS,
  unknownOptions,
} from '../kit/options.js';
import { DRIVER_OPTIONS, type DriverOptions, driverProblems, openDriver } from './drivers/choice.js';
import type { Reached } from './drivers/driver.js';

/** One of the options names a database; the others say how it is used. */
export interface SqlOptions extends DriverOptions {
  /** Connections at most, with `url`; with `kysely`, those that it has. Default 10. */
  readonly poolSize?: number | undefined;
  /** The beginning of the names of tables: `[a-z_][a-z0-9_]*`, at most 40 characters. Default `credit_`. */
  readonly prefix?: string | undefined;
  /**
   * The schema of the tables, which must exist. Default: the one of the connection's `search_path` that has the tables
   * already, else the first one.
   */
  readonly schema?: string | undefined;
  /** Milliseconds after which a call without a `timeoutMs` of its own has failed. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Milliseconds for `init`. Default 60,000. A new index on a table with rows may take longer: it is built while others
   * write, and the next `init` waits for it again.
   */
  readonly initTimeoutMs?: number | undefined;
  /**
   * Milliseconds after which a connection that is being made has failed. Default: `connectionTimeoutMillis` of the
   * pool, else 10,000.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds after which the server ends a statement that nobody waits for any more. Default 30,000. */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a commit waits for somebody else who is inserting the same unique value. It waits for no row.
   * Default 250.
   */
  readonly lockTimeoutMs?: number | undefined;
  /** Whether connections keep prepared statements, 40 at most; false behind a pooler that cannot. Default true. */
  readonly prepare?: boolean | undefined;
}

export interface Opened extends Reached {
  readonly prefix: string;
  readonly schema: string | null;
  readonly timeoutMs: number;
  readonly initTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

const NAMES: Readonly<Record<keyof SqlOptions, true>> = {
  ...DRIVER_OPTIONS,
  ...{ poolSize: true, prefix: true, schema: true, prepare: true },
  ...{ timeoutMs: true, initTimeoutMs: true, connectTimeoutMs: true, statementTimeoutMs: true, lockTimeoutMs: true },
};

/** @throws CONFIGURATION with every problem found. Opens nothing. */
export function openOptions(given: SqlOptions): Opened {
  const options = given ?? {};
  const { poolSize = 10, prefix = PREFIX, prepare = true, schema = null } = options;
  const numbers = {
    poolSize,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    initTimeoutMs: options.initTimeoutMs ?? INIT_TIMEOUT_MS,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    lockTimeoutMs: options.lockTimeoutMs ?? 250,
  };
  const problems = [
    ...unknownOptions(options, NAMES),
    ...driverProblems(options),
    ...prefixProblems(prefix),
    ...numberProblems(numbers),
  ];
  if (problems.length > 0) throw cannotBeMade('SqlDbManager', problems);
  const { statementTimeoutMs: statementMs, connectTimeoutMs: connectMs, ...timeouts } = numbers;
  const settings = { poolSize, prepare, statementMs, connectMs, lockMs: numbers.lockTimeoutMs };
  return { ...openDriver(options, settings), prefix, schema, ...timeouts };
}
