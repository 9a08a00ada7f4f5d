/** The canonical text of an entry: hashed, and written as its line of the ledger file. */
import type { EntryRow } from '../models/entry.js';
import type { Draw, JsonObject } from '../models/values.js';
import { sha256, sortKeys } from './canonical-json.js';

/** An entry and the text its hash was taken over; with the hash added that is its line in the ledger file. */
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
 * The canonical text of an entry without its hash: what the hash is taken over, and, with it, the line of the file.
 * Built from the stored row alone, so that `verify()` can build it again on any database. What is null or empty is left
 * out, as in the source documents' ledger: absent and null are one.
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
    created_at: row.at.toISOString(),
    ledger_id: ledgerId,
    seq: row.seq,
    prev: row.prev ?? undefined,
  });
}

/** The longest line of the ledger file, its newline included. */
export const MAX_LINE_BYTES = 256 * 1024;

/** What a hold frees when it ends is listed twice at worst, so the entry that makes one may take half a line. */
const MAX_HOLD_BODY_BYTES = MAX_LINE_BYTES / 2 - 4096;
/** `,"hash":"…"` and the newline. */
const HASH_BYTES = 75;
const MAX_UTF8_BYTES_PER_UNIT = 3;

/** Whether an entry may not be written because its line would be too long. The clock's own entries always fit. */
export function isTooLong({ row, body }: SealedEntry): boolean {
  if (body.length * MAX_UTF8_BYTES_PER_UNIT <= MAX_HOLD_BODY_BYTES) return false;
  if (row.type === 'expire_reserved') return false;
  const most = row.type === 'reserve' ? MAX_HOLD_BODY_BYTES : MAX_LINE_BYTES - HASH_BYTES;
  return Buffer.byteLength(body) > most;
}

/** The line of an entry: its canonical bytes with their hash, ended by a newline. */
export function entryLine(body: string, hash: string): string {
  return `${body.slice(0, -1)},"hash":"${hash}"}\n`;
}

function drawBodies(draws: readonly Draw[]) {
  return draws.length === 0 ? undefined : draws.map((draw) => ({ grant_id: draw.grantId, amount: draw.amount }));
}

function objectBody(value: JsonObject): JsonObject | undefined {
  for (const _ in value) return sortKeys(value);
  return undefined;
}
