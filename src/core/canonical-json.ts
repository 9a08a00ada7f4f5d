/** Canonical JSON: one text for one value, whatever order its keys came in. */
import { hash } from 'node:crypto';
import { sortKeys } from '../models/sort-keys.js';
import type { Json } from '../models/values.js';

export { sortKeys };

/** The SHA-256, in hex, of the canonical text of a value. `10` and `"10"` differ unless both were parsed before. */
export function fingerprintOf(value: Json): string {
  return hash('sha256', JSON.stringify(sortKeys(value)));
}

export function sha256(text: string): string {
  return hash('sha256', text);
}
