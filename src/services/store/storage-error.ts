/** The two ways in which a database says no: an error that it throws, and the outcome of a unit. */
import { creditError, isCreditError } from '../../errors.js';
import type { UnitOutcome } from '../../ports/db-manager.js';

/** Errors of the library pass; everything else a driver throws becomes one that says nothing of the driver. */
export function storageError(cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  const message = 'The database could not answer. Nothing was written; try again.';
  return creditError('STORAGE_UNAVAILABLE', message, {}, { cause });
}

/**
 * The error of a unit that was not written, and null for one that was, or that another writer was faster than
 * (`conflict`, `locked`, `duplicate`): the caller knows whether to go on from what is stored or to try again.
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
