/** Runs a transaction of our own: begins, runs, commits. Its answer is certain, or says that it is not. */
import { overDeadline } from '../kit/failures.js';
import type { CallConnection } from './calls.js';
import type { Dialect } from './dialect.js';
import type { SqlSession } from './host-session.js';
import { OwnTransaction } from './own-transaction.js';
import type { SessionCalls } from './session-calls.js';

/** @param open a connection with the time that is left of the transaction's deadline, in milliseconds */
export async function runTransaction<T>(
  timeoutMs: number,
  dialect: Dialect,
  sessions: SessionCalls,
  open: (timeoutMs: number) => Promise<CallConnection>,
  run: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const until = performance.now() + timeoutMs;
  const transaction = new OwnTransaction(dialect, () => open(Math.max(1, until - performance.now())));
  const session = sessions.open(transaction);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const end = () =>
      reject(overDeadline(timeoutMs, new Error('The deadline came before the end of the transaction.')));
    timer = setTimeout(end, timeoutMs);
  });
  let answer: T;
  try {
    // `run` is the caller's: what it throws before its first await is a rejection like any other.
    answer = await Promise.race([(async () => run(session))(), late]);
  } catch (error) {
    await sessions.ended(session);
    await transaction.rollBack();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  await sessions.ended(session);
  await transaction.commit();
  return answer;
}
