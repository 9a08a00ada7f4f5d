/** Reads of stored rows for the verbs of services: within the call's deadline, and in its transaction if it has one. */
import type { ListOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { ModelName, Rows } from '../../models/rows.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { type ListCursors, stepsOf } from '../input/page.js';
import type { RowPage } from '../store/tables.js';
import type { Engine } from './engine.js';

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
    const query: FindQuery = { ...along, ...stepsOf(options, cursors) };
    return this.engine.read(options, async (timeoutMs) => {
      const { rows, nextCursor } = await this.engine.store.find(model, query, { session, fresh, timeoutMs });
      return { rows, nextCursor: cursors.cursorOf(nextCursor) };
    });
  }
}
