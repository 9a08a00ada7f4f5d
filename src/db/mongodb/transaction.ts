/** Runs a transaction of our own: begins, runs, commits. Its answer is certain, or says that it is not. */
import { isCreditError } from '../../errors.js';
import { commitUnanswered, overDeadline } from '../kit/failures.js';
import { type Call, LATE, sleep } from './deadline.js';
import { callFailure, isCommitUnknown, isTransient, meaningOf } from './failures.js';
import { begin, type Lease } from './session-pool.js';

const COMMIT_AGAIN_MS = 20;

/** Thrown where a commit was sent and nobody knows whether it was applied. */
export class Uncertain extends Error {
  constructor(override readonly cause: unknown) {
    super('The commit was sent and no answer came.');
  }
}

/** How far a transaction has come; a call that ends early needs to know. */
export interface Progress {
  isCommitting: boolean;
}

/**
 * Runs `body` in a transaction and commits it. An error means that nothing was applied, unless it is {@link Uncertain}.
 */
export async function inTransaction<T>(
  lease: Lease,
  call: Call,
  progress: Progress,
  body: () => Promise<T>,
): Promise<T> {
  await begin(lease, call);
  try {
    const answer = await body();
    call.check();
    await commit(lease, call, progress);
    return answer;
  } catch (error) {
    if (error instanceof Uncertain) throw error;
    // A server that answered has ended the transaction, or does so now. Where none answered, the transaction may be
    // open.
    if (error === LATE || meaningOf(error) === 'unavailable') lease.isDirty = true;
    else if (typeof (error as { code?: unknown } | null)?.code === 'number') lease.isDirty = false;
    if (lease.session.inTransaction()) await lease.session.abortTransaction().catch(() => {});
    throw error;
  }
}

/** Sends the commit, again and again where its outcome is unknown: the server answers a repeated one like the first. */
async function commit(lease: Lease, call: Call, progress: Progress): Promise<void> {
  progress.isCommitting = true;
  for (;;) {
    try {
      await lease.session.commitTransaction();
      progress.isCommitting = false;
      lease.isDirty = false;
      return;
    } catch (error) {
      if (isTransient(error) && !isCommitUnknown(error)) {
        progress.isCommitting = false;
        throw error;
      }
      lease.isDirty = true;
      if (!isCommitUnknown(error) || call.isOver) throw new Uncertain(error);
    }
    await sleep(COMMIT_AGAIN_MS);
    if (call.isOver) throw new Uncertain(LATE);
  }
}

/** The error for a failed transaction that a caller ran. */
export function transactionFailure(error: unknown, { isCommitting }: Progress, timeoutMs: number): Error {
  if (isCreditError(error)) return error;
  if (error instanceof Uncertain || (error === LATE && isCommitting)) return commitUnanswered(error);
  return error === LATE ? overDeadline(timeoutMs, error) : callFailure(error);
}
