/** The hash of a row that is written together with an account, for the entry that tells of it. */
import { isoText } from '../models/iso-text.js';
import { sha256 } from './canonical-json.js';

/**
 * An entry says in words what became of a subscription or a cycle, and keeps this hash of the whole row: so an audit
 * sees every change that no entry tells. Null counts as absent, so that a later version may add fields. The text is the
 * JSON of the row with its keys in order, made in one walk: a renewal hashes several rows.
 */
export function rowHash(row: object): string {
  return sha256(JSON.stringify(canonical(row)));
}

function canonical(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  // A damaged row may have such a date.
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : isoText(value);
  if (Array.isArray(value)) return value.map(canonical);
  const fields: [name: string, value: unknown][] = [];
  for (const name of Object.keys(value).sort()) {
    const field = canonical((value as Readonly<Record<string, unknown>>)[name]);
    if (field !== null && field !== undefined) fields.push([name, field]);
  }
  return Object.fromEntries(fields);
}
