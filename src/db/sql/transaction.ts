/** Runs a transaction of our own: begins, runs, commits. Its answer is certain, or says that it is not. */
import { commitUnanswered, overDeadline } from '../kit/failures.js';
import type { CallConnection } from './calls.js';
import type { SqlResult } from './connection.js';
import type { Dialect } from './dialect.js';
import { callFailure, storageFailure } from './failures.js';
import type { SqlSession } from './host-session.js';
import type { SessionCalls } from './session-calls.js';

export async function runTransaction<T>(
  connection: CallConnection,
  dialect: Dialect,
  sessions: SessionCalls,
  run: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const timeoutMs = connection.remainingMs;
  await connection.query(dialect.begin(timeoutMs)).catch((error: unknown) => {
    throw callFailure(dialect, error);
  });
  const session = sessions.open(connection);
  const late = connection.late.catch((cause: unknown) => {
    throw overDeadline(timeoutMs, cause);
  });
  let answer: T;
  try {
    // `run` is the caller's: what it throws before its first await is a rejection like any other.
    answer = await Promise.race([(async () => run(session))(), late]);
  } catch (error) {
    await sessions.ended(session);
    await connection.query('rollback').catch(() => connection.break());
    throw error;
  }
  await sessions.ended(session);
  await commit(connection, dialect);
  return answer;
}

async function commit(connection: CallConnection, dialect: Dialect): Promise<void> {
  let answer: SqlResult;
  try {
    answer = await connection.query('commit');
  } catch (cause) {
    throw dialect.failureOf(cause) === 'lost' ? commitUnanswered(cause) : callFailure(dialect, cause);
  }
  if (dialect.isCommitted(answer)) return;
  throw storageFailure(dialect, new Error(`The commit was answered with ${answer.command}.`));
}
