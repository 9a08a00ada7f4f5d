/** One submitted call on its way through the pipeline, and what it is answered. */
import type { CallInfo, Command } from '../../core/command.js';
import { creditError } from '../../errors.js';
import type { AccountRef } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import { monotonicNow } from '../../timers.js';

/** What a service asks for. */
export interface Request {
  /** Every account it writes, the one it belongs to first. */
  readonly accounts: readonly AccountRef[];
  /** Everything it waits for: its accounts, and what else only one call may write at a time. */
  readonly documents: readonly string[];
  readonly command: Command;
  readonly call: CallInfo;
  /** The key was `op_<operationId>`: the call runs under that id and looks for it before anything else. */
  readonly resumes: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** `entries` are this operation's when it was applied by this call; a replay has only its answer. */
export interface Answer {
  readonly entry: EntryRow | null;
  readonly replayed: boolean;
  readonly entries: readonly EntryRow[];
}

export interface Operation extends Request {
  readonly deadline: number;
  /** `sent`: in a commit whose outcome is not known yet. */
  state: 'waiting' | 'sent' | 'answered';
  /** An earlier commit of it was sent and never answered. */
  uncertain: boolean;
  /** Version of its first account that the last commit expected. */
  sentVersion: number;
  /** Conflicts and locks met so far. */
  conflicts: number;
  /** Waits before it is tried again, for back-off. */
  waits: number;
  /** A commit found its key taken: look the key up before deciding. */
  probe: boolean;
  /** Must be committed without others, because a unit it was part of was rejected. */
  alone: boolean;
  /** Its listener on the caller's signal, and its place among the waiting. */
  abort: (() => void) | null;
  place: number;
  /** What it will be told once its unit is written; neither is set before it was decided. */
  answer: Answer | null;
  error: Error | null;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export function newOperation(
  request: Request,
  resolve: (answer: Answer) => void,
  reject: (error: unknown) => void,
): Operation {
  return {
    accounts: request.accounts,
    documents: request.documents,
    command: request.command,
    call: request.call,
    resumes: request.resumes,
    signal: request.signal,
    timeoutMs: request.timeoutMs,
    deadline: monotonicNow() + request.timeoutMs,
    state: 'waiting',
    uncertain: false,
    sentVersion: 0,
    conflicts: 0,
    waits: 0,
    probe: false,
    alone: false,
    abort: null,
    place: 0,
    answer: null,
    error: null,
    resolve,
    reject,
  };
}

/** Tells the caller what was decided. */
export function tell({ answer, error, resolve, reject }: Operation): void {
  if (answer) resolve(answer);
  else reject(error);
}

export const NOTHING: Answer = { entry: null, replayed: false, entries: [] };

/** The entry that a transfer writes on its second account. */
export function otherEntryId(operationId: string): string {
  return `${operationId}.to`;
}

/**
 * The key under which a retry is safe whatever became of the call: the caller's, or one that only the library
 * makes.
 */
export function retryKeyOf({ call }: Request): string {
  return call.idempotencyKey ?? `op_${call.operationId}`;
}

/** What a call is told at its deadline: never more than is known. */
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
