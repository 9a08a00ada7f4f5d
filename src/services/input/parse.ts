/** Parsing at the edge: schema, amounts, and the fingerprint of what the caller gave. */
import type { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import type { CallInfo, Defaults } from '../../core/command.js';
import { fingerprintOf } from '../../core/entry-line.js';
import { creditError, isCreditError } from '../../errors.js';
import type { AccountOptions } from '../../models/account.js';
import {
  type AccountDefaults,
  type MutationOptions,
  mutationSchema,
  type ReadOptions,
  readSchema,
} from '../../models/inputs/credits.js';
import { identifierSchema, isIdentifier } from '../../models/inputs/values.js';
import type { Json, JsonObject } from '../../models/values.js';

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

const NO_METADATA: JsonObject = Object.freeze({});

interface CallFields {
  correlationId?: string | undefined;
  idempotencyKey?: string | undefined;
  description?: string | undefined;
  metadata?: JsonObject | undefined;
  actor?: string | undefined;
  reason?: string | undefined;
}

/** Fields that are not input: the key itself, tracing, and how the call is run. */
const NOT_INPUT: ReadonlySet<string> = new Set(['idempotencyKey', 'correlationId', 'session', 'signal', 'timeoutMs']);

/** Canonical input of a call: every field the caller gave, amounts in units, instants in milliseconds, no defaults. */
export function inputFingerprint(given: JsonObject, options: object): string {
  const fields: Record<string, Json> = { ...given };
  for (const [name, value] of Object.entries(options)) {
    if (!NOT_INPUT.has(name) && value !== undefined && !(name in given)) fields[name] = value as Json;
  }
  return fingerprintOf(fields);
}

export function callInfo(
  operation: string,
  operationId: string,
  fields: CallFields,
  keyed: { scopedKey: string; fingerprint: string } | null,
): CallInfo {
  return {
    operation,
    operationId,
    description: fields.description ?? null,
    actor: fields.actor ?? null,
    reason: fields.reason ?? null,
    correlationId: fields.correlationId ?? null,
    metadata: fields.metadata ?? NO_METADATA,
    idempotencyKey: keyed ? (fields.idempotencyKey ?? null) : null,
    scopedKey: keyed?.scopedKey ?? null,
    fingerprint: keyed?.fingerprint ?? null,
  };
}

/** An account's own options as given: absent stays absent, `null` clears. */
export function parseAccountOptions(
  given: { readonly overdraftLimit?: unknown; readonly lowCreditThreshold?: unknown },
  scale: number,
): Partial<Pick<AccountOptions, 'overdraftLimit' | 'lowCreditThreshold'>> {
  const { overdraftLimit, lowCreditThreshold } = given;
  return {
    ...(overdraftLimit !== undefined && { overdraftLimit: orWord(overdraftLimit, 'unlimited', scale) }),
    ...(lowCreditThreshold !== undefined && { lowCreditThreshold: parseThreshold(lowCreditThreshold, scale) }),
  };
}

/** The service's defaults for a credit type, in units. */
export function parseDefaults(given: AccountDefaults, scale: number): Defaults {
  const limit = orWord(given.overdraftLimit ?? 'unlimited', 'unlimited', scale);
  return {
    trialCredits: given.trialCredits === undefined ? 0 : parseAmount(given.trialCredits, { scale, zero: true }),
    overdraftLimit: limit === 'unlimited' ? null : limit,
    lowCreditThreshold: parseThreshold(given.lowCreditThreshold ?? null, scale),
  };
}

function parseThreshold(value: unknown, scale: number): AccountOptions['lowCreditThreshold'] {
  if (typeof value === 'string' && value.endsWith('%')) return value as `${number}%`;
  return orWord(value, 'none', scale);
}

function orWord<W extends string>(value: unknown, word: W, scale: number): number | W | null {
  if (value === null) return null;
  if (value === word) return word;
  return parseAmount(value, { scale, zero: true });
}
