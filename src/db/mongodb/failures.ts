/**
 * The meaning of the driver's errors, and the library's errors for them. Their texts never leave; the driver's own
 * error is the cause.
 */
import { creditError, driverCodeOf, isCreditError } from '../../errors.js';
import { badQuery, isOfValue, unavailable } from '../kit/failures.js';

/**
 * - `contended`: another transaction has the document or the unique value; ours is gone.
 * - `unavailable`: no answer, or none from a primary; a transaction that was not committed is gone.
 * - `taken`: a key or a unique value exists already.
 * - `rejected`: the data is refused.
 * - `failed`: anything else; nothing of the command was applied.
 */
export type Meaning = 'contended' | 'unavailable' | 'taken' | 'rejected' | 'failed';

const TRANSIENT = 'TransientTransactionError';
const UNKNOWN = 'UnknownTransactionCommitResult';

/** Lock timeout, write conflict, snapshots that are gone. */
const CONTENDED: ReadonlySet<number> = new Set([24, 112, 239, 246]);
/** Duplicate key, by the codes that servers have used for it. */
const TAKEN: ReadonlySet<number> = new Set([11000, 11001, 12582]);
/** Bad values and types, documents that are too large, too deep, or refused by the validator; keys too long. */
const REJECTED: ReadonlySet<number> = new Set([2, 9, 14, 15, 22, 52, 53, 57, 121, 10334, 17280, 17419, 17420]);
/** No primary, shutting down, network of the server; or the server ran out of the time it was given. */
const UNAVAILABLE: ReadonlySet<number> = new Set([
  6, 7, 50, 63, 89, 91, 133, 134, 150, 189, 234, 251, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436,
]);
const UNAVAILABLE_NAMES =
  /^Mongo(Network\w*|ServerSelection|PoolCleared\w*|WaitQueueTimeout|OperationTimeout|TopologyClosed)Error$/;
/** Errors by which the driver refuses something before it sends anything. */
const REJECTED_NAMES = /^(BSON\w*|TypeError|RangeError|MongoInvalidArgumentError)$/;

export function meaningOf(error: unknown): Meaning {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'number') {
    if (CONTENDED.has(code)) return 'contended';
    if (TAKEN.has(code)) return 'taken';
    if (UNAVAILABLE.has(code)) return 'unavailable';
    if (REJECTED.has(code)) return 'rejected';
  }
  if (isTransient(error) || UNAVAILABLE_NAMES.test(String(name))) return 'unavailable';
  return REJECTED_NAMES.test(String(name)) ? 'rejected' : 'failed';
}

/** Whether a whole transaction has to be done again. */
export function isTransient(error: unknown): boolean {
  return hasLabel(error, TRANSIENT);
}

/** Whether nobody knows if a commit was applied. */
export function isCommitUnknown(error: unknown): boolean {
  return hasLabel(error, UNKNOWN);
}

function hasLabel(error: unknown, label: string): boolean {
  const { hasErrorLabel } = (error ?? {}) as { hasErrorLabel?: (label: string) => boolean };
  return typeof hasErrorLabel === 'function' && hasErrorLabel.call(error, label);
}

/** An error that a command reports inside its answer, made into one that can be thrown. */
export class WriteError extends Error {
  readonly code: number;
  /** The fields of the unique index that an 11000 is about. */
  readonly keyPattern: Readonly<Record<string, unknown>> | undefined;

  constructor(error: { code?: number; errmsg?: string; keyPattern?: Record<string, unknown> }) {
    super(`The server refused a write (${error.code}): ${error.errmsg ?? ''}`);
    this.name = 'WriteError';
    this.code = error.code ?? 0;
    this.keyPattern = error.keyPattern;
  }
}

/** Not authorized, and wrong credentials. */
const SETUP: ReadonlySet<unknown> = new Set([13, 18]);

/** `STORAGE_UNAVAILABLE`, or `CONFIGURATION` where trying again is no use; errors of the library stay as they are. */
export function storageFailure(cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  const { code } = (cause ?? {}) as { code?: unknown };
  if (SETUP.has(code)) {
    const named = driverCodeOf(cause) ?? `error ${code}`;
    const message = `The database refuses this service (${named}). Nothing was written.`;
    const problems = ['check the user, password, authSource and roles of the connection'];
    return creditError('CONFIGURATION', `${message} Check its user and roles.`, { problems }, { cause });
  }
  return unavailable(cause);
}

/** The error for a read that failed, or for a whole transaction that did. */
export function callFailure(cause: unknown): Error {
  if (isCreditError(cause)) return cause;
  if (isOfValue(cause)) return badQuery(cause);
  if (meaningOf(cause) !== 'contended') return storageFailure(cause);
  return creditError('CONTENTION', 'Another transaction has the document.', { attempts: 1 }, { cause });
}

export function notASession(cause?: unknown) {
  const message = 'The session is not inside a transaction of the same client: pass it within withTransaction.';
  const details = { path: 'session', expected: 'a ClientSession of the same MongoClient, inside a transaction' };
  return creditError('INVALID_ARGUMENT', message, details, cause === undefined ? undefined : { cause });
}
