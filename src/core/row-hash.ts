/** The hash of a row that is written together with an account, for the entry that tells of it. */
import { isoText } from '../models/iso-text.js';
import { sha256 } from './canonical-json.js';
import { escaped } from './entry-line.js';

/**
 * An entry says in words what became of a subscription or a cycle, and keeps this hash of the whole row: so an audit
 * sees every change that no entry tells. Null counts as absent, so that a later version may add fields. The text is the
 * JSON of the row with its keys in order, made in one walk: a renewal hashes several rows.
 */
export function rowHash(row: object): string {
  return sha256(textOf(row));
}

const NULL = 'null';

function textOf(value: unknown): string {
  if (typeof value === 'string') return `"${escaped(value)}"`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? NULL;
  // A damaged row may have an instant that is none.
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? NULL : `"${isoText(value)}"`;
  if (Array.isArray(value)) return `[${Array.from(value, textOf).join()}]`;
  let fields = '';
  for (const name of namesOf(value)) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    const text = textOf(field);
    // A damaged number is there all the same.
    if (text !== NULL || typeof field === 'number') fields += `${fields === '' ? '' : ','}"${escaped(name)}":${text}`;
  }
  return `{${fields}}`;
}

/** The names of the fields in order: those that are numbers first, by their value, as in every object. */
function namesOf(value: object): readonly string[] {
  const names = Object.keys(value).sort();
  const mayBeNumbers = names.length > 0 && (names[0] as string) < ':';
  return mayBeNumbers ? Object.keys(Object.fromEntries(names.map((name) => [name, null]))) : names;
}
