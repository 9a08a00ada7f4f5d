/** Ledger entries of the library's own acts. They belong to no account, so they have no sequence and no chain. */
import type { EntryRow } from '../../models/entry.js';
import type { JsonObject } from '../../models/values.js';

/** The entry of an act of the library itself: the ledger's creation, changed settings, plans, repairs. */
export function systemEntry(id: string, at: Date, message: string, details: JsonObject): EntryRow {
  return { ...blankEntry(id, at), eventType: 'system', type: 'system', operation: 'system', message, details };
}

/** An entry to fill in: it has no account, no sequence and no chain, and it moves no credits. */
export function blankEntry(
  id: string,
  at: Date,
): Omit<EntryRow, 'eventType' | 'type' | 'operation' | 'message' | 'details'> {
  return {
    id,
    version: 1,
    operationId: id,
    account: '',
    userId: '',
    creditType: '',
    seq: 0,
    at,
    amount: 0,
    delta: 0,
    reservedDelta: 0,
    balanceAfter: 0,
    availableAfter: 0,
    debtAfter: 0,
    draws: [],
    repaid: [],
    grantId: null,
    reservationId: null,
    reverses: null,
    description: null,
    actor: null,
    reason: null,
    correlationId: null,
    idempotencyKey: null,
    scopedKey: null,
    fingerprint: null,
    metadata: {},
    prev: null,
    hash: null,
  };
}
