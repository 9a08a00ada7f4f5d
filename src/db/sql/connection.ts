/**
 * The types of database connections, and of the pools that hand them out, as the adapter needs them. Nothing is
 * imported.
 */

/** The answer of one statement. `command` is its tag (`COMMIT`, `ROLLBACK`), where the driver tells it. */
export interface SqlResult {
  readonly rows: readonly unknown[];
  readonly command?: string | undefined;
}

/** One connection. Every value is text or null; `isKept` lets the driver keep the prepared statement. */
export interface SqlConnection {
  query(text: string, values?: readonly (string | null)[], isKept?: boolean): Promise<SqlResult>;
}

/** A connection that nobody else uses at this time. */
export interface LoneConnection extends SqlConnection {
  /** Sends a statement around which there may be no transaction. The connection's own settings count for it. */
  queryAlone(text: string, values?: readonly (string | null)[]): Promise<SqlResult>;
}

/** A connection that is ours until it is released. */
export interface SqlLease extends LoneConnection {
  /** Makes the statements that follow wait this much time for a lock, where the database has a limit for it. */
  waitForLocks(lockMs: number): void;
  /** Gives the connection back to its source. */
  release(): void;
  /** Ends it at once, whatever it is doing. */
  destroy(): void;
}

/** A source of connections. */
export interface SqlSource {
  /** Whether there is one connection, which others use as well. */
  readonly isShared?: boolean;
  /** How many leases there can be at one time. */
  readonly connectionsMax: number;
  /** A connection that is free at this moment and needs no preparation; null for any other case. */
  leaseNow?(): SqlLease | null;
  /** The next free connection. It rejects when none can be made; `giveUp` aborts when nobody waits any longer. */
  lease(giveUp: AbortSignal): Promise<SqlLease>;
  /** Ends what this source opened. */
  close(): Promise<void>;
}

/** A source that is made when it is first used; a failure to make it is tried again by the next call. */
export class LazySource implements SqlSource {
  readonly connectionsMax: number;
  readonly #make: () => Promise<SqlSource>;
  #made: Promise<SqlSource> | null = null;
  #source: SqlSource | null = null;

  constructor(connectionsMax: number, make: () => Promise<SqlSource>) {
    this.connectionsMax = connectionsMax;
    this.#make = make;
  }

  leaseNow(): SqlLease | null {
    return this.#source?.leaseNow?.() ?? null;
  }

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    this.#made ??= this.#make().catch((error) => {
      this.#made = null;
      throw error;
    });
    this.#source = await this.#made;
    return this.#source.lease(giveUp);
  }

  async close(): Promise<void> {
    await (await this.#made)?.close();
  }
}
