/** Checks one account against its own entries: sequence, sums, time, chain, and that they rebuild it exactly. */
import { type Account, accountFromRow } from '../core/account.js';
import { entryBody, fingerprintOf, sha256 } from '../core/canonical.js';
import { replay } from '../core/replay.js';
import { type AccountRow, accountKey } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import { transactionTypes } from '../models/enums.js';
import { SETTINGS_ID, type Settings } from '../models/system.js';
import type { Json } from '../models/values.js';
import type { DbManager } from '../ports/db-manager.js';

const PAGE = 500;

export interface AuditReport {
  readonly ok: boolean;
  /** Entries read. */
  readonly checked: number;
  /** Each names the entry or account it is about. */
  readonly problems: readonly { readonly kind: string; readonly id: string; readonly message: string }[];
}

type Reads = Pick<DbManager<never>, 'find' | 'getMany'>;

/**
 * Reads an account's whole history and recomputes it: `seq` without gap, `balanceAfter` = the one before + `delta`,
 * instants in order, every hash over its canonical bytes and its predecessor's, and the account itself from nothing but
 * its entries. Reads only; on an account that is being written, repeat it.
 *
 * @example const report = await auditAccount(manager.db, 'user-1');
 */
export async function auditAccount(db: Reads, userId: string, creditType = 'credits'): Promise<AuditReport> {
  const key = accountKey(creditType, userId);
  const [settings] = await db.getMany('system', [SETTINGS_ID]);
  const { ledgerId } = (settings?.value ?? { ledgerId: '' }) as unknown as Settings;
  const [row] = (await db.getMany('account', [key])) as unknown as (AccountRow | null)[];
  const problems: { kind: string; id: string; message: string }[] = [];
  const entries: EntryRow[] = [];
  const query = {
    index: 'history',
    equals: { account: key },
    anyOf: { field: 'type', values: transactionTypes },
    limit: PAGE,
  };
  for (let after: string | null | undefined; after !== null; ) {
    const page: Awaited<ReturnType<Reads['find']>> = await db.find('entry', after ? { ...query, after } : query);
    for (const entry of page.rows as unknown as EntryRow[]) {
      checkEntry(entry, entries.at(-1), ledgerId, problems);
      entries.push(entry);
    }
    after = page.nextCursor;
  }
  if (row?.visible && digestOf(replay(entries)) !== digestOf(accountFromRow(row))) {
    problems.push({ kind: 'account', id: key, message: 'The entries do not rebuild the account.' });
  }
  return { ok: problems.length === 0, checked: entries.length, problems };
}

function checkEntry(
  entry: EntryRow,
  before: EntryRow | undefined,
  ledgerId: string,
  problems: { kind: string; id: string; message: string }[],
): void {
  const report = (kind: string, message: string) => problems.push({ kind, id: entry.id, message });
  if (entry.seq !== (before?.seq ?? 0) + 1) report('sequence', `seq ${entry.seq} follows ${before?.seq ?? 0}`);
  if (entry.prev !== (before?.hash ?? null)) report('chain', 'prev is not the hash of the entry before');
  if (entry.hash !== sha256(entryBody(entry, ledgerId))) report('hash', 'the hash is not that of the entry');
  if (entry.balanceAfter !== (before?.balanceAfter ?? 0) + entry.delta) {
    report('balance', 'balanceAfter is not the one before plus delta');
  }
  if (before && entry.at < before.at) report('time', 'the entry is dated before its predecessor');
}

function digestOf(account: Account): string {
  return fingerprintOf(account as unknown as Json);
}
