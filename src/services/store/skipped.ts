/** Reports a row that a list or a job skipped, with the reason. */
import { isCreditError } from '../../errors.js';
import type { Skipped } from '../../models/records/run.js';

/** The report of a row that an error made us skip. An error that is not the library's is our bug. */
export function skippedOf(id: string, error: unknown): Skipped {
  if (isCreditError(error)) return { id, code: error.code, message: error.message };
  return { id, code: 'INVARIANT_VIOLATION', message: 'An internal check failed.' };
}
