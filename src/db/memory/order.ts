/** The order of rows along an index, and the part of it that a query asks for. */
import { orderFields } from '../../ports/cursor.js';
import type { FindQuery, Row, StoredModel, StoredValue } from '../../ports/db-manager.js';

export type Index = StoredModel['indexes'][number];
/** A row as indexes hold it, so that a walk need not look up each key; without the row once that was removed. */
export type Cell = { row: Row | undefined };
/**
 * Rows in the ascending order of an index. `seconds` has the plain value of each in the second field of the index, so
 * that a search by it reads no row; it may be empty.
 */
export type Rows = { cells: Cell[]; seconds: StoredValue[] };

export type Walked = Omit<FindQuery, 'limit'>;
/** Tells the side on which the row at a place lies: below the query's part (-1), inside (0) or above (1). */
type Side = (rows: Rows, place: number) => number;

/** Tells where rows lie of a query's part of its index, in the direction of the query. */
export function positionOf(
  model: StoredModel,
  index: Index,
  query: Walked,
  after: readonly StoredValue[] | null,
): Side {
  const fields = orderFields(model, query);
  const descending = query.direction === 'desc';
  const fixed = fixedBy(query, index);
  return (rows, place) => {
    const side = fixed(rows, place);
    if (side !== 0) return descending ? -side : side;
    if (!after) return 0;
    const order = compareTo(rows.cells[place]?.row as Row, fields, after);
    // Rows up to and including the one of the cursor lie before the walk.
    return order === 0 ? -1 : descending ? (order > 0 ? -1 : 0) : order < 0 ? -1 : 0;
  };
}

/** The side on which a row lies of `equals` and `range`. */
function fixedBy({ equals, range, anyOf }: Walked, index: Index): Side {
  const [first, second] = index.fields;
  // The rows of a bucket have the first field in common; those that unique values find may not.
  const isShared = (field: string) => field === first && anyOf?.field !== first;
  const fixed = Object.entries(equals ?? {}).filter(([field]) => !isShared(field));
  const [gte, gt, lte, lt] = [range?.gte, range?.gt, range?.lte, range?.lt].map((end) => end && plain(end));
  return ({ cells, seconds }, place) => {
    for (const [field, wanted] of fixed) {
      const order = compareValues(cells[place]?.row?.[field] as StoredValue, wanted);
      if (order !== 0) return order;
    }
    if (!range) return 0;
    const known = range.field === second ? seconds[place] : undefined;
    const value = known === undefined ? plain(cells[place]?.row?.[range.field] as StoredValue) : known;
    if (value === null) return -1;
    if (gte !== undefined && compareValues(value, gte) < 0) return -1;
    if (gt !== undefined && compareValues(value, gt) <= 0) return -1;
    if (lte !== undefined && compareValues(value, lte) > 0) return 1;
    if (lt !== undefined && compareValues(value, lt) >= 0) return 1;
    return 0;
  };
}

/** Whether a row has the values that a query asks for by `anyOf`. */
export function selector({ anyOf, equals }: Walked): (row: Row) => boolean {
  if (Object.values(equals ?? {}).some((value) => value === null)) return () => false;
  if (!anyOf) return () => true;
  // For a handful of values a list is read faster than a set is made.
  const values = anyOf.values.length > 50 ? new Set(anyOf.values.map(plain)) : anyOf.values.map(plain);
  const has =
    values instanceof Set ? (value: StoredValue) => values.has(value) : (value: StoredValue) => values.includes(value);
  return (row) => {
    const value = plain(row[anyOf.field] as StoredValue);
    return value !== null && has(value);
  };
}

/**
 * The number of places, from the first on, for which `isBefore` holds. Once it fails, it fails for every later place.
 */
export function partition(count: number, isBefore: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Orders strings by UTF-16 code unit, false before true, instants by time, and null before everything. */
export function compareValues(a: StoredValue, b: StoredValue): number {
  const x = plain(a);
  const y = plain(b);
  if (x === y) return 0;
  if (x === null) return -1;
  if (y === null) return 1;
  return x < y ? -1 : 1;
}

function compareTo(row: Row, fields: readonly string[], values: readonly StoredValue[]): number {
  for (let i = 0; i < fields.length; i++) {
    const order = compareValues(row[fields[i] as string] as StoredValue, values[i] as StoredValue);
    if (order !== 0) return order;
  }
  return 0;
}

/** An instant as its milliseconds, any other value as it is. */
export function plain(value: StoredValue): StoredValue {
  return value instanceof Date ? value.getTime() : value;
}
