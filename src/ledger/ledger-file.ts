/**
 * The ledger file: one JSON line for each entry, in the order of the process's commits. One write is in flight at a
 * time; the lines that arrive meanwhile form the next one. Lines that cannot be written wait, within bounds, until the
 * disk is back.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { creditError, isCreditError } from '../errors.js';
import type { LedgerSink, LedgerSinkChange, LedgerSinkHealth } from '../ports/ledger-sink.js';
import { AppendFile, identityOf, statOrNull } from './append-file.js';
import { replaceFile } from './replace-file.js';

export interface LedgerFileOptions {
  /** The path, as a string or a file URL. Its folder is created; nothing is opened before the first write. */
  readonly filePath: string | URL;
  /**
   * When the file is synced. `'always'`: before a call is answered. `'interval'` (default): a second after a write.
   * `'never'`: when the system does it.
   */
  readonly fsync?: 'always' | 'interval' | 'never' | undefined;
  /**
   * The most text that waits while the file cannot be written, in UTF-16 units, default 32 * 1024 * 1024. Lines beyond
   * it are given up: the database has them, and `reconcile` brings them back.
   */
  readonly maxPending?: number | undefined;
}

const WRITE_UNITS_MAX = 1024 * 1024;
const SYNC_EVERY_MS = 1_000;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 5_000;
/** A write that takes longer makes the file degraded. */
const WRITE_MAX_MS = 5_000;
const CLOSE_MAX_MS = 5_000;
const READ_BYTES = 1024 * 1024;

// Bound when the library is loaded, so that a host's fake timers do not stop the file.
const { setTimeout, clearTimeout } = globalThis;
const monotonicNow = performance.now.bind(performance);

/** A caller that waits until every line up to `upTo` is written, or writing has failed. */
type Waiter = { readonly upTo: number; readonly done: (error: Error | null) => void };

/**
 * Writes the ledger to a file with one JSON line for each entry. The database has every entry first; the file mirrors
 * it.
 *
 * @throws CONFIGURATION at construction, for a path that is neither text nor a file URL, or for an unknown `fsync`.
 * @example
 * const ledger = { sink: new LedgerLogger({ filePath: 'logs/credits.jsonl', fsync: 'always' }) };
 * const credits = createCreditService({ db, ledger });
 */
export class LedgerLogger implements LedgerSink {
  readonly path: string;
  readonly #file: AppendFile;
  readonly #fsync: 'always' | 'interval' | 'never';
  readonly #maxPending: number;
  #pending: string[] = [];
  #pendingUnits = 0;
  /** The number of lines accepted since the start, and of those that were written or given up. */
  #taken = 0;
  #finished = 0;
  /** The number of lines given up since the file failed. */
  #dropped = 0;
  #waiters: Waiter[] = [];
  #isDraining = false;
  #failure: string | null = null;
  #writingSince: number | null = null;
  #probing: Promise<void> | null = null;
  #retryMs = RETRY_MIN_MS;
  #retryTimer: NodeJS.Timeout | null = null;
  #syncTimer: NodeJS.Timeout | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #changed: (change: LedgerSinkChange) => void = () => {};

  constructor(options: LedgerFileOptions) {
    this.path = pathOf(options);
    this.#fsync = options.fsync ?? 'interval';
    this.#maxPending = options.maxPending ?? 32 * 1024 * 1024;
    this.#file = new AppendFile(this.path, () => this.#changed({ kind: 'torn' }));
  }

  watch(changed: (change: LedgerSinkChange) => void): void {
    this.#changed = changed;
  }

  append(lines: readonly string[]): Promise<void> | null {
    if (this.#isClosed || lines.length === 0) return null;
    // Only a backlog is given up. The lines of this call are tried in any case.
    if (this.#pendingUnits > this.#maxPending) this.#drop();
    for (const line of lines) {
      this.#pending.push(line);
      this.#pendingUnits += line.length;
    }
    this.#taken += lines.length;
    // After a failure the timer tries again, so that not every call does.
    if (this.#failure === null) void this.#drain();
    if (this.#fsync !== 'always' || this.#failure !== null) return null;
    return new Promise((resolve) => this.#waiters.push({ upTo: this.#taken, done: () => resolve() }));
  }

  ready(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  flush(): Promise<void> {
    return this.#isClosed ? Promise.reject(this.#unavailable(new Error('it is closed'))) : this.#flush();
  }

  #flush(): Promise<void> {
    if (this.#finished === this.#taken) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error: Error | null) => (error ? reject(error) : resolve());
      this.#waiters.push({ upTo: this.#taken, done });
      void this.#drain();
    });
  }

  async *read(offset: number): AsyncIterable<Uint8Array> {
    let handle: FileHandle | null = null;
    try {
      const found = await statOrNull(this.path);
      if (!found?.isFile() || found.size <= offset) return;
      handle = await open(this.path, 'r');
      const { size } = await handle.stat();
      if (size <= offset) return;
      const range = { start: offset, end: size - 1, highWaterMark: READ_BYTES, autoClose: false };
      yield* handle.createReadStream(range);
    } catch (error) {
      // The file may be moved away after the stat.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#unavailable(error);
    } finally {
      await handle?.close();
    }
  }

  async tail(bytes: number): Promise<Uint8Array> {
    const found = await statOrNull(this.path).catch((error) => {
      throw this.#unavailable(error);
    });
    const pieces: Uint8Array[] = [];
    if (found?.isFile()) for await (const piece of this.read(Math.max(0, found.size - bytes))) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async identity(): Promise<string | null> {
    const found = await statOrNull(this.path).catch((error) => {
      throw this.#unavailable(error);
    });
    return found && identityOf(found);
  }

  async replace(lines: AsyncIterable<readonly string[]>): Promise<string | null> {
    return replaceFile(this.path, lines, (swap) => this.#exclusive(swap)).catch((error) => {
      throw isCreditError(error) ? error : this.#unavailable(error);
    });
  }

  health(): LedgerSinkHealth {
    const hangs = this.#writingSince !== null && monotonicNow() - this.#writingSince > WRITE_MAX_MS;
    const state = this.#failure !== null || hangs ? 'degraded' : 'up';
    return { state, lag: this.#taken - this.#finished + this.#dropped };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MAX_MS);
    });
    const ending = this.#flush()
      .then(() => this.#exclusive(() => (this.#fsync === 'never' ? Promise.resolve() : this.#file.sync())))
      .catch(() => {})
      .then(() => this.#exclusive(() => this.#file.close()))
      .catch(() => {});
    await Promise.race([ending, late]);
    clearTimeout(timer);
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    if (this.#syncTimer) clearTimeout(this.#syncTimer);
  }

  /** Writes until nothing is pending or a write fails. */
  async #drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#pending.length > 0) await this.#exclusive(() => this.#writeNext());
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isDraining = false;
    }
  }

  async #writeNext(): Promise<void> {
    const count = this.#countForWrite();
    const lines = this.#pending.slice(0, count);
    const bytes = Buffer.from(lines.join(''));
    const before = this.#finished;
    this.#writingSince = monotonicNow();
    try {
      const written = await this.#file.append(bytes);
      const whole = written === bytes.length ? count : wholeLines(bytes, written);
      if (this.#fsync === 'always' && whole > 0) await this.#file.sync();
      // Some of these lines may have been given up during the write: they are finished already.
      this.#finish(Math.max(0, whole - (this.#finished - before)));
      if (whole > 0) this.#recovered();
      else if (written === 0) throw Object.assign(new Error('Nothing was written.'), { code: 'ENOSPC' });
      if (this.#fsync === 'interval') this.#syncLater();
    } finally {
      this.#writingSince = null;
    }
  }

  #countForWrite(): number {
    let units = 0;
    let count = 0;
    while (count < this.#pending.length && units < WRITE_UNITS_MAX) units += (this.#pending[count++] as string).length;
    return count;
  }

  /** Counts the first `count` pending lines as finished, and tells the waiters. With an error, it tells all of them. */
  #finish(count: number, error: Error | null = null): void {
    for (const line of this.#pending.splice(0, count)) this.#pendingUnits -= line.length;
    this.#finished += count;
    const told = this.#waiters.filter((waiter) => error || waiter.upTo <= this.#finished);
    if (told.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !told.includes(waiter));
    for (const waiter of told) waiter.done(error);
  }

  /** Gives up the pending lines, because memory is bounded. The database has them, and `reconcile` brings them back. */
  #drop(): void {
    const count = this.#pending.length;
    this.#dropped += count;
    this.#finish(count, this.#unavailable(new Error('too many lines are waiting')));
  }

  #failed(error: unknown): void {
    const cause = causeOf(error);
    const wasUp = this.#failure === null;
    this.#failure = cause;
    void this.#exclusive(() => this.#file.close()).catch(() => {});
    this.#finish(0, this.#unavailable(error));
    if (!this.#retryTimer && !this.#isClosed) {
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = null;
        if (this.#pending.length > 0) void this.#drain();
        else this.ready().catch(() => {});
      }, this.#retryMs);
      this.#retryTimer.unref();
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    }
    if (wasUp) this.#changed({ kind: 'degraded', cause });
  }

  #recovered(): void {
    if (this.#failure === null && this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#failure = null;
    this.#dropped = 0;
    this.#retryMs = RETRY_MIN_MS;
    this.#changed({ kind: 'recovered', dropped });
  }

  /** Opens the file and writes the pending lines, to learn whether the file can be used. */
  async #probe(): Promise<void> {
    try {
      await this.#exclusive(() => this.#file.open());
    } catch (error) {
      this.#failed(error);
      throw this.#unavailable(error);
    }
    if (this.#failure !== null && this.#pending.length > 0) await this.#flush();
    else this.#recovered();
  }

  #syncLater(): void {
    if (this.#syncTimer || this.#isClosed) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = null;
      this.#exclusive(() => this.#file.sync()).catch((error) => this.#failed(error));
    }, SYNC_EVERY_MS);
    this.#syncTimer.unref();
  }

  /** Runs one action on the file at a time, in the order of the calls. */
  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #unavailable(cause: unknown) {
    const message = `The ledger file cannot be used (${causeOf(cause)}). Make its folder writable or free some space.`;
    return creditError('LEDGER_FILE_UNAVAILABLE', message, { path: this.path }, { cause });
  }
}

function pathOf({ filePath, fsync }: Partial<LedgerFileOptions> = {}): string {
  const isFile = filePath instanceof URL ? filePath.protocol === 'file:' : typeof filePath === 'string' && filePath;
  if (!isFile) throw wrong("filePath must be a path such as 'logs/credits.jsonl', or a URL that begins with file:");
  if (fsync !== undefined && !['always', 'interval', 'never'].includes(fsync)) {
    throw wrong('fsync must be always, interval or never');
  }
  return resolve(filePath instanceof URL ? fileURLToPath(filePath) : (filePath as string));
}

function wrong(problem: string) {
  return creditError('CONFIGURATION', `LedgerLogger: ${problem}.`, { problems: [problem] });
}

/** The number of lines that end within the first `length` bytes. */
function wholeLines(bytes: Buffer, length: number): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0 && at < length; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

function causeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException)?.code ?? (error as Error)?.message ?? 'unknown';
}
