/** What the adapter needs of a database connection, and of the pools that hand them out. Nothing here is imported. */

/** The answer of one statement. `command` is its tag (`COMMIT`, `ROLLBACK`), where the driver tells it. */
export interface SqlResult {
  readonly rows: readonly unknown[];
  readonly command?: string | undefined;
}

/** One connection. Every value is text or null; a `name` lets the driver keep the prepared statement. */
export interface SqlConnection {
  query(text: string, values?: readonly (string | null)[], name?: string): Promise<SqlResult>;
}

/** A connection that is ours until it is released. */
export interface SqlLease extends SqlConnection {
  /** Back to where it came from. */
  release(): void;
  /** Ends it at once, whatever it is doing. */
  destroy(): void;
}

/** Where connections come from. */
export interface SqlSource {
  /** Whether there is one connection, which others use as well. */
  readonly isShared?: boolean;
  /** The next free connection. It rejects when none can be made; `giveUp` aborts when nobody waits any longer. */
  lease(giveUp: AbortSignal): Promise<SqlLease>;
  /** Ends what this source opened. */
  close(): Promise<void>;
}

/** The members of a `pg` client that are used. */
export interface PgClientLike {
  query(config: { text: string; values?: unknown[]; name?: string }): Promise<SqlResult>;
  release(error?: Error | boolean): void;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  removeListener?(event: 'error', listener: (error: Error) => void): unknown;
}

/** The members of a `pg` pool that are used. */
export interface PgPoolLike {
  connect(callback: (error: Error | undefined, client: PgClientLike | undefined) => void): unknown;
  end?(): Promise<void>;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

const heard = new WeakSet<PgPoolLike>();

/** A `pg` pool as a source. What its connections need once (`setUp`) is sent when each is first used. */
export class PgSource implements SqlSource {
  readonly #pool: PgPoolLike;
  readonly #options: { readonly setUp: string; readonly prepare: boolean; readonly owned: boolean };
  readonly #ready = new WeakSet<PgClientLike>();

  constructor(
    pool: PgPoolLike,
    options: { readonly setUp: string; readonly prepare: boolean; readonly owned: boolean },
  ) {
    this.#pool = pool;
    this.#options = options;
    // An idle connection that the server ends is replaced by the next call; unheard, the event would end the process.
    // The listener stays when we close: what is on its way out may still fail.
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
      // The socket still has something to say to a listener of ours after that.
      if (!released) client.on?.('error', ignore);
      release(new Error('The connection is no longer wanted.'));
    };
    const { prepare, setUp } = this.#options;
    if (giveUp.aborted) release();
    else if (!this.#ready.has(client)) {
      giveUp.addEventListener('abort', destroy, { once: true });
      try {
        await client.query({ text: setUp });
      } catch (error) {
        destroy();
        throw error;
      } finally {
        giveUp.removeEventListener('abort', destroy);
      }
      this.#ready.add(client);
    }
    return {
      query: (text, values, name) =>
        client.query({
          text,
          ...(values ? { values: values as unknown[] } : undefined),
          ...(prepare && name ? { name } : undefined),
        }),
      release,
      destroy,
    };
  }

  /**
   * By callback: it is called while the pool hands the client over. A promise is heard later, and a server that ends in
   * the moment in which the connection is made (one packet says ready and the end) would end this process too.
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

/** A source that is made when it is first used; a failure to make it is tried again by the next call. */
export class LazySource implements SqlSource {
  readonly #make: () => Promise<SqlSource>;
  #made: Promise<SqlSource> | null = null;

  constructor(make: () => Promise<SqlSource>) {
    this.#make = make;
  }

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    this.#made ??= this.#make().catch((error) => {
      this.#made = null;
      throw error;
    });
    return (await this.#made).lease(giveUp);
  }

  async close(): Promise<void> {
    await (await this.#made)?.close();
  }
}

function ignore(): void {}

/** The socket below a `pg` client, where it has one. */
function socketOf(client: PgClientLike): { destroy(): void } | undefined {
  const { connection } = client as { connection?: { stream?: { destroy?: () => void } } };
  const stream = connection?.stream;
  return typeof stream?.destroy === 'function' ? (stream as { destroy(): void }) : undefined;
}
