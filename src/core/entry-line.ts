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
 * The canonical text of an entry without its hash. The hash is taken over this text; text and hash together are the
 * line in the ledger file. It is built from the stored row alone, so that `verify()` can build it again on any
 * database. Null and empty fields are left out: absent and null mean the same.
 */
export function entryBody(row: EntryRow, ledgerId: string): string {
  return JSON.stringify({
    id: row.id,
    event_type: row.eventType,
    user_id: row.userId || undefined,
    correlation_id: row.correlationId ?? undefined,
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
      draws: drawBodies(row.draws),
      repaid: drawBodies(row.repaid),
      grant_id: row.grantId ?? undefined,
      reservation_id: row.reservationId ?? undefined,
      reverses: row.reverses ?? undefined,
      description: row.description ?? undefined,
      actor: row.actor ?? undefined,
      reason: row.reason ?? undefined,
      idempotency_key: row.idempotencyKey ?? undefined,
      fingerprint: row.fingerprint ?? undefined,
      metadata: objectBody(row.metadata),
      data: objectBody(row.details),
    },
    created_at: isoText(row.at),
    ledger_id: ledgerId,
    seq: row.seq,
    prev: row.prev ?? undefined,
  });
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

function drawBodies(draws: readonly Draw[]) {
  return draws.length === 0 ? undefined : draws.map((draw) => ({ grant_id: draw.grantId, amount: draw.amount }));
}

function objectBody(value: JsonObject): JsonObject | undefined {
  return Object.keys(value).length === 0 ? undefined : sortKeys(value);
}
