/** Checks an entry by itself, whether or not it belongs to a chain. */
import { sha256 } from '../../core/canonical-json.js';
import { entryBody } from '../../core/entry-line.js';
import { accountKey } from '../../models/account.js';
import { type EntryRow, scopedKeyOf } from '../../models/entry.js';
import type { Problems } from './problems.js';

/** The clocks of several processes differ by less than this. */
const CLOCK_SKEW_MAX_MS = 1_000;

/** The surroundings of an audit. */
export interface AuditContext {
  readonly ledgerId: string;
  /** The present instant in epoch milliseconds. */
  readonly now: () => number;
  readonly problems: Problems;
}

/** Whether the row has the shape of an entry. Only then can the other checks read it. */
export function isEntry(row: EntryRow): boolean {
  return (
    row.at instanceof Date &&
    !Number.isNaN(row.at.getTime()) &&
    typeof row.id === 'string' &&
    typeof row.account === 'string' &&
    typeof row.userId === 'string' &&
    typeof row.creditType === 'string' &&
    typeof row.hash === 'string' &&
    Number.isSafeInteger(row.seq) &&
    row.seq >= 0 &&
    isObject(row.metadata) &&
    isObject(row.details) &&
    areDraws(row.draws) &&
    areDraws(row.repaid)
  );
}

function areDraws(draws: unknown): boolean {
  return Array.isArray(draws) && draws.every(isDraw);
}

function isDraw(draw: unknown): boolean {
  return isObject(draw) && typeof draw.grantId === 'string' && Number.isSafeInteger(draw.amount);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks the hash, the date, and the columns that follow from other columns. */
export function checkEntry(entry: EntryRow, { ledgerId, now, problems }: AuditContext): void {
  const { id, idempotencyKey, creditType, userId } = entry;
  if (entry.hash !== sha256(entryBody(entry, ledgerId))) problems.add('hash', id, 'The hash does not match the entry.');
  if (entry.at.getTime() > now() + CLOCK_SKEW_MAX_MS) problems.add('future', id, 'The entry is dated in the future.');
  const account = entry.eventType === 'system' ? '' : accountKey(creditType, userId);
  const scopedKey = idempotencyKey === null ? null : scopedKeyOf(account, entry.operation, idempotencyKey);
  if (entry.version !== 1 || entry.account !== account || entry.scopedKey !== scopedKey) {
    problems.add('columns', id, 'Account, version or scoped key do not match the other columns.');
  }
}
