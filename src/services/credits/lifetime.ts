/** The lifetime totals of an account from its entries: for accounts that an older version of the library wrote last. */
import type { Account } from '../../core/account.js';
import { accountFromRow, accountToRow } from '../../core/rows.js';
import { COUNTED_TYPES, NO_TOTALS, type Totals, withEntry } from '../../core/totals.js';
import { creditError } from '../../errors.js';
import type { AccountRow } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { nextVersion } from '../pipeline/account-memory.js';
import { failureOf } from '../store/storage-error.js';
import { type RowPage, replaceOf, type Tables } from '../store/tables.js';

const ROWS_PER_READ = 500;
/** An account that goes on being written is counted on from where the last attempt ended, so each is shorter. */
const ATTEMPTS_MAX = 20;

/** Totals, and the entry that they include last. */
interface Counted {
  readonly totals: Totals;
  readonly seq: number;
  readonly at: number;
}

const NOTHING: Counted = { totals: NO_TOTALS, seq: 0, at: 0 };

type FindEntries = (query: FindQuery) => Promise<RowPage<EntryRow>>;

/** The totals of an account from its entries, by one walk along the index of its history. */
export async function countedTotals(account: Account, find: FindEntries): Promise<Totals> {
  return (await countOn(NOTHING, account, find)).totals;
}

/** Counts the entries behind those counted, up to the last one of the account's state. */
async function countOn(from: Counted, { key, seq: last, at }: Account, find: FindEntries): Promise<Counted> {
  let { totals } = from;
  const query: Omit<FindQuery, 'limit'> = {
    index: 'history',
    equals: { account: key },
    range: { field: 'at', gte: new Date(from.at), lte: new Date(at) },
    anyOf: { field: 'type', values: COUNTED_TYPES },
  };
  for (let after: string | null | undefined; after !== null; ) {
    const page = await find({ ...query, limit: ROWS_PER_READ, ...(after !== undefined && { after }) });
    for (const entry of page.rows) if (entry.seq > from.seq && entry.seq <= last) totals = withEntry(totals, entry);
    after = page.nextCursor;
  }
  return { totals, seq: last, at };
}

/** Whether the totals of the account in this row are not known. A row that nobody can read is none of our business. */
export function lacksTotals(row: AccountRow): boolean {
  try {
    return accountFromRow(row).totals === null;
  } catch {
    return false;
  }
}

/**
 * Writes the totals into an account that lacks them, and nothing else. It replaces the version that it has read, so
 * that any number of processes may do this while others write to the account: whoever comes second reads again.
 *
 * @throws CONTENTION for an account that is written all the time; a later attempt is safe.
 */
export async function fillTotals<S>(tables: Tables<S>, key: string): Promise<void> {
  let counted = NOTHING;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const row = await tables.get('account', key);
    if (!row || !lacksTotals(row)) return;
    const account = accountFromRow(row);
    counted = await countOn(counted, account, (query) => tables.find('entry', query));
    const version = nextVersion(row, account);
    const filled = accountToRow({ ...account, totals: counted.totals }, version);
    const outcome = await tables.writeOne([replaceOf('account', filled, row.version)]);
    if (outcome.status === 'committed') return;
    // After an unknown outcome the row says whether the totals were written.
    if (outcome.status === 'rejected') throw failureOf(outcome);
  }
  const message = 'The account was written all the time, and has no lifetime totals yet. Nothing is lost; try again.';
  throw creditError('CONTENTION', message, { attempts: ATTEMPTS_MAX });
}
