/** The hash of a row that is written together with an account, for the entry that tells of it. */
import type { Json } from '../models/values.js';
import { fingerprintOf } from './canonical-json.js';

/**
 * An entry says in words what became of a subscription or a cycle, and keeps this hash of the whole row: so an audit
 * sees every change that no entry tells. Null counts as absent, so that a later version may add fields.
 */
export function rowHash(row: object): string {
  const text = JSON.stringify(row, (_, value: unknown) => (value === null ? undefined : value));
  return fingerprintOf(JSON.parse(text) as Json);
}
