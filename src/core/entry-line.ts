/** The canonical text of an entry: hashed, and written as its line of the ledger file. */
import type { EntryRow } from '../models/entry.js';
import { isoText } from '../models/iso-text.js';
import type { Draw, JsonObject } from '../models/values.js';
import { sha256, sortKeys } from './canonical-json.js';

/** An entry and the text that its hash was taken over. The text with the hash added is its line in the ledger file. */
export interface SealedEntry {
  readonly row: EntryRow;
  readonly body: string;
}

/** Gives an entry outside any chain (a refusal, an act of the library) the hash of its own text. */
export function sealAlone(row: EntryRow, ledgerId: string): SealedEntry {
  const body = entryBody(row, ledgerId);
  return { row: { ...row, hash: sha256(body) }, body };
}

/**
 * The canonical text of an entry without its hash: JSON. The hash is taken over this text; text and hash together are
 * the line in the ledger file. It is built from the stored row alone, so that `verify()` can build it again on any
 * database. Null and empty fields are left out: absent and null mean the same. It is put together by hand, because
 * `JSON.stringify` of an object takes a third longer, and this is the dearest part of an entry.
 */
export function entryBody(row: EntryRow, ledgerId: string): string {
  let body = `{"id":"${escaped(row.id)}","event_type":"${escaped(row.eventType)}"`;
  body += text(',"user_id":"', row.userId || null);
  body += text(',"correlation_id":"', row.correlationId);
  body = `${body},"message":"${escaped(row.message)}","details":{`;
  if (row.creditType) body = `${body}"credit_type":"${escaped(row.creditType)}",`;
  body = `${body}"type":"${escaped(row.type)}","operation":"${escaped(row.operation)}"`;
  body = `${body},"operation_id":"${escaped(row.operationId)}","amount":${number(row.amount)}`;
  body = `${body},"delta":${number(row.delta)},"reserved_delta":${number(row.reservedDelta)}`;
  body = `${body},"balance_after":${number(row.balanceAfter)},"available_after":${number(row.availableAfter)}`;
  body = `${body},"debt_after":${number(row.debtAfter)}`;
  body += draws(',"draws":[', row.draws);
  body += draws(',"repaid":[', row.repaid);
  body += text(',"grant_id":"', row.grantId);
  body += text(',"reservation_id":"', row.reservationId);
  body += text(',"reverses":"', row.reverses);
  body += text(',"description":"', row.description);
  body += text(',"actor":"', row.actor);
  body += text(',"reason":"', row.reason);
  body += text(',"idempotency_key":"', row.idempotencyKey);
  body += text(',"fingerprint":"', row.fingerprint);
  body += object(',"metadata":', row.metadata);
  body += object(',"data":', row.details);
  body = `${body}},"created_at":"${isoText(row.at)}","ledger_id":"${escaped(ledgerId)}","seq":${number(row.seq)}`;
  body += text(',"prev":"', row.prev);
  return `${body}}`;
}

/** All but the characters that JSON takes as they are: quote, backslash, control characters, halves of pairs. */
const ESCAPED = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

/**
 * The text as it stands between quotes. A damaged row may hold something else there: half a surrogate pair, which no
 * stored text has, keeps it apart from every text.
 */
export function escaped(value: string): string {
  if (typeof value !== 'string') return JSON.stringify(`\ud800${JSON.stringify(value)}`).slice(1, -1);
  return ESCAPED.test(value) ? JSON.stringify(value).slice(1, -1) : value;
}

/** The field, or nothing where it is absent. */
function text(start: string, value: string | null): string {
  return value === null || value === undefined ? '' : `${start}${escaped(value)}"`;
}

function number(value: number): number | string {
  return Number.isFinite(value) ? value : (JSON.stringify(value) ?? 'null');
}

function draws(start: string, taken: readonly Draw[]): string {
  if (taken.length === 0) return '';
  let list = start;
  for (const { grantId, amount } of taken) {
    list = `${list}${list === start ? '' : ','}{"grant_id":"${escaped(grantId)}","amount":${number(amount)}}`;
  }
  return `${list}]`;
}

function object(start: string, value: JsonObject): string {
  return Object.keys(value).length === 0 ? '' : start + JSON.stringify(sortKeys(value));
}

/** The longest line of the ledger file, its newline included. */
export const LINE_BYTES_MAX = 256 * 1024;

/**
 * When a hold ends, an entry lists the freed draws, at worst twice. So the entry that makes a hold may take half a
 * line.
 */
const HOLD_BODY_BYTES_MAX = LINE_BYTES_MAX / 2 - 4096;
/** `,"hash":"…"` and the newline. */
const HASH_BYTES = 75;
const UTF8_BYTES_PER_CHAR_MAX = 3;

/** Whether an entry must not be written because its line would be too long. The clock's own entries always fit. */
export function isTooLong({ row, body }: SealedEntry): boolean {
  if (body.length * UTF8_BYTES_PER_CHAR_MAX <= HOLD_BODY_BYTES_MAX) return false;
  if (row.type === 'expire_reserved') return false;
  const most = row.type === 'reserve' ? HOLD_BODY_BYTES_MAX : LINE_BYTES_MAX - HASH_BYTES;
  return Buffer.byteLength(body) > most;
}

/** The line of an entry: its canonical text with the hash, ended by a newline. */
export function entryLine(body: string, hash: string): string {
  return `${body.slice(0, -1)},"hash":"${hash}"}\n`;
}
