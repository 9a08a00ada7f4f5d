/** Parsing at the edge: schema, amounts, and the fingerprint of what the caller gave. */
import type { z } from 'zod';
import { creditError, isCreditError } from '../../errors.js';
import {
  type CallOptions,
  type MutationOptions,
  mutationSchema,
  type ReadOptions,
  readSchema,
} from '../../models/inputs/credits.js';
import { identifierSchema, isIdentifier } from '../../models/inputs/values.js';

/** The parsed value, or `INVALID_ARGUMENT` that names the first field that is wrong and what was expected. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, path = 'options'): T {
  try {
    // A Date or a Map has none of the fields, as if nothing had been given: addCredits(user, 5, new Date(…)).
    if (schema.def.type === 'object' && isOfAnotherKind(value)) throw notValid(path, 'an object with named fields');
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    // Its texts look at the value once more.
    const [issue] = result.error.issues;
    const parts = [path === 'options' ? '' : path, ...(issue?.path ?? [])];
    throw notValid(parts.filter((part) => part !== '').join('.') || path, issue?.message ?? 'another value');
  } catch (cause) {
    throw isCreditError(cause) ? cause : notValid(path, 'plain values, no getter or proxy that throws', cause);
  }
}

/** `INVALID_ARGUMENT` that names a field and what was expected of it. */
export function notValid(path: string, expected: string, cause?: unknown) {
  return creditError('INVALID_ARGUMENT', `${path} is not valid: ${expected}.`, { path, expected }, { cause });
}

/** An object that is neither `{}` nor of a class of the host's own. */
function isOfAnotherKind(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) !== '[object Object]';
}

/** The options of a call that writes and takes no others. */
export function parseMutationOptions<S>(given: MutationOptions<S> | undefined): MutationOptions<S> {
  return given === undefined ? {} : (parse(mutationSchema, given) as MutationOptions<S>);
}

/** The options of a read that takes no others. */
export function parseReadOptions<S>(given: ReadOptions<S> | undefined): ReadOptions<S> {
  return given === undefined ? {} : (parse(readSchema, given) as ReadOptions<S>);
}

/** The options of a verb by its schema. A session is whatever the database takes: only the adapter can judge it. */
export function parseCall<T, S>(schema: z.ZodType<T>, given: unknown): T & CallOptions<S> {
  return (given === undefined ? {} : parse(schema, given)) as T & CallOptions<S>;
}

export function parseId(value: unknown, path: string): string {
  return isIdentifier(value) ? value : parse(identifierSchema, value, path);
}

/** An id, or an object of which the id alone is taken. */
export function parseRef(value: unknown, path: string): string {
  return parseId(idOf(value, path), path);
}

/** What an object names as its id; anything else is itself the id. */
export function idOf(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return Array.isArray(value) ? value : (value as { id?: unknown }).id;
  } catch (cause) {
    throw notValid(path, 'an id, or an object with one', cause);
  }
}
