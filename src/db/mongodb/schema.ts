/** Validators and indexes, in the form that the server takes. */
import type { FieldKind } from '../../ports/db-manager.js';
import type { CollectionIndex, Field, StoredCollection } from './collection.js';
import type { Document } from './driver-types.js';

/** The title of the validators: it tells our collections from others that happen to have the same name. */
export const MARK = 'credit-management';

/** The BSON types of kinds. Integers are `long` alone: integers and doubles of the shell are refused. */
export const BSON_TYPES: Readonly<Record<FieldKind, string>> = {
  string: 'string',
  integer: 'long',
  boolean: 'bool',
  instant: 'date',
  json: 'string',
};

/** The properties of a schema; those of a nullable field may be absent. */
export function propertiesOf(collection: StoredCollection): Record<string, Document> {
  return Object.fromEntries(collection.fields.map((field) => [collection.pathOf(field), propertyOf(field)]));
}

function propertyOf({ kind, name, values }: Field): Document {
  const type = { bsonType: [BSON_TYPES[kind]] };
  if (values) return allowing(type, values);
  if (name === 'version') return { ...type, minimum: 1 };
  return kind === 'json' ? { ...type, description: 'JSON text' } : type;
}

/** A property that takes these values and no others. */
export function allowing(property: Document, values: readonly string[]): Document {
  return { ...property, enum: [...values], description: `one of ${values.join(', ')}` };
}

/**
 * A validator that knows these properties and requires those. It lets unknown fields pass: a newer version may know
 * them.
 */
export function validatorOf(properties: Readonly<Record<string, Document>>, required: readonly string[]): Document {
  const description = 'Written by the library alone.';
  return { $jsonSchema: { title: MARK, description, bsonType: 'object', required: [...required], properties } };
}

export function requiredOf(collection: StoredCollection): string[] {
  return collection.fields.filter(({ nullable }) => !nullable).map((field) => collection.pathOf(field));
}

/**
 * The definition of an index. The key stands at its end, so that the index has the order of ties too; a unique index
 * has no ties. Documents that lack a needed field are left out: a null never collides, and half the indexes of a ledger
 * entry are spared its insert. Only a walk over a whole index that leaves something out has to sort.
 */
export function indexDocument(collection: StoredCollection, index: CollectionIndex): Document {
  const key: Record<string, 1> = {};
  for (const field of index.fields) key[collection.pathOf(field)] = 1;
  if (!index.unique) key._id = 1;
  const filter = Object.fromEntries(index.needed.map((field) => [collection.pathOf(field), { $exists: true }]));
  return {
    name: index.name,
    key,
    ...(index.unique && { unique: true }),
    ...(index.needed.length > 0 && { partialFilterExpression: filter }),
  };
}
