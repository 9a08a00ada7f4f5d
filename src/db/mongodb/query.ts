/** Queries along an index, in the form that the server takes. */
import { decodeCursor, orderFields } from '../../ports/cursor.js';
import type { FindQuery, StoredValue } from '../../ports/db-manager.js';
import { type CollectionIndex, type Field, queried, type StoredCollection } from './collection.js';
import type { Document } from './driver-types.js';

type Selection = Omit<FindQuery, 'limit'>;

export interface Find {
  readonly filter: Document;
  readonly sort: Record<string, 1 | -1>;
  /** The index to walk; null where it lacks documents that the query may select. */
  readonly hint: string | null;
}

const NEVER: Document = { _id: { $in: [] } };
const BOUNDS = { gte: '$gte', gt: '$gt', lte: '$lte', lt: '$lt' } as const;

/** @throws TypeError for a value of another kind than its field's, else INVALID_ARGUMENT for what is not declared */
export function findOf(collection: StoredCollection, query: Selection): Find {
  const order = orderFields(collection.model, query).map((name) => collection.field(name));
  const descending = query.direction === 'desc';
  const conditions = conditionsOf(collection, query);
  if (query.after !== undefined) {
    const position = decodeCursor(collection.model, query);
    conditions.push(...behind(collection, order, position, descending));
  }
  const sort: Record<string, 1 | -1> = {};
  const index = collection.indexes.find(({ name }) => name === query.index);
  // Unique values have no ties; a key behind them would make the server sort documents that the index has in order.
  const hasTies = !index?.unique || index.fields.some(({ nullable }) => nullable);
  for (const field of hasTies ? order : order.slice(0, -1)) sort[collection.pathOf(field)] = descending ? -1 : 1;
  return { filter: conditions.length > 0 ? { $and: conditions } : {}, sort, hint: hintOf(index, query) };
}

/**
 * The index to walk, if it holds every document that may be selected; else null. An index that leaves out the nulls of
 * a field holds them all only where the query asks for that field.
 */
function hintOf(index: CollectionIndex | undefined, { equals, anyOf, range }: Selection): string | null {
  const isAsked = ({ name: field }: Field) =>
    (equals && Object.hasOwn(equals, field)) || anyOf?.field === field || range?.field === field;
  return index?.needed.every(isAsked) ? index.name : null;
}

function conditionsOf(collection: StoredCollection, { equals, anyOf, range }: Selection): Document[] {
  const conditions: Document[] = [];
  for (const [name, value] of Object.entries(equals ?? {})) {
    const field = collection.field(name);
    conditions.push(value === null ? NEVER : { [collection.pathOf(field)]: { $eq: queried(field, value) } });
  }
  if (anyOf) {
    const field = collection.field(anyOf.field);
    const values = anyOf.values.filter((value) => value !== null).map((value) => queried(field, value));
    conditions.push({ [collection.pathOf(field)]: { $in: values } });
  }
  if (range) {
    const field = collection.field(range.field);
    const path = collection.pathOf(field);
    if (field.nullable) conditions.push({ [path]: { $exists: true } });
    for (const [bound, operator] of Object.entries(BOUNDS)) {
      const value = range[bound as keyof typeof BOUNDS];
      if (value === null) conditions.push(NEVER);
      else if (value !== undefined) conditions.push({ [path]: { [operator]: queried(field, value) } });
    }
  }
  return conditions;
}

/** The documents behind a position. Null comes first ascending and last descending, as it is in an index. */
function behind(
  collection: StoredCollection,
  order: readonly Field[],
  position: readonly StoredValue[],
  descending: boolean,
): Document[] {
  const paths = order.map((field) => collection.pathOf(field));
  const same = order.map((field, i) => sameAs(paths[i] as string, field, position[i] as StoredValue));
  const branches: Document[] = [];
  for (const [i, field] of order.entries()) {
    const value = position[i] as StoredValue;
    for (const next of nextTo(paths[i] as string, field, value, descending)) {
      branches.push({ $and: [...same.slice(0, i), next] });
    }
  }
  const conditions: Document[] = [branches.length > 0 ? { $or: branches } : NEVER];
  const [first] = order as [Field];
  // The walk over the index begins at the bound on the first field; the other conditions are checked document by
  // document.
  if (position[0] !== null && !(descending && first.nullable)) {
    const operator = descending ? '$lte' : '$gte';
    conditions.push({ [paths[0] as string]: { [operator]: queried(first, position[0] as StoredValue) } });
  }
  return conditions;
}

function sameAs(path: string, field: Field, value: StoredValue): Document {
  return { [path]: { $eq: value === null ? null : queried(field, value) } };
}

function nextTo(path: string, field: Field, value: StoredValue, descending: boolean): Document[] {
  if (value === null) return descending ? [] : [{ [path]: { $ne: null } }];
  const next: Document[] = [{ [path]: { [descending ? '$lt' : '$gt']: queried(field, value) } }];
  if (descending && field.nullable) next.push({ [path]: { $eq: null } });
  return next;
}
