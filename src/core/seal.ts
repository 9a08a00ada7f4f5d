/**
 * Ends an operation on one account: spent grants leave it, entries get ids, sequence and hash, events get their ids.
 */
import type { CreditEvent } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import { availableOf } from './account.js';
import { toCredits } from './amounts.js';
import { sha256 } from './canonical-json.js';
import type { AccountChange, RowWrite } from './decision.js';
import { type Draft, mainIndex, nextDue, type PendingEvent } from './draft.js';
import { entryBody, type SealedEntry } from './entry-line.js';
import { grantRow } from './rows.js';
import { judgeCrossings } from './thresholds.js';

/** Finishes a draft. The chain and every id depend only on the account, the command and the operation id. */
export function sealDraft(draft: Draft): AccountChange {
  const { account, call, context } = draft;
  judgeCrossings(draft);
  const grants = settleGrants(draft);
  if (draft.dueChanged) account.dueAt = nextDue(account);
  const main = mainIndex(draft);
  const entries = draft.entries.map((row, i): SealedEntry => {
    row.id = i === main ? draft.baseId : `${draft.baseId}.${i}`;
    row.seq = ++account.seq;
    if (i === main && draft.baseId === call.operationId) {
      row.idempotencyKey = call.idempotencyKey;
      row.scopedKey = call.scopedKey;
      row.fingerprint = call.fingerprint;
    }
    row.prev = account.hash;
    const body = entryBody(row, context.ledgerId);
    row.hash = sha256(body);
    account.hash = row.hash;
    return { row, body };
  });
  const events = draft.events.length === 0 ? NO_EVENTS : draft.events.map((event, i) => finishEvent(draft, event, i));
  return { account, entries, events, grants, reservations: draft.reservationWrites, side: draft.sideWrites };
}

const NO_EVENTS: readonly CreditEvent[] = [];

/** Writes the rows of grants that were made, closed or reopened. Closed grants leave the account. */
function settleGrants(draft: Draft): readonly RowWrite<GrantRow>[] {
  const { account, touchedGrants } = draft;
  if (!draft.grantsCopied) return draft.grantWrites;
  let closed = false;
  for (const grant of account.grants) {
    if (grant.remaining === 0) closed = true;
    const version = touchedGrants?.get(grant.id) ?? (grant.remaining === 0 ? grant.rowVersion + 1 : null);
    if (version === null) continue;
    const op = version === 1 ? 'insert' : 'replace';
    draft.grantWrites.push({ op, row: grantRow(account, grant, version) });
  }
  if (closed) account.grants = account.grants.filter((grant) => grant.remaining > 0);
  Object.freeze(account.grants);
  return draft.grantWrites;
}

function finishEvent(draft: Draft, event: PendingEvent, place: number): CreditEvent {
  const { scale } = draft.context;
  const entry = draft.entries[event.entry] as Draft['entries'][number];
  const credits = (units: number) => toCredits(units, scale);
  const data = {
    ...(event.amount !== undefined && { amount: credits(event.amount) }),
    ...(event.previousBalance !== undefined && { previousBalance: credits(event.previousBalance) }),
    balance: credits(event.balance),
    ...(event.type !== 'credits.account.created' && {
      available: credits(event.available),
      transactionId: entry.id,
    }),
    ...(event.reference !== undefined && { reference: event.reference }),
    ...(event.threshold !== undefined && { threshold: credits(event.threshold) }),
    ...event.more,
  };
  return {
    id: eventIdOf(draft.baseId, place),
    type: event.type,
    userId: draft.account.userId,
    creditType: draft.account.creditType,
    sequence: entry.seq,
    occurredAt: entry.at.toISOString(),
    correlationId: entry.correlationId,
    data,
  } as CreditEvent;
}

/** The id of an event: of an operation on its first account, and its place in it. */
export function eventIdOf(operationId: string, place: number): string {
  return `e-${operationId}.${place}`;
}

/** Announces a new account once, at its first applied operation. */
export function announceCreation(draft: Draft): void {
  const { balance } = draft.account;
  const event = { entry: 0, balance, available: availableOf(draft.account), more: {} };
  draft.events.unshift({ ...event, type: 'credits.account.created' });
}
