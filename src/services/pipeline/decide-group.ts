/**
 * The operations of one unit: whatever waits for one account is decided in order on its state, each on what the one
 * before it left, and commits together. A refused operation refuses alone.
 */
import type { Account } from '../../core/account.js';
import { decide } from '../../core/decide.js';
import type { Context, Decision, Refusal } from '../../core/decision.js';
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { accountToRow } from '../../core/rows.js';
import { type CreditErrorCode, creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { CreditEvent } from '../../models/events.js';
import { replaceOf } from '../store/tables.js';
import type { VersionedAccount } from './account-memory.js';
import { ChangeSet } from './change-set.js';
import { contextOf, type DecisionSettings } from './context.js';
import { errorOf, findEarlier, prefetch, replayOf } from './earlier-outcome.js';
import type { FactSheet } from './facts.js';
import type { Decided, Group } from './group.js';
import { NOTHING, type Operation } from './operation.js';
import { refusalNotification } from './outgoing-rows.js';
import { errorEntry, refusalId } from './refusal-entry.js';

/** Refusals that are written: an error entry and a fence, so that none is answered from stale state. */
const RECORDED: ReadonlySet<CreditErrorCode> = new Set<CreditErrorCode>([
  'INSUFFICIENT_CREDITS',
  'OVERDRAFT_LIMIT',
  'COMMIT_EXCEEDS_RESERVATION',
  'RESERVATION_NOT_ACTIVE',
  'ALREADY_REVERSED',
  'LIMIT_EXCEEDED',
  'PROMO_NOT_ELIGIBLE',
  'PAYMENT_MISMATCH',
]);

/** What jobs do, again and again while it is due: a refusal is in their reports, not in the ledger each time. */
const ROUTINE: ReadonlySet<string> = new Set(['renew', 'renew_cycle']);

/** `decided`, or the step that has to come first: `facts` are read, or the state is loaded again (`stale`). */
export type Progress = 'decided' | 'facts' | 'stale';

/** What one pass over a group collects. */
interface Pass {
  readonly accounts: Account[];
  readonly changes: ChangeSet;
  readonly entries: SealedEntry[];
  readonly events: CreditEvent[];
  readonly sent: Operation[];
  fenced: boolean;
}

export function decideGroup<S>(group: Group, facts: FactSheet<S>, settings: DecisionSettings): Progress {
  const now = settings.now();
  const pass: Pass = {
    accounts: group.states.map((state) => state.account),
    changes: new ChangeSet(settings, facts),
    entries: [],
    events: [],
    sent: [],
    fenced: false,
  };
  // Other groups may wait for facts too: each says what it needs, so that one read serves them all.
  const { misses } = facts;
  for (const operation of group.operations) prefetch(operation, pass.accounts, facts);
  if (facts.misses > misses) return 'facts';
  let context: Context | null = null;
  let undecided = false;
  for (const operation of group.operations) {
    if (operation.state === 'answered') continue;
    context ??= contextOf(settings, now, operation.accounts[0]?.creditType ?? '', pass.changes);
    // Later operations still say what they need.
    if (decideOperation(group, operation, facts, settings, context, pass) !== 'decided') undecided = true;
  }
  if (undecided) return facts.misses > misses ? 'facts' : 'stale';
  group.decided = finish(group, pass);
  return 'decided';
}

/** Decides one operation on what the ones before it left, and notes its answer. */
function decideOperation<S>(
  group: Group,
  operation: Operation,
  facts: FactSheet<S>,
  settings: DecisionSettings,
  context: Context,
  pass: Pass,
): Progress {
  const { call } = operation;
  const { changes, accounts } = pass;
  operation.answer = null;
  operation.error = null;
  if (operation.uncertain || operation.resumes || call.scopedKey !== null) {
    const earlier = findEarlier(operation, facts, changes);
    if (earlier === undefined) return 'facts';
    if (earlier) {
      operation.answer = earlier.answer;
      operation.error = earlier.error;
      return 'decided';
    }
  }
  let decision: Decision;
  try {
    decision = decide(accounts, operation.command, call, context);
  } catch (cause) {
    if (operation.uncertain) return 'stale';
    return contradiction(operation, cause);
  }
  if (decision.kind !== 'applied' && call.scopedKey !== null && facts.keyed(call.scopedKey) === undefined) {
    // Before anything but an effect is answered, the key is looked up: found means replay.
    return 'facts';
  }
  switch (decision.kind) {
    case 'applied': {
      for (let i = 0; i < decision.changes.length; i++) {
        const change = decision.changes[i] as (typeof decision.changes)[number];
        changes.add(change);
        accounts[i] = change.account;
        for (const entry of change.entries) pass.entries.push(entry);
        for (const event of change.events) pass.events.push(event);
      }
      const rows = decision.changes[1]?.entries.map((entry) => entry.row) ?? NO_ROWS;
      operation.answer = { entry: decision.entry, replayed: false, entries: rows };
      pass.sent.push(operation);
      return 'decided';
    }
    case 'repeated': {
      const entry = changes.entry(decision.entryId) ?? facts.row('entry', decision.entryId);
      if (entry === undefined) return 'facts';
      if (entry === null)
        return contradiction(operation, new Error('The entry that ended the reservation is missing.'));
      operation.answer = replayOf(entry);
      return 'decided';
    }
    case 'pending':
      return 'facts';
    case 'nothing':
      operation.answer = NOTHING;
      if (operation.uncertain) pass.fenced = true;
      return group.fresh ? 'decided' : 'stale';
    case 'refused':
      return decideRefusal(group, operation, decision, settings, context, pass);
    default:
      return decision satisfies never;
  }
}

/** A contradiction found while deciding ends that call alone; nothing of it is written. */
function contradiction(operation: Operation, cause: unknown): Progress {
  const message = 'An internal check failed; nothing was written. Please report this with the stack of the cause.';
  operation.error = creditError('INVARIANT_VIOLATION', message, {}, { cause });
  return 'decided';
}

function decideRefusal(
  group: Group,
  operation: Operation,
  refusal: Refusal,
  settings: DecisionSettings,
  context: Context,
  pass: Pass,
): Progress {
  const { call } = operation;
  operation.error = errorOf(refusal);
  const recorded = RECORDED.has(refusal.code) && !ROUTINE.has(operation.command.type);
  // What is not written was true of the state it was decided on, so that must be the latest.
  if (!recorded && !group.fresh) return 'stale';
  // An earlier attempt whose answer was lost must not land after any refusal.
  if (!recorded && !operation.uncertain) return 'decided';
  pass.fenced = true;
  pass.sent.push(operation);
  if (!recorded) return 'decided';
  const [first] = operation.accounts;
  const [state] = group.states;
  if (settings.errorEntries && first && state) {
    let at = context.now;
    for (const account of pass.accounts) at = Math.max(at, account.at);
    const sealed = sealAlone(errorEntry(first, state.version, new Date(at), call, refusal), settings.ledgerId);
    pass.changes.addEntry(sealed.row);
    pass.entries.push(sealed);
  }
  if (settings.notifyErrors && settings.queue && first && state) {
    const { seq, at } = pass.accounts[0] as Account;
    const id = refusalId(call.operationId, state.version);
    const when = { sequence: seq, at: new Date(Math.max(context.now, at)) };
    pass.changes.addOutgoing(refusalNotification(id, first, refusal, when));
  }
  return 'decided';
}

function finish(group: Group, { accounts, changes, entries, events, sent, fenced }: Pass): Decided {
  const unit = changes.changes();
  const states: VersionedAccount[] = [];
  // What an earlier attempt wrote, and nobody was told, is in the state that was read since.
  const isFound =
    unit.length === 0 && group.fresh && group.operations.some(({ uncertain, resumes }) => uncertain || resumes);
  if (isFound) states.push(...group.states);
  if (fenced || unit.length > 0) {
    for (let i = 0; i < accounts.length; i++) {
      const account = accounts[i] as Account;
      const { version } = group.states[i] as VersionedAccount;
      states.push({ account, version: version + 1 });
      unit.push(replaceOf('account', accountToRow(account, version + 1)));
    }
  }
  return { unit, states, entries, events, sent };
}

const NO_ROWS: readonly EntryRow[] = [];
