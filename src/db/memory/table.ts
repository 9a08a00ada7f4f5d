/** One model's rows in memory, with unique indexes kept at every write and ordered walks built when first asked for. */
import { decodeCursor } from '../../ports/cursor.js';
import type { Row, StoredModel, StoredValue } from '../../ports/db-manager.js';
import {
  type Cell,
  compareValues,
  type Index,
  partition,
  plain,
  positionOf,
  type Rows,
  selector,
  type Walked,
} from './order.js';

/** Rows that share the first field of an index; sorted, and cleaned of moved rows, when next walked. */
type Bucket = Rows & { sorted: boolean };
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
  *walk(query: Walked): Generator<Row> {
    const index = this.model.indexes.find(({ name }) => name === query.index) as Index;
    const after = query.after === undefined ? null : decodeCursor(this.model, query);
    // This refuses an index that the model does not declare.
    const position = positionOf(this.model, index, query, after);
    const descending = query.direction === 'desc';
    const selects = selector(query);
    for (const rows of this.#lists(index, query, after)) {
      const { length } = rows.cells;
      const place = (i: number) => (descending ? length - 1 - i : i);
      for (let i = partition(length, (i) => position(rows, place(i)) < 0); i < length; i++) {
        if (position(rows, place(i)) > 0) return;
        const row = rows.cells[place(i)]?.row as Row;
        if (selects(row)) yield row;
      }
    }
  }

  /**
   * Lists of rows that can answer a query. Each is in the ascending order of the index; they come in the query's
   * direction.
   */
  *#lists(index: Index, query: Walked, after: readonly StoredValue[] | null): Generator<Rows> {
    const first = index.fields[0] as string;
    const owners = this.#unique.get(index);
    if (owners && index.fields.length === 1 && query.anyOf?.field === first) {
      const found = query.anyOf.values.map((value) => owners.get(encode([value])));
      const cells = [...new Set(found)].flatMap((key) => (key === undefined ? [] : (this.#cells.get(key) ?? [])));
      yield { cells: cells.sort((a, b) => this.#compare(index, a, b)), seconds: [] };
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
      walk.buckets.set(first, { cells: [cell], seconds: [], sorted: true });
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

  #sorted(index: Index, walk: Walk, value: StoredValue): Rows {
    const bucket = walk.buckets.get(value);
    if (!bucket) return { cells: [], seconds: [] };
    const [first = '', second] = index.fields;
    if (!bucket.sorted) {
      bucket.cells = [...new Set(bucket.cells)]
        .filter(({ row }) => row !== undefined && plain(row[first] as StoredValue) === value)
        .sort((a, b) => this.#compare(index, a, b));
      bucket.seconds = [];
      bucket.sorted = true;
    }
    const { cells, seconds } = bucket;
    for (let i = seconds.length; second !== undefined && i < cells.length; i++) {
      seconds.push(plain(cells[i]?.row?.[second] as StoredValue));
    }
    return bucket;
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
