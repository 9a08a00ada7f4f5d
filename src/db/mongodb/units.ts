/** Translates units of the port into documents of collections. */
import type { Change, Row, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { translatedUnits } from '../kit/units.js';
import type { StoredCollection } from './collection.js';
import type { Document } from './driver-types.js';

/** A change with the collection it goes to, and the document it stores there. */
export type DocumentChange = { readonly collection: StoredCollection; readonly key: string } & (
  | { readonly op: 'insert'; readonly row: Row; readonly document: Document }
  | {
      readonly op: 'replace';
      readonly row: Row;
      readonly document: Document;
      readonly unchanged: readonly string[] | undefined;
      readonly expectedVersion: number;
    }
  | { readonly op: 'delete'; readonly expectedVersion: number }
);

/** A unit that is worth sending, and its place among those of the call. */
export interface DocumentUnit {
  readonly place: number;
  readonly changes: readonly DocumentChange[];
}

export interface Translated {
  readonly sent: readonly DocumentUnit[];
  /** The outcomes of units that need not be sent, by place. */
  readonly settled: ReadonlyMap<number, UnitOutcome>;
}

/**
 * Translates units. A unit that the server would refuse is settled here: sent, it would end the transaction of all
 * units.
 */
export function translated(units: readonly Unit[], collectionOf: (model: string) => StoredCollection): Translated {
  const all = translatedUnits(units, collectionOf, toDocuments);
  const sent: DocumentUnit[] = [];
  for (const [i, changes] of all.sent.entries()) {
    const place = all.places[i] as number;
    const found = takenTwice(changes);
    if (found.length > 0) all.settled.set(place, { status: 'duplicate', found });
    else sent.push({ place, changes });
  }
  return { sent, settled: all.settled };
}

/** The unique values that two rows of a unit want, with the key of the first. */
function takenTwice(changes: readonly DocumentChange[]): { model: string; index: string; key: string }[] {
  const seen = new Map<string, string>();
  const found: { model: string; index: string; key: string }[] = [];
  for (const change of changes) {
    for (const { index, values } of uniqueValuesOf(change)) {
      const { model } = change.collection;
      const name = JSON.stringify([model.name, index, ...values]);
      const first = seen.get(name);
      if (first === undefined) seen.set(name, change.key);
      else found.push({ model: model.name, index, key: first });
    }
  }
  return found;
}

function toDocuments(change: Change, collection: StoredCollection, key: string): DocumentChange {
  if (change.op === 'insert') {
    return { op: 'insert', collection, key, row: change.row, document: collection.toDocument(change.row) };
  }
  const { expectedVersion } = change;
  if (change.op === 'delete') return { op: 'delete', collection, key, expectedVersion };
  const { row, unchanged } = change;
  const document = collection.toDocument(row, unchanged);
  return { op: 'replace', collection, key, row, document, unchanged, expectedVersion };
}

/** The unique values that a change takes, as they are compared. A value with a null is none. */
export function uniqueValuesOf(change: DocumentChange): { index: string; values: readonly unknown[] }[] {
  if (change.op === 'delete') return [];
  const taken: { index: string; values: readonly unknown[] }[] = [];
  for (const { name, fields, unique } of change.collection.indexes) {
    if (!unique) continue;
    const values = fields.map((field) => change.row[field.name] ?? null);
    if (!values.includes(null)) taken.push({ index: name, values });
  }
  return taken;
}
