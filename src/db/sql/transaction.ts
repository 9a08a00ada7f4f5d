/** A transaction of our own: begins, runs, commits; what it answers is certain or says that it is not. */
import { creditError } from '../../errors.js';
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
    const message = 'The transaction was not over by its deadline and is rolled back.';
    throw creditError('TIMEOUT', message, { timeoutMs }, { cause });
  });
  let answer: T;
  try {
    answer = await Promise.race([run(session), late]);
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
    if (dialect.failureOf(cause) !== 'lost') throw callFailure(dialect, cause);
    const message = 'The commit was sent and no answer came. Look for what it wrote before you write it again.';
    throw creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' }, { cause });
  }
  if (dialect.isCommitted(answer)) return;
  throw storageFailure(dialect, new Error(`The commit was answered with ${answer.command}.`));
}
