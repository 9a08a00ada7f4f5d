/** Canonical JSON: one text for one value, whatever order its keys came in. */
import { hash } from 'node:crypto';
import type { Json, JsonObject } from '../models/values.js';

/** A copy with the keys of every object in code-unit order. */
export function sortKeys<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys) as unknown as T;
  const object = value as JsonObject;
  const keys = Object.keys(object);
  if (keys.length === 0) return value;
  return Object.fromEntries(keys.sort().map((key) => [key, sortKeys(object[key] as Json)])) as T;
}

/** The SHA-256, in hex, of the canonical text of a value. `10` and `"10"` differ unless both were parsed before. */
export function fingerprintOf(value: Json): string {
  return hash('sha256', JSON.stringify(sortKeys(value)));
}

export function sha256(text: string): string {
  return hash('sha256', text);
}
