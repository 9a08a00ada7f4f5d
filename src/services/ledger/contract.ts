/** The public contract of the ledger: queries, verification, and the repair and rebuilding of its file. */
import type { CountOptions } from '../../models/inputs/access.js';
import type { AuditTrailOptions, LedgerQuery, VerifyOptions } from '../../models/inputs/ledger.js';
import type { AuditedEntry, LedgerEntry, VerifyReport } from '../../models/records/ledger.js';
import type { Page } from '../../models/values.js';

export type { AuditedEntry, AuditTrailOptions, CountOptions, LedgerEntry, LedgerQuery, VerifyOptions, VerifyReport };

export interface LedgerService {
  /**
   * Recomputes everything from the entries (hashes, chains, sequences, balances, grants, holds, subscriptions, cycles,
   * claims, counters of promo codes and account rows), counts each account's error entries, and compares the file with
   * the entries. Without a file it cannot see that an entry of no account (an act of the library) was deleted, nor that
   * a plan or the terms of a promo code were changed by hand.
   *
   * It only reads, and may run beside any traffic, in any process. It streams: it keeps a page of entries, the grants
   * of one account, and 16 to 32 bytes for each line of the file in memory. A line that another process takes longer
   * than a second to write may be reported as `file_missing`: verify again.
   *
   * @returns `ok: false` with the problems by kind and id. It throws only when it cannot read: `STORAGE_UNAVAILABLE`,
   * `LEDGER_FILE_UNAVAILABLE`, `ABORTED` (safe to repeat).
   * @example
   * const report = await manager.ledger.verify();
   * if (!report.ok) console.error(report.problems);
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>;

  /**
   * Appends the entries that the file lacks: those of other processes, of host transactions, and of times when the file
   * could not be written. It changes and cuts nothing. It is safe to repeat and to run beside any traffic; two calls at
   * once may append a line twice, which is harmless. Rejects with `CONFIGURATION` when there is no file, and with
   * `LEDGER_FILE_UNAVAILABLE` when the file cannot be written.
   *
   * @returns the number of lines that were appended.
   */
  reconcile(options?: { signal?: AbortSignal | undefined }): Promise<{ added: number }>;

  /**
   * Writes a new file from the database, in the order of the entries' instants, and renames it into place. The old file
   * is kept under the path `replaced`. Use it for a damaged file; for a file that only lacks lines use
   * {@link reconcile}, which rejects with the same errors. `onProgress` is told the lines written so far, page by page.
   */
  rebuildFile(options?: {
    signal?: AbortSignal | undefined;
    onProgress?: ((lines: number) => void) | undefined;
  }): Promise<{ lines: number; replaced: string | null }>;

  /**
   * Entries of any kind, newest first unless `order` says otherwise, 20 a page (100 at most).
   *
   * @example
   * const refusals = await manager.ledger.list({ types: ['error'], from: '2030-01-01T00:00:00Z' });
   */
  list(query?: LedgerQuery): Promise<Page<LedgerEntry>>;

  /**
   * How many entries of any kind there are: one count along an index, which takes a database with millions of entries
   * seconds. So keep the result for a while, and give it the time.
   *
   * @throws INVALID_ARGUMENT; ABORTED by the caller's signal; TIMEOUT, STORAGE_UNAVAILABLE, CLOSED. A retry is safe.
   * @example const entries = await manager.ledger.countEntries({ timeoutMs: 60_000 });
   */
  countEntries(options?: CountOptions): Promise<number>;

  /**
   * The entries of one account in their order, the oldest first, 20 a page (100 at most): each with who asked for it
   * and why, the messages of other systems behind it, and what is wrong with it. Its hash is computed anew, and its
   * sequence, balance and link are compared with the entry before it, also at the edge of a page. Refusals are listed
   * too; they stand outside the chain. For everything else that belongs to an account call {@link verify}.
   *
   * @throws INVALID_ARGUMENT; STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example
   * const { items } = await manager.ledger.auditTrail('user-1', { from: '2030-01-01' });
   * for (const { createdAt, delta, actor, messages } of items) console.log(createdAt, delta, actor, messages);
   */
  auditTrail(userId: string, options?: AuditTrailOptions): Promise<Page<AuditedEntry>>;
}
