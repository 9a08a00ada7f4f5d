/** The audit trail of one account: its entries in order, each checked, with the messages that asked for it. */
import { sha256 } from '../../core/canonical-json.js';
import { entryBody } from '../../core/entry-line.js';
import { accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { InboxRow } from '../../models/inbox.js';
import type { auditTrailSchema } from '../../models/inputs/ledger.js';
import type { AuditedEntry, LedgerEntry } from '../../models/records/ledger.js';
import type { Page } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import { toReceipt } from '../pipeline/receipts.js';
import type { RowReads } from '../pipeline/row-reads.js';
import { isEntry } from './entry-audit.js';

export interface TrailTools<S> {
  readonly reads: RowReads<S>;
  readonly ledgerId: () => string;
  readonly recordOf: (row: EntryRow) => LedgerEntry;
}

type Options = ReturnType<typeof auditTrailSchema.parse>;
type Limits = Pick<Options, 'signal' | 'timeoutMs'>;

export async function auditTrail<S>(
  tools: TrailTools<S>,
  userId: string,
  { creditType = 'credits', from, to, limit, cursor, ...limits }: Options,
): Promise<Page<AuditedEntry>> {
  const { reads, recordOf } = tools;
  const account = accountKey(creditType, userId);
  const cursors = new ListCursors('auditTrail', { account, from, to });
  const range = {
    field: 'at',
    ...(from !== undefined && { gte: new Date(from) }),
    ...(to !== undefined && { lte: new Date(to) }),
  };
  const along = { index: 'history', equals: { account }, ...(range.gte || range.lte ? { range } : {}) };
  const list = { ...limits, limit, cursor, order: 'oldest' } as const;
  const { rows, nextCursor } = await reads.page('entry', along, list, cursors);
  const first = rows.find(({ eventType }) => eventType === 'transaction');
  let before = first && first.seq > 1 ? await entryBefore(tools, first, limits) : null;
  const messages = await messagesOf(tools, rows, limits);
  const items: AuditedEntry[] = [];
  for (const row of rows) {
    const problems = problemsOf(row, before, tools.ledgerId());
    if (row.eventType === 'transaction') before = row;
    const { prev, idempotencyKey } = row;
    items.push({ ...recordOf(row), prev, idempotencyKey, messages: messages(row).map(toReceipt), problems });
  }
  return { items, nextCursor };
}

/** The entry before one in the chain; null where it is missing. */
async function entryBefore<S>({ reads }: TrailTools<S>, entry: EntryRow, limits: Limits): Promise<EntryRow | null> {
  const { account, at, seq } = entry;
  const along = { index: 'history', equals: { account }, range: { field: 'at', lte: at }, direction: 'desc' } as const;
  for await (const rows of reads.pages('entry', { ...along, limit: 20 }, limits)) {
    const before = rows.find((row) => row.seq === seq - 1);
    if (before) return before;
    // An older one of the chain is there, so the one in between is not.
    if (rows.some((row) => row.seq > 0 && row.seq < seq - 1)) return null;
  }
  return null;
}

function problemsOf(row: EntryRow, before: EntryRow | null, ledgerId: string): string[] {
  if (!isEntry(row)) return ['The row is not an entry.'];
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  expect(row.hash === sha256(entryBody(row, ledgerId)), 'The hash does not match the entry.');
  if (row.eventType !== 'transaction') return problems;
  expect(row.seq === (before?.seq ?? 0) + 1, 'The entry before it in the chain is missing.');
  expect(row.prev === (before?.hash ?? null), 'prev is not the previous hash.');
  expect(
    row.balanceAfter === (before?.balanceAfter ?? 0) + row.delta,
    'balanceAfter is not the previous balanceAfter plus delta.',
  );
  return problems;
}

/** The receipts behind entries: those of their call, or for calls of a handler those of their correlation id. */
async function messagesOf<S>(
  { reads }: TrailTools<S>,
  rows: readonly EntryRow[],
  limits: Limits,
): Promise<(row: EntryRow) => readonly InboxRow[]> {
  const found = async (index: 'operation' | 'correlation', field: string, value: string) => {
    for await (const receipts of reads.pages('inbox', { index, equals: { [field]: value }, limit: 100 }, limits)) {
      return receipts;
    }
    return [];
  };
  const receipts = new Map<string, readonly InboxRow[]>();
  const look = async ({ operationId, correlationId }: EntryRow) => {
    const own = await found('operation', 'operationId', operationId);
    const others =
      own.length > 0 || correlationId === null ? [] : await found('correlation', 'correlationId', correlationId);
    receipts.set(operationId, own.length > 0 ? own : others.filter((receipt) => receipt.operationId === null));
  };
  const calls = new Map(rows.map((row) => [row.operationId, row]));
  await Promise.all([...calls.values()].map(look));
  return (row) => receipts.get(row.operationId) ?? [];
}
