/** Ledger entries outside any account: the library's own acts, and refusals. They have no sequence and no chain. */
import type { CallInfo, Refusal } from '../../core/command.js';
import type { EntryRow } from '../../models/entry.js';
import type { JsonObject } from '../../models/values.js';
import type { AccountRef } from '../pipeline/operation.js';

/** An act of the library itself: scale fixed, settings changed, plans, repairs. */
export function systemEntry(id: string, at: Date, message: string, details: JsonObject): EntryRow {
  return { ...blank(id, at), eventType: 'system', type: 'system', operation: 'system', message, details };
}

/** The id of the entry of a refusal that fences `version`: the same for every attempt at that version, and no other. */
export function refusalId(operationId: string, version: number): string {
  return `${operationId}.r${version}`;
}

/** A business refusal: who asked for what, and the numbers it was refused by. */
export function errorEntry(account: AccountRef, version: number, at: Date, call: CallInfo, refusal: Refusal): EntryRow {
  return {
    ...blank(refusalId(call.operationId, version), at),
    operationId: call.operationId,
    eventType: 'error',
    type: 'error',
    operation: call.operation,
    account: account.key,
    userId: account.userId,
    creditType: account.creditType,
    message: refusal.message,
    description: call.description,
    actor: call.actor,
    reason: call.reason,
    correlationId: call.correlationId,
    metadata: call.metadata,
    details: { code: refusal.code, ...(refusal.details as JsonObject) },
  };
}

function blank(id: string, at: Date): Omit<EntryRow, 'eventType' | 'type' | 'operation' | 'message' | 'details'> {
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
