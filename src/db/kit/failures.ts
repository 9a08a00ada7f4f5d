/** Failures that all adapters report by the same codes and in the same words. */
import { type CreditError, creditError, databaseFailed } from '../../errors.js';
import type { FieldKind, StoreOptions } from '../../ports/db-manager.js';

/**
 * Checks what every call checks first.
 *
 * @throws ABORTED, or CLOSED
 */
export function checkOpen(options: Pick<StoreOptions<never>, 'signal'> | undefined, isClosed: boolean): void {
  if (options?.signal?.aborted) throw aborted();
  if (isClosed) throw creditError('CLOSED', 'The database manager is closed.', {});
}

export function aborted(): CreditError<'ABORTED'> {
  return creditError('ABORTED', 'The call was aborted before it was sent. Nothing was written.', {});
}

/** Finds what was made for a model. A model that `init` was not given is `INVALID_ARGUMENT`. */
export function madeFor<T>(made: ReadonlyMap<string, T>, model: string): T {
  const found = made.get(model);
  if (found) return found;
  throw creditError('INVALID_ARGUMENT', `Unknown model ${JSON.stringify(model)}.`, {
    path: 'model',
    expected: [...made.keys()].join(' | '),
  });
}

/** Finds a field by name. One that the model does not have is `INVALID_ARGUMENT`. */
export function fieldOf<T>(fields: ReadonlyMap<string, T>, model: string, name: string): T {
  const field = fields.get(name);
  if (field) return field;
  throw creditError('INVALID_ARGUMENT', `Model ${model} has no field ${JSON.stringify(name)}.`, {
    path: 'field',
    expected: [...fields.keys()].join(' | '),
  });
}

export function notOfKind(field: string, kind: FieldKind): TypeError {
  return new TypeError(`Not a value of ${field}, which is of kind ${kind}.`);
}

export function mayNotBeNull(field: string): TypeError {
  return new TypeError(`${field} may not be null.`);
}

/** Whether an error is about a value that could not be put into a statement, so that nothing was sent. */
export function isOfValue(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

export function badQuery(cause: unknown): CreditError<'INVALID_ARGUMENT'> {
  const details = { path: 'query', expected: 'values of the kinds of their fields' };
  return creditError('INVALID_ARGUMENT', 'The query holds a value that its field cannot have.', details, { cause });
}

export function unavailable(cause: unknown, what = 'The database did not answer'): CreditError<'STORAGE_UNAVAILABLE'> {
  return creditError('STORAGE_UNAVAILABLE', databaseFailed(what, cause), {}, { cause });
}

/** The failure of a database whose contents do not go with the models. */
export function unusable(problems: readonly string[]): CreditError<'CONFIGURATION'> {
  const message = `The database cannot be used: ${problems.join('; ')}.`;
  return creditError('CONFIGURATION', message, { problems: [...problems] });
}

export function stayedLocked(cause?: unknown): CreditError<'CONTENTION'> {
  return creditError('CONTENTION', 'A row stayed locked until the deadline.', { attempts: 1 }, { cause });
}

/** The failure of a transaction of our own whose commit got no answer. */
export function commitUnanswered(cause: unknown): CreditError<'OUTCOME_UNKNOWN'> {
  const message = 'The commit was sent and no answer came. Look for what it wrote before you write it again.';
  return creditError('OUTCOME_UNKNOWN', message, { idempotencyKey: '' }, { cause });
}

/** The failure of a transaction of our own that lasted too long. */
export function overDeadline(timeoutMs: number, cause: unknown): CreditError<'TIMEOUT'> {
  const message = 'The transaction was not over by its deadline and is rolled back.';
  return creditError('TIMEOUT', message, { timeoutMs }, { cause });
}
