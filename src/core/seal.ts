/**
 * Ends an operation on one account: spent grants leave it, entries get ids, sequence and hash, events get their ids.
 */
import type { EntryRow } from '../models/entry.js';
import { CREDIT_EVENT_VERSION, type CreditEvent, type MovementType } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import { isoText } from '../models/iso-text.js';
import type { Json, JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { toCredits } from './amounts.js';
import { sha256 } from './canonical-json.js';
import type { AccountChange, RowWrite, SealedEvent } from './decision.js';
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
  const events = draft.events.length === 0 ? NO_EVENTS : draft.events.map((event, i) => sealEvent(draft, event, i));
  return { account, entries, events, grants, reservations: draft.reservationWrites, side: draft.sideWrites };
}

const NO_EVENTS: readonly SealedEvent[] = [];

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

function sealEvent(draft: Draft, event: PendingEvent, place: number): SealedEvent {
  return { type: event.type, make: () => finishEvent(draft, event, place) };
}

function finishEvent(draft: Draft, event: PendingEvent, place: number): CreditEvent {
  const entry = draft.entries[event.entry] as Draft['entries'][number];
  const traceparent = draft.call.span?.traceparent;
  const at = event.kind === 'subscription' ? new Date(event.at) : entry.at;
  const finished = {
    id: eventIdOf(draft.baseId, place),
    version: CREDIT_EVENT_VERSION,
    type: event.type,
    userId: draft.account.userId,
    creditType: draft.account.creditType,
    sequence: entry.seq,
    occurredAt: isoText(at),
    correlationId: entry.correlationId,
    data: dataOf(draft, event, entry),
  };
  return (traceparent == null ? finished : { ...finished, traceparent }) as unknown as CreditEvent;
}

function dataOf({ context }: Draft, event: PendingEvent, entry: EntryRow): JsonObject {
  if (event.kind === 'payment') return event.more;
  if (event.kind === 'subscription') return { ...event.more, reason: entry.reason };
  const credits = (units: number) => toCredits(units, context.scale);
  const balance = credits(event.balance);
  if (event.kind === 'creation') return { balance, initial_balance: balance };
  const after = { balance, available: credits(event.available), transactionId: entry.id };
  if (event.kind === 'crossing') {
    const { threshold, level = 1 } = event;
    const crossed = threshold === undefined ? {} : { threshold: credits(threshold), level };
    return { previousBalance: credits(event.previousBalance), ...after, ...crossed, ...event.more };
  }
  const { type, amount, reference, more } = event;
  const moved: { [name: string]: Json } = { amount: credits(amount), ...after, reference };
  moved.referenceType = reference === null ? null : referenceTypeOf(entry);
  if (context.eventMetadata) moved.metadata = entry.metadata;
  if (type === 'credits.refunded') moved.reason = entry.reason;
  if (HOLD_TYPES.has(type)) moved.reservationId = entry.reservationId;
  if (type === 'credits.committed') moved.released = credits(-entry.reservedDelta - amount);
  return Object.assign(moved, more);
}

const HOLD_TYPES: ReadonlySet<string> = new Set<MovementType>([
  'credits.reserved',
  'credits.committed',
  'credits.released',
  'credits.reservation_expired',
  'credits.shortfall',
]);

/** The kind of a movement's reference: that of a reversal, of a claw-back, or of a grant. */
function referenceTypeOf({ type, reverses, details }: EntryRow): string | null {
  if (reverses !== null) return 'transaction';
  if (type === 'claw_back') return 'refund';
  const { grant } = details as { grant?: { source: string } };
  return grant?.source ?? null;
}

/** The id of an event: of an operation on its first account, and its place in it. */
export function eventIdOf(operationId: string, place: number): string {
  return `e-${operationId}.${place}`;
}

/** Announces a new account once, at its first applied operation. */
export function announceCreation(draft: Draft): void {
  const { balance } = draft.account;
  const available = availableOf(draft.account);
  draft.events.unshift({ kind: 'creation', type: 'credits.account.created', entry: 0, balance, available, more: {} });
}
