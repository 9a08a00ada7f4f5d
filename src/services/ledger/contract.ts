/** The public face of the ledger: queries, and what verifies, repairs and rebuilds its mirror. */

import type { LedgerQuery, VerifyOptions } from '../../models/inputs/ledger.js';
import type { LedgerEntry, VerifyReport } from '../../models/records/ledger.js';
import type { Page } from '../../models/values.js';

export type { LedgerEntry, LedgerQuery, VerifyOptions, VerifyReport };

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
