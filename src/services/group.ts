/**
 * The operations of one unit: whatever waits for one account is decided in order on its state, each on what the one
 * before it left, and commits together. A refused operation refuses alone.
 */
import type { Account } from '../core/account.js';
import { accountToRow } from '../core/account.js';
import type { Context, Decision, Facts, Refusal, SealedEntry } from '../core/command.js';
import { decide } from '../core/decide.js';
import { type CreditErrorCode, type CreditErrorDetails, creditError } from '../errors.js';
import type { EntryRow } from '../models/entry.js';
import type { CreditEvent } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Row, Unit } from '../ports/db-manager.js';
import { ChangeSet } from './changes.js';
import type { FactSheet } from './fact-sheet.js';
import { type Answer, NOTHING, type Operation } from './operation.js';
import type { VersionedAccount } from './state-memory.js';
import { errorEntry, refusalId } from './system-entry.js';

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

export interface Group {
  readonly keys: readonly string[];
  readonly operations: readonly Operation[];
  /** By key; set when loaded. */
  states: Map<string, VersionedAccount>;
  /** Whether the states were read for this attempt, not remembered. */
  fresh: boolean;
  /** Its documents were given back. */
  released: boolean;
  plan: Plan | null;
}

/** A decided group: what to write, and what to answer once it is written. */
export interface Plan {
  readonly unit: Unit;
  readonly states: readonly VersionedAccount[];
  readonly answers: readonly (() => void)[];
  readonly entries: readonly SealedEntry[];
  readonly events: readonly CreditEvent[];
  /** Operations whose effect or refusal is in the unit: unknown as long as the unit is. */
  readonly sent: readonly Operation[];
}

export interface DecisionSettings extends Omit<Context, 'now' | 'defaults' | 'facts'> {
  readonly now: () => number;
  readonly sinks: readonly string[];
  /** Whether refusals leave an error entry; they always fence. */
  readonly errorEntries: boolean;
}

/** `planned`, or what has to happen first: `facts` to be read, or the state to be loaded again (`stale`). */
export type Verdict = 'planned' | 'facts' | 'stale';

export function planGroup<S>(group: Group, facts: FactSheet<S>, settings: DecisionSettings): Verdict {
  const { now: clock, sinks, errorEntries, ...shared } = settings;
  const now = clock();
  const changes = new ChangeSet(sinks);
  const seen = factsOf(facts, changes);
  const accounts = new Map<string, Account>();
  for (const [key, { account }] of group.states) accounts.set(key, account);
  const answers: (() => void)[] = [];
  const entries: SealedEntry[] = [];
  const events: CreditEvent[] = [];
  const sent: Operation[] = [];
  let fenced = false;
  let unsure = false;
  for (const operation of group.operations) prefetch(operation, accounts, facts);
  if (facts.missing) return 'facts';

  for (const operation of group.operations) {
    if (operation.state === 'settled') continue;
    const { call } = operation;
    const [first] = operation.accounts;
    if (!first) continue;
    const earlier = findEarlier(operation, facts, changes);
    if (earlier === undefined) {
      unsure = true;
      continue;
    }
    if (earlier) {
      answers.push(earlier);
      continue;
    }
    const inputs = operation.accounts.map(({ key }) => accounts.get(key) as Account);
    const context: Context = { ...shared, now, defaults: operation.defaults, facts: seen };
    let decision: Decision;
    try {
      decision = decide(inputs, operation.command, call, context);
    } catch (cause) {
      // A contradiction found while deciding ends that call alone; nothing of it is written.
      const message = 'An internal check failed; nothing was written. Please report this with the stack of the cause.';
      const error = creditError('INVARIANT_VIOLATION', message, {}, { cause });
      answers.push(() => operation.reject(error));
      continue;
    }
    switch (decision.kind) {
      case 'applied': {
        for (const change of decision.changes) {
          changes.add(change);
          accounts.set(change.account.key, change.account);
          for (const entry of change.entries) entries.push(entry);
          for (const event of change.events) events.push(event);
        }
        const rows = decision.changes.flatMap((change) => change.entries.map((entry) => entry.row));
        const answer: Answer = { entry: decision.entry, replayed: false, entries: rows };
        answers.push(() => operation.resolve(answer));
        sent.push(operation);
        break;
      }
      case 'repeated': {
        const entry = changes.entry(decision.entryId) ?? facts.row('entry', decision.entryId);
        if (entry === undefined) unsure = true;
        else answers.push(() => operation.resolve(replayOf(entry as unknown as EntryRow)));
        break;
      }
      case 'pending':
        unsure = true;
        break;
      case 'nothing':
        if (!group.fresh) return 'stale';
        answers.push(() => operation.resolve(NOTHING));
        break;
      case 'refused': {
        // Before a keyed call is refused its key is looked up: found means replay.
        if (call.scopedKey !== null && facts.keyed(call.scopedKey) === undefined) {
          unsure = true;
          break;
        }
        const recorded = RECORDED.has(decision.code);
        if (!recorded && !group.fresh) return 'stale';
        if (recorded) {
          fenced = true;
          sent.push(operation);
          const { version } = group.states.get(first.key) as VersionedAccount;
          if (errorEntries) {
            const at = Math.max(now, ...inputs.map((account) => account.at));
            changes.addEntry(errorEntry(first, version, new Date(at), call, decision));
          }
        }
        answers.push(() => operation.reject(errorOf(decision)));
      }
    }
  }
  if (unsure) return facts.missing ? 'facts' : 'stale';

  const states: VersionedAccount[] = [];
  const unit = changes.changes();
  if (fenced || !changes.isEmpty) {
    for (const [key, { version }] of group.states) {
      const account = accounts.get(key) as Account;
      states.push({ account, version: version + 1 });
      const row = accountToRow(account, version + 1) as unknown as Row;
      unit.push({ op: 'replace', model: 'account', row, expectedVersion: version });
    }
  }
  group.plan = { unit, states, answers, entries, events, sent };
  return 'planned';
}

/** Asks for what an operation is sure to need, so that one read serves the whole batch. */
function prefetch<S>(operation: Operation, accounts: ReadonlyMap<string, Account>, facts: FactSheet<S>): void {
  if (operation.state === 'settled') return;
  const { command, call } = operation;
  const account = accounts.get(operation.accounts[0]?.key ?? '') as Account;
  if (operation.uncertain || operation.resumes) {
    facts.row('entry', call.operationId);
    if (operation.uncertain) facts.row('entry', refusalId(call.operationId, operation.sentVersion));
  }
  if (call.scopedKey !== null && (operation.probe || operation.uncertain || operation.resumes))
    facts.wantKey(call.scopedKey);
  if (command.type === 'commit' || command.type === 'release' || command.type === 'extend') {
    const id = command.reservationId;
    if (!account.holds.some((hold) => hold.id === id)) facts.row('reservation', id);
  } else if (command.type === 'reverse') {
    facts.reversals(command.original.id);
    const ids = command.original.draws.map((draw) => draw.grantId);
    if (command.original.grantId !== null) ids.push(command.original.grantId);
    for (const id of ids) if (!account.grants.some((grant) => grant.id === id)) facts.row('grant', id);
  }
}

/**
 * The answer an operation already has: its own commit that was never answered, or the first call with its key.
 * Null when there is none, undefined while that has to be looked up.
 */
function findEarlier<S>(
  operation: Operation,
  facts: FactSheet<S>,
  changes: ChangeSet,
): (() => void) | null | undefined {
  const { call } = operation;
  if (operation.uncertain || operation.resumes) {
    const row = facts.row('entry', call.operationId) as unknown as EntryRow | null | undefined;
    if (row === undefined) return undefined;
    if (row) {
      if (operation.resumes && !sameInput(operation, row)) return () => operation.reject(keyConflict(operation));
      const answer = { entry: row, replayed: operation.resumes, entries: [] };
      return () => operation.resolve(answer);
    }
    if (operation.uncertain) {
      const refusal = facts.row('entry', refusalId(call.operationId, operation.sentVersion));
      if (refusal === undefined) return undefined;
      if (refusal) return () => operation.reject(errorOf(refusalOf(refusal as unknown as EntryRow)));
    }
  }
  if (call.scopedKey === null) return null;
  const keyed = changes.keyed(call.scopedKey) ?? knownKey(facts, call.scopedKey);
  if (!keyed) return null;
  if (keyed.fingerprint !== call.fingerprint) return () => operation.reject(keyConflict(operation));
  return () => operation.resolve(replayOf(keyed));
}

/** A key is not probed before it has to be: the unique index finds a repeated one in the commit itself. */
function knownKey<S>(facts: FactSheet<S>, scopedKey: string): EntryRow | null {
  return facts.knows(scopedKey) ? (facts.keyed(scopedKey) ?? null) : null;
}

/** An unkeyed entry keeps no fingerprint; its own columns tell whether the call is the same. */
function sameInput({ call, command, accounts }: Operation, row: EntryRow): boolean {
  const amount = 'amount' in command ? command.amount : 'delta' in command ? Math.abs(command.delta) : null;
  return (
    row.account === accounts[0]?.key &&
    row.operation === call.operation &&
    (amount === null || amount === row.amount || row.type === 'commit_reserved') &&
    row.description === call.description &&
    row.actor === call.actor &&
    row.reason === call.reason
  );
}

function replayOf(entry: EntryRow): Answer {
  return { entry, replayed: true, entries: [] };
}

function factsOf<S>(facts: FactSheet<S>, changes: ChangeSet): Facts {
  return {
    grant: (id) => changes.grant(id) ?? (facts.row('grant', id) as unknown as GrantRow | null | undefined),
    reservation: (id) =>
      changes.reservation(id) ?? (facts.row('reservation', id) as unknown as ReservationRow | null | undefined),
    reversals: (id) => {
      const stored = facts.reversals(id);
      return stored && [...stored, ...changes.reversals(id)];
    },
  };
}

function keyConflict({ call }: Operation): Error {
  const key = call.idempotencyKey ?? `op_${call.operationId}`;
  const message = `The idempotency key was used before for another ${call.operation} call. Use a new key.`;
  return creditError('IDEMPOTENCY_CONFLICT', message, { key, operation: call.operation });
}

function errorOf<C extends CreditErrorCode>({ code, message, details }: Refusal<C>): Error {
  return creditError(code, message, details);
}

function refusalOf({ message, details }: EntryRow): Refusal {
  const { code, ...rest } = details as unknown as { code: CreditErrorCode } & CreditErrorDetails[CreditErrorCode];
  return { kind: 'refused', code, message, details: rest as CreditErrorDetails[CreditErrorCode] };
}
