/** Finds accounts with few credits left, along an index that is coarser than the amount. */
import { magnitudeOf } from '../../core/account.js';
import { type AccountRow, accountModel } from '../../models/account.js';
import { encodeCursor } from '../../ports/cursor.js';
import type { FindQuery, StoreOptions } from '../../ports/db-manager.js';
import { type RowPage, storedRow, type Tables } from '../store/tables.js';

/** The rows of one read. More than a page, because accounts of the last magnitude may have more than was asked for. */
const ROWS_PER_READ = 500;

interface AtMost extends Pick<FindQuery, 'limit' | 'after'> {
  readonly creditType: string;
  /** The highest `available` that is wanted, in units. */
  readonly most: number;
}

/** The accounts of a credit type whose `available` is at most `most`, by magnitude. */
export async function accountsWithAtMost<S>(
  tables: Tables<S>,
  { creditType, most, limit, after }: AtMost,
  options: StoreOptions<S>,
): Promise<RowPage<AccountRow>> {
  const query = {
    index: 'magnitude',
    equals: { creditType, visible: true },
    range: { field: 'magnitude', lte: magnitudeOf(most) },
    limit: Math.max(limit + 1, ROWS_PER_READ),
  };
  const rows: AccountRow[] = [];
  let cursor: string | null | undefined = after;
  do {
    const page: RowPage<AccountRow> = await tables.find(
      'account',
      { ...query, ...(cursor !== undefined && { after: cursor }) },
      options,
    );
    for (const row of page.rows) if (row.available <= most) rows.push(row);
    cursor = page.nextCursor;
  } while (cursor !== null && rows.length <= limit);
  if (rows.length <= limit) return { rows, nextCursor: null };
  const last = storedRow('account', rows[limit - 1] as AccountRow);
  return { rows: rows.slice(0, limit), nextCursor: encodeCursor(accountModel, query, last) };
}
