/**
 * The ways in which the values of a column travel in one statement. A value that all rows share, or that no row has,
 * needs no list: that spares the server a set of rows for each column, and this process a text. Each combination is a
 * text of its own.
 */
import type { Row, StoredValue } from '../../../ports/db-manager.js';
import type { Column } from '../table.js';

/** A `list`, one value a row; `one` value that all rows share; `null`s, which are not sent; those that are `kept`. */
export type Form = 'list' | 'one' | 'null' | 'kept';

/** With fewer rows nothing is gained. */
const ROWS_MIN = 32;

/** The forms that the values of these columns allow; `kept` are the fields that no row changes. */
export function formsOf(columns: readonly Column[], rows: readonly Row[], kept: readonly string[]): readonly Form[] {
  return columns.map(({ field, nullable }): Form => {
    if (kept.includes(field)) return 'kept';
    if (rows.length < ROWS_MIN) return 'list';
    const first = rows[0]?.[field] ?? null;
    for (const row of rows) if (!isSame(row[field] ?? null, first)) return 'list';
    return first === null && nullable ? 'null' : 'one';
  });
}

/** Whether two values are surely the same. JSON values are so when both are empty, or one object. */
function isSame(a: StoredValue, b: StoredValue): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  return !(b instanceof Date) && Array.isArray(a) === Array.isArray(b) && isEmpty(a) && isEmpty(b);
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
