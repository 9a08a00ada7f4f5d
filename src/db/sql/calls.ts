/** Calls on connections of our own: each waits for a connection, runs on it and ends by its deadline. */
import { creditError } from '../../errors.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import { aborted, unavailable } from '../kit/failures.js';
import type { LoneConnection, SqlLease, SqlResult, SqlSource } from './connection.js';
import type { Dialect } from './dialect.js';
import { storageFailure } from './failures.js';

export type CallOptions = Pick<StoreOptions<never>, 'signal' | 'timeoutMs'> | undefined;

const LEASE_MARGIN_MS = 100;

/** The connection of one call. It rejects every query that is running when the deadline comes, and those after it. */
export class CallConnection implements LoneConnection {
  readonly until: number;
  readonly #lease: SqlLease;
  readonly #dialect: Dialect;
  readonly #timer: NodeJS.Timeout;
  /** Rejects the queries that are running. */
  readonly #running = new Set<(error: Error) => void>();
  #late: Error | null = null;
  #broken = false;

  constructor(lease: SqlLease, dialect: Dialect, until: number) {
    this.#lease = lease;
    this.#dialect = dialect;
    this.until = until;
    this.#timer = setTimeout(() => {
      this.break();
      this.#late = new Error('The deadline came before the answer of the database.');
      for (const reject of this.#running) reject(this.#late);
    }, this.remainingMs);
  }

  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.until - performance.now()));
  }

  /** Ends the connection, and with it whatever the server is doing for it. */
  break(): void {
    this.#broken = true;
    this.#lease.destroy();
  }

  query(text: string, values?: readonly (string | null)[], isKept = false): Promise<SqlResult> {
    return this.#answerOf(this.#lease.query(text, values, isKept));
  }

  /** Sends a statement around which there may be no transaction, see {@link LoneConnection}. */
  queryAlone(text: string, values?: readonly (string | null)[]): Promise<SqlResult> {
    return this.#answerOf(this.#lease.queryAlone(text, values));
  }

  #answerOf(answer: Promise<SqlResult>): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      if (this.#late) reject(this.#late);
      else this.#running.add(reject);
      answer.then(
        (result) => {
          this.#running.delete(reject);
          resolve(result);
        },
        (error: unknown) => {
          // The deadline has broken the connection already, and its error is the one that counts.
          const isRunning = this.#running.delete(reject);
          try {
            if (isRunning && this.#dialect.failureOf(error) === 'lost') this.break();
            reject(error);
          } catch (failure) {
            // A listener of the host's pool may throw.
            reject(failure);
          }
        },
      );
    });
  }

  /** Makes the statements that follow wait this much time for a lock. */
  waitForLocks(lockMs: number): void {
    this.#lease.waitForLocks(lockMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    if (!this.#broken) this.#lease.release();
  }
}

export class Calls {
  readonly #source: SqlSource;
  readonly #dialect: Dialect;
  readonly #timeoutMs: number;

  constructor(source: SqlSource, dialect: Dialect, timeoutMs: number) {
    this.#source = source;
    this.#dialect = dialect;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Runs `work` on a connection. Where none is free in time, `work` does not run: `STORAGE_UNAVAILABLE`, or `ABORTED`.
   */
  async run<T>(options: CallOptions, work: (connection: CallConnection) => Promise<T>): Promise<T> {
    const connection = await this.open(options);
    try {
      return await work(connection);
    } finally {
      connection.end();
    }
  }

  /** A connection until `end()`; the same errors where none is free in time. */
  async open(options: CallOptions): Promise<CallConnection> {
    const timeoutMs = options?.timeoutMs ?? this.#timeoutMs;
    const until = performance.now() + timeoutMs;
    const lease = this.#source.leaseNow?.() ?? (await this.#lease(options?.signal, timeoutMs));
    return new CallConnection(lease, this.#dialect, until);
  }

  #noConnection(): Error {
    const message = 'The one connection was inside a transaction until the deadline. Pass that as the session.';
    if (this.#source.isShared) return creditError('CONTENTION', message, { attempts: 0 });
    return unavailable(undefined, 'No connection to the database was free in time');
  }

  async #lease(signal: AbortSignal | undefined, timeoutMs: number): Promise<SqlLease> {
    const giveUp = new AbortController();
    const leasing = this.#source.lease(giveUp.signal);
    let timer: NodeJS.Timeout | undefined;
    let abort = () => {};
    const given = new Promise<never>((_, reject) => {
      abort = () => reject(aborted());
      // This ends a little before the caller's own deadline, so that the caller hears that nothing was sent.
      const margin = Math.min(LEASE_MARGIN_MS, timeoutMs / 10);
      timer = setTimeout(() => reject(this.#noConnection()), timeoutMs - margin);
      signal?.addEventListener('abort', abort);
    });
    try {
      return await Promise.race([leasing, given]);
    } catch (error) {
      giveUp.abort();
      leasing.then((lease) => lease.release()).catch(() => {});
      throw storageFailure(this.#dialect, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}
