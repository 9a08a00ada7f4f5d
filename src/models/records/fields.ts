/** Kinds of fields that the records share. Tests check by them what the library hands out. */
import { z } from 'zod';
import type { JsonObject } from '../values.js';

/** Credits as they are handed out: exact, at most six decimals. */
export const credits = z.number().refine(isExact, { error: 'credits with at most six decimals, and no -0' });

/** The name or the id of something: of a user, a grant, an entry. */
export const identifier = z.string().min(1).max(1_100);

export const instant = z.date();

/** An instant in a record that is plain JSON. */
export const isoInstant = z.iso.datetime();

export const count = z.int().min(0);

/** A plain JSON object, all the way down. */
export const jsonObject = z.custom<JsonObject>((value) => isObject(value) && isJson(value), {
  error: 'a plain JSON object',
});

function isExact(value: number): boolean {
  return !Object.is(value, -0) && /^-?\d+(\.\d{1,6})?$/.test(String(value));
}

function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isJson);
  if (isObject(value)) return Object.values(value).every(isJson);
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}
