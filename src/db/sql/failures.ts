/**
 * Turns errors of the driver into errors of the library. Their texts never leave; the driver's own error is the cause.
 */
import { creditError, isCreditError } from '../../errors.js';
import { badQuery, isOfValue, stayedLocked, unavailable } from '../kit/failures.js';
import type { Dialect } from './dialect.js';

/** `STORAGE_UNAVAILABLE`, or `CONFIGURATION` where trying again is no use; errors of the library stay as they are. */
export function storageFailure(dialect: Dialect, cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  if (dialect.isSetupError(cause)) {
    const message = `The database refuses this service (${dialect.tell(cause)}). Nothing was written.`;
    const problems = [
      'check the user, password, database, schema, tables and privileges of the connection, and whether it may write',
    ];
    const advice = 'Check its user, database and privileges, and whether it may write.';
    return creditError('CONFIGURATION', `${message} ${advice}`, { problems }, { cause });
  }
  return unavailable(cause);
}

/** The error for a read that failed, or for a whole transaction that did. */
export function callFailure(dialect: Dialect, cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  if (isOfValue(cause)) return badQuery(cause);
  switch (dialect.failureOf(cause)) {
    case 'rejected':
      return badQuery(cause);
    case 'locked':
      return stayedLocked(cause);
    default:
      return storageFailure(dialect, cause);
  }
}

export function notASession(cause?: unknown) {
  return creditError(
    'INVALID_ARGUMENT',
    'The session is not an open transaction: begin one and pass the client, or the kysely transaction.',
    {
      path: 'session',
      expected: 'a client inside BEGIN … COMMIT, a kysely transaction, or what transaction(run) gives',
    },
    cause === undefined ? undefined : { cause },
  );
}

export function ofAnotherDatabase() {
  const expected = 'a transaction of the database that has the credits';
  const message = 'The session is a transaction of another database than that of the credits. Nothing was written.';
  return creditError('INVALID_ARGUMENT', message, { path: 'session', expected });
}

/** The host ended its transaction behind a statement of ours. If it committed, the statement's writes are there. */
export function hasEnded(cause: unknown) {
  const message = 'The transaction of the session was ended while the call was in it. Await calls before its end.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' }, { cause });
}
