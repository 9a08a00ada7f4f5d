/** Reads and writes rows with the type of their model. Only this file converts between typed rows and stored rows. */
import type { ModelName, Rows } from '../../models/rows.js';
import type { Change, DbManager, FindQuery, Row, StoreOptions, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { withDeadline } from '../../timers.js';

export interface RowPage<R> {
  readonly rows: readonly R[];
  readonly nextCursor: string | null;
}

export class Tables<S> {
  constructor(readonly db: DbManager<S>) {}

  async get<M extends ModelName>(model: M, key: string, options?: StoreOptions<S>): Promise<Rows[M] | null> {
    const [row] = await this.getMany(model, [key], options);
    return row ?? null;
  }

  /** The rows in the order of the keys; null stands for a missing row. */
  async getMany<M extends ModelName>(
    model: M,
    keys: readonly string[],
    options?: StoreOptions<S> & { readonly lock?: boolean },
  ): Promise<readonly (Rows[M] | null)[]> {
    return (await this.db.getMany(model, keys, options)) as unknown as readonly (Rows[M] | null)[];
  }

  /** One page along one declared index. */
  async find<M extends ModelName>(model: M, query: FindQuery, options?: StoreOptions<S>): Promise<RowPage<Rows[M]>> {
    return (await this.db.find(model, query, options)) as unknown as RowPage<Rows[M]>;
  }

  /** The first row of a query, or null. */
  async findOne<M extends ModelName>(
    model: M,
    query: Omit<FindQuery, 'limit' | 'after'>,
    options?: StoreOptions<S>,
  ): Promise<Rows[M] | null> {
    const { rows } = await this.find(model, Object.assign({}, query, { limit: 1 }), options);
    return rows[0] ?? null;
  }

  count(model: ModelName, query: Omit<FindQuery, 'limit' | 'after'>, options?: StoreOptions<S>): Promise<number> {
    return this.db.count(model, query, options);
  }

  /**
   * Commits units, each as a whole or not at all. When the database does not answer in time, the units may still be
   * applied, so their outcome is `unknown`. Throws only when nothing was applied.
   */
  async write(
    units: readonly Unit[],
    options: StoreOptions<S> & { readonly handOver?: boolean } = {},
  ): Promise<readonly UnitOutcome[]> {
    const { timeoutMs } = options;
    const committing = this.db.commit(units, options);
    // Inside a transaction of the host the adapter takes half a unit back at its deadline. Nobody may answer before.
    if (timeoutMs === undefined || options.session !== undefined) return committing;
    try {
      return await withDeadline(committing, timeoutMs, () => LATE);
    } catch (cause) {
      if (cause !== LATE) throw cause;
      return units.map(() => ({ status: 'unknown', cause }));
    }
  }

  /** The same for one unit. */
  async writeOne(unit: Unit, options?: StoreOptions<S>): Promise<UnitOutcome> {
    const [outcome] = await this.write([unit], options);
    return outcome as UnitOutcome;
  }
}

/** The error of our own deadline. It is one object, so no adapter's error can be mistaken for it. */
export const LATE = new Error('The deadline of the call has passed.');

/** A stored row with the type that its model declares. */
export function rowOf<M extends ModelName>(_model: M, row: Row): Rows[M] {
  return row as unknown as Rows[M];
}

/** A typed row as the database takes it. */
export function storedRow<M extends ModelName>(_model: M, row: Rows[M]): Row {
  return row as unknown as Row;
}

export function insertOf<M extends ModelName>(model: M, row: Rows[M]): Change {
  return { op: 'insert', model, row: storedRow(model, row) };
}

/** Replaces the row's version `expectedVersion`, by default the one before. `unchanged` are fields that stay. */
export function replaceOf<M extends ModelName>(
  model: M,
  row: Rows[M],
  expectedVersion = row.version - 1,
  unchanged?: readonly (keyof Rows[M] & string)[],
): Change {
  return { op: 'replace', model, row: storedRow(model, row), expectedVersion, ...(unchanged && { unchanged }) };
}

/** Writes a row that counts its versions: it inserts version 1, and a later version replaces the one before. */
export function writeOf<M extends ModelName>(model: M, row: Rows[M]): Change {
  return row.version === 1 ? insertOf(model, row) : replaceOf(model, row);
}
