/** Checks a caller's input against its schema; a wrong field becomes `INVALID_ARGUMENT`. */
import type { z } from 'zod';
import { creditError, isCreditError } from '../../errors.js';
import {
  type CallOptions,
  type MutationOptions,
  mutationSchema,
  type ReadOptions,
  readSchema,
} from '../../models/inputs/credits.js';
import { identifierSchema, isIdentifier, kindOf } from '../../models/inputs/values.js';
import { isNamed, noFields, ownFields } from '../../models/own-fields.js';

/** The parsed value. The `INVALID_ARGUMENT` it throws names the first wrong field and what was expected there. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, path = 'options'): T {
  try {
    // The schema would accept a Date or a Map as an object without any field: addCredits(user, 5, new Date(…)).
    if (schema.def.type === 'object' && !isNamed(value)) throw notAnObject(schema, value, path);
    const result = schema.safeParse(ownFields(schema, value));
    if (result.success) return result.data;
    // zod makes its messages here and reads the value again, so a getter may throw now.
    const [issue] = result.error.issues;
    const parts = [path === 'options' ? '' : path, ...(issue?.path ?? [])];
    throw notValid(parts.filter((part) => part !== '').join('.') || path, expectedBy(issue));
  } catch (cause) {
    throw isCreditError(cause) ? cause : notValid(path, 'plain values, no getter or proxy that throws', cause);
  }
}

/** The words of a schema for what it expected. For an amount that was not given zod has words of its own. */
function expectedBy(issue: z.core.$ZodIssue | undefined): string {
  const isMissing = issue?.code === 'invalid_type' && (issue.expected as string) === 'nonoptional';
  return isMissing ? 'an amount; none was given' : (issue?.message ?? 'another value');
}

/** The `INVALID_ARGUMENT` error that names a field and what was expected there. */
export function notValid(path: string, expected: string, cause?: unknown) {
  return creditError('INVALID_ARGUMENT', `${path} is not valid: ${expected}.`, { path, expected }, { cause });
}

/** The parsed options of a call that can be made without any. */
export function parseOptions<T>(schema: z.ZodType<T>, given: unknown): T {
  return given === undefined ? (noFields(schema) as T) : parse(schema, given);
}

/** Parses the options of a verb that takes only those that all writing verbs share. */
export function parseMutationOptions<S>(given: MutationOptions<S> | undefined): MutationOptions<S> {
  return parseOptions(mutationSchema, given) as MutationOptions<S>;
}

/** Parses the options of a read that takes only those that all reads share. */
export function parseReadOptions<S>(given: ReadOptions<S> | undefined): ReadOptions<S> {
  return parseOptions(readSchema, given) as ReadOptions<S>;
}

/** Parses the options of a verb by its schema. It passes `session` on unchecked: only the adapter can judge one. */
export function parseCall<T, S>(schema: z.ZodType<T>, given: unknown): T & CallOptions<S> {
  return parseOptions(schema, given) as T & CallOptions<S>;
}

export function parseId(value: unknown, path: string): string {
  if (isIdentifier(value)) return value;
  const kind = kindOf(value);
  if (kind === null) return parse(identifierSchema, value, path);
  throw notGiven(
    path,
    'a string of 1 to 255 characters',
    kind,
    /number|bigint/.test(kind) ? `Write String(${path}).` : '',
  );
}

/** The verbs that give what others take. */
const GIVEN_BY: Readonly<Record<string, string>> = {
  ...{ reservation: 'reserveCredits', plan: 'addSubscriptionPlan', cycle: 'startCycle' },
};

/** The error for a value that is no object with named fields: it names what was given, and an object to write. */
function notAnObject(schema: z.ZodType, value: unknown, path: string) {
  const kind = kindOf(value) ?? (typeof value === 'string' ? 'a string' : 'an object of another kind');
  const { shape } = schema as z.ZodObject;
  const needed = Object.keys(shape).filter((name) => shape[name]?._zod.optin !== 'optional');
  const fields = needed.length > 0 ? needed.join(', ') : `${Object.keys(shape)[0]}: …`;
  return notGiven(path, 'an object with named fields', kind, `Write { ${fields} }.`);
}

function notGiven(path: string, expected: string, kind: string, advice: string) {
  const write = kind === 'a promise' ? `Write await before ${GIVEN_BY[path] ?? 'the call that gives it'}.` : advice;
  const message = `${path} is not valid: ${expected}, and ${kind} was given. ${write}`.trimEnd();
  return creditError('INVALID_ARGUMENT', message, { path, expected });
}

/** Takes an id, or an object whose `id` it reads; it ignores every other field. */
export function parseRef(value: unknown, path: string): string {
  return parseId(idOf(value, path), path);
}

/** The `id` of an object; any other value is the id itself. */
export function idOf(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || kindOf(value) !== null) return value;
  try {
    if (Array.isArray(value)) return value;
    return Object.hasOwn(value, 'id') ? (value as { id?: unknown }).id : undefined;
  } catch (cause) {
    throw notValid(path, 'an id, or an object with one', cause);
  }
}
