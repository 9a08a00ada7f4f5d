/** Schemas for single values: identifiers, texts, instants, metadata. No method of the input is called. */
import { types } from 'node:util';
import { z } from 'zod';
import type { Amount, Json, JsonObject, Metadata } from '../values.js';

/** An amount of credits or of money: parsed after the schema, with the scale of the database or of the currency. */
export const amountSchema = z.unknown() as z.ZodType<Amount, Amount>;

const METADATA_BYTES_MAX = 16 * 1024;
const METADATA_DEPTH_MAX = 8;
const METADATA_KEYS_MAX = 256;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
// Control characters (C0, DEL, C1) have no place in an identifier: they forge lines and headers.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is there to refuse them
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * The words for a value that was given where something else belongs; null for objects and texts, about which the caller
 * is told what was expected. No method of the value is called.
 */
export function kindOf(value: unknown): string | null {
  if (value === undefined) return 'nothing';
  if (value === null || value === '') return value === null ? 'null' : 'an empty string';
  if (types.isPromise(value)) return 'a promise';
  if (typeof value === 'object' || typeof value === 'string') return null;
  return `a ${typeof value}`;
}

/** 1–255 characters (UTF-16 units), well-formed Unicode, no control characters. */
export function isIdentifier(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > 255) return false;
  return !CONTROL.test(value) && value.isWellFormed();
}

const OWN_ID_MAX = 200;

/** An id that a host makes: an identifier that leaves room for what longer ids add to it (`op_…`, `r-…`, `….to`). */
export function isOwnId(value: unknown): value is string {
  return isIdentifier(value) && value.length <= OWN_ID_MAX;
}

export const identifierSchema = z
  .string({ error: 'a string' })
  .refine(isIdentifier, { error: 'a string of 1 to 255 characters without control characters' });

/** Free text for people: at most 1,024 characters, well-formed, without NUL. */
export const textSchema = z
  .string()
  .refine((value) => value.length <= 1024 && !value.includes('\0') && value.isWellFormed(), {
    error: 'a text of at most 1,024 characters without NUL',
  });

const ISO = /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const INSTANT_MIN_MS = Date.parse('0000-01-01T00:00:00Z');
const INSTANT_MAX_MS = Date.UTC(10_000, 0, 1) - 1;

/**
 * Takes a Date or an ISO 8601 string with an offset, of the years 0 to 9999, and gives epoch milliseconds. It takes no
 * numbers.
 */
export const instantSchema = z.unknown().transform((value, context): number => {
  const ms = value instanceof Date && !types.isProxy(value) ? value.getTime() : isoToMs(value);
  if (ms >= INSTANT_MIN_MS && ms <= INSTANT_MAX_MS) return ms;
  context.addIssue({
    code: 'custom',
    message: 'a valid Date, or ISO 8601 text with an offset such as 2030-01-31T00:00:00Z',
  });
  return z.NEVER;
}) as z.ZodType<number, Date | string>;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The bound of a period: an instant, or a day such as `2030-01-31`, which stands for its midnight in UTC. */
export const boundSchema = z
  .unknown()
  .transform((value) => (typeof value === 'string' && DAY.test(value) ? `${value}T00:00:00Z` : value))
  .pipe(instantSchema) as z.ZodType<number, Date | string>;

/** A span of whole days, at most a hundred years. */
export const wholeDays = (min: number) =>
  z
    .number()
    .int()
    .min(min)
    .max(36_500, { error: `whole days from ${min} to 36,500` });

function isoToMs(value: unknown): number {
  const parts = typeof value === 'string' && value.length <= 40 ? ISO.exec(value) : null;
  if (!parts) return Number.NaN;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  // Date.parse would roll 30 February over into March.
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= days ? Date.parse(value as string) : Number.NaN;
}

/**
 * A plain JSON object: at most 16 KiB of UTF-8 JSON text, depth 8, 256 keys. It is copied with sorted keys, so that
 * storing, hashing and comparing do not depend on the order in which the keys were given.
 */
export const metadataSchema = z.unknown().transform((value, context): JsonObject => {
  try {
    const budget = { bytes: METADATA_BYTES_MAX, keys: METADATA_KEYS_MAX };
    const copy = copyJson(value, 1, budget);
    if (typeof copy !== 'object' || copy === null || Array.isArray(copy)) throw new Refused('an object at the top');
    if (Buffer.byteLength(JSON.stringify(copy)) > METADATA_BYTES_MAX) throw new Refused('at most 16 KiB as JSON');
    return copy as JsonObject;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    context.addIssue({ code: 'custom', message: `a plain JSON object (${error.message})` });
    return z.NEVER;
  }
}) as z.ZodType<JsonObject, Metadata>;

class Refused extends Error {}

function copyJson(value: unknown, depth: number, budget: { bytes: number; keys: number }): Json {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Refused('finite numbers');
    return value === 0 ? 0 : value;
  }
  if (typeof value === 'string') return checkText(value, budget);
  if (typeof value !== 'object' || types.isProxy(value)) throw new Refused(`no values of type ${typeof value}`);
  if (depth > METADATA_DEPTH_MAX) throw new Refused(`depth at most ${METADATA_DEPTH_MAX}`);
  if (Array.isArray(value)) {
    if (value.length > budget.bytes) throw new Refused('at most 16 KiB as JSON');
    return Array.from({ length: value.length }, (_, i) => copyJson(ownValue(value, String(i)), depth + 1, budget));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new Refused('no class instances, dates or maps');
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Refused('no symbols');
  const keys = Object.keys(value).sort();
  budget.keys -= keys.length;
  if (budget.keys < 0) throw new Refused(`at most ${METADATA_KEYS_MAX} keys`);
  return Object.fromEntries(
    keys.map((key) => {
      if (FORBIDDEN_KEYS.has(key)) throw new Refused(`no key ${key}`);
      return [checkText(key, budget), copyJson(ownValue(value, key), depth + 1, budget)];
    }),
  );
}

/** The value of a data property; getters are refused without being called. */
function ownValue(holder: object, key: string): unknown {
  const property = Object.getOwnPropertyDescriptor(holder, key);
  if (property && 'value' in property) return property.value;
  throw new Refused('no getters and no holes');
}

function checkText(text: string, budget: { bytes: number }): string {
  budget.bytes -= text.length;
  if (budget.bytes < 0) throw new Refused('at most 16 KiB as JSON');
  if (text.includes('\0') || !text.isWellFormed()) throw new Refused('well-formed text without NUL');
  return text;
}
