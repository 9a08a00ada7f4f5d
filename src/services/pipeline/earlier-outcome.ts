/** Finds the outcome that an operation already has, from its own unanswered commit or the first call with its key. */
import type { Account } from '../../core/account.js';
import type { Refusal } from '../../core/decision.js';
import { type CreditErrorCode, creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { ChangeSet } from './change-set.js';
import type { FactSheet } from './facts.js';
import { type Answer, type Operation, otherEntryId, retryKeyOf } from './operation.js';
import { refusalId, refusalOf } from './refusal-entry.js';
import { sameInput } from './same-input.js';

export type Earlier = { readonly answer: Answer | null; readonly error: Error | null };

/** Asks for the rows that an operation is sure to need, so that one read serves the whole batch. */
export function prefetch<S>(operation: Operation, accounts: readonly Account[], facts: FactSheet<S>): void {
  if (operation.state === 'answered') return;
  const { command, call } = operation;
  if (operation.uncertain || operation.resumes) {
    facts.row('entry', call.operationId);
    if (operation.uncertain) facts.row('entry', refusalId(call.operationId, operation.sentVersion));
  }
  if (call.scopedKey !== null && (operation.probe || operation.uncertain || operation.resumes)) {
    facts.wantKey(call.scopedKey);
  }
  const account = accounts[0] as Account;
  if (command.type === 'commit' || command.type === 'release' || command.type === 'extend') {
    const id = command.reservationId;
    if (!account.holds.some((hold) => hold.id === id)) facts.row('reservation', id);
  } else if (command.type === 'reverse') {
    facts.reversals(command.original.id);
    const ids = command.original.draws.map((draw) => draw.grantId);
    if (command.original.grantId !== null) ids.push(command.original.grantId);
    for (const id of ids) if (!account.grants.some((grant) => grant.id === id)) facts.row('grant', id);
  } else if (command.type === 'renew') {
    const row = facts.row('subscription', account.userId);
    if (row) facts.row('plan', row.pending?.planId ?? row.planId);
  } else if (command.type === 'renew_cycle') facts.row('cycle', command.cycleId);
}

/** The earlier outcome; null when there is none, undefined while rows have to be read to know. */
export function findEarlier<S>(
  operation: Operation,
  facts: FactSheet<S>,
  changes: ChangeSet,
): Earlier | null | undefined {
  const { call } = operation;
  if (operation.uncertain || operation.resumes) {
    // Two calls can share an operation id: a call resumed twice, or resumed while its first attempt is in flight.
    const row = changes.entry(call.operationId) ?? facts.row('entry', call.operationId);
    if (row === undefined) return undefined;
    if (row && operation.resumes && !sameInput(operation, row)) return failed(keyConflict(operation));
    if (row) return withOther(operation, { entry: row, replayed: operation.resumes }, facts, changes);
    if (operation.uncertain) {
      const refusal = facts.row('entry', refusalId(call.operationId, operation.sentVersion));
      if (refusal === undefined) return undefined;
      if (refusal) return failed(errorOf(refusalOf(refusal)));
    }
  }
  if (call.scopedKey === null) return null;
  // A key is looked up only when it must be: for any other repeated key the unique index refuses the commit itself.
  const known = facts.knows(call.scopedKey) ? facts.keyed(call.scopedKey) : null;
  const keyed = changes.keyed(call.scopedKey) ?? known;
  if (!keyed) return null;
  if (keyed.fingerprint !== call.fingerprint) return failed(keyConflict(operation));
  return withOther(operation, { entry: keyed, replayed: true }, facts, changes);
}

/** The stored answer. That of a transfer also needs the entry on the other account, which is read first. */
function withOther<S>(
  { command }: Operation,
  { entry, replayed }: { readonly entry: EntryRow; readonly replayed: boolean },
  facts: FactSheet<S>,
  changes: ChangeSet,
): Earlier | undefined {
  if (command.type !== 'transfer') return { answer: { entry, replayed, entries: [], changes: [] }, error: null };
  const id = otherEntryId(entry.operationId);
  const other = changes.entry(id) ?? facts.row('entry', id);
  return other ? { answer: { entry, replayed, entries: [other], changes: [] }, error: null } : undefined;
}

export function replayOf(entry: EntryRow): Answer {
  return { entry, replayed: true, entries: [], changes: [] };
}

export function errorOf<C extends CreditErrorCode>({ code, message, details }: Refusal<C>): Error {
  return creditError(code, message, details);
}

function failed(error: Error): Earlier {
  return { answer: null, error };
}

function keyConflict(operation: Operation): Error {
  const { operation: verb } = operation.call;
  const message = `The idempotency key was used before for another ${verb} call. Use a new key.`;
  return creditError('IDEMPOTENCY_CONFLICT', message, { key: retryKeyOf(operation), operation: verb });
}
