/** The ledger file read by itself: own splitting, own parsing, own hashing, and what its lines must say. */
import { createHash } from 'node:crypto';
import { nameOf, typeOf, userOf } from './account-names.js';
import { type Differences, differ } from './compare.js';
import type { Row } from './library.js';
import type { Account, Entry } from './oracle-state.js';

const MOST_BYTES = 256 * 1024;
const HASH_END = /^(.*),"hash":"([0-9a-f]{64})"\}$/s;

type Fields = { readonly [field: string]: unknown };

/** A whole line that ends in a newline and carries the hash of its own text. */
export interface Line {
  readonly id: string;
  readonly hash: string;
  readonly text: string;
  readonly fields: Fields;
}

export interface Contents {
  /** In the order of the file. */
  readonly lines: readonly Line[];
  /** The lines of each id. */
  readonly byId: ReadonlyMap<string, readonly Line[]>;
  /** What ends in a newline and is no line, blank lines aside. */
  readonly pieces: readonly string[];
  readonly blank: number;
  /** What follows the last newline. */
  readonly tail: string;
  readonly tooLong: number;
}

export function contentsOf(bytes: Buffer): Contents {
  const texts = bytes.toString('utf8').split('\n');
  const tail = texts.pop() ?? '';
  const lines: Line[] = [];
  const byId = new Map<string, Line[]>();
  const pieces: string[] = [];
  let tooLong = 0;
  let blank = 0;
  for (const text of texts) {
    const line = lineOf(text);
    if (!line) {
      if (text === '') blank += 1;
      else pieces.push(text);
      continue;
    }
    if (Buffer.byteLength(text) + 1 > MOST_BYTES) tooLong += 1;
    lines.push(line);
    const same = byId.get(line.id);
    if (same) same.push(line);
    else byId.set(line.id, [line]);
  }
  return { lines, byId, pieces, blank, tail, tooLong };
}

function lineOf(text: string): Line | null {
  const [, body, hash] = HASH_END.exec(text) ?? [];
  if (body === undefined || hash === undefined) return null;
  if (createHash('sha256').update(`${body}}`).digest('hex') !== hash) return null;
  const fields = JSON.parse(text) as Fields;
  return typeof fields.id === 'string' ? { id: fields.id, hash, text, fields } : null;
}

/** Ids of stored entries that have no line. */
export function lackingIn(contents: Contents, rows: readonly Row[]): string[] {
  return rows.map((row) => String(row.id)).filter((id) => !contents.byId.has(id));
}

/** Rule 27: one line an entry, same id and content, nothing else; a line may stand twice only unchanged. */
export function compareLines(contents: Contents, rows: readonly Row[], pieces: number): Differences {
  const { byId, tail, tooLong } = contents;
  const found = differ('file', { pieces, tail: '', tooLong: 0 }, { pieces: contents.pieces.length, tail, tooLong });
  found.push(...differ('file', { ids: rows.length }, { ids: byId.size }));
  for (const row of rows) {
    const [line, ...others] = byId.get(String(row.id)) ?? [];
    if (!line) {
      found.push(`entry ${row.id} has no line`);
      continue;
    }
    if (others.some((other) => other.text !== line.text)) found.push(`lines of ${row.id} differ`);
    found.push(...compareLine(line, row));
  }
  return found;
}

function compareLine({ id, hash, fields }: Line, row: Row): Differences {
  const { eventType, userId, message, type, operation, operationId, seq, prev, at } = row;
  const { amount, delta, balanceAfter, grantId, reservationId, reverses, actor, reason } = row;
  const draws = row.draws as readonly { grantId: string; amount: number }[];
  const drawn = draws.map((draw) => ({ grant_id: draw.grantId, amount: draw.amount }));
  const details = { type, operation, operation_id: operationId, amount, delta, balance_after: balanceAfter };
  const named = {
    grant_id: grantId,
    reservation_id: reservationId,
    reverses,
    actor,
    reason,
    draws: drawn.length > 0 ? drawn : null,
  };
  return [
    ...differ(`line ${id}`, { hash: row.hash }, { hash }),
    ...differ(`line ${id}`, { event_type: eventType, message, seq, created_at: (at as Date).toISOString() }, fields),
    ...differ(`line ${id}`, given({ user_id: userId || null, prev }), fields),
    ...differ(`line ${id}.details`, { ...details, ...given(named) }, fields.details),
  ];
}

/** What is null is left out of a line. */
function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? undefined]));
}

/** What the lines tell of one account must be what the oracle has of it, each chained to the one before. */
export function compareStory({ byId }: Contents, account: Account): Differences {
  const found: Differences = [];
  const lines = [...byId.values()].flatMap(([line]) => (line && isOf(line, account.user) ? [line] : []));
  const bySeq = new Map(lines.map((line) => [line.fields.seq, line]));
  let before: Line | undefined;
  for (const entry of account.entries) {
    const line = bySeq.get(entry.seq);
    const what = `line ${account.user}#${entry.seq}`;
    if (!line) {
      found.push(`${what} is missing`);
      continue;
    }
    found.push(...differ(what, toldOf(entry), { ...line.fields, ...(line.fields.details as Fields) }));
    found.push(...differ(what, { prev: before?.hash }, line.fields));
    before = line;
  }
  const chained = lines.filter((line) => line.fields.event_type === 'transaction').length;
  if (chained !== account.entries.length) found.push(`${chained} lines for ${account.entries.length} entries`);
  return found;
}

/** Whether a line is an entry of an account. */
function isOf({ fields }: Line, name: string): boolean {
  const { credit_type: type } = fields.details as Fields;
  return fields.user_id === userOf(name) && type === typeOf(name);
}

function toldOf(entry: Entry): Record<string, unknown> {
  const { delta, reservedDelta, balanceAfter, availableAfter, debtAfter } = entry;
  return {
    event_type: 'transaction',
    created_at: new Date(entry.at).toISOString(),
    type: entry.type,
    delta: Number(delta),
    reserved_delta: Number(reservedDelta),
    balance_after: Number(balanceAfter),
    available_after: Number(availableAfter),
    debt_after: Number(debtAfter),
    idempotency_key: entry.key ?? undefined,
  };
}

/** Lines of each account that do not stand in the order of its sequence. */
export function outOfOrder(lines: readonly Line[]): string[] {
  const last = new Map<string, number>();
  const found: string[] = [];
  for (const { id, fields } of lines) {
    if (fields.event_type !== 'transaction') continue;
    const seq = Number(fields.seq);
    const account = nameOf(String(fields.user_id), String((fields.details as Fields).credit_type));
    if (seq <= (last.get(account) ?? 0)) found.push(`line ${id} stands behind a later one`);
    last.set(account, seq);
  }
  return found;
}
