/** The ledger entry of a refusal. It has no sequence, no chain and no idempotency key. */
import type { CallInfo } from '../../core/command.js';
import type { Refusal } from '../../core/decision.js';
import type { CreditErrorCode, CreditErrorDetails } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { JsonObject } from '../../models/values.js';
import { blankEntry } from '../store/system-entry.js';

/**
 * The id of the refusal entry of an operation that was decided on `version` of its account. The refusal moves the
 * account to the next version, so no other attempt has the same id.
 */
export function refusalId(operationId: string, version: number): string {
  return `${operationId}.r${version}`;
}

/** The numbers of a refusal and its code, as its entry and its notification keep them. */
export function refusalDetails({ code, details }: Refusal): JsonObject {
  return Object.assign({}, details as JsonObject, { code });
}

/** The refusal that an error entry was written for. */
export function refusalOf({ message, details }: EntryRow): Refusal {
  const { code, ...rest } = details as { code: CreditErrorCode } & CreditErrorDetails[CreditErrorCode];
  return { kind: 'refused', code, message, details: rest as CreditErrorDetails[CreditErrorCode] };
}

interface RefusedCall {
  readonly account: AccountRef;
  /** The version of the account that the refusal was decided on. */
  readonly version: number;
  readonly at: Date;
  readonly call: CallInfo;
  readonly refusal: Refusal;
}

/** The entry of a business refusal: the call, and the numbers that refused it. */
export function errorEntry({ account, version, at, call, refusal }: RefusedCall): EntryRow {
  return Object.assign(blankEntry(refusalId(call.operationId, version), at), {
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
    details: refusalDetails(refusal),
  } as const);
}
