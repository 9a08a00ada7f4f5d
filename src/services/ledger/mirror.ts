/**
 * Keeps the ledger's mirror (its file or sink) in step with this process's commits: it hands over the lines, reports
 * when the mirror falls behind or recovers, and fills gaps by itself.
 */
import { entryLine, type SealedEntry } from '../../core/entry-line.js';
import { creditError } from '../../errors.js';
import type { JsonObject } from '../../models/values.js';
import type { LedgerSink, LedgerSinkHealth } from '../../ports/ledger-sink.js';
import type { LoggerLike } from '../../ports/logger.js';
import { clearTimeout, setTimeout, withDeadline } from '../../timers.js';
import type { FileAge } from './file-age.js';

export interface LedgerMirrorConfig {
  readonly sink: LedgerSink;
  /** Whether mutations are refused while the mirror cannot be written. */
  readonly refuse: boolean;
  readonly logger: LoggerLike;
  /** Writes an entry for an act of the library itself. */
  readonly record: (message: string, details: JsonObject) => Promise<void>;
  /** Appends the lines that the mirror lacks. */
  readonly reconcile: (signal: AbortSignal) => Promise<unknown>;
  /** Compares the ends of the mirror and of the database. */
  readonly compareEnds: (ledgerId: string) => Promise<FileAge>;
  /** Whether the last lines of the mirror are those of the entries with these hashes, among others. */
  readonly isWritten: (hashes: readonly string[]) => Promise<boolean>;
  /** Whether nothing is called on a database that lacks some. */
  readonly refuseOlder: boolean;
}

/** Milliseconds after the first write until the mirror is compared once more. */
const SETTLED_MS = 2_000;
/** The longest that `close()` waits for a line that is being appended. */
const CLOSE_MS = 1_000;

export class LedgerMirror {
  readonly #config: LedgerMirrorConfig;
  /** The number of lines that the sink gave up and that no reconcile has brought back yet. */
  #gap = 0;
  #isFilling = false;
  #isAhead = false;
  /** The hashes of entries that the mirror lacked when the process started, until it writes. */
  #lacked: readonly string[] = [];
  readonly #closing = new AbortController();
  #catchingUp: Promise<unknown> = Promise.resolve();

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
   * Looks whether the database is older than the mirror, before anything is called on it. Where the mirror is older,
   * the lines that it lacks are appended as soon as this process writes; one that only reads leaves it as it is.
   *
   * @throws LEDGER_CORRUPT where it is, and that is to be refused.
   */
  async compare(ledgerId: string): Promise<void> {
    const { logger, sink, compareEnds, refuseOlder } = this.#config;
    const { path } = sink;
    const { lost, lacked } = await compareEnds(ledgerId).catch((err: unknown) => {
      logger.warn({ err, path }, 'The last lines of the ledger file could not be compared with the database');
      return { lost: [], lacked: [] };
    });
    this.#isAhead = lost.length > 0;
    const [id] = lost;
    if (id === undefined) {
      this.#lacked = lacked;
      return;
    }
    const message = 'The database is older than its ledger file: it lacks entries that were committed.';
    if (refuseOlder)
      throw creditError('LEDGER_CORRUPT', `${message} Restore a newer one, or set ledger.olderDatabase.`, { id });
    logger.error({ path, count: lost.length, first: id }, message);
  }

  /** Appends the entries of a commit. */
  committed({ entries }: { readonly entries: readonly SealedEntry[] }): Promise<void> | null {
    return entries.length > 0 ? this.append(entries) : null;
  }

  /** Null, or a promise that resolves when the lines are as safe as the host asked for; it never rejects. */
  append(entries: readonly SealedEntry[]): Promise<void> | null {
    if (this.#lacked.length > 0) this.#catchUpLater();
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

  async close(): Promise<void> {
    this.#closing.abort();
    await withDeadline(this.#catchingUp, CLOSE_MS, () => new Error('late')).catch(() => {});
    await this.#config.sink.close();
  }

  /** Lines that other processes were about to write have come by then, or never will. */
  #catchUpLater(): void {
    const lacked = this.#lacked;
    this.#lacked = [];
    const timer = setTimeout(() => {
      this.#catchingUp = this.#catchUp(lacked).catch((err: unknown) => {
        if (this.#closing.signal.aborted) return;
        const { path } = this.#config.sink;
        this.#config.logger.error({ err, path }, 'The ledger file still lacks entries: call ledger.reconcile()');
      });
    }, SETTLED_MS);
    timer.unref?.();
    this.#closing.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  async #catchUp(lacked: readonly string[]): Promise<void> {
    const { logger, sink, reconcile, isWritten } = this.#config;
    if (await isWritten(lacked)) return;
    logger.info({ path: sink.path }, 'The ledger file lacks entries of the database; it is being caught up');
    await reconcile(this.#closing.signal);
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
        await this.#config.reconcile(this.#closing.signal);
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
      this.#config.logger.warn({ err, entry: message }, 'A ledger entry could not be written');
    });
  }
}
