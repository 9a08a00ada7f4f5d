/** Reads a ledger page by page, and rows by lists of keys. */
import { entryBody, entryLine } from '../../core/entry-line.js';
import type { EntryRow } from '../../models/entry.js';
import type { ModelName, Rows } from '../../models/rows.js';
import type { FindQuery } from '../../ports/db-manager.js';
import type { LedgerSink } from '../../ports/ledger-sink.js';
import { storageError } from '../store/storage-error.js';
import type { RowPage, Tables } from '../store/tables.js';
import type { AuditContext } from './entry-audit.js';

export const ROWS_PER_READ = 500;

/** The tools that a long job reads with. */
export interface ReadTools {
  readonly tables: Pick<Tables<never>, 'getMany' | 'find' | 'findOne' | 'count'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The tools that a verification reads with; it adds what it finds to `problems`. */
export interface VerifyTools extends AuditContext, ReadTools {
  readonly sink: LedgerSink | null;
  /** The credit types that this manager declares. */
  readonly creditTypes: readonly string[];
}

/** The pages of a query until its end. The signal stops it between two pages. */
export async function* pagesOf<M extends ModelName>(
  { tables, timeoutMs, signal }: ReadTools,
  model: M,
  query: Omit<FindQuery, 'limit'>,
): AsyncGenerator<readonly Rows[M][]> {
  for (let after: string | null | undefined; after !== null; ) {
    signal?.throwIfAborted();
    const next: FindQuery = { ...query, limit: ROWS_PER_READ, ...(after !== undefined && { after }) };
    const page: RowPage<Rows[M]> = await tables.find(model, next, { timeoutMs }).catch(fail);
    yield page.rows;
    after = page.nextCursor;
  }
}

/** The rows of any number of keys. */
export async function rowsOf<M extends ModelName>(
  { tables, timeoutMs }: ReadTools,
  model: M,
  keys: readonly string[],
): Promise<(Rows[M] | null)[]> {
  const rows: (Rows[M] | null)[] = [];
  for (let from = 0; from < keys.length; from += ROWS_PER_READ) {
    const part = await tables.getMany(model, keys.slice(from, from + ROWS_PER_READ), { timeoutMs }).catch(fail);
    for (const row of part) rows.push(row);
  }
  return rows;
}

function fail(error: unknown): never {
  throw storageError(error);
}

/** The line of a stored entry. */
export function lineOf(entry: EntryRow, ledgerId: string): string {
  return entryLine(entryBody(entry, ledgerId), entry.hash ?? '');
}
