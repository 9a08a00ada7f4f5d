/** PostgreSQL through `pg`: its pools as sources of connections. The package is loaded when a pool of ours is made. */
import { cannotBeMade, notInstalled } from '../../kit/options.js';
import { LazySource, type SqlLease, type SqlResult, type SqlSource } from '../connection.js';
import type { Timeouts } from '../dialect.js';
import { postgres } from '../postgres/dialect.js';
import type { DriverSettings, Reached } from './driver.js';
import { GuestConnection, type SendAtOnce } from './guest-connection.js';
import { KeptStatements } from './kept-statements.js';
import { belowOf, hasWire, sendTogether } from './pg-wire.js';

/** The members of a `pg` client that are used. */
export interface PgClientLike {
  readonly processID?: number | null;
  query(config: { text: string; values?: unknown[]; name?: string }): Promise<SqlResult>;
  release(error?: Error | boolean): void;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  removeListener?(event: 'error', listener: (error: Error) => void): unknown;
}

/** The members of a `pg` pool that are used. */
export interface PgPoolLike {
  connect(callback: (error: Error | undefined, client: PgClientLike | undefined) => void): unknown;
  end?(): Promise<void>;
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

/** A `pg` pool as a source. The host may use it as well: only prepared statements stay on its connections. */
export class PgSource implements SqlSource {
  readonly connectionsMax: number;
  readonly #pool: PgPoolLike;
  readonly #options: PgSourceOptions;
  readonly #usual: string;
  /** How each connection that was used before sends settings and a statement. */
  readonly #ways = new WeakMap<PgClientLike, SendAtOnce | null>();

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

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    const client = await this.#connect();
    let released = false;
    const release = (error?: Error): void => {
      if (released) return;
      released = true;
      client.removeListener?.('error', ignore);
      client.release(error);
    };
    const destroy = (): void => {
      // Ending it politely would wait for an answer that may never come.
      if (!released) socketOf(client)?.destroy();
      // After that the socket still has an error to report, and needs a listener of ours.
      if (!released) client.on?.('error', ignore);
      release(new Error('The connection is no longer wanted.'));
    };
    if (giveUp.aborted) release();
    else if (!this.#ways.has(client)) {
      giveUp.addEventListener('abort', destroy, { once: true });
      try {
        this.#ways.set(client, await this.#wayOf(client));
      } catch (error) {
        destroy();
        throw error;
      } finally {
        giveUp.removeEventListener('abort', destroy);
      }
    }
    const { prepare, timeouts } = this.#options;
    const guest = new GuestConnection({
      ...{ dialect: postgres, timeouts, usual: this.#usual },
      ...{ sendAtOnce: this.#ways.get(client) ?? null },
      send: (...statement) => sendTo(client, prepare, ...statement),
    });
    return {
      query: (...statement) => guest.query(...statement),
      queryAlone: (text, values) => client.query({ text, ...(values ? { values: values as unknown[] } : undefined) }),
      waitForLocks: (lockMs) => guest.waitForLocks(lockMs),
      release,
      destroy,
    };
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

function ignore(): void {}

async function sendTo(
  client: PgClientLike,
  prepare: boolean,
  ...[text, values, isKept]: Parameters<SqlLease['query']>
) {
  const name = prepare && isKept ? await nameFor(client, text) : null;
  return client.query({
    text,
    ...(values ? { values: values as unknown[] } : undefined),
    ...(name !== null ? { name } : undefined),
  });
}

const kept = new WeakMap<PgClientLike, KeptStatements>();

/** The name of a statement on this connection, which may give up another one for it. */
async function nameFor(client: PgClientLike, text: string): Promise<string> {
  const statements = kept.get(client) ?? new KeptStatements();
  kept.set(client, statements);
  const { name, givenUp } = statements.keep(text);
  if (givenUp !== null) {
    // A pooler may not know the name: then it has a limit of its own.
    await client.query({ text: `deallocate ${givenUp}` }).catch(ignore);
    delete belowOf(client)?.parsedStatements?.[givenUp];
  }
  return name;
}

/** The socket below a `pg` client, where it has one. */
function socketOf(client: PgClientLike): { destroy(): void } | undefined {
  const stream = belowOf(client)?.stream;
  return typeof stream?.destroy === 'function' ? (stream as { destroy(): void }) : undefined;
}
