/**
 * The ways in which the values of a column travel in one statement. A value that all rows share, or that no row has,
 * needs no list: that spares the server a set of rows for each column, and this process a text. Each combination is a
 * statement of its own, which every connection keeps. So there are few of them, and a batch takes the one that spares
 * the most.
 */
import type { Row, StoredValue } from '../../../ports/db-manager.js';
import type { Column } from '../table.js';

/** A `list`, one value a row; `one` value that all rows share; or `null`s, which are not sent. */
export type Form = 'list' | 'one' | 'null';

export interface Variant {
  /** By group of changes, then by column. */
  readonly forms: readonly (readonly Form[])[];
  readonly text: string;
}

/** With fewer rows nothing is gained, and new statements would be made for ever. */
const ROWS_MIN = 32;
const VARIANTS_MAX = 12;

/** The forms that the values of these columns allow. */
export function formsOf(columns: readonly Column[], rows: readonly Row[]): readonly Form[] {
  return columns.map(({ field, nullable }): Form => {
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

/** The variant among `known` that suits these forms best; a new one joins them while there is room. */
export function variantFor(
  known: Variant[],
  wanted: readonly (readonly Form[])[],
  textOf: (forms: readonly (readonly Form[])[]) => string,
): Variant {
  // The first variant can carry every batch.
  if (known.length === 0) {
    const forms = wanted.map((each) => each.map((): Form => 'list'));
    known.push({ forms, text: textOf(forms) });
  }
  const most = sparedBy(wanted, wanted);
  let best = known[0] as Variant;
  let spared = 0;
  for (const variant of known) {
    const count = sparedBy(variant.forms, wanted);
    if (count > spared) [best, spared] = [variant, count];
    if (spared === most) break;
  }
  if (spared === most || known.length >= VARIANTS_MAX) return best;
  const variant = { forms: wanted, text: textOf(wanted) };
  known.push(variant);
  return variant;
}

/** How many lists these forms spare; -1 where they cannot carry what is wanted. */
function sparedBy(forms: Variant['forms'], wanted: Variant['forms']): number {
  let spared = 0;
  for (const [i, each] of forms.entries()) {
    for (const [j, form] of each.entries()) {
      if (form === 'list') continue;
      if (form !== wanted[i]?.[j]) return -1;
      spared++;
    }
  }
  return spared;
}
