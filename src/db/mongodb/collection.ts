/** A stored model as a collection: its name, and rows as documents and back. */
import type { Row, StoredField, StoredModel, StoredValue } from '../../ports/db-manager.js';
import { fieldOf, mayNotBeNull, notOfKind } from '../kit/failures.js';
import type { Document } from './driver-types.js';

export interface Field extends StoredField {
  readonly name: string;
}

export interface CollectionIndex {
  readonly name: string;
  /** The declared fields, without the key that is appended to order ties. */
  readonly fields: readonly Field[];
  readonly unique: boolean;
  /** Fields without which a document is not in the index. */
  readonly needed: readonly Field[];
}

/** A field beside those of the model. A transaction changes it to hold the document (see `lock` of `getMany`). */
export const LOCK_FIELD = '_lock';

/**
 * The server takes 16 MiB a document; 256 KiB of that are left for data that travels beside it, and for what an update
 * of a few fields may add.
 */
const DOCUMENT_BYTES_MAX = 16 * 2 ** 20 - 2 ** 18;
/** The most characters of an update that leaves fields as they are: with more, all are written, and weighed. */
const UPDATE_CHARS_MAX = 2 ** 16;
/**
 * A document with no more characters than this needs no look at its bytes: a UTF-16 code unit is at most three bytes of
 * UTF-8.
 */
const UNCHECKED_CHARS_MAX = Math.floor(DOCUMENT_BYTES_MAX / 3) - 2 ** 16;

const NONE: readonly string[] = [];

export class StoredCollection {
  readonly model: StoredModel;
  readonly name: string;
  /** `version` first, then the fields of the model; the key is stored as `_id`. */
  readonly fields: readonly Field[];
  readonly indexes: readonly CollectionIndex[];
  readonly #byName: ReadonlyMap<string, Field>;
  readonly #written: readonly Field[];

  constructor(model: StoredModel, prefix: string) {
    this.model = model;
    this.name = `${prefix}${model.name}`;
    const version: StoredField = { kind: 'integer', nullable: false };
    this.fields = Object.entries({ version, ...model.fields }).map(([name, field]) => ({ name, ...field }));
    for (const { name } of this.fields) {
      // Such names mean something to the server, or are the adapter's own.
      if (/^[_$]|\.|\0/.test(name)) throw new TypeError(`${model.name} has a field that cannot be stored: ${name}`);
    }
    this.#byName = new Map(this.fields.map((field) => [field.name, field]));
    this.#written = this.fields.filter(({ name }) => name !== model.key);
    this.indexes = model.indexes.map(({ name, fields: names, unique }) => {
      const fields = names.map((field) => this.field(field));
      const nullable = fields.filter((field) => field.nullable);
      // A unique value is absent where any field is null. Other indexes leave out only documents that no query asks
      // them for.
      return { name, fields, unique, needed: unique ? nullable : nullable.filter((field) => field === fields[0]) };
    });
  }

  /** Finds a field by name. One that the model does not have is `INVALID_ARGUMENT`. */
  field(name: string): Field {
    return fieldOf(this.#byName, this.model.name, name);
  }

  /** The name under which a field is stored. */
  pathOf({ name }: Pick<Field, 'name'>): string {
    return name === this.model.key ? '_id' : name;
  }

  keyOf(row: Row): string {
    return row[this.model.key] as string;
  }

  /**
   * A row as it is stored; without the fields that are `unchanged`, unless it is large. A row with a value of another
   * kind than its field's throws.
   */
  toDocument(row: Row, unchanged: readonly string[] = NONE): Document {
    const document: Document = { _id: queried(this.field(this.model.key), this.keyOf(row)) };
    let chars = 0;
    for (const field of this.#written) {
      if (unchanged.includes(field.name)) continue;
      const value = stored(field, row[field.name] ?? null);
      if (value === undefined) continue;
      document[field.name] = value;
      if (typeof value === 'string') chars += value.length;
    }
    if (row.version < 1) throw new RangeError('A version is at least 1.');
    if (unchanged.length > 0 && chars > UPDATE_CHARS_MAX) return this.toDocument(row);
    if (chars > UNCHECKED_CHARS_MAX) checkSize(document);
    return document;
  }

  /** The update that stores a document over another one. Fields that this version does not know stay as they are. */
  updateTo({ _id, ...fields }: Document, unchanged: readonly string[] = NONE): Document {
    const isAbsent = ({ name }: Field) => !(name in fields) && !unchanged.includes(name);
    const absent = this.#written.filter(isAbsent).map(({ name }) => [name, '']);
    return absent.length === 0 ? { $set: fields } : { $set: fields, $unset: Object.fromEntries(absent) };
  }

  toRow(document: Document): Row {
    const row: Record<string, StoredValue> = { version: document.version as number };
    for (const field of this.fields) {
      const value = document[this.pathOf(field)];
      if (value === undefined || value === null) row[field.name] = null;
      else if (field.kind === 'json') readJson(row, field, value as string);
      else row[field.name] = value as StoredValue;
    }
    return row as Row;
  }
}

/** A text that is no JSON throws when its value is asked for, and not when its row is read among many. */
function readJson(row: Record<string, StoredValue>, { name }: Field, text: string): void {
  try {
    row[name] = JSON.parse(text);
  } catch (cause) {
    const get = () => {
      throw new Error(`${name} is not JSON.`, { cause });
    };
    Object.defineProperty(row, name, { enumerable: true, get });
  }
}

/** A value for a query. A value of another kind than the field's throws, so that no operator gets through. */
export function queried({ kind, name }: Field, value: StoredValue): string | number | boolean | Date {
  // The driver would send U+FFFD in place of half a surrogate pair, and 0 in place of an invalid date.
  if (kind === 'string' && typeof value === 'string' && value.isWellFormed()) return value;
  if (kind === 'integer' && Number.isSafeInteger(value)) return value as number;
  if (kind === 'boolean' && typeof value === 'boolean') return value;
  if (kind === 'instant' && value instanceof Date && !Number.isNaN(value.getTime())) return value;
  throw notOfKind(name, kind);
}

/**
 * The value of a field of a document. A null is not stored at all, and so never in a unique index.
 *
 * A bigint is sent as a 64-bit integer by whatever BSON library the client has. JSON is stored as its text: it comes
 * back exactly, whatever its names are, half a surrogate pair included. Storing it as BSON costs three times as much.
 */
function stored(field: Field, value: StoredValue): string | bigint | boolean | Date | undefined {
  if (value === null) {
    if (field.nullable) return undefined;
    throw mayNotBeNull(field.name);
  }
  if (field.kind === 'json') return jsonText(field, value);
  const checked = queried(field, value);
  return typeof checked === 'number' ? BigInt(checked) : checked;
}

function jsonText({ name }: Field, value: StoredValue): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw notOfKind(name, 'json');
  return text;
}

/** Refuses a document that is too large. The server would refuse it too, and end the transaction around it. */
function checkSize(document: Document): void {
  let bytes = 2 ** 14;
  for (const value of Object.values(document)) if (typeof value === 'string') bytes += Buffer.byteLength(value);
  if (bytes > DOCUMENT_BYTES_MAX) throw new RangeError('A document has more than 16 MiB.');
}
