/** The definitions of one model, plans or promo codes: their rows, and acts on them that leave a ledger entry. */
import { creditError } from '../../errors.js';
import type { MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { Applied } from '../../models/records/applied.js';
import type { Rows } from '../../models/rows.js';
import type { JsonObject } from '../../models/values.js';
import type { Change } from '../../ports/db-manager.js';
import { insertOf, replaceOf } from '../store/tables.js';
import { type Act, type DefinitionWrite, writeDefinition } from './definition-writes.js';
import type { Engine } from './engine.js';
import { RowReads } from './row-reads.js';

type DefinitionModel = 'plan' | 'promo';

export interface DefinitionParts<M extends DefinitionModel, T extends object> {
  readonly model: M;
  /** The row as an entry keeps it; `fromJson` is the way back. */
  readonly toJson: (row: Rows[M]) => JsonObject;
  readonly fromJson: (json: JsonObject) => Rows[M];
  /** The row as callers see it. */
  readonly toRecord: (row: Rows[M]) => T;
  readonly missing: (key: string) => Error;
}

export class Definitions<S, M extends DefinitionModel, T extends object> {
  readonly reads: RowReads<S>;

  constructor(
    readonly engine: Engine<S>,
    readonly parts: DefinitionParts<M, T>,
  ) {
    this.reads = new RowReads(engine);
  }

  read(key: string, options: ReadOptions<S>): Promise<Rows[M] | null> {
    return this.reads.get(this.parts.model, key, options);
  }

  /** @throws the error of a row that is missing */
  async existing(key: string, options: MutationOptions<S>): Promise<Rows[M]> {
    const row = await this.read(key, options);
    if (row) return row;
    throw this.parts.missing(key);
  }

  inserted(message: string, row: Rows[M]): Act {
    return this.act(message, row, insertOf(this.parts.model, row));
  }

  /** The row at its next version. */
  replaced(message: string, row: Rows[M]): Act {
    return this.act(message, row, replaceOf(this.parts.model, row));
  }

  act(message: string, row: Rows[M], change: Change): Act {
    const { model, toJson } = this.parts;
    return { changes: [change], message, details: { [model]: toJson(row) } };
  }

  /** Writes an act and answers with the row that it wrote. */
  async write(write: DefinitionWrite<S>): Promise<Applied<T>> {
    const { model, fromJson, toRecord } = this.parts;
    const { details, replayed, isDryRun } = await writeDefinition(this.engine, write);
    const more = isDryRun && { dryRun: { transactions: [], events: [] } };
    return { ...toRecord(fromJson(details[model] as JsonObject)), replayed, ...more };
  }
}

/** @throws INVALID_ARGUMENT that names the field, what was expected of it, and why it is refused */
export function refuseField(path: string, expected: string, why = expected): never {
  throw creditError('INVALID_ARGUMENT', `${path} is not valid: ${why}.`, { path, expected });
}
