/** One submitted call on its way through the pipeline, and its answer. */
import type { CallInfo, Command } from '../../core/command.js';
import type { AccountChange } from '../../core/decision.js';
import { creditError, ledHome } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { InboxRow } from '../../models/inbox.js';
import { monotonicNow } from '../../timers.js';
import type { CallTrace } from './call-trace.js';

/** A call as a service submits it. */
export interface Request {
  /** Every account that the call writes, the one it belongs to first. */
  readonly accounts: readonly AccountRef[];
  /** The keys of its accounts, then of other documents that only one call may write at a time. */
  readonly documents: readonly string[];
  readonly command: Command;
  readonly call: CallInfo;
  /** Whether the key was `op_<operationId>`. The call then runs under that id and looks for its entry first. */
  readonly resumes: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** The receipt of the message that asks for it, which commits with its effect. */
  readonly receipt: InboxRow | null;
  /** Its span; null where it is not traced. */
  readonly trace: CallTrace | null;
}

/** `entries` are the operation's entries on its second account. A replay has them only for a transfer. */
export interface Answer {
  readonly entry: EntryRow | null;
  readonly replayed: boolean;
  readonly entries: readonly EntryRow[];
  /**
   * Everything that a call of a job wrote on its accounts, or that a dry run would write; empty for a replay, and for
   * calls of others.
   */
  readonly changes: readonly AccountChange[];
  readonly isDryRun?: true;
}

/** The error of a call, which its caller throws. */
export class Failed {
  constructor(readonly error: unknown) {}
}

export type Settled = Answer | Failed;

/**
 * The answer of a call; or its error is thrown with the stack of the caller. It costs a call that succeeds nothing: a
 * rejection would have to be caught and thrown once more on its way, through one promise more for every call.
 */
export function answered(settled: Settled): Answer {
  if (settled instanceof Failed) throw ledHome(settled.error, answered);
  return settled;
}

export interface Operation extends Omit<Request, 'receipt'> {
  /** Null, too, once it is known to be there. */
  receipt: InboxRow | null;
  /** Closing the manager brings it forward. */
  deadline: number;
  /** `sent` means that the operation is in a commit whose outcome is not known yet. */
  state: 'waiting' | 'sent' | 'answered';
  /** Whether an earlier commit of the operation was sent and never answered. */
  uncertain: boolean;
  /** The version that the unanswered commit expected of the first account. */
  sentVersion: number;
  /** The number of conflicts and locks met so far. */
  conflicts: number;
  /** The number of pauses so far. Each makes the next one longer. */
  waits: number;
  /** Whether its key must be looked up before the decision, because a commit found a key taken. */
  probe: boolean;
  /** How often it waited for a renewal, and whether it is decided without one. */
  renewals: number;
  isRenewed: boolean;
  /** Whether it must commit without others, because a unit that it was part of was rejected. */
  alone: boolean;
  /** Stops listening to the caller's signal. */
  forget: (() => void) | null;
  /** The index among the waiting operations. */
  place: number;
  /** The answer, or else the error, that the caller gets once the unit is written. The decision sets one of them. */
  answer: Answer | null;
  error: Error | null;
  readonly settle: (settled: Settled) => void;
}

export function newOperation(request: Request, settle: (settled: Settled) => void): Operation {
  return {
    accounts: request.accounts,
    documents: request.documents,
    command: request.command,
    call: request.call,
    resumes: request.resumes,
    signal: request.signal,
    timeoutMs: request.timeoutMs,
    receipt: request.receipt,
    trace: request.trace,
    deadline: monotonicNow() + request.timeoutMs,
    state: 'waiting',
    uncertain: false,
    sentVersion: 0,
    conflicts: 0,
    waits: 0,
    probe: false,
    renewals: 0,
    isRenewed: request.command.type === 'renew',
    alone: false,
    forget: null,
    place: 0,
    answer: null,
    error: null,
    settle,
  };
}

/** Gives the caller the decided answer or error. */
export function tell({ answer, error, settle }: Operation): void {
  settle(answer ?? new Failed(error));
}

export const NOTHING: Answer = { entry: null, replayed: false, entries: [], changes: [] };

/** The entry that a transfer writes on its second account. */
export function otherEntryId(operationId: string): string {
  return `${operationId}.to`;
}

/** The key under which a retry is safe, whatever became of the call: the caller's own, or one the library makes. */
export function retryKeyOf({ call }: Request): string {
  return call.idempotencyKey ?? `op_${call.operationId}`;
}

/** The error of a call at its deadline. It claims only what is known about the commit. */
export function lateError(operation: Operation) {
  const { timeoutMs } = operation;
  if (operation.uncertain || operation.state === 'sent') return unknownError(operation);
  if (operation.conflicts > 0) {
    const attempts = operation.conflicts;
    const message = `Others kept changing the account for ${timeoutMs} ms (${attempts} attempts). Nothing was written.`;
    return creditError('CONTENTION', `${message} Try again; inside a host transaction pass its session.`, { attempts });
  }
  const message = `The call waited ${timeoutMs} ms and was never sent. Nothing was written; try again.`;
  return creditError('TIMEOUT', message, { timeoutMs });
}

export function unknownError(request: Request) {
  const idempotencyKey = retryKeyOf(request);
  const message =
    'The commit was sent and no answer came. Repeat the call with details.idempotencyKey to learn the outcome.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey });
}

export function abortedError() {
  return creditError('ABORTED', 'The call was aborted. Nothing was written.', {});
}
