/**
 * Keeps the ledger's mirror (its file or sink) in step with this process's commits: it hands over the lines, reports
 * when the mirror falls behind or recovers, and fills gaps by itself.
 */
import { entryLine, type SealedEntry } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import type { JsonObject } from '../../models/values.js';
import type { LedgerSink, LedgerSinkHealth } from '../../ports/ledger-sink.js';
import type { LoggerLike } from '../../ports/logger.js';

export interface LedgerMirrorConfig {
  readonly sink: LedgerSink;
  /** Whether mutations are refused while the mirror cannot be written. */
  readonly refuse: boolean;
  readonly logger: LoggerLike;
  /** Writes an entry for an act of the library itself. */
  readonly record: (message: string, details: JsonObject) => Promise<void>;
  /** Appends the lines that the mirror lacks. */
  readonly reconcile: () => Promise<unknown>;
  /** The ids of entries in the mirror's last lines that the database lacks. */
  readonly lost: (ledgerId: string) => Promise<readonly string[]>;
  /** Whether nothing is called on a database that lacks some. */
  readonly refuseOlder: boolean;
}

export class LedgerMirror {
  readonly #config: LedgerMirrorConfig;
  /** The number of lines that the sink gave up and that no reconcile has brought back yet. */
  #gap = 0;
  #isFilling = false;
  #isAhead = false;

  constructor(config: LedgerMirrorConfig) {
    this.#config = config;
    config.sink.watch((change) => {
      const { path } = config.sink;
      if (change.kind === 'torn') {
        config.logger.warn({ path }, 'The last line of the ledger file was torn; it now ends with a newline');
      } else if (change.kind === 'degraded') {
        config.logger.warn({ path, cause: change.cause }, 'The ledger file cannot be written; operations go on');
        this.#record('Ledger file degraded', { cause: change.cause });
      } else void this.#recovered(change.dropped);
    });
  }

  /** Whether the database lacked entries that the mirror has when the process started. */
  get isAhead(): boolean {
    return this.#isAhead;
  }

  /**
   * Looks whether the database is older than the mirror, before anything is called on it.
   *
   * @throws LEDGER_CORRUPT where it is, and that is to be refused.
   */
  async compare(ledgerId: string): Promise<void> {
    const { logger, sink, lost, refuseOlder } = this.#config;
    const { path } = sink;
    const ids = await lost(ledgerId).catch((err: unknown) => {
      logger.warn({ err, path }, 'The last lines of the ledger file could not be compared with the database');
      return [];
    });
    this.#isAhead = ids.length > 0;
    const [id] = ids;
    if (id === undefined) return;
    const message = 'The database is older than its ledger file: it lacks entries that were committed.';
    if (refuseOlder)
      throw creditError('LEDGER_CORRUPT', `${message} Restore a newer one, or set ledger.olderDatabase.`, { id });
    logger.error({ path, count: ids.length, first: id }, message);
  }

  /** Appends the entries of a commit. */
  committed({ entries }: { readonly entries: readonly SealedEntry[] }): Promise<void> | null {
    return entries.length > 0 ? this.append(entries) : null;
  }

  /** Null, or a promise that resolves when the lines are as safe as the host asked for; it never rejects. */
  append(entries: readonly SealedEntry[]): Promise<void> | null {
    const lines = entries.map(({ row, body }) => entryLine(body, row.hash as string));
    try {
      return this.#config.sink.append(lines)?.catch(this.#failed) ?? null;
    } catch (err) {
      this.#failed(err);
      return null;
    }
  }

  /** Null when mutations may go on; else a promise, which rejects with `LEDGER_FILE_UNAVAILABLE` when they may not. */
  ready(): Promise<void> | null {
    const { refuse, sink } = this.#config;
    // A host's sink that throws refuses the calls that ask, as one that rejects does.
    return refuse ? (async () => sink.ready())() : null;
  }

  health(): LedgerSinkHealth {
    try {
      const { state, lag } = this.#config.sink.health();
      return { state, lag: lag + this.#gap };
    } catch (err) {
      this.#failed(err);
      return { state: 'degraded', lag: this.#gap };
    }
  }

  close(): Promise<void> {
    return this.#config.sink.close();
  }

  /** Reports a host's sink that breaks its contract by throwing. Committed entries stay committed. */
  readonly #failed = (err: unknown): void => {
    const { logger, sink } = this.#config;
    logger.error({ err, path: sink.path }, 'The ledger sink failed: call ledger.reconcile() when it works again');
  };

  async #recovered(dropped: number): Promise<void> {
    this.#gap += dropped;
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      let filled = 0;
      while (this.#gap > 0) {
        const gap = this.#gap;
        await this.#config.reconcile();
        this.#gap -= gap;
        filled += gap;
      }
      this.#record('Ledger file recovered', { reconciled: filled });
    } catch (err) {
      this.#config.logger.error({ err }, 'The ledger file still lacks entries: call ledger.reconcile()');
    } finally {
      this.#isFilling = false;
    }
  }

  #record(message: string, details: JsonObject): void {
    this.#config.record(message, details).catch((err) => {
      this.#config.logger.warn({ err }, `A ledger entry could not be written: ${message}`);
    });
  }
}
