/** Makes one kind of error from both ways in which a database fails: an error it throws, and a unit's outcome. */
import { creditError, databaseFailed, isCreditError } from '../../errors.js';
import type { UnitOutcome } from '../../ports/db-manager.js';

/** Passes the library's own errors on. Any other becomes `STORAGE_UNAVAILABLE`, which says the driver's code alone. */
export function storageError(cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  return creditError('STORAGE_UNAVAILABLE', databaseFailed('The database could not answer', cause), {}, { cause });
}

/**
 * The error of a unit that the database refused or did not answer for; else null. Null also stands for a unit that lost
 * to a faster writer (`conflict`, `locked`, `duplicate`): only the caller knows whether to go on or to try again.
 */
export function failureOf(outcome: UnitOutcome): Error | null {
  switch (outcome.status) {
    case 'committed':
    case 'conflict':
    case 'locked':
    case 'duplicate':
      return null;
    case 'rejected':
    case 'unknown':
      return storageError(outcome.cause);
    default:
      return outcome satisfies never;
  }
}
