/** The public face of the ledger: queries, and what verifies, repairs and rebuilds its mirror. */

import type { EntryType } from '../../models/entry.js';
import type { ListOptions } from '../../models/inputs/credits.js';
import type { LedgerEntry, VerifyReport } from '../../models/records/ledger.js';
import type { Page } from '../../models/values.js';

export type { LedgerEntry, VerifyReport };

/** One of user, correlation id and operation id, or none; a period and types narrow any of them. */
export interface LedgerQuery extends ListOptions {
  userId?: string | undefined;
  /** With `userId`; default `credits`. */
  creditType?: string | undefined;
  correlationId?: string | undefined;
  operationId?: string | undefined;
  /** Instants, both inclusive. Not with `operationId`. */
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  types?: readonly EntryType[] | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export interface VerifyOptions {
  /** Only this user's accounts, of every credit type, and only this user's lines. */
  userId?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Called after every page with the number of entries checked so far. */
  onProgress?: ((done: number) => void) | undefined;
}

export interface LedgerService {
  /**
   * Recomputes everything from the entries: every hash and chain, sequence, balances, grants, holds and account rows,
   * and compares the file with them. Reads only; may run beside any traffic, in any process. Streams: memory is a page
   * of entries, the grants of one account, and sixteen to thirty-two bytes a line of the file. A line that is on its
   * way for longer than a second, from another process above all, may be told as `file_missing`: run it again.
   *
   * @returns `ok: false` with problems by kind and id. It throws only when it could not read: `STORAGE_UNAVAILABLE`,
   * `LEDGER_FILE_UNAVAILABLE`, `ABORTED` (safe to repeat).
   * @example
   * const report = await manager.ledger.verify();
   * if (!report.ok) console.error(report.problems);
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>;

  /**
   * Appends to the file what it lacks: entries of other processes, of host transactions, and of times when it could not
   * be written. Changes and cuts nothing. Safe to repeat and to run beside any traffic; two at once may append a line
   * twice, which is harmless. `CONFIGURATION` without a file, `LEDGER_FILE_UNAVAILABLE` when it cannot be written.
   *
   * @returns how many lines were appended.
   */
  reconcile(options?: { signal?: AbortSignal | undefined }): Promise<{ added: number }>;

  /**
   * Writes a new file from the database, in the order of the entries' instants, and renames it into place. The old one
   * is kept beside it under the path that is answered. For a damaged file; a file that only lacks lines needs
   * {@link reconcile}. Errors as there.
   */
  rebuildFile(options?: { signal?: AbortSignal | undefined }): Promise<{ lines: number; replaced: string | null }>;

  /**
   * Entries of any kind, newest first unless `order` says otherwise, 20 a page (100 at most).
   *
   * @example
   * const refusals = await manager.ledger.list({ types: ['error'], from: '2030-01-01T00:00:00Z' });
   */
  list(query?: LedgerQuery): Promise<Page<LedgerEntry>>;
}
