/**
 * The operations of one unit: whatever waits for one account is decided in order on its state, each on what the one
 * before it left, and commits together. A refused operation refuses alone.
 */
import { type Account, accountToRow } from '../../core/account.js';
import type { Context, Decision, Refusal } from '../../core/command.js';
import { decide } from '../../core/decide.js';
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { type CreditErrorCode, creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { CreditEvent } from '../../models/events.js';
import type { Row, Unit } from '../../ports/db-manager.js';
import { errorEntry, refusalId } from '../store/system-entry.js';
import type { VersionedAccount } from './account-memory.js';
import { ChangeSet } from './change-set.js';
import { errorOf, findEarlier, prefetch, replayOf } from './earlier-outcome.js';
import type { FactSheet } from './facts.js';
import { NOTHING, type Operation } from './operation.js';
import { refusalNotification } from './outgoing-rows.js';

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

/** Operations on the same documents, in the order of those documents' queues. */
export interface Group {
  /** Keys of their accounts. */
  readonly keys: readonly string[];
  readonly documents: readonly string[];
  readonly operations: readonly Operation[];
  /** The accounts in the order of `keys`, once loaded. */
  states: readonly VersionedAccount[];
  /** Whether the states were read for this attempt, not remembered. */
  fresh: boolean;
  /** Its documents were given back. */
  released: boolean;
  /** Why its accounts could not be made. */
  broken: Error | null;
  plan: Plan | null;
}

export function newGroup(operations: readonly Operation[]): Group {
  const { accounts, documents } = operations[0] as Operation;
  const keys = documents.length === accounts.length ? documents : documents.slice(0, accounts.length);
  return { keys, documents, operations, states: [], fresh: false, released: false, broken: null, plan: null };
}

/** A decided group: what to write. The answers wait in the operations until it is written. */
export interface Plan {
  readonly unit: Unit;
  readonly states: readonly VersionedAccount[];
  readonly entries: readonly SealedEntry[];
  readonly events: readonly CreditEvent[];
  /** Operations whose effect or refusal is in the unit: unknown as long as the unit is. */
  readonly sent: readonly Operation[];
}

export interface DecisionSettings extends Omit<Context, 'now' | 'defaults' | 'facts'> {
  readonly now: () => number;
  readonly sinks: readonly string[];
  /** Whether there is a queue of notifications, and whether recorded refusals are sent to it. */
  readonly queue: boolean;
  readonly notifyErrors: boolean;
  /** Whether refusals leave an error entry; they always fence. */
  readonly errorEntries: boolean;
}

/** `planned`, or what has to happen first: `facts` to be read, or the state to be loaded again (`stale`). */
export type Verdict = 'planned' | 'facts' | 'stale';

/** What one pass over a group collects. */
interface Pass {
  readonly accounts: Account[];
  readonly changes: ChangeSet;
  readonly entries: SealedEntry[];
  readonly events: CreditEvent[];
  readonly sent: Operation[];
  fenced: boolean;
}

export function planGroup<S>(group: Group, facts: FactSheet<S>, settings: DecisionSettings): Verdict {
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
    if (operation.state === 'settled') continue;
    context ??= contextOf(settings, now, operation.accounts[0]?.creditType ?? '', pass.changes);
    // Later operations still say what they need.
    if (planOperation(group, operation, facts, settings, context, pass) !== 'planned') undecided = true;
  }
  if (undecided) return facts.misses > misses ? 'facts' : 'stale';
  group.plan = finishPlan(group, pass);
  return 'planned';
}

/** Decides one operation on what the ones before it left, and notes its answer. */
function planOperation<S>(
  group: Group,
  operation: Operation,
  facts: FactSheet<S>,
  settings: DecisionSettings,
  context: Context,
  pass: Pass,
): Verdict {
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
      return 'planned';
    }
  }
  let decision: Decision;
  try {
    decision = decide(accounts, operation.command, call, context);
  } catch (cause) {
    if (operation.uncertain) return 'stale';
    // A contradiction found while deciding ends that call alone; nothing of it is written.
    const message = 'An internal check failed; nothing was written. Please report this with the stack of the cause.';
    operation.error = creditError('INVARIANT_VIOLATION', message, {}, { cause });
    return 'planned';
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
      return 'planned';
    }
    case 'repeated': {
      const entry = changes.entry(decision.entryId) ?? facts.row('entry', decision.entryId);
      if (entry === undefined) return 'facts';
      operation.answer = replayOf(entry as unknown as EntryRow);
      return 'planned';
    }
    case 'pending':
      return 'facts';
    case 'nothing':
      operation.answer = NOTHING;
      if (operation.uncertain) pass.fenced = true;
      return group.fresh ? 'planned' : 'stale';
    case 'refused':
      return planRefusal(group, operation, decision, settings, context, pass);
    default:
      return decision satisfies never;
  }
}

function planRefusal(
  group: Group,
  operation: Operation,
  refusal: Refusal,
  settings: DecisionSettings,
  context: Context,
  pass: Pass,
): Verdict {
  const { call } = operation;
  operation.error = errorOf(refusal);
  const recorded = RECORDED.has(refusal.code) && !ROUTINE.has(operation.command.type);
  // What is not written was true of the state it was decided on, so that must be the latest.
  if (!recorded && !group.fresh) return 'stale';
  // An earlier attempt whose answer was lost must not land after any refusal.
  if (!recorded && !operation.uncertain) return 'planned';
  pass.fenced = true;
  pass.sent.push(operation);
  if (!recorded) return 'planned';
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
  return 'planned';
}

function finishPlan(group: Group, { accounts, changes, entries, events, sent, fenced }: Pass): Plan {
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
      const row = accountToRow(account, version + 1) as unknown as Row;
      unit.push({ op: 'replace', model: 'account', row, expectedVersion: version });
    }
  }
  return { unit, states, entries, events, sent };
}

/** From here on these operations are in a commit whose outcome is not known. */
export function markSent({ plan }: Group): void {
  for (const operation of plan?.sent ?? []) if (operation.state === 'waiting') operation.state = 'sent';
}

/** What decisions of one instant on accounts of one credit type are given. */
export function contextOf(settings: DecisionSettings, now: number, creditType: string, changes: ChangeSet): Context {
  const { scale, ledgerId, defaultsOf, limits, allEvents, temporal } = settings;
  // One a group: a copy of all settings would be half as much again of what is made for it.
  return {
    now,
    scale,
    ledgerId,
    defaults: defaultsOf(creditType),
    defaultsOf,
    limits,
    allEvents,
    temporal,
    facts: changes,
  };
}

const NO_ROWS: readonly EntryRow[] = [];
