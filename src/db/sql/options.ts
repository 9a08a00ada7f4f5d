/** Options of the SQL adapter, checked, with their defaults. */
import { creditError } from '../../errors.js';
import { LazySource, type PgPoolLike, PgSource, type SqlSource } from './connection.js';
import type { Dialect } from './dialect.js';
import { type PgliteLike, PgliteSource } from './drivers/pglite.js';
import { postgres } from './postgres/dialect.js';

/** One of `url`, `pool` and `pglite`. */
export interface SqlOptions {
  /** A PostgreSQL URL. `pg` is loaded when the first call needs it, and connections are closed by `close()`. */
  readonly url?: string | undefined;
  /**
   * A `pg` pool that nobody else uses: each connection gets timeouts and planner settings of the adapter. `close()`
   * leaves it open.
   */
  readonly pool?: PgPoolLike | undefined;
  /**
   * A `PGlite` of yours, which you may go on using: a call waits while you are inside a transaction. It knows no
   * timeouts of its own, and `close()` leaves it open.
   */
  readonly pglite?: PgliteLike | undefined;
  /** Connections at most, with `url`. Default 10. */
  readonly poolSize?: number | undefined;
  /** What the names of tables begin with: `[a-z_][a-z0-9_]*`, at most 40 characters. Default `credit_`. */
  readonly prefix?: string | undefined;
  /** The schema of the tables, which must exist. Default: the first one of the connection's `search_path`. */
  readonly schema?: string | undefined;
  /** Milliseconds after which a call has failed that brings no `timeoutMs` of its own. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that `init` may take, which builds indexes. Default 60,000. */
  readonly initTimeoutMs?: number | undefined;
  /** Milliseconds after which the server ends a statement that nobody waits for any more. Default 30,000. */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * Milliseconds that a commit waits for somebody else who is inserting the same unique value. It waits for no row.
   * Default 250.
   */
  readonly lockTimeoutMs?: number | undefined;
  /** Whether connections keep prepared statements; false behind a pooler that cannot. Default true. */
  readonly prepare?: boolean | undefined;
}

export interface Opened {
  readonly dialect: Dialect;
  readonly source: SqlSource;
  readonly prefix: string;
  readonly schema: string | null;
  readonly timeoutMs: number;
  readonly initTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

const NAMES: Readonly<Record<keyof SqlOptions, true>> = {
  ...{ url: true, pool: true, pglite: true, poolSize: true, prefix: true, schema: true, prepare: true },
  ...{ timeoutMs: true, initTimeoutMs: true, statementTimeoutMs: true, lockTimeoutMs: true },
};

/** @throws CONFIGURATION with every problem found. Opens nothing. */
export function openOptions(given: SqlOptions): Opened {
  const options = given ?? {};
  const { url, pool, pglite, poolSize = 10, prefix = 'credit_', prepare = true, schema = null } = options;
  const numbers = {
    poolSize,
    timeoutMs: options.timeoutMs ?? 10_000,
    initTimeoutMs: options.initTimeoutMs ?? 60_000,
    statementTimeoutMs: options.statementTimeoutMs ?? 30_000,
    lockTimeoutMs: options.lockTimeoutMs ?? 250,
  };
  const problems: string[] = [];
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name)) problems.push(`there is no option ${JSON.stringify(name)}`);
  }
  if ([url, pool, pglite].filter((each) => each !== undefined).length !== 1)
    problems.push('give one of url, pool and pglite');
  // The URL itself holds a password: it is told to nobody.
  if (url !== undefined && !/^postgres(ql)?:\/\//.test(url)) problems.push('the URL does not begin with postgres://');
  if (pool !== undefined && typeof pool?.connect !== 'function') problems.push('pool is not a pg Pool');
  if (pglite !== undefined && typeof pglite?.transaction !== 'function') problems.push('pglite is not a PGlite');
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(prefix)) problems.push('prefix is not of the form [a-z_][a-z0-9_]*');
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1)
      problems.push(`${name} is not a positive integer`);
  }
  if (problems.length > 0) {
    throw creditError('CONFIGURATION', `SqlDbManager cannot be made: ${problems.join('; ')}.`, { problems });
  }
  const { statementTimeoutMs, ...timeouts } = numbers;
  const setUp = postgres.setUp({ statementMs: statementTimeoutMs, lockMs: numbers.lockTimeoutMs });
  const makeOwn = async () => new PgSource(await makePool(url as string, poolSize), { setUp, prepare, owned: true });
  let source: SqlSource = new LazySource(makeOwn);
  if (pool) source = new PgSource(pool, { setUp, prepare, owned: false });
  if (pglite) source = new PgliteSource(pglite);
  return { dialect: postgres, source, prefix, schema, ...timeouts };
}

async function makePool(url: string, poolSize: number): Promise<PgPoolLike> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    const problem = 'the package pg is not installed: npm install pg';
    throw creditError('CONFIGURATION', `PostgreSQL cannot be reached: ${problem}.`, { problems: [problem] }, { cause });
  });
  return new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'credit-management',
    keepAlive: true,
    // Idle connections alone keep no process alive.
    allowExitOnIdle: true,
  });
}
