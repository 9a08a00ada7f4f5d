/**
 * Decides the operations of one unit. All operations of a group are decided in order, each on the state that the one
 * before it left, and commit together. A refusal concerns its own operation alone.
 */
import type { Account } from '../../core/account.js';
import { shortfallOf } from '../../core/debit.js';
import { decide } from '../../core/decide.js';
import type { AccountChange, Context, Decision, Refusal, SealedEvent } from '../../core/decision.js';
import { type SealedEntry, sealAlone } from '../../core/entry-line.js';
import { accountToRow } from '../../core/rows.js';
import { type CreditErrorCode, creditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import { replaceOf } from '../store/tables.js';
import { nextVersion, type VersionedAccount } from './account-memory.js';
import { ChangeSet } from './change-set.js';
import { contextOf, type DecisionSettings } from './context.js';
import { errorOf, findEarlier, prefetch, replayOf } from './earlier-outcome.js';
import type { FactSheet } from './facts.js';
import type { Decided, Group } from './group.js';
import { NOTHING, type Operation } from './operation.js';
import { refusalNotification } from './outgoing-rows.js';
import { takenError } from './receipts.js';
import { errorEntry, refusalId } from './refusal-entry.js';
import { isPlanDue } from './renewals.js';

/**
 * Refusals that are written: they leave an error entry and move the account's version on. A refusal that was decided on
 * a stale state therefore conflicts, and is never answered.
 */
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

/** Commands that jobs repeat while something is due. The job's report has each refusal, so the ledger need not. */
const ROUTINE: ReadonlySet<string> = new Set(['renew', 'renew_cycle']);

/**
 * Commands of jobs, whose reports tell what they moved. The changes of any other call must not live as long as its
 * answer: on a busy account that doubles the work of the garbage collector.
 */
const REPORTED: ReadonlySet<string> = new Set(['renew', 'renew_cycle', 'expire']);

/**
 * `decided`, or the step that must come first: `facts` must be read, the state must be loaded again (`stale`), or a
 * subscription must be renewed (`renewal`).
 */
export type Progress = 'decided' | 'facts' | 'stale' | 'renewal';

/** One pass over a group: the tools of its decisions, and everything that they collect. */
interface Pass<S> {
  readonly group: Group;
  readonly facts: FactSheet<S>;
  readonly settings: DecisionSettings;
  readonly context: Context;
  readonly accounts: Account[];
  readonly changes: ChangeSet;
  readonly entries: SealedEntry[];
  readonly events: SealedEvent[];
  sent: Operation[];
  /** Whether the accounts' versions must move on even if nothing else is written. */
  fenced: boolean;
  /** Whether an operation was applied, so that the decision is one on all accounts of the group. */
  applied: boolean;
}

export function decideGroup<S>(group: Group, facts: FactSheet<S>, settings: DecisionSettings): Progress {
  const now = settings.now();
  const accounts = group.states.map((state) => state.account);
  // Every group asks for the facts it needs before any are read, so that one read serves them all.
  const { misses } = facts;
  for (const operation of group.operations) prefetch(operation, accounts, facts);
  if (facts.misses > misses) return 'facts';
  const changes = new ChangeSet(settings, facts);
  const pass: Pass<S> = {
    group,
    facts,
    settings,
    context: contextOf(settings, now, group.operations[0]?.accounts[0]?.creditType ?? '', changes),
    accounts,
    changes,
    entries: [],
    events: [],
    sent: [],
    fenced: false,
    applied: false,
  };
  let undecided: Progress | null = null;
  for (const operation of group.operations) {
    if (operation.state === 'answered') continue;
    // After one that is not decided, later operations still ask for their facts.
    const progress = decideOperation(operation, pass);
    if (progress !== 'decided' && undecided !== 'renewal') undecided = progress;
  }
  if (undecided !== null) {
    if (facts.misses > misses) return 'facts';
    return undecided === 'renewal' ? 'renewal' : 'stale';
  }
  group.decided = finish(pass);
  return 'decided';
}

/** Decides one operation on the accounts that the ones before it left, and notes its answer. */
function decideOperation<S>(operation: Operation, pass: Pass<S>): Progress {
  const { call } = operation;
  const { group, facts, context, changes, accounts } = pass;
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
  if (operation.receipt !== null && operation.conflicts > 0) {
    const taken = facts.row('inbox', operation.receipt.id);
    if (taken === undefined) return 'facts';
    if (taken !== null && taken.fingerprint !== operation.receipt.fingerprint) {
      operation.error = takenError(operation.receipt);
      return 'decided';
    }
    // A copy of the message was faster. This operation may still have something to do that the copy did not.
    if (taken !== null) operation.receipt = null;
  }
  if (!operation.isRenewed && accounts.some((account) => isPlanDue(account, context.now))) {
    return awaitRenewal(operation, pass);
  }
  let decision: Decision;
  try {
    decision = decide(accounts, operation.command, call, context);
  } catch (cause) {
    if (operation.uncertain) return 'stale';
    return contradiction(operation, cause);
  }
  if (decision.kind !== 'applied' && call.scopedKey !== null && facts.keyed(call.scopedKey) === undefined) {
    // The commit of an effect finds a repeated key by itself. Before any other answer the key must be looked up.
    return 'facts';
  }
  switch (decision.kind) {
    case 'applied': {
      for (let i = 0; i < decision.changes.length; i++) {
        const change = decision.changes[i] as (typeof decision.changes)[number];
        changes.add(change);
        accounts[i] = change.account;
        if (pass.settings.followsEntries) for (const entry of change.entries) pass.entries.push(entry);
        for (const event of change.events) pass.events.push(event);
      }
      const reported = REPORTED.has(operation.command.type) ? decision.changes : NO_CHANGES;
      const rows = decision.changes[1]?.entries.map((entry) => entry.row) ?? NO_ROWS;
      operation.answer = { entry: decision.entry, replayed: false, entries: rows, changes: reported };
      send(pass, operation);
      pass.applied = true;
      if (operation.receipt !== null) changes.addReceipt(operation.receipt);
      if (operation.command.type === 'commit') noteShortfall(operation, decision.entry, pass);
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
      if (decision.dueAt !== undefined) {
        // Jobs look for accounts by this instant: they would find the account again and again.
        accounts[0] = { ...(accounts[0] as Account), dueAt: decision.dueAt };
        pass.fenced = true;
        send(pass, operation);
        return 'decided';
      }
      if (operation.uncertain || operation.resumes) pass.fenced = true;
      return group.fresh ? 'decided' : 'stale';
    case 'refused':
      return decideRefusal(operation, decision, pass);
    default:
      return decision satisfies never;
  }
}

/** A repeated call needs no renewal; and somebody else may have written one that the remembered state does not know. */
function awaitRenewal<S>({ call }: Operation, { group, facts, accounts, context }: Pass<S>): Progress {
  if (call.scopedKey !== null && facts.keyed(call.scopedKey) === undefined) return 'facts';
  if (!group.fresh) return 'stale';
  const due = accounts.filter((account) => isPlanDue(account, context.now));
  group.renewals = new Set(due.map(({ userId }) => userId));
  return 'renewal';
}

/** Notes that the commit is the operation's. It starts with a list of one, as a list that grows costs more. */
function send<S>(pass: Pass<S>, operation: Operation): void {
  if (pass.sent.length === 0) pass.sent = [operation];
  else pass.sent.push(operation);
}

/** A failed internal check ends this call alone, and nothing of the call is written. */
function contradiction(operation: Operation, cause: unknown): Progress {
  const message = 'An internal check failed; nothing was written. Please report this with the stack of the cause.';
  operation.error = creditError('INVARIANT_VIOLATION', message, {}, { cause });
  return 'decided';
}

function decideRefusal<S>(operation: Operation, refusal: Refusal, pass: Pass<S>): Progress {
  const { group } = pass;
  operation.error = errorOf(refusal);
  const recorded = RECORDED.has(refusal.code) && !ROUTINE.has(operation.command.type);
  // The commit of a refusal checks the first account alone. What it does not check must be the latest state: anybody
  // may try to transfer to an account, and must not keep its owner from writing.
  const isChecked = recorded && group.states.length === 1;
  if (!isChecked && !group.fresh) return 'stale';
  // An operation whose earlier attempt may still apply moves the version on with any refusal, so that it cannot. The
  // attempt may be that of another call, of which this one has the key.
  if (!recorded && !operation.uncertain && !operation.resumes) return 'decided';
  pass.fenced = true;
  send(pass, operation);
  if (recorded) record(operation, refusal, pass);
  return 'decided';
}

/** A settlement that could not charge everything leaves an error entry too, in the commit of what it charged. */
function noteShortfall<S>(operation: Operation, entry: EntryRow, pass: Pass<S>): void {
  const shortfall = shortfallOf(entry, pass.context.scale);
  if (shortfall) record(operation, shortfall, pass);
}

/** Adds the error entry of a refusal, and its notification. */
function record<S>({ accounts, call }: Operation, refusal: Refusal, pass: Pass<S>): void {
  const { group, settings, context } = pass;
  const [first] = accounts;
  const [state] = group.states;
  if (settings.errorEntries && first && state) {
    let at = context.now;
    for (const account of pass.accounts) at = Math.max(at, account.at);
    const entry = errorEntry({ account: first, version: state.version, at: new Date(at), call, refusal });
    const sealed = sealAlone(entry, settings.ledgerId);
    const account = pass.accounts[0] as Account;
    pass.accounts[0] = { ...account, refusals: account.refusals + 1 };
    pass.changes.addEntry(sealed.row);
    if (settings.followsEntries) pass.entries.push(sealed);
  }
  if (settings.notifyErrors && settings.queue && first && state) {
    const { seq, at } = pass.accounts[0] as Account;
    const id = refusalId(call.operationId, state.version);
    const when = { sequence: seq, at: new Date(Math.max(context.now, at)) };
    pass.changes.addOutgoing(refusalNotification(id, first, refusal, when));
  }
}

function finish<S>({ group, accounts, changes, entries, events, sent, fenced, applied }: Pass<S>): Decided {
  const rest = changes.changes();
  // An earlier attempt may have been applied without anybody being told: the state that was read since includes it.
  const isFound =
    rest.length === 0 && group.fresh && group.operations.some(({ uncertain, resumes }) => uncertain || resumes);
  if (!fenced && rest.length === 0) return { unit: rest, states: isFound ? group.states : [], entries, events, sent };
  const before = applied ? group.states : group.states.slice(0, 1);
  const rows = before.map((old, i) => {
    const account = accounts[i] as Account;
    return accountToRow(account, nextVersion(old, account), old.state);
  });
  const states = rows.map(({ version, state }, i) => ({ account: accounts[i] as Account, version, state }));
  const written = rows.map((row, i) => {
    const { account, version, state } = before[i] as VersionedAccount;
    const kept = row.state === state ? KEPT_WITH_STATE : KEPT;
    // An account gets its names and its age with its first entry.
    return replaceOf('account', row, version, account.seq > 0 ? kept : undefined);
  });
  return { unit: rest.concat(written), states, entries, events, sent };
}

const KEPT = ['userId', 'creditType', 'visible', 'createdAt'] as const;
const KEPT_WITH_STATE = [...KEPT, 'state'] as const;
const NO_ROWS: readonly EntryRow[] = [];
const NO_CHANGES: readonly AccountChange[] = [];
