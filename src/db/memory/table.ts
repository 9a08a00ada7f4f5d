/** One model's rows in memory, with unique indexes kept at every write and ordered walks built when first asked for. */
import { decodeCursor, orderFields } from '../../ports/cursor.js';
import type { FindQuery, Row, StoredModel, StoredValue } from '../../ports/db-manager.js';

type Index = StoredModel['indexes'][number];
/** A row as indexes hold it, so that a walk need not look up each key; without the row once that was removed. */
type Cell = { row: Row | undefined };
/** Rows that share the first field of an index; sorted, and cleaned of moved rows, when next walked. */
type Bucket = { cells: Cell[]; sorted: boolean };
/** Buckets by the value they share, and those values in ascending order (null until a walk over several needs it). */
type Walk = { readonly buckets: Map<StoredValue, Bucket>; order: StoredValue[] | null };

export class MemoryTable {
  readonly #cells = new Map<string, Cell>();
  readonly #unique = new Map<Index, Map<string, string>>();
  readonly #walks = new Map<Index, Walk>();

  /** Fields whose values are objects, which a copy must copy too. */
  readonly #deep: readonly string[];

  constructor(readonly model: StoredModel) {
    const kinds = Object.entries(model.fields);
    this.#deep = kinds.filter(([, { kind }]) => kind === 'json' || kind === 'instant').map(([field]) => field);
    for (const index of model.indexes) if (index.unique) this.#unique.set(index, new Map());
  }

  keyOf(row: Row): string {
    return row[this.model.key] as string;
  }

  get(key: string): Row | undefined {
    return this.#cells.get(key)?.row;
  }

  /** Copies a row: callers and the store never share an object. */
  copy(row: Row): Row {
    const copy: Record<string, StoredValue> = { ...row };
    for (const field of this.#deep) {
      const value = copy[field];
      if (typeof value === 'object' && value !== null) copy[field] = copyJson(value) as StoredValue;
    }
    return copy as Row;
  }

  /** Writes `next` under `key`, or removes it (`undefined`). Uniqueness was checked before. */
  put(key: string, next: Row | undefined): void {
    const known = this.#cells.get(key);
    const previous = known?.row;
    for (const [index, owners] of this.#unique) {
      const before = previous && uniqueValue(index, previous);
      const after = next && uniqueValue(index, next);
      if (before === after) continue;
      if (before != null && owners.get(before) === key) owners.delete(before);
      if (after != null) owners.set(after, key);
    }
    const cell = known ?? { row: next };
    cell.row = next;
    if (!next) this.#cells.delete(key);
    else if (!known) this.#cells.set(key, cell);
    if (this.#walks.size > 0) this.#follow(cell, previous);
  }

  /** Whether a row takes any unique value. */
  claims(row: Row): boolean {
    for (const index of this.#unique.keys()) if (uniqueValue(index, row) !== null) return true;
    return false;
  }

  /** The unique values of a row: `[index, encoded value, key of the row that owns it now]`. */
  *uniques(row: Row): Generator<[Index, string, string | undefined]> {
    for (const [index, owners] of this.#unique) {
      const value = uniqueValue(index, row);
      if (value !== null) yield [index, value, owners.get(value)];
    }
  }

  /** The rows of a query from its cursor on, in order, without its limit. */
  *walk(query: Omit<FindQuery, 'limit'>): Generator<Row> {
    const index = this.model.indexes.find((candidate) => candidate.name === query.index);
    if (!index) orderFields(this.model, query);
    const fields = orderFields(this.model, query);
    const after = query.after === undefined ? null : decodeCursor(this.model, query);
    const descending = query.direction === 'desc';
    const selects = selector(query);
    const compareFixed = fixedBy(query, index as Index);
    const position = (row: Row): number => {
      const side = compareFixed(row);
      if (side !== 0) return descending ? -side : side;
      if (!after) return 0;
      const order = compareTo(row, fields, after);
      // Rows up to and including the one of the cursor lie before the walk.
      return order === 0 ? -1 : descending ? (order > 0 ? -1 : 0) : order < 0 ? -1 : 0;
    };
    for (const cells of this.#lists(index as Index, query, after)) {
      const at = (i: number): Row => cells[descending ? cells.length - 1 - i : i]?.row as Row;
      for (let i = partition(cells.length, (i) => position(at(i)) < 0); i < cells.length; i++) {
        const row = at(i);
        if (position(row) > 0) return;
        if (selects(row)) yield row;
      }
    }
  }

  /**
   * Lists of rows that can answer a query. Each is in the ascending order of the index; they come in the query's
   * direction.
   */
  *#lists(index: Index, query: Omit<FindQuery, 'limit'>, after: readonly StoredValue[] | null): Generator<Cell[]> {
    const first = index.fields[0] as string;
    const owners = this.#unique.get(index);
    if (owners && index.fields.length === 1 && query.anyOf?.field === first) {
      const found = query.anyOf.values.map((value) => owners.get(encode([value])));
      const cells = [...new Set(found)].flatMap((key) => (key === undefined ? [] : (this.#cells.get(key) ?? [])));
      yield cells.sort((a, b) => this.#compare(index, a, b));
      return;
    }
    const walk = this.#walks.get(index) ?? this.#build(index);
    if (query.equals && Object.hasOwn(query.equals, first)) {
      yield this.#sorted(index, walk, plain(query.equals[first] as StoredValue));
      return;
    }
    walk.order ??= [...walk.buckets.keys()].sort(compareValues);
    const { order } = walk;
    const descending = query.direction === 'desc';
    const range = query.range?.field === first ? query.range : undefined;
    const from = after?.[0] ?? (descending ? (range?.lte ?? range?.lt) : (range?.gte ?? range?.gt)) ?? null;
    const at = (i: number) => order[descending ? order.length - 1 - i : i] as StoredValue;
    const isBefore = (i: number) => {
      const side = compareValues(at(i), from);
      return descending ? side > 0 : side < 0;
    };
    for (let i = from === null ? 0 : partition(order.length, isBefore); i < order.length; i++) {
      yield this.#sorted(index, walk, at(i));
    }
  }

  #build(index: Index): Walk {
    const walk: Walk = { buckets: new Map(), order: null };
    this.#walks.set(index, walk);
    for (const cell of this.#cells.values()) this.#enter(index, walk, cell);
    return walk;
  }

  #enter(index: Index, walk: Walk, cell: Cell): void {
    const row = cell.row as Row;
    const first = plain(row[index.fields[0] as string] as StoredValue);
    const bucket = walk.buckets.get(first);
    if (!bucket) {
      walk.buckets.set(first, { cells: [cell], sorted: true });
      if (walk.order && compareValues(walk.order.at(-1) ?? null, first) < 0) walk.order.push(first);
      else walk.order = null;
      return;
    }
    const last = bucket.cells.at(-1);
    if (bucket.sorted && (last?.row === undefined || this.#compare(index, last, cell) >= 0)) bucket.sorted = false;
    bucket.cells.push(cell);
  }

  #follow(cell: Cell, previous: Row | undefined): void {
    const next = cell.row;
    for (const [index, walk] of this.#walks) {
      if (previous && next && index.fields.every((field) => plain(previous[field]!) === plain(next[field]!))) continue;
      if (previous) {
        const bucket = walk.buckets.get(plain(previous[index.fields[0] as string] as StoredValue));
        if (bucket) bucket.sorted = false;
      }
      if (next) this.#enter(index, walk, cell);
    }
  }

  #sorted(index: Index, walk: Walk, value: StoredValue): Cell[] {
    const bucket = walk.buckets.get(value);
    if (!bucket) return [];
    if (!bucket.sorted) {
      const first = index.fields[0] as string;
      bucket.cells = [...new Set(bucket.cells)]
        .filter(({ row }) => row !== undefined && plain(row[first] as StoredValue) === value)
        .sort((a, b) => this.#compare(index, a, b));
      bucket.sorted = true;
    }
    return bucket.cells;
  }

  /** Compares two rows that are not removed. */
  #compare(index: Index, a: Cell, b: Cell): number {
    const [x, y] = [a.row as Row, b.row as Row];
    for (const field of index.fields) {
      const order = compareValues(x[field] as StoredValue, y[field] as StoredValue);
      if (order !== 0) return order;
    }
    return compareValues(this.keyOf(x), this.keyOf(y));
  }
}

/**
 * The number of places, from the first on, for which `isBefore` holds. Once it fails, it fails for every later place.
 */
function partition(count: number, isBefore: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function copyJson(value: object): object {
  // Frozen JSON is frozen all the way down, by contract, so nobody can change it: sharing it is as good as a copy.
  if (Object.isFrozen(value) && !(value instanceof Date)) return value;
  if (value instanceof Date) return new Date(value.getTime());
  if (Array.isArray(value)) {
    const list = value.slice() as unknown[];
    for (let i = 0; i < list.length; i++) {
      const item = list[i];
      if (typeof item === 'object' && item !== null) list[i] = copyJson(item);
    }
    return list;
  }
  const copy = { ...value } as Record<string, unknown>;
  // Cloning keeps the shape; only nested objects need another look.
  for (const field in copy) {
    const item = copy[field];
    if (typeof item === 'object' && item !== null && Object.hasOwn(copy, field)) copy[field] = copyJson(item);
  }
  return copy;
}

function plain(value: StoredValue): StoredValue {
  return value instanceof Date ? value.getTime() : value;
}

function encode(values: readonly StoredValue[]): string {
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : JSON.stringify(values.map(plain));
}

function uniqueValue(index: Index, row: Row): string | null {
  if (index.fields.length === 1) {
    const value = row[index.fields[0] as string] as StoredValue;
    return value === null ? null : encode([value]);
  }
  const values = index.fields.map((field) => row[field] as StoredValue);
  return values.some((value) => value == null) ? null : encode(values);
}

/** Orders strings by UTF-16 code unit, false before true, instants by time, and null before everything. */
function compareValues(a: StoredValue, b: StoredValue): number {
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

/** Tells the side on which a row lies of `equals` and `range`: below (-1), inside (0) or above (1). */
function fixedBy({ equals, range, anyOf }: Omit<FindQuery, 'limit'>, index: Index): (row: Row) => number {
  const [first] = index.fields;
  // The rows of a bucket have the first field in common; those that unique values find may not.
  const isShared = (field: string) => field === first && anyOf?.field !== first;
  const fixed = Object.entries(equals ?? {}).filter(([field]) => !isShared(field));
  const { gte, gt, lte, lt } = range ?? {};
  return (row) => {
    for (const [field, wanted] of fixed) {
      const order = compareValues(row[field] as StoredValue, wanted);
      if (order !== 0) return order;
    }
    if (!range) return 0;
    const value = row[range.field] as StoredValue;
    if (value === null) return -1;
    if (gte !== undefined && compareValues(value, gte) < 0) return -1;
    if (gt !== undefined && compareValues(value, gt) <= 0) return -1;
    if (lte !== undefined && compareValues(value, lte) > 0) return 1;
    if (lt !== undefined && compareValues(value, lt) >= 0) return 1;
    return 0;
  };
}

function selector({ anyOf, equals }: Omit<FindQuery, 'limit'>): (row: Row) => boolean {
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
