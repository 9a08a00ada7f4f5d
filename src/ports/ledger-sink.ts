/** The port to the ledger's mirror: lines of committed entries, in the order of the process's commits. */

export interface LedgerSinkHealth {
  readonly state: 'up' | 'degraded';
  /** Entries committed by this process that the mirror does not have yet. */
  readonly lag: number;
}

/**
 * A mirror of the ledger. It never holds a line for anything that is not committed, may lag, and can be rebuilt from
 * the database. It keeps lines that it cannot write and writes them later; it reports lines that it can no longer keep
 * as a gap.
 */
export interface LedgerSink {
  /** The place it writes to, for messages. */
  readonly path: string;

  /**
   * Takes whole lines, each with its newline, and never throws. The result is null when nobody has to wait; a sink that
   * syncs before every answer resolves once these lines are on the disk or are known not to be.
   */
  append(lines: readonly string[]): Promise<void> | null;

  /** Looks whether lines can be written; rejects with `LEDGER_FILE_UNAVAILABLE` when they cannot. */
  ready(): Promise<void>;

  /** Resolves when the waiting lines are written; rejects with `LEDGER_FILE_UNAVAILABLE` when they cannot be. */
  flush(): Promise<void>;

  /** All bytes from `offset` on, in pieces, as they are now; nothing when there is no file. */
  read(offset: number): AsyncIterable<Uint8Array>;

  /**
   * The last bytes, at most so many. Optional: without it nobody can tell at the start that the database is older than
   * the mirror.
   */
  tail?(bytes: number): Promise<Uint8Array>;

  /** A value that changes when another file stands at the path; null while there is none. */
  identity(): Promise<string | null>;

  /**
   * Writes a new file from lines in order and puts it in the place of the old one, which is kept beside it: the result
   * is its path, or null when there was none.
   */
  replace(lines: AsyncIterable<readonly string[]>): Promise<string | null>;

  health(): LedgerSinkHealth;

  /**
   * Calls `changed` whenever the state changes. `dropped` counts lines beyond those that the sink keeps: only the
   * database has them. `torn` tells that somebody's last line had no end and was closed off.
   */
  watch(changed: (change: LedgerSinkChange) => void): void;

  /** Writes what it can within five seconds, syncs, and opens nothing again. */
  close(): Promise<void>;
}

export type LedgerSinkChange =
  | { readonly kind: 'degraded'; readonly cause: string }
  | { readonly kind: 'recovered'; readonly dropped: number }
  | { readonly kind: 'torn' };
