/** Units of the port as documents of collections, checked for what the port rules out. */
import { creditError } from '../../errors.js';
import type { Row, Unit, UnitOutcome } from '../../ports/db-manager.js';
import type { StoredCollection } from './collection.js';
import type { Document } from './driver-types.js';

/** A change with the collection it goes to, and what it stores there. */
export type DocumentChange = { readonly collection: StoredCollection; readonly key: string } & (
  | { readonly op: 'insert'; readonly row: Row; readonly document: Document }
  | { readonly op: 'replace'; readonly row: Row; readonly document: Document; readonly expectedVersion: number }
  | { readonly op: 'delete'; readonly expectedVersion: number }
);

/** A unit that is worth sending, and its place among those of the call. */
export interface DocumentUnit {
  readonly place: number;
  readonly changes: readonly DocumentChange[];
}

export interface Planned {
  readonly units: readonly DocumentUnit[];
  /** The outcomes of units that need not be sent, by place. */
  readonly settled: ReadonlyMap<number, UnitOutcome>;
}

/**
 * Translates units. One that the server would refuse is `rejected` here: sent, it would end the transaction of all.
 *
 * @throws INVALID_ARGUMENT for two units that share a document: only one of them could be told the truth.
 */
export function planned(units: readonly Unit[], collectionOf: (model: string) => StoredCollection): Planned {
  const sent: DocumentUnit[] = [];
  const settled = new Map<number, UnitOutcome>();
  const owners = new Map<StoredCollection, Map<string, number>>();
  for (const [place, unit] of units.entries()) {
    const collections = unit.map((change) => collectionOf(change.model));
    let cause: unknown = null;
    const changes: DocumentChange[] = [];
    for (const [i, change] of unit.entries()) {
      const collection = collections[i] as StoredCollection;
      const key = change.op === 'delete' ? change.key : collection.keyOf(change.row);
      if (!claim(owners, collection, key, place)) cause ??= new Error('A unit names one document twice.');
      try {
        changes.push(toDocuments(change, collection, key));
      } catch (error) {
        cause ??= error;
      }
    }
    if (cause !== null) settled.set(place, { status: 'rejected', cause });
    else if (changes.length > 0) settleOrSend(place, changes, sent, settled);
    else settled.set(place, { status: 'committed' });
  }
  return { units: sent, settled };
}

/** Two rows of a unit that want one unique value would end the transaction as well. */
function settleOrSend(
  place: number,
  changes: readonly DocumentChange[],
  sent: DocumentUnit[],
  settled: Map<number, UnitOutcome>,
): void {
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
  if (found.length > 0) settled.set(place, { status: 'duplicate', found });
  else sent.push({ place, changes });
}

/** Whether nobody but this unit, and it only once, names the document. */
function claim(
  owners: Map<StoredCollection, Map<string, number>>,
  collection: StoredCollection,
  key: string,
  place: number,
): boolean {
  const keys = owners.get(collection) ?? new Map<string, number>();
  owners.set(collection, keys);
  const owner = keys.get(key);
  if (owner === undefined) keys.set(key, place);
  else if (owner !== place) {
    const details = { path: 'units', expected: 'units that share no document' };
    throw creditError('INVALID_ARGUMENT', 'Two units of one call change the same document.', details);
  }
  return owner === undefined;
}

function toDocuments(change: Unit[number], collection: StoredCollection, key: string): DocumentChange {
  if (change.op === 'insert') {
    return { op: 'insert', collection, key, row: change.row, document: collection.toDocument(change.row) };
  }
  const { expectedVersion } = change;
  if (change.op === 'delete') return { op: 'delete', collection, key, expectedVersion };
  const document = collection.toDocument(change.row);
  return { op: 'replace', collection, key, row: change.row, document, expectedVersion };
}

/** The unique values that a change takes, as they are compared; those with a null are none. */
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
