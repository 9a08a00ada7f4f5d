/** Reading a ledger in pages and in lists of keys. */
import { entryBody, entryLine } from '../../core/entry-line.js';
import type { EntryRow } from '../../models/entry.js';
import type { DbManager, FindQuery } from '../../ports/db-manager.js';
import { storageError } from '../store/store.js';

export const ROWS_PER_READ = 500;

/** What a long job reads with. */
export interface ReadTools {
  readonly db: Omit<DbManager<never>, 'transaction'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Pages of a query until its end, stopped by the signal. */
export async function* pagesOf<T = EntryRow>(
  { db, timeoutMs, signal }: ReadTools,
  query: Omit<FindQuery, 'limit'>,
  model = 'entry',
): AsyncGenerator<readonly T[]> {
  for (let after: string | null | undefined; after !== null; ) {
    signal?.throwIfAborted();
    const next: FindQuery = { ...query, limit: ROWS_PER_READ, ...(after !== undefined && { after }) };
    const page: Awaited<ReturnType<DbManager['find']>> = await db.find(model, next, { timeoutMs }).catch(fail);
    yield page.rows as unknown as readonly T[];
    after = page.nextCursor;
  }
}

/** Rows by key, however many. */
export async function rowsOf<T>(
  { db, timeoutMs }: ReadTools,
  model: string,
  keys: readonly string[],
): Promise<(T | null)[]> {
  const rows: (T | null)[] = [];
  for (let from = 0; from < keys.length; from += ROWS_PER_READ) {
    const part = await db.getMany(model, keys.slice(from, from + ROWS_PER_READ), { timeoutMs }).catch(fail);
    for (const row of part) rows.push(row as T | null);
  }
  return rows;
}

function fail(error: unknown): never {
  throw storageError(error);
}

/** The line that belongs to a stored entry. */
export function lineOf(entry: EntryRow, ledgerId: string): string {
  return entryLine(entryBody(entry, ledgerId), entry.hash ?? '');
}
