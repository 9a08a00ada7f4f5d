/** What every entry must be by itself, in a chain or not. */

import { sha256 } from '../../core/canonical-json.js';
import { entryBody } from '../../core/entry-line.js';
import { accountKey } from '../../models/account.js';
import { type EntryRow, scopedKeyOf } from '../../models/entry.js';
import type { Findings } from './problems.js';

/** Clocks of several processes differ by less than this. */
const CLOCKS_DIFFER_MS = 1_000;

/** What an audit knows of its surroundings. */
export interface AuditContext {
  readonly ledgerId: string;
  /** Epoch milliseconds, as of the call. */
  readonly now: () => number;
  readonly findings: Findings;
}

/** Whether the row has the shape of an entry, so that anything else can be asked of it. */
export function isEntry(row: EntryRow): boolean {
  return (
    row.at instanceof Date &&
    !Number.isNaN(row.at.getTime()) &&
    [row.id, row.account, row.userId, row.creditType, row.hash].every((value) => typeof value === 'string') &&
    Number.isSafeInteger(row.seq) &&
    row.seq >= 0 &&
    [row.metadata, row.details].every((value) => isObject(value) && !Array.isArray(value)) &&
    [row.draws, row.repaid].every((draws) => Array.isArray(draws) && draws.every(isDraw))
  );
}

function isDraw(draw: unknown): boolean {
  return isObject(draw) && typeof draw.grantId === 'string' && Number.isSafeInteger(draw.amount);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Hash, date, and the columns that follow from others. */
export function checkEntry(entry: EntryRow, { ledgerId, now, findings }: AuditContext): void {
  const { id, idempotencyKey, creditType, userId } = entry;
  if (entry.hash !== sha256(entryBody(entry, ledgerId))) findings.add('hash', id, 'The hash is not that of the entry.');
  if (entry.at.getTime() > now() + CLOCKS_DIFFER_MS) findings.add('future', id, 'The entry is dated in the future.');
  const account = entry.eventType === 'system' ? '' : accountKey(creditType, userId);
  const scopedKey = idempotencyKey === null ? null : scopedKeyOf(account, entry.operation, idempotencyKey);
  if (entry.version !== 1 || entry.account !== account || entry.scopedKey !== scopedKey) {
    findings.add('columns', id, 'Account, version or key are not those that the entry itself tells.');
  }
}
