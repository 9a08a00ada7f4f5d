/** One order of keys for every copy of a value: databases give them back in orders of their own. */
import type { Json, JsonObject } from './values.js';

/** A copy with the keys of every object in code-unit order. */
export function sortKeys<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortKeys) as unknown as T;
  const object = value as JsonObject;
  const keys = Object.keys(object);
  if (keys.length === 0) return value;
  return Object.fromEntries(keys.sort().map((key) => [key, sortKeys(object[key] as Json)])) as T;
}
