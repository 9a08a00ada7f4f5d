/** Rows that a list or a job passed over, each with the reason. */
import { isCreditError } from '../../errors.js';
import type { Skipped } from '../../models/records/run.js';

/** A row that was passed over because of an error; an error that is not the library's is a contradiction of ours. */
export function skippedOf(id: string, error: unknown): Skipped {
  if (isCreditError(error)) return { id, code: error.code, message: error.message };
  return { id, code: 'INVARIANT_VIOLATION', message: 'It failed.' };
}
