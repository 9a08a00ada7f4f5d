/** The meaning of PostgreSQL's error codes (SQLSTATE). */
import type { SqlResult } from '../connection.js';
import type { Failure } from '../dialect.js';

/** Codes after which nobody knows whether the statement was applied: the connection ended, or the server is unsure. */
const LOST = /^(08|57P|58|F0|XX)|^40003$/;

/** The text of `pg` for a client that had died before the statement was handed to it. */
const NEVER_SENT = /not queryable/;

/** The effects of a statement that failed. */
export function failureOf(error: unknown): Failure {
  const code = sqlState(error);
  if (code === null) return error instanceof Error && NEVER_SENT.test(error.message) ? 'failed' : 'lost';
  if (LOST.test(code)) return 'lost';
  // Unique and exclusion violations.
  if (code === '23505' || code === '23P01') return 'taken';
  // Lock not available, deadlock, serialization failure.
  if (code === '55P03' || code === '40P01' || code === '40001') return 'locked';
  // Data exceptions, constraints, limits of the server.
  return /^(22|23|54)/.test(code) ? 'rejected' : 'failed';
}

/** The SQLSTATE of a driver's error; null when the server did not say anything. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/**
 * Codes for a user, database or schema that the server refuses or does not have, for tables and rights on them, and for
 * a database that is read-only.
 */
const SETUP = /^(28...|3D...|3F...|42501|42P01|25006)$/;

export function isSetupError(error: unknown): boolean {
  return SETUP.test(sqlState(error) ?? '');
}

/** A text for each code, without the names of hosts, users and databases. */
const MEANINGS: Readonly<Record<string, string>> = {
  '28000': 'no such role, or it may not connect from here',
  '28P01': 'wrong password',
  '3D000': 'no such database',
  '3F000': 'no such schema',
  '42P01': 'no such table',
  '42501': 'no right',
  '25006': 'the database is read-only',
};

/** The parts of the server's texts that name one of our tables, or the schema they are in. */
const DENIED = /^(?:permission denied for|must be owner of) (table|relation|schema|sequence) "?(\w+)"?$/;
const MISSING = /^relation "([\w.]+)" does not exist/;

/** `42501: no right on table credit_entry` */
export function tell(error: unknown): string {
  const code = sqlState(error) as string;
  const { message } = error as Error;
  const [, kind, name] = DENIED.exec(message) ?? [];
  const [, missing] = MISSING.exec(message) ?? [];
  const about = name === undefined ? (missing ?? '') : `on ${kind === 'relation' ? 'table' : kind} ${name}`;
  return `${code}: ${MEANINGS[code] ?? 'refused'} ${about}`.trimEnd();
}

/**
 * Whether a commit was carried out: after a failed statement the server answers it with ROLLBACK, and with no error.
 */
export function isCommitted({ command }: SqlResult): boolean {
  return command === undefined || command === 'COMMIT';
}

/** No transaction (25P01), one that an earlier error has ended (25P02), or one without our savepoint (3B001). */
export function isOutsideTransaction(error: unknown): boolean {
  const code = sqlState(error);
  return code === '25P01' || code === '25P02' || code === '3B001';
}

/** Serialization failures and deadlocks. */
export function asksForRedo(error: unknown): boolean {
  return sqlState(error)?.startsWith('40') === true;
}

/** The same, and the loss of the connection. */
export function endsTransaction(error: unknown): boolean {
  return asksForRedo(error) || failureOf(error) === 'lost';
}

/** The index of a unique violation. */
export function indexOf(error: unknown): string | null {
  const { constraint } = error as { constraint?: unknown };
  return typeof constraint === 'string' ? constraint : null;
}
