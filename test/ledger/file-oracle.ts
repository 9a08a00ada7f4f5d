/** What a ledger file must hold, judged from the stored rows with arithmetic of its own. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { entryBody, entryLine } from '../../src/core/entry-line.js';
import type { DbManager, Row } from '../../src/index.js';
import type { EntryRow } from '../../src/models/entry.js';

export type Reader = Pick<DbManager<never>, 'find' | 'getMany'>;

/** All entries of a database, in the order of their instants. */
export async function entriesOf(db: Reader): Promise<EntryRow[]> {
  const rows: EntryRow[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await db.find('entry', { index: 'time', limit: 1_000, ...(after !== undefined && { after }) });
    rows.push(...(page.rows as unknown as EntryRow[]));
    after = page.nextCursor;
  }
  return rows;
}

export async function ledgerIdOf(db: Reader): Promise<string> {
  const [settings] = await db.getMany('system', ['settings']);
  return ((settings as Row).value as { ledgerId: string }).ledgerId;
}

export function bytesOf(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

/** The lines of a file without their newlines, and what stands behind the last newline. */
export function splitLines(bytes: Buffer): { whole: Buffer[]; tail: Buffer } {
  const whole: Buffer[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    whole.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return { whole, tail: bytes.subarray(from) };
}

/** Texts of the whole lines that are not blank. */
export function textsOf(path: string): string[] {
  const { whole } = splitLines(bytesOf(path));
  return whole.filter((line) => line.length > 0).map((line) => line.toString('utf8'));
}

/** Ids of all lines that are JSON objects with an id, in the order of the file. */
export function idsIn(path: string): string[] {
  return textsOf(path).flatMap((text) => parsed(text)?.id ?? []);
}

type Parsed = { id: string; hash?: string; ledger_id?: string; [field: string]: unknown };

export function parsed(text: string): Parsed | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'id' in value ? (value as Parsed) : null;
  } catch {
    return null;
  }
}

/** Everything that is wrong with one line of an entry. */
export function lineProblems(text: string, row: EntryRow, ledgerId: string): string[] {
  const line = parsed(text);
  if (!line) return [`${row.id}: not JSON`];
  const problems: string[] = [];
  if (JSON.stringify(line) !== text) problems.push('not the one text of its content');
  if (Object.keys(line).at(-1) !== 'hash') problems.push('its hash is not last');
  const body = `${text.slice(0, text.lastIndexOf(',"hash":'))}}`;
  const actual = createHash('sha256').update(body).digest('hex');
  if (line.hash !== actual) problems.push('its hash is not that of its bytes');
  if (line.hash !== row.hash) problems.push('its hash is not that of the entry');
  if (body !== entryText(row, ledgerId)) problems.push('its content is not that of the entry');
  if (Buffer.byteLength(text) + 1 > 256 * 1024) problems.push('longer than 256 KiB');
  return problems.map((problem) => `${row.id}: ${problem}`);
}

/** The text that the hash of an entry is taken over, as `JSON.stringify` writes it. */
export function entryText(row: EntryRow, ledgerId: string): string {
  const present = <T>(value: T | null) => value ?? undefined;
  const draws = (list: EntryRow['draws']) =>
    list.length === 0 ? undefined : list.map(({ grantId, amount }) => ({ grant_id: grantId, amount }));
  const object = (value: object) => (Object.keys(value).length === 0 ? undefined : sorted(value));
  return JSON.stringify({
    id: row.id,
    event_type: row.eventType,
    user_id: row.userId || undefined,
    correlation_id: present(row.correlationId),
    message: row.message,
    details: {
      credit_type: row.creditType || undefined,
      type: row.type,
      operation: row.operation,
      operation_id: row.operationId,
      amount: row.amount,
      delta: row.delta,
      reserved_delta: row.reservedDelta,
      balance_after: row.balanceAfter,
      available_after: row.availableAfter,
      debt_after: row.debtAfter,
      draws: draws(row.draws),
      repaid: draws(row.repaid),
      grant_id: present(row.grantId),
      reservation_id: present(row.reservationId),
      reverses: present(row.reverses),
      description: present(row.description),
      actor: present(row.actor),
      reason: present(row.reason),
      idempotency_key: present(row.idempotencyKey),
      fingerprint: present(row.fingerprint),
      metadata: object(row.metadata),
      data: object(row.details),
    },
    created_at: row.at.toISOString(),
    ledger_id: ledgerId,
    seq: row.seq,
    prev: present(row.prev),
  });
}

/** The value with the keys of its objects in code-unit order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sorted(field)]));
}

export interface Judgement {
  /** Ids of entries without a line. */
  readonly missing: string[];
  /** Lines of this ledger that are not those of an entry: nothing that is not committed may ever have one. */
  readonly strange: string[];
  /** Lines that are nothing but the beginnings of entries' lines. */
  readonly torn: number;
  /** Lines of other ledgers and programs. */
  readonly foreign: number;
  /** Lines that stand more than once. */
  readonly repeated: number;
}

/** The line of every entry, newline included, each checked by itself. */
export async function expectedLines(db: Reader): Promise<Map<string, Buffer>> {
  const ledgerId = await ledgerIdOf(db);
  const lines = new Map<string, Buffer>();
  for (const row of await entriesOf(db)) {
    const line = entryLine(entryBody(row, ledgerId), row.hash ?? '');
    const problems = lineProblems(line.slice(0, -1), row, ledgerId);
    if (problems.length > 0 || !line.endsWith('\n')) throw new Error(`Not a line: ${problems.join('; ')}`);
    lines.set(row.id, Buffer.from(line));
  }
  return lines;
}

/** Compares a file with the ledger it mirrors. */
export async function judge(db: Reader, path: string): Promise<Judgement> {
  const ledgerId = await ledgerIdOf(db);
  const lines = await expectedLines(db);
  const seen = new Set<string>();
  const strange: string[] = [];
  let [torn, foreign, repeated] = [0, 0, 0];
  const { whole, tail } = splitLines(bytesOf(path));
  for (const [i, bytes] of [...whole, tail].entries()) {
    if (bytes.length === 0) continue;
    const isWhole = i < whole.length;
    const line = parsed(bytes.toString('utf8'));
    const expected = lines.get(line?.id ?? idAtStart(bytes));
    if (line && line.ledger_id !== ledgerId) foreign++;
    else if (line && isWhole && expected?.subarray(0, -1).equals(bytes)) {
      if (seen.has(line.id)) repeated++;
      seen.add(line.id);
    } else if (isPieces(bytes, lines)) torn++;
    else strange.push(`line ${i + 1}: ${bytes.toString('utf8').slice(0, 100)}`);
  }
  return { missing: [...lines.keys()].filter((id) => !seen.has(id)), strange, torn, foreign, repeated };
}

const START = '{"id":"';

function idAtStart(piece: Buffer): string {
  const text = piece.toString('latin1');
  const end = text.startsWith(START) ? text.indexOf('"', START.length) : -1;
  return end < 0 ? '' : text.slice(START.length, end);
}

/**
 * Whether a line is what dying writers leave: the beginning of a committed entry's line, or several behind one another,
 * where somebody wrote at the same moment.
 */
function isPieces(line: Buffer, lines: ReadonlyMap<string, Buffer>): boolean {
  if (isBeginning(line, lines)) return true;
  for (let at = line.indexOf(START, 1); at > 0; at = line.indexOf(START, at + 1)) {
    if (isBeginning(line.subarray(0, at), lines) && isPieces(line.subarray(at), lines)) return true;
  }
  return false;
}

function isBeginning(piece: Buffer, lines: ReadonlyMap<string, Buffer>): boolean {
  const id = idAtStart(piece);
  if (id !== '') return lines.get(id)?.subarray(0, piece.length).equals(piece) ?? false;
  for (const line of lines.values()) if (line.subarray(0, piece.length).equals(piece)) return true;
  return false;
}
