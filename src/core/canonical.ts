/** Canonical bytes: one text for one value, whatever order its keys came in. Hashed, and written to the ledger file. */
import { hash } from 'node:crypto';
import type { EntryRow } from '../models/entry.js';
import type { Draw, Json, JsonObject } from '../models/values.js';

/** A copy with the keys of every object in code-unit order. */
export function sortKeys<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys) as unknown as T;
  const object = value as JsonObject;
  const keys = Object.keys(object);
  if (keys.length === 0) return value;
  return Object.fromEntries(keys.sort().map((key) => [key, sortKeys(object[key] as Json)])) as unknown as T;
}

/** SHA-256 in hex of the canonical text of a value; the same for `10` and `"10"` only if parsed before. */
export function fingerprintOf(value: Json): string {
  return hash('sha256', JSON.stringify(sortKeys(value)));
}

export function sha256(text: string): string {
  return hash('sha256', text);
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
    user_id: row.userId,
    correlation_id: row.correlationId ?? undefined,
    message: row.message,
    details: {
      credit_type: row.creditType,
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

function drawBodies(draws: readonly Draw[]) {
  return draws.length === 0 ? undefined : draws.map((draw) => ({ grant_id: draw.grantId, amount: draw.amount }));
}

function objectBody(value: JsonObject): JsonObject | undefined {
  for (const _ in value) return sortKeys(value);
  return undefined;
}
