/** The write of a row that carries its version: the first one is inserted, a later one replaces the one before. */
import type { Change, Row } from '../../ports/db-manager.js';

export function writeOf(model: string, row: { readonly version: number }): Change {
  const { version } = row;
  if (version === 1) return { op: 'insert', model, row: row as Row };
  return { op: 'replace', model, row: row as Row, expectedVersion: version - 1 };
}
