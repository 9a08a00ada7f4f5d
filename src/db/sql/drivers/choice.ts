/**
 * Chooses the driver that the options ask for. A new driver is a file beside this one, its options here, and a line in
 * each function.
 */
import { noDatabase } from '../../kit/options.js';
import { LazySource } from '../connection.js';
import { postgres } from '../postgres/dialect.js';
import type { DriverSettings, Reached } from './driver.js';
import { type KyselyLike, openKysely } from './kysely.js';
import { openPgPool, openPgUrl, type PgPoolLike } from './pg.js';
import { openPglite, type PgliteLike } from './pglite.js';

/** One of `url`, `pool`, `kysely` and `pglite`. */
export interface DriverOptions {
  /**
   * A URL of PostgreSQL, 13 or newer. `pg` is loaded when the first call needs it, and connections are closed by
   * `close()`.
   */
  readonly url?: string | undefined;
  /**
   * A `pg` pool of yours, which you may go on using: timeouts and planner settings travel with each statement, in the
   * same round trip, and end with its transaction. A pool without `connectionTimeoutMillis` gets `connectTimeoutMs`.
   * `close()` leaves it open. A client of it, after `BEGIN`, is a `session`.
   */
  readonly pool?: PgPoolLike | undefined;
  /**
   * A `Kysely` on PostgreSQL, which you may go on using. Each statement takes a transaction around it, with the
   * timeouts and planner settings of the adapter, and so three round trips: `url` and `pool` take one. `close()` leaves
   * it open.
   */
  readonly kysely?: KyselyLike | undefined;
  /**
   * A `PGlite` of yours, which you may go on using: a call waits while you are inside a transaction, unless that is its
   * `session`. It has no timeouts of its own, and `close()` leaves it open. Await `init()` before the first call in a
   * transaction of yours.
   */
  readonly pglite?: PgliteLike | undefined;
}

export const DRIVER_OPTIONS: Readonly<Record<keyof DriverOptions, true>> = {
  ...{ url: true, pool: true, kysely: true, pglite: true },
};

const ONE_OF = 'give one of url, pool, kysely and pglite';

/** The problems of these options, for people. An option that is missing is a problem of the first call. */
export function driverProblems({ url, pool, kysely, pglite }: DriverOptions): string[] {
  const problems: string[] = [];
  if ([url, pool, kysely, pglite].filter((each) => each !== undefined).length > 1) problems.push(ONE_OF);
  // The URL holds a password, so no message shows it.
  if (url !== undefined && !/^postgres(ql)?:\/\//.test(url)) problems.push('the URL does not begin with postgres://');
  if (pool !== undefined && typeof pool?.connect !== 'function') problems.push('pool is not a pg Pool');
  if (kysely !== undefined && (typeof kysely?.connection !== 'function' || kysely.isTransaction))
    problems.push('kysely is not a Kysely, or is a transaction of one');
  if (pglite !== undefined && typeof pglite?.transaction !== 'function') problems.push('pglite is not a PGlite');
  return problems;
}

/** The database that valid options name. Opens nothing. */
export function openDriver({ url, pool, kysely, pglite }: DriverOptions, settings: DriverSettings): Reached {
  if (pglite) return openPglite(pglite);
  if (kysely) return openKysely(kysely, settings);
  if (pool) return openPgPool(pool, settings);
  if (url !== undefined) return openPgUrl(url, settings);
  const missing = async () => Promise.reject(noDatabase('SqlDbManager', ONE_OF));
  return { dialect: postgres, source: new LazySource(1, missing) };
}
