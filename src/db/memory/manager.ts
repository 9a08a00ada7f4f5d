/** The in-memory database: complete, atomic, with real rollback. For tests, demos and small tools; nothing survives. */
import { creditError } from '../../errors.js';
import type { Awaitable } from '../../models/values.js';
import { encodeCursor } from '../../ports/cursor.js';
import type {
  Change,
  DbManager,
  FindQuery,
  Row,
  StoredModel,
  StoreOptions,
  Unit,
  UnitOutcome,
} from '../../ports/db-manager.js';
import { COMMITTED, LOCKED } from '../kit/answers.js';
import { madeFor, stayedLocked } from '../kit/failures.js';
import { keyOf, namedTwice } from '../kit/units.js';
import { MemoryTable } from './table.js';

/** A transaction of {@link InMemoryDbManager}; made by `transaction(run)` alone. */
export interface MemorySession {
  readonly kind: 'memory';
}

type Write = { table: MemoryTable; key: string; row: Row | undefined };
/** The writes and locks of an open transaction. The writes are applied to the tables when it ends. */
type Staged = { writes: Write[]; locks: Set<string>; ended: Promise<void> };

/**
 * A database in this process. Each instance is its own; every unit applies whole or not at all.
 *
 * @example
 * const db = new InMemoryDbManager();
 * const manager = createCreditManagement({ db });
 */
export class InMemoryDbManager implements DbManager<MemorySession> {
  readonly name = 'memory';
  // There is no round trip to share, and a small batch leaves less for the garbage collector (+20 % measured at 64).
  readonly limits = { operationsPerCommit: 64 };
  readonly #tables = new Map<string, MemoryTable>();
  readonly #sessions = new Map<MemorySession, Staged>();
  /** The transaction that holds each document or unique value which it is about to write. */
  readonly #owners = new Map<string, MemorySession>();
  readonly #suspend: (() => Awaitable<void>) | undefined;
  readonly #anySession: boolean;
  #closed = false;

  /**
   * @param options.suspend awaited at the start of every call; for tests that want every call to suspend
   * @param options.sessions `'any'` lets sessions of other databases pass as if none were given; for hosts' unit tests
   */
  constructor(options: { suspend?: () => Awaitable<void>; sessions?: 'own' | 'any' } = {}) {
    this.#suspend = options.suspend;
    this.#anySession = options.sessions === 'any';
  }

  async init(models: readonly StoredModel[]): Promise<{ now: Date }> {
    await this.#enter();
    for (const model of models) if (!this.#tables.has(model.name)) this.#tables.set(model.name, new MemoryTable(model));
    return { now: new Date() };
  }

  async getMany(
    model: string,
    keys: readonly string[],
    options?: StoreOptions<MemorySession> & { readonly lock?: boolean },
  ): Promise<readonly (Row | null)[]> {
    await this.#enter(options);
    const session = this.#session(options);
    const table = madeFor(this.#tables, model);
    if (session && options?.lock) {
      for (const key of [...new Set(keys)].sort()) await this.#lock(session, documentOf(model, key), options);
    }
    return this.#within(session, () =>
      keys.map((key) => {
        const row = table.get(key);
        return row ? table.copy(row) : null;
      }),
    );
  }

  async find(
    model: string,
    query: FindQuery,
    options?: StoreOptions<MemorySession>,
  ): Promise<{ rows: readonly Row[]; nextCursor: string | null }> {
    await this.#enter(options);
    const table = madeFor(this.#tables, model);
    return this.#within(this.#session(options), () => {
      const rows: Row[] = [];
      let last: Row | undefined;
      for (const row of table.walk(query)) {
        if (rows.length === query.limit) {
          return {
            rows,
            // Made when asked for: a search for one row never asks.
            get nextCursor() {
              return encodeCursor(table.model, query, last as Row);
            },
          };
        }
        last = row;
        rows.push(table.copy(row));
      }
      return { rows, nextCursor: null };
    });
  }

  async count(
    model: string,
    query: Omit<FindQuery, 'limit' | 'after'>,
    options?: StoreOptions<MemorySession>,
  ): Promise<number> {
    await this.#enter(options);
    return this.#within(this.#session(options), () => [...madeFor(this.#tables, model).walk(query)].length);
  }

  async commit(
    units: readonly Unit[],
    options?: StoreOptions<MemorySession> & { readonly handOver?: boolean },
  ): Promise<readonly UnitOutcome[]> {
    await this.#enter(options);
    const session = this.#session(options);
    for (const unit of units) for (const change of unit) madeFor(this.#tables, change.model);
    const keep = options?.handOver === true;
    if (!session) return units.map((unit) => this.#apply(unit, undefined, keep));
    return this.#within(session, () => units.map((unit) => this.#apply(unit, session, keep)));
  }

  async transaction<T>(run: (session: MemorySession) => Promise<T>, options?: StoreOptions<never>): Promise<T> {
    await this.#enter(options);
    const session: MemorySession = Object.freeze({ kind: 'memory' });
    let end = () => {};
    const staged: Staged = { writes: [], locks: new Set(), ended: new Promise((resolve) => (end = resolve)) };
    this.#sessions.set(session, staged);
    try {
      const result = await run(session);
      for (const { table, key, row } of staged.writes) table.put(key, row);
      return result;
    } finally {
      this.#sessions.delete(session);
      for (const name of staged.locks) this.#owners.delete(name);
      end();
    }
  }

  async ping(options?: StoreOptions<MemorySession>): Promise<{ now: Date }> {
    await this.#enter(options);
    this.#session(options);
    return { now: new Date() };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #enter(options?: StoreOptions<unknown>): Promise<void> {
    if (options?.signal?.aborted) throw creditError('ABORTED', 'The call was aborted before it began.', {});
    if (this.#suspend) await this.#suspend();
    if (this.#closed) throw creditError('CLOSED', 'The in-memory database is closed.', {});
  }

  #session(options?: StoreOptions<MemorySession>): MemorySession | undefined {
    const session = options?.session;
    if (session === undefined || this.#sessions.has(session)) return session;
    if (this.#anySession) return undefined;
    throw creditError('INVALID_ARGUMENT', 'The session is not an open transaction of this in-memory database.', {
      path: 'session',
      expected: 'the session given by transaction(run), while run has not ended',
    });
  }

  /** Runs a synchronous `read` on the tables as the session sees them. */
  #within<T>(session: MemorySession | undefined, read: () => T): T {
    const writes = session && this.#sessions.get(session)?.writes;
    if (!writes || writes.length === 0) return read();
    const seen = writes.length;
    const before: Write[] = [];
    for (const { table, key, row } of writes) {
      before.push({ table, key, row: table.get(key) });
      table.put(key, row);
    }
    try {
      return read();
    } finally {
      for (const { table, key, row } of before.slice(0, seen).reverse()) table.put(key, row);
    }
  }

  async #lock(session: MemorySession, name: string, options: StoreOptions<MemorySession>): Promise<void> {
    const deadline = options.timeoutMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.timeoutMs;
    for (let owner = this.#owners.get(name); owner && owner !== session; owner = this.#owners.get(name)) {
      await waitFor((this.#sessions.get(owner) as Staged).ended, deadline - Date.now(), options.signal);
      // The transaction that waited may be over itself by now.
      this.#session(options);
    }
    this.#own(session, name);
  }

  #own(session: MemorySession, name: string): void {
    this.#owners.set(name, session);
    this.#sessions.get(session)?.locks.add(name);
  }

  /** Checks a whole unit, then applies it. Within a transaction it is kept for the end of that instead. */
  #apply(unit: Unit, session: MemorySession | undefined, keep: boolean): UnitOutcome {
    let claims = false;
    for (const change of unit) {
      const table = madeFor(this.#tables, change.model);
      const key = keyOf(change, table);
      if (this.#owners.size > 0 && this.#isOthers(documentOf(change.model, key), session)) return LOCKED;
      const current = table.get(key);
      const fits = change.op === 'insert' ? !current : current?.version === change.expectedVersion;
      if (!fits) return { status: 'conflict', model: change.model, key };
      if (change.op !== 'delete' && table.claims(change.row)) claims = true;
    }
    if (unit.length > 1 && namesTwice(unit, this.#tables)) {
      return { status: 'rejected', cause: namedTwice() };
    }
    const clash = claims ? this.#clashes(unit, session) : null;
    if (clash) return clash;
    const staged = session && this.#sessions.get(session);
    for (const change of unit) {
      const table = madeFor(this.#tables, change.model);
      const key = keyOf(change, table);
      const row = change.op === 'delete' ? undefined : keep ? change.row : table.copy(change.row);
      if (staged) staged.writes.push({ table, key, row });
      else table.put(key, row);
    }
    if (session && staged) for (const name of this.#namesOf(unit)) this.#own(session, name);
    return COMMITTED;
  }

  /**
   * Finds the unique values of this unit that another row has already. `LOCKED` where an open transaction claims one.
   */
  #clashes(unit: Unit, session: MemorySession | undefined): UnitOutcome | null {
    const found: { model: string; index: string; key: string }[] = [];
    const taken = new Set<string>();
    for (const change of unit) {
      if (change.op === 'delete') continue;
      const table = madeFor(this.#tables, change.model);
      for (const [index, value, owner] of table.uniques(change.row)) {
        const name = uniqueOf(table, index.name, value);
        if (this.#isOthers(name, session)) return LOCKED;
        const freed = unit.some((other) => other.model === change.model && leaves(table, other, owner, value));
        const isOwn = owner === table.keyOf(change.row);
        if ((owner !== undefined && !isOwn && !freed) || taken.has(name)) {
          found.push({ model: change.model, index: index.name, key: owner ?? table.keyOf(change.row) });
        }
        taken.add(name);
      }
    }
    return found.length > 0 ? { status: 'duplicate', found } : null;
  }

  #isOthers(name: string, session: MemorySession | undefined): boolean {
    const owner = this.#owners.get(name);
    return owner !== undefined && owner !== session;
  }

  /** The names that a transaction owns by a unit: its documents, and the unique values they take. */
  *#namesOf(unit: Unit): Generator<string> {
    for (const change of unit) {
      const table = madeFor(this.#tables, change.model);
      yield documentOf(change.model, keyOf(change, table));
      if (change.op === 'delete') continue;
      for (const [index, value] of table.uniques(change.row)) yield uniqueOf(table, index.name, value);
    }
  }
}

function namesTwice(unit: Unit, tables: ReadonlyMap<string, MemoryTable>): boolean {
  const [first, second] = unit as [Change, Change];
  if (unit.length === 2 && first.model !== second.model) return false;
  return (
    new Set(unit.map((change) => documentOf(change.model, keyOf(change, madeFor(tables, change.model))))).size <
    unit.length
  );
}

/** Whether a change takes a unique value away from the row that has it. */
function leaves(table: MemoryTable, change: Change, owner: string | undefined, value: string): boolean {
  if (keyOf(change, table) !== owner) return false;
  return change.op === 'delete' || ![...table.uniques(change.row)].some(([, kept]) => kept === value);
}

function uniqueOf(table: MemoryTable, index: string, value: string): string {
  return `${table.model.name}\n${index}\n${value}`;
}

function documentOf(model: string, key: string): string {
  return `${model}\n${key}`;
}

async function waitFor(ended: Promise<void>, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  const given = new Promise<never>((_, reject) => {
    const fail = () => reject(creditError('ABORTED', 'The call was aborted while it waited for a lock.', {}));
    const expire = () => reject(stayedLocked());
    if (timeoutMs !== Number.POSITIVE_INFINITY) timer = setTimeout(expire, Math.max(0, timeoutMs));
    signal?.addEventListener('abort', fail);
    abort = () => signal?.removeEventListener('abort', fail);
  });
  try {
    await Promise.race([ended, given]);
  } finally {
    clearTimeout(timer);
    abort();
  }
}
