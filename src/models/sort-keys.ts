/** One order of keys for every text of a value: databases give them back in orders of their own. */
import type { Json, JsonObject } from './values.js';

/** The value with the keys of every object in code-unit order: a copy, or itself where they are in order already. */
export function sortKeys<T extends Json>(value: T): T {
  return isSorted(value) ? value : (sorted(value) as T);
}

function isSorted(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isSorted);
  const object = value as JsonObject;
  let last = '';
  for (const key of Object.keys(object)) {
    if (key < last || !isSorted(object[key] as Json)) return false;
    last = key;
  }
  return true;
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const object = value as JsonObject;
  const keys = Object.keys(object).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(object[key] as Json)]));
}
