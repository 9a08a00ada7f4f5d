/** PostgreSQL through `pg`: its pools as sources of connections. The package is loaded when a pool of ours is made. */
import { clearTimeout, setTimeout } from '../../../timers.js';
import { cannotBeMade, notInstalled } from '../../kit/options.js';
import { LazySource, type SqlLease, type SqlSource } from '../connection.js';
import type { Timeouts } from '../dialect.js';
import { postgres } from '../postgres/dialect.js';
import type { DriverSettings, Reached } from './driver.js';
import { GuestConnection, type SendAtOnce } from './guest-connection.js';
import { ignore, nameFor, type PgClientLike, PgConnection, sendTo } from './pg-connection.js';
import { hasWire, sendTogether } from './pg-wire.js';

/** The members of a `pg` pool that are used. */
export interface PgPoolLike {
  connect(callback: (error: Error | undefined, client: PgClientLike | undefined) => void): unknown;
  end?(): Promise<void>;
  readonly waitingCount?: number;
  readonly options?: { connectionTimeoutMillis?: number | null | undefined; readonly max?: number | undefined };
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

interface PgSourceOptions {
  readonly timeouts: Timeouts;
  readonly prepare: boolean;
  /** Whether the pool is ended with the source. */
  readonly owned: boolean;
}

const heard = new WeakSet<PgPoolLike>();

/** A connection that nobody used for so long goes back to the pool, which ends it in its own time. */
const KEPT_MS = 1_000;

/** A `pg` pool as a source. The host may use it as well: only prepared statements stay on its connections. */
export class PgSource implements SqlSource {
  readonly connectionsMax: number;
  readonly #pool: PgPoolLike;
  readonly #options: PgSourceOptions;
  readonly #usual: string;
  /** The connections that were used before. */
  readonly #known = new WeakMap<PgClientLike, PgConnection>();
  /** Connections of a pool of ours between two calls, the one used last at the end. */
  readonly #kept: PgConnection[] = [];
  #giveBack: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(pool: PgPoolLike, options: PgSourceOptions) {
    this.connectionsMax = pool.options?.max ?? Number.POSITIVE_INFINITY;
    this.#pool = pool;
    this.#options = options;
    this.#usual = postgres.settings(options.timeouts, 'transaction');
    // When the server ends an idle connection, the next call makes another; without a listener the event would end the
    // process. The listener stays when we close: a connection on its way out may still fail.
    if (!heard.has(pool)) pool.on?.('error', ignore);
    heard.add(pool);
  }

  /** Asking the pool takes a turn of the event loop, two timers and a listener: a connection of ours is kept for it. */
  leaseNow(): SqlLease | null {
    const connection = this.#kept.pop();
    if (!connection) return null;
    connection.client.ref?.();
    return this.#leaseOf(connection);
  }

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    const now = this.leaseNow();
    if (now) return now;
    const client = await this.#connect();
    const known = this.#known.get(client);
    if (known) {
      const lease = this.#leaseOf(known);
      if (giveUp.aborted) lease.release();
      return lease;
    }
    const connection = new PgConnection(client);
    if (giveUp.aborted) {
      connection.giveBack();
      throw new Error('The call was given up.');
    }
    if (this.#options.owned) {
      // After a last word of the server its end may come late, or never.
      for (const event of ['error', 'end'] as const) client.on?.(event, () => this.#forget(connection));
    }
    const destroy = () => connection.destroy();
    giveUp.addEventListener('abort', destroy, { once: true });
    try {
      connection.sendAtOnce = await this.#wayOf(client);
    } catch (error) {
      destroy();
      throw error;
    } finally {
      giveUp.removeEventListener('abort', destroy);
    }
    // It was given up in the moment in which it was ready, and has gone back to the pool.
    if (!connection.isOut) throw new Error('The call was given up.');
    this.#known.set(client, connection);
    return this.#leaseOf(connection);
  }

  #leaseOf(connection: PgConnection): SqlLease {
    const { prepare, timeouts } = this.#options;
    const { client, sendAtOnce } = connection;
    const guest = new GuestConnection({
      dialect: postgres,
      timeouts,
      usual: this.#usual,
      sendAtOnce,
      send: (...statement) => sendTo(client, prepare, ...statement),
    });
    connection.isOut = true;
    let isOurs = true;
    return {
      query: (...statement) => guest.query(...statement),
      queryAlone: (text, values) => client.query({ text, ...(values ? { values: values as unknown[] } : undefined) }),
      waitForLocks: (lockMs) => guest.waitForLocks(lockMs),
      release: () => {
        if (isOurs) this.#release(connection);
        isOurs = false;
      },
      destroy: () => {
        if (isOurs) connection.destroy();
        isOurs = false;
      },
    };
  }

  /** Keeps a connection of our own for the next call, unless somebody waits for one. */
  #release(connection: PgConnection): void {
    const isWanted = this.#isClosed || this.#pool.waitingCount !== 0;
    if (!this.#options.owned || isWanted || connection.hasEnded) {
      connection.giveBack();
      return;
    }
    connection.usedAt = performance.now();
    // Connections that nobody uses keep no process alive, and the timer neither.
    connection.client.unref?.();
    this.#kept.push(connection);
    this.#giveBack ??= setTimeout(() => this.#giveBackUnused(), KEPT_MS).unref();
  }

  #giveBackUnused(): void {
    this.#giveBack = null;
    const since = performance.now() - KEPT_MS;
    const unused = this.#kept.filter(({ usedAt }) => usedAt <= since);
    for (const connection of unused) this.#giveKeptBack(connection);
    if (this.#kept.length > 0) this.#giveBack = setTimeout(() => this.#giveBackUnused(), KEPT_MS).unref();
  }

  #giveKeptBack(connection: PgConnection): void {
    this.#kept.splice(this.#kept.indexOf(connection), 1);
    connection.giveBack();
  }

  /** A connection has ended: one that is kept must not be handed out. */
  #forget(connection: PgConnection): void {
    connection.hasEnded = true;
    if (this.#kept.includes(connection)) this.#giveKeptBack(connection);
  }

  /**
   * Prepares the usual settings, and finds out whether a transaction that nobody opens is one that will do. On a
   * connection that is ours alone the settings stay.
   */
  async #wayOf(client: PgClientLike): Promise<SendAtOnce | null> {
    if (!hasWire(client)) return null;
    const { prepare, timeouts, owned } = this.#options;
    const usual = this.#usual;
    const nameOf = async (text: string, isKept: boolean) => (prepare && isKept ? nameFor(client, text) : '');
    const send: SendAtOnce = async (settings, text, values = [], isKept = false) => {
      // Each use asks for the name: so it is never the one that was not used for longest.
      const first = { text: settings, name: await nameOf(settings, settings === usual) };
      return sendTogether(client, first, { text, values, name: await nameOf(text, isKept) });
    };
    const { rows } = await send(usual, postgres.look);
    const { isolation, pid } = rows[0] as { isolation: string; pid: string };
    if (isolation !== '') return null;
    // A pooler answers with a number of its own, and gives the connection to others.
    if (!owned || String(client.processID) !== pid) return send;
    await client.query({ text: postgres.settings(timeouts, 'connection') });
    return (settings, ...statement) =>
      settings === usual ? sendTo(client, prepare, ...statement) : send(settings, ...statement);
  }

  /**
   * Connects by callback, which runs while the pool hands the client over. A promise is heard later: a server that ends
   * in the moment in which the connection is made (one packet says ready and the end) would end this process too.
   */
  #connect(): Promise<PgClientLike> {
    return new Promise((resolve, reject) => {
      this.#pool.connect((error, client) => {
        client?.on?.('error', ignore);
        if (client) resolve(client);
        else reject(error);
      });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#giveBack) clearTimeout(this.#giveBack);
    for (const connection of [...this.#kept]) this.#giveKeptBack(connection);
    if (this.#options.owned) await this.#pool.end?.();
  }
}

/** A pool of our own for a URL, made when it is first needed. */
export function openPgUrl(url: string, settings: DriverSettings): Reached {
  const make = async () => new PgSource(await makePool(url, settings), poolOptions(settings, true));
  return { dialect: postgres, source: new LazySource(settings.poolSize, make) };
}

/**
 * A pool of the host's. Without a timeout, connections that are never answered would fill it for ever: it gets ours.
 */
export function openPgPool(pool: PgPoolLike, settings: DriverSettings): Reached {
  if (pool.options) pool.options.connectionTimeoutMillis ||= settings.connectMs;
  return { dialect: postgres, source: new PgSource(pool, poolOptions(settings, false)) };
}

function poolOptions({ prepare, ...timeouts }: DriverSettings, owned: boolean): PgSourceOptions {
  return { timeouts, prepare, owned };
}

async function makePool(url: string, { poolSize, connectMs }: DriverSettings): Promise<PgPoolLike> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw notInstalled('PostgreSQL', 'pg', cause);
  });
  try {
    // Opens nothing, and reads the URL.
    new pg.Client({ connectionString: url });
  } catch {
    // The text of the driver may hold the URL, and with it a password.
    throw cannotBeMade('SqlDbManager', ['the URL is not one that the driver understands']);
  }
  // Connecting alone: a timeout of the pool would also end the wait for a connection that others are using.
  class Client extends pg.Client {
    constructor(config?: object) {
      super({ connectionTimeoutMillis: connectMs, ...config });
    }
  }
  return new pg.Pool({
    connectionString: url,
    Client,
    max: poolSize,
    application_name: 'credit-management',
    keepAlive: true,
    // Idle connections alone keep no process alive.
    allowExitOnIdle: true,
  });
}
