/** The ledger entry of a refusal: outside sequence and chain, and holding no key. */
import type { CallInfo } from '../../core/command.js';
import type { Refusal } from '../../core/decision.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { JsonObject } from '../../models/values.js';
import { blankEntry } from '../store/system-entry.js';

/** The id of the entry of a refusal that fences `version`: the same for every attempt at that version, and no other. */
export function refusalId(operationId: string, version: number): string {
  return `${operationId}.r${version}`;
}

/** A business refusal: who asked for what, and the numbers it was refused by. */
export function errorEntry(account: AccountRef, version: number, at: Date, call: CallInfo, refusal: Refusal): EntryRow {
  return {
    ...blankEntry(refusalId(call.operationId, version), at),
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
