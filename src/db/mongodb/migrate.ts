/**
 * Makes collections and indexes, and adds the fields and indexes of newer models, and the values that their validators
 * have to allow. Never drops anything.
 */
import { creditError } from '../../errors.js';
import { unusable } from '../kit/failures.js';
import type { StoredCollection } from './collection.js';
import type { Document, MongoDatabaseLike } from './driver-types.js';
import { allowing, indexDocument, MARK, propertiesOf, requiredOf, validatorOf } from './schema.js';

/** The server's description of one collection. */
interface Found {
  readonly type: string;
  readonly options: { readonly validator?: { readonly $jsonSchema?: Schema } };
}

interface Schema {
  readonly title?: string;
  readonly required?: readonly string[];
  readonly properties?: Properties;
}

const EXISTS = 48;
/** Another process is building or changing the same thing at this moment. */
const BUSY: ReadonlySet<unknown> = new Set([112, 117, 246, 276]);
/** Another index has that name, or those fields. */
const OTHER_INDEX: ReadonlySet<unknown> = new Set([85, 86]);
const TRIES_MAX = 20;
const MAJORITY = { w: 'majority' };

/** @throws TRANSACTIONS_UNSUPPORTED for a server that stands alone */
export function checkTransactions(hello: Document): void {
  if (hello.setName !== undefined || hello.msg === 'isdbgrid') return;
  const remedy =
    'Start mongod with --replSet rs0 and run rs.initiate() in mongosh, once: a replica set of one node is enough.';
  const message = `The MongoDB server stands alone and has no transactions. ${remedy}`;
  throw creditError('TRANSACTIONS_UNSUPPORTED', message, { remedy });
}

/** Brings the database up to the models. Several processes may do this at once: the later ones find it done. */
export async function migrate(db: MongoDatabaseLike, collections: readonly StoredCollection[]): Promise<void> {
  const problems: string[] = [];
  for (const collection of collections) problems.push(...(await prepared(db, collection)));
  if (problems.length > 0) throw unusable(problems);
}

/** The names of what {@link migrate} would make. */
export async function lacking(db: MongoDatabaseLike, collections: readonly StoredCollection[]): Promise<string[]> {
  const names: string[] = [];
  for (const collection of collections) {
    const { name } = collection;
    const found = await find(db, name);
    if (!found) {
      names.push(`collection ${name}`);
      continue;
    }
    const known = found.options.validator?.$jsonSchema?.properties ?? {};
    const added = Object.keys(propertiesOf(collection)).filter((path) => !Object.hasOwn(known, path));
    names.push(...added.map((path) => `field ${name}.${path}`));
    names.push(...refusedOf(known, propertiesOf(collection)).map((path) => `values of ${name}.${path}`));
    names.push(...(await missingIndexes(db, collection)).map((index) => `index ${index.name} of ${name}`));
  }
  return names;
}

async function prepared(db: MongoDatabaseLike, collection: StoredCollection): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    try {
      const found = await find(db, collection.name);
      const problems = found ? await adjusted(db, collection, found) : await created(db, collection);
      return problems.length > 0 ? problems : await indexed(db, collection);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (OTHER_INDEX.has(code)) return [`${collection.name} has another index of the name of one of ours`];
      if ((code !== EXISTS && !BUSY.has(code)) || tries === TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * tries));
    }
  }
}

async function find(db: MongoDatabaseLike, name: string): Promise<Found | undefined> {
  const answer = await db.command({ listCollections: 1, filter: { name } });
  return (answer as { cursor: { firstBatch: Found[] } }).cursor.firstBatch[0];
}

async function created(db: MongoDatabaseLike, collection: StoredCollection): Promise<string[]> {
  const validator = validatorOf(propertiesOf(collection), requiredOf(collection));
  await db.command({ create: collection.name, validator, writeConcern: MAJORITY });
  return [];
}

/**
 * Answers the problems of a collection that exists. Without any, it makes the collection ours and adds the fields it
 * does not know.
 */
async function adjusted(db: MongoDatabaseLike, collection: StoredCollection, found: Found): Promise<string[]> {
  const { name } = collection;
  if (found.type !== 'collection') return [`${name} is not a collection`];
  const schema = found.options.validator?.$jsonSchema;
  const isOurs = schema?.title === MARK;
  const isEmpty = async () =>
    (
      await db
        .collection(name)
        .find({}, { limit: 1, projection: { _id: 1 } })
        .toArray()
    ).length === 0;
  if (!isOurs && !(await isEmpty())) return [`the collection ${name} has documents and is not ours`];
  const known = (isOurs ? schema.properties : undefined) ?? {};
  const properties = widened(known, propertiesOf(collection));
  const problems: string[] = [];
  for (const [path, property] of Object.entries(properties)) {
    const type = known[path]?.bsonType;
    if (type !== undefined && String(type) !== String(property.bsonType)) {
      problems.push(`${name}.${path} is of type ${type}, not ${property.bsonType}`);
    }
  }
  const added = Object.keys(properties).filter((path) => !Object.hasOwn(known, path));
  const needed = requiredOf(collection).filter((path) => added.includes(path));
  if (isOurs && needed.length > 0 && !(await isEmpty())) {
    problems.push(`${name} has documents without ${needed.join(', ')}, which may not be null`);
  }
  const isDone = added.length === 0 && refusedOf(known, properties).length === 0;
  if (problems.length > 0 || isDone) return problems;
  const required = [...new Set([...((isOurs && schema.required) || []), ...requiredOf(collection)])];
  const validator = validatorOf({ ...known, ...properties }, required);
  const strict = { validationLevel: 'strict', validationAction: 'error' };
  await db.command({ collMod: name, validator, ...strict, writeConcern: MAJORITY });
  return [];
}

type Properties = Readonly<Record<string, Document>>;

/**
 * The paths whose validator refuses a value that we know. A validator of an earlier version may allow any: then we
 * write without one.
 */
function refusedOf(known: Properties, ours: Properties): string[] {
  return Object.keys(ours).filter((path) => {
    const allowed = valuesOf(known[path]);
    return allowed !== null && valuesOf(ours[path])?.some((value) => !allowed.includes(value));
  });
}

/** Our properties, each with the values that versions know which know others. */
function widened(known: Properties, ours: Properties): Properties {
  return Object.fromEntries(
    Object.entries(ours).map(([path, property]) => {
      const [theirs, values] = [valuesOf(known[path]) ?? [], valuesOf(property)];
      return [path, values ? allowing(property, [...new Set([...theirs, ...values])]) : property];
    }),
  );
}

function valuesOf(property: Document | undefined): readonly string[] | null {
  return (property?.enum as readonly string[] | undefined) ?? null;
}

/** Makes missing indexes. To build one that exists costs the server nothing; to ask first spares its locks. */
async function indexed(db: MongoDatabaseLike, collection: StoredCollection): Promise<string[]> {
  if ((await missingIndexes(db, collection)).length === 0) return [];
  // All of them: the server refuses those that have the name of another index.
  const indexes = collection.indexes.map((index) => indexDocument(collection, index));
  await db.command({ createIndexes: collection.name, indexes, writeConcern: MAJORITY });
  return [];
}

async function missingIndexes(db: MongoDatabaseLike, collection: StoredCollection): Promise<Document[]> {
  const wanted = collection.indexes.map((index) => indexDocument(collection, index));
  const answer = (await db.command({ listIndexes: collection.name })) as { cursor: { firstBatch: { name: string }[] } };
  const existing = answer.cursor.firstBatch.map(({ name }) => name);
  return wanted.filter(({ name }) => !existing.includes(name as string));
}
