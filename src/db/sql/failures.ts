/** Errors of the driver as errors of the library. Their texts never leave; the driver's own error is the cause. */
import { creditError, isCreditError } from '../../errors.js';
import type { Dialect } from './dialect.js';

/** `STORAGE_UNAVAILABLE`, or `CONFIGURATION` where trying again is no use; errors of the library stay as they are. */
export function storageFailure(dialect: Dialect, cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  if (dialect.isSetupError(cause)) {
    const message = `The database refuses this service (${dialect.codeOf(cause)}). Nothing was written.`;
    const problems = ['check the user, password, database, schema, tables and privileges of the connection'];
    return creditError('CONFIGURATION', `${message} Check its user, database and privileges.`, { problems }, { cause });
  }
  return creditError(
    'STORAGE_UNAVAILABLE',
    'The database did not answer. Nothing was written; try again.',
    {},
    { cause },
  );
}

/** What the failure of a read, or of a whole transaction, is called. */
export function callFailure(dialect: Dialect, cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  if (cause instanceof TypeError || cause instanceof RangeError) return badQuery(cause);
  switch (dialect.failureOf(cause)) {
    case 'rejected':
      return badQuery(cause);
    case 'locked':
      return creditError('CONTENTION', 'A row stayed locked until the deadline.', { attempts: 1 }, { cause });
    default:
      return storageFailure(dialect, cause);
  }
}

function badQuery(cause: unknown): Error {
  const details = { path: 'query', expected: 'values of the kinds of their fields' };
  return creditError('INVALID_ARGUMENT', 'The query holds a value that its field cannot have.', details, { cause });
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

/** The host ended its transaction behind a statement of ours: what was written is there if that was a commit. */
export function hasEnded(cause: unknown) {
  const message = 'The transaction of the session was ended while the call was in it. Await calls before its end.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' }, { cause });
}
