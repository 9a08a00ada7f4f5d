/** Reads of stored rows for the verbs of services: within the call's deadline, and in its transaction if it has one. */
import type { ListOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { ModelName, Rows } from '../../models/rows.js';
import { storedModels } from '../../models/stored-models.js';
import { encodeCursor } from '../../ports/cursor.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { type ListCursors, stepsOf } from '../input/page.js';
import { type RowPage, storedRow } from '../store/tables.js';
import type { Engine } from './engine.js';

/** The rows that a walk of many reads at once. */
const ROWS_PER_READ = 200;

/** An index, and the part of it that is looked at. */
export type Along = Pick<FindQuery, 'index' | 'equals' | 'anyOf' | 'range'>;

export class RowReads<S> {
  constructor(readonly engine: Engine<S>) {}

  get<M extends ModelName>(model: M, key: string, options: ReadOptions<S>): Promise<Rows[M] | null> {
    const { session, fresh } = options;
    return this.engine.read(options, (timeoutMs) => this.engine.store.get(model, key, { session, fresh, timeoutMs }));
  }

  /** The first row, or null. */
  findOne<M extends ModelName>(model: M, along: Along, options: ReadOptions<S>): Promise<Rows[M] | null> {
    const { session, fresh } = options;
    return this.engine.read(options, (timeoutMs) =>
      this.engine.store.findOne(model, along, { session, fresh, timeoutMs }),
    );
  }

  /** The page that a caller asks for. */
  page<M extends ModelName>(
    model: M,
    along: Along,
    options: ReadOptions<S> & ListOptions,
    cursors: ListCursors,
  ): Promise<RowPage<Rows[M]>> {
    const { session, fresh } = options;
    const query: FindQuery = Object.assign({}, along, stepsOf(options, cursors));
    return this.engine.read(options, async (timeoutMs) => {
      const { rows, nextCursor } = await this.engine.store.find(model, query, { session, fresh, timeoutMs });
      return { rows, nextCursor: cursors.cursorOf(nextCursor) };
    });
  }

  /**
   * The page of those rows along the index that `keeps` chooses; null for all of them. It reads on until the page is
   * full.
   */
  async chosenPage<M extends ModelName>(
    model: M,
    along: Along,
    options: ReadOptions<S> & ListOptions,
    cursors: ListCursors,
    keeps: ((row: Rows[M]) => boolean) | null,
  ): Promise<RowPage<Rows[M]>> {
    if (keeps === null) return this.page(model, along, options, cursors);
    const { limit, ...steps } = stepsOf(options, cursors);
    const query = { ...along, ...steps };
    const rows: Rows[M][] = [];
    for await (const page of this.pages(model, query, options)) {
      for (const row of page) {
        if (!keeps(row)) continue;
        if (rows.length === limit) return { rows, nextCursor: cursors.cursorOf(cursorAt(model, query, rows.at(-1))) };
        rows.push(row);
      }
    }
    return { rows, nextCursor: null };
  }

  /** All rows along an index, page by page, within the call's deadline. */
  async *pages<M extends ModelName>(
    model: M,
    query: Omit<FindQuery, 'limit'> & Partial<Pick<FindQuery, 'limit'>>,
    options: ReadOptions<S>,
  ): AsyncGenerator<readonly Rows[M][]> {
    const { session, fresh } = options;
    const rest = this.engine.startDeadline(options);
    for (let next: FindQuery | null = { limit: ROWS_PER_READ, ...query }; next !== null; ) {
      const asked: FindQuery = next;
      const page: RowPage<Rows[M]> = await this.engine.read(rest(), (timeoutMs) =>
        this.engine.store.find(model, asked, { session, fresh, timeoutMs }),
      );
      yield page.rows;
      next = page.nextCursor === null ? null : { ...asked, after: page.nextCursor };
    }
  }
}

function cursorAt<M extends ModelName>(name: M, query: Along, row: Rows[M] | undefined): string {
  const model = storedModels.find((one) => one.name === name) as (typeof storedModels)[number];
  return encodeCursor(model, query, storedRow(name, row as Rows[M]));
}
