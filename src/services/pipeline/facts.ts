/** The stored rows that the decisions of one batch ask for. One read fetches what is missing for all of them. */
import type { EntryRow } from '../../models/entry.js';
import type { ModelName, Rows } from '../../models/rows.js';
import type { FindQuery, StoreOptions } from '../../ports/db-manager.js';
import type { RowPage, Tables } from '../store/tables.js';

const KEYS_PER_QUERY = 500;

/** The types of the entries that tell which grants late usage may draw on. */
export const LAPSES: readonly string[] = ['expire', 'add'];

interface Lapses {
  readonly account: string;
  readonly since: number;
}

/** The rows that are known and those that are asked for. The first question makes it; most batches ask nothing. */
class Answers {
  readonly rows = new Map<ModelName, Map<string, Rows[ModelName] | null>>();
  readonly keys = new Map<string, EntryRow | null>();
  readonly reversals = new Map<string, readonly EntryRow[]>();
  readonly lapses = new Map<string, readonly EntryRow[]>();
  readonly wanted = {
    rows: new Map<ModelName, Set<string>>(),
    keys: new Set<string>(),
    reversals: new Set<string>(),
    lapses: new Map<string, Lapses>(),
  };
}

export class FactSheet<S> {
  #made: Answers | null = null;
  #misses = 0;

  constructor(
    readonly tables: Tables<S>,
    readonly options: StoreOptions<S>,
  ) {}

  get #answers(): Answers {
    this.#made ??= new Answers();
    return this.#made;
  }

  /** The number of questions so far that need a read first. A caller that raised it by its own questions must wait. */
  get misses(): number {
    return this.#misses;
  }

  /** A row of `model`; `undefined` while it has not been read. */
  row<M extends ModelName>(model: M, key: string): Rows[M] | null | undefined {
    const row = this.#made?.rows.get(model)?.get(key) as Rows[M] | null | undefined;
    if (row === undefined) {
      const wanted = this.#answers.wanted.rows;
      const keys = wanted.get(model) ?? new Set();
      wanted.set(model, keys.add(key));
      this.#misses++;
    }
    return row;
  }

  /** The entry that has a scoped idempotency key; `undefined` while it has not been read. */
  keyed(scopedKey: string): EntryRow | null | undefined {
    const entry = this.#made?.keys.get(scopedKey);
    if (entry === undefined) this.wantKey(scopedKey);
    return entry;
  }

  knows(scopedKey: string): boolean {
    return this.#made?.keys.has(scopedKey) === true;
  }

  wantKey(scopedKey: string): void {
    if (this.knows(scopedKey)) return;
    this.#answers.wanted.keys.add(scopedKey);
    this.#misses++;
  }

  /** The entries that reverse `entryId`, oldest first; `undefined` while they have not been read. */
  reversals(entryId: string): readonly EntryRow[] | undefined {
    const entries = this.#made?.reversals.get(entryId);
    if (!entries) {
      this.#answers.wanted.reversals.add(entryId);
      this.#misses++;
    }
    return entries;
  }

  /** The entries by which grants lapsed or were made after an instant; `undefined` while they have not been read. */
  lapses(account: string, since: number): readonly EntryRow[] | undefined {
    const id = `${since}/${account}`;
    const entries = this.#made?.lapses.get(id);
    if (!entries) {
      this.#answers.wanted.lapses.set(id, { account, since });
      this.#misses++;
    }
    return entries;
  }

  /** Reads everything that was asked for. */
  async fetch(): Promise<void> {
    const { rows, keys, reversals, lapses } = this.#answers.wanted;
    await Promise.all([
      ...[...rows].map(([model, wanted]) => this.#fetchRows(model, [...wanted])),
      keys.size > 0 ? this.#fetchKeys([...keys]) : undefined,
      ...[...reversals].map((entryId) => this.#fetchReversals(entryId)),
      ...[...lapses].map(([id, wanted]) => this.#fetchLapses(id, wanted)),
    ]);
    lapses.clear();
    rows.clear();
    keys.clear();
    reversals.clear();
  }

  async #fetchRows(model: ModelName, keys: readonly string[]): Promise<void> {
    const known = this.#answers.rows.get(model) ?? new Map<string, Rows[ModelName] | null>();
    this.#answers.rows.set(model, known);
    const rows = await this.tables.getMany(model, keys, this.options);
    for (const [i, key] of keys.entries()) known.set(key, rows[i] ?? null);
  }

  async #fetchKeys(keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += KEYS_PER_QUERY) {
      const values = keys.slice(from, from + KEYS_PER_QUERY);
      for (const key of values) this.#answers.keys.set(key, null);
      const query = { index: 'idempotency', anyOf: { field: 'scopedKey', values }, limit: values.length };
      const { rows } = await this.tables.find('entry', query, this.options);
      for (const row of rows) this.#answers.keys.set(row.scopedKey as string, row);
    }
  }

  async #fetchReversals(entryId: string): Promise<void> {
    const query = { index: 'reverses', equals: { reverses: entryId } };
    this.#answers.reversals.set(entryId, await this.#allEntries(query));
  }

  async #fetchLapses(id: string, { account, since }: Lapses): Promise<void> {
    const range = { field: 'at', gt: new Date(since) };
    const anyOf = { field: 'type', values: LAPSES };
    this.#answers.lapses.set(id, await this.#allEntries({ index: 'history', equals: { account }, range, anyOf }));
  }

  /** The entries along an index, the oldest first. */
  async #allEntries(along: Omit<FindQuery, 'limit' | 'after'>): Promise<readonly EntryRow[]> {
    const entries: EntryRow[] = [];
    const query = Object.assign({}, along, { limit: 100 });
    for (let after: string | null = ''; after !== null; ) {
      const page: RowPage<EntryRow> = await this.tables.find(
        'entry',
        after === '' ? query : { ...query, after },
        this.options,
      );
      entries.push(...page.rows);
      after = page.nextCursor;
    }
    return entries;
  }
}
