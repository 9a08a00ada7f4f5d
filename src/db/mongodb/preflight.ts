/**
 * Compares what units expect with what is there. It reads, in one snapshot, the versions of documents that are replaced
 * or deleted, and the holders of keys and unique values that are taken. Units that fit are written in the same
 * transaction, where nothing can have changed without a write conflict. So no write misses, and none meets a duplicate,
 * which would end the transaction.
 */
import type { UnitOutcome } from '../../ports/db-manager.js';
import type { StoredCollection } from './collection.js';
import type { Document } from './driver-types.js';
import { type DocumentChange, type DocumentUnit, uniqueValuesOf } from './units.js';

/** A question to one collection. */
export interface Look {
  readonly collection: StoredCollection;
  /** The unique index that is asked; null where documents are asked for by key. */
  readonly index: string | null;
  readonly filter: Document;
  readonly projection: Record<string, 0 | 1>;
  /** How many documents can answer it. */
  readonly limit: number;
}

export interface Seen {
  readonly look: Look;
  readonly documents: readonly Document[];
}

/**
 * The questions to ask before units are written. New keys are asked for in units that only insert, or, with `every`, in
 * all units. Otherwise the documents that a unit replaces or deletes guard it: if they are as expected, nobody else has
 * written the unit.
 */
export function looksOf(units: readonly DocumentUnit[], every: boolean): Look[] {
  const keys = new Map<StoredCollection, string[]>();
  const values = new Map<StoredCollection, Map<string, (readonly unknown[])[]>>();
  for (const { changes } of units) {
    const isGuarded = changes.some(({ op }) => op !== 'insert');
    for (const change of changes) {
      const { collection } = change;
      if (change.op !== 'insert' || every || !isGuarded) listOf(keys, collection).push(change.key);
      for (const { index, values: taken } of uniqueValuesOf(change)) {
        const byIndex = values.get(collection) ?? new Map<string, (readonly unknown[])[]>();
        values.set(collection, byIndex);
        listOf(byIndex, index).push(taken);
      }
    }
  }
  const looks: Look[] = [];
  for (const [collection, wanted] of keys) {
    const filter = { _id: { $in: wanted.sort() } };
    looks.push({ collection, index: null, filter, projection: { version: 1 }, limit: wanted.length });
  }
  for (const [collection, byIndex] of values) {
    for (const [index, wanted] of byIndex) looks.push(valueLook(collection, index, wanted));
  }
  return looks;
}

function valueLook(collection: StoredCollection, index: string, wanted: readonly (readonly unknown[])[]): Look {
  const paths = pathsOf(collection, index);
  const projection = Object.fromEntries(paths.map((path) => [path, 1 as const]));
  const [path] = paths as [string];
  const filter =
    paths.length === 1
      ? { [path]: { $in: wanted.map(([value]) => value) } }
      : { $or: wanted.map((values) => Object.fromEntries(paths.map((each, i) => [each, { $eq: values[i] }]))) };
  return { collection, index, filter, projection, limit: wanted.length };
}

/** The outcome of each unit that does not fit what was seen. */
export function refusalsOf(units: readonly DocumentUnit[], seen: readonly Seen[]): Map<DocumentUnit, UnitOutcome> {
  const versions = new Map<StoredCollection, Map<string, number>>();
  const holders = new Map<string, string>();
  for (const { look, documents } of seen) {
    const { collection, index } = look;
    const paths = index === null ? [] : pathsOf(collection, index);
    const found = index === null ? new Map<string, number>() : null;
    if (found) versions.set(collection, found);
    for (const document of documents) {
      const key = document._id as string;
      if (found) found.set(key, document.version as number);
      else {
        const values = paths.map((path) => document[path]);
        holders.set(nameOf(collection, index as string, values), key);
      }
    }
  }
  const refused = new Map<DocumentUnit, UnitOutcome>();
  for (const unit of units) {
    const outcome = refusalOf(unit.changes, versions, holders);
    if (outcome) refused.set(unit, outcome);
  }
  return refused;
}

/** Taken values are named before stale documents: the writer that took a value has moved the document on as well. */
function refusalOf(
  changes: readonly DocumentChange[],
  versions: ReadonlyMap<StoredCollection, ReadonlyMap<string, number>>,
  holders: ReadonlyMap<string, string>,
): UnitOutcome | null {
  const found: { model: string; index: string; key: string }[] = [];
  for (const change of changes) {
    for (const { index, values } of uniqueValuesOf(change)) {
      const holder = holders.get(nameOf(change.collection, index, values));
      // A row does not collide with itself, unless it is to be inserted and is there already.
      if (holder === undefined || (holder === change.key && change.op === 'replace')) continue;
      found.push({ model: change.collection.model.name, index, key: holder });
    }
  }
  if (found.length > 0) return { status: 'duplicate', found };
  for (const change of changes) {
    const version = versions.get(change.collection)?.get(change.key);
    const fits = change.op === 'insert' ? version === undefined : version === change.expectedVersion;
    if (!fits) return { status: 'conflict', model: change.collection.model.name, key: change.key };
  }
  return null;
}

function pathsOf(collection: StoredCollection, index: string): string[] {
  const fields = collection.indexes.find(({ name }) => name === index)?.fields ?? [];
  return fields.map((field) => collection.pathOf(field));
}

function nameOf(collection: StoredCollection, index: string, values: readonly unknown[]): string {
  return JSON.stringify([collection.name, index, ...values]);
}

function listOf<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
