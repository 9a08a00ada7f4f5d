/**
 * The smallest adapter, rows as JSON text in a map: the recipe for one of your own.
 *
 * - A unit is tried on a copy of the map, which then takes the map's place: nothing can be applied by halves.
 * - A query filters and sorts every row: slow and plainly right. A database would use its index.
 * - There is no `transaction`, which is optional. So no session is ever valid here: `S` is `never`, `lock` has no use.
 */
import { creditError } from '../../src/errors.js';
import { decodeCursor, encodeCursor, orderFields } from '../../src/ports/cursor.js';
import type { DbManager, FindQuery, Row, StoredModel, StoreOptions, UnitOutcome } from '../../src/ports/db-manager.js';

type Value = Row[string] | undefined;
type Query = Omit<FindQuery, 'limit'>;
type Options = StoreOptions<never>;
type Units = Parameters<DbManager['commit']>[0];

export class JsonDbManager implements DbManager<never> {
  readonly name = 'json';
  readonly #models = new Map<string, StoredModel>();
  #store = new Map<string, string>(); // model and key to the row as JSON
  #isClosed = false;

  /** @param options.suspend awaited at the start of every call, as a network would be; by default one macrotask. */
  constructor(private readonly options: { readonly suspend?: () => Promise<void> } = {}) {}

  async init(models: readonly StoredModel[]) {
    for (const model of models) this.#models.set(model.name, model);
    return this.ping();
  }

  async getMany(name: string, keys: readonly string[], options?: Options): Promise<(Row | null)[]> {
    await this.#enter(options);
    const model = this.#model(name);
    return keys.map((key) => decode(model, this.#store.get(place(model, key))));
  }

  async find(name: string, query: FindQuery, options?: Options): ReturnType<DbManager['find']> {
    await this.#enter(options);
    const model = this.#model(name);
    const found = select(model, this.#store, query);
    const rows = found.slice(0, query.limit);
    return { rows, nextCursor: found.length > rows.length ? encodeCursor(model, query, rows.at(-1) as Row) : null };
  }

  async count(name: string, query: Query, options?: Options): Promise<number> {
    await this.#enter(options);
    return select(this.#model(name), this.#store, query).length;
  }

  async commit(units: Units, options?: Options): Promise<UnitOutcome[]> {
    await this.#enter(options);
    for (const { model } of units.flat()) this.#model(model); // throws while nothing is applied
    return units.map((unit) => this.#apply(unit)); // no await in here: nobody can come between check and write
  }

  async ping(options?: Options): Promise<{ now: Date }> {
    await this.#enter(options);
    return { now: new Date() };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #apply(unit: Units[number]): UnitOutcome {
    const draft = new Map(this.#store);
    const found: ReturnType<typeof duplicates> = [];
    for (const change of unit) {
      const model = this.#model(change.model);
      const key = change.op === 'delete' ? change.key : String(change.row[model.key]);
      const before = decode(model, draft.get(place(model, key)));
      const isExpected = change.op === 'insert' ? !before : before?.version === change.expectedVersion;
      if (!isExpected) return { status: 'conflict', model: model.name, key };
      draft.delete(place(model, key));
      if (change.op === 'delete') continue;
      found.push(...duplicates(model, draft, change.row));
      draft.set(place(model, key), JSON.stringify(change.row));
    }
    if (found.length > 0) return { status: 'duplicate', found };
    this.#store = draft;
    return { status: 'committed' };
  }

  #model(name: string): StoredModel {
    const model = this.#models.get(name);
    if (!model) throw creditError('INVALID_ARGUMENT', `No model ${name}.`, { path: 'model', expected: 'a known one' });
    return model;
  }

  async #enter({ session, signal }: Options = {}): Promise<void> {
    const none = { path: 'session', expected: 'none: there are no transactions' };
    if (session !== undefined) throw creditError('INVALID_ARGUMENT', 'This is not a session.', none);
    if (signal?.aborted) throw creditError('ABORTED', 'The signal was aborted before the call.', {});
    await (this.options.suspend?.() ?? new Promise(setImmediate));
    if (this.#isClosed) throw creditError('CLOSED', 'This manager is closed.', {});
  }
}

const place = (model: StoredModel, key: string) => `${model.name}/${key}`;
const plain = (value: Value) => (value instanceof Date ? value.getTime() : (value ?? null));
const isEqual = (a: Value, b: Value) => plain(a) !== null && plain(a) === plain(b);
const INSIDE: Record<string, number[]> = { gte: [0, 1], gt: [1], lte: [-1, 0], lt: [-1] }; // what `compare` may answer

/** Null first; `<` compares strings by code unit, whatever the language. */
function compare(left: Value, right: Value): number {
  const [a, b] = [plain(left), plain(right)];
  return a === b ? 0 : a === null || (b !== null && a < b) ? -1 : 1;
}

/** JSON has no instants, the model tells which texts are some; what was left out is null. */
function decode({ fields }: StoredModel, text: string | undefined): Row | null {
  if (text === undefined) return null;
  const row: { version: number; [field: string]: Row[string] } = JSON.parse(text);
  for (const [field, { kind }] of Object.entries(fields)) {
    row[field] = kind === 'instant' && row[field] ? new Date(row[field] as string) : (row[field] ?? null);
  }
  return row;
}

const all = (model: StoredModel, store: Map<string, string>) =>
  [...store].flatMap(([at, text]) => (at.startsWith(place(model, '')) ? (decode(model, text) ?? []) : []));

/** The stored rows that have a unique value of a row to be written. */
function duplicates(model: StoredModel, store: Map<string, string>, written: Row) {
  return model.indexes.flatMap(({ name: index, unique, fields }) => {
    const hasAll = (row: Row) => unique && fields.every((field) => isEqual(row[field], written[field]));
    const found = all(model, store).filter(hasAll);
    return found.map((row) => ({ model: model.name, index, key: String(row[model.key]) }));
  });
}

function select(model: StoredModel, store: Map<string, string>, query: Query): Row[] {
  const order = orderFields(model, query);
  const sign = query.direction === 'desc' ? -1 : 1;
  const position = (row: Row) => order.map((field) => row[field]);
  const along = (a: Value[], b: Value[]) => sign * order.reduce((found, _, i) => found || compare(a[i], b[i]), 0);
  const after = query.after === undefined ? null : decodeCursor(model, query);
  return all(model, store)
    .filter((row) => isSelected(row, query) && (!after || along(position(row), after) > 0))
    .sort((a, b) => along(position(a), position(b)));
}

function isSelected(row: Row, { equals = {}, anyOf, range }: Query): boolean {
  if (!Object.entries(equals).every(([field, value]) => isEqual(row[field], value))) return false;
  if (anyOf && !anyOf.values.some((value) => isEqual(row[anyOf.field], value))) return false;
  if (!range) return true;
  const { field, ...bounds } = range;
  const isInside = ([bound, value]: [string, Value]) => INSIDE[bound]?.includes(compare(row[field], value));
  return row[field] !== null && Object.entries(bounds).every(isInside);
}
