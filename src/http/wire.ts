/**
 * The names of fields on the wire, `user_id` for `userId`, and the way of values there and back. Both follow a schema,
 * so that an answer has no field that its schema does not name, and a request no field that nobody reads.
 */
import { z } from 'zod';
import { creditError } from '../errors.js';
import type { Json } from '../models/values.js';
import { wireName } from '../models/wire-name.js';

export { wireName };

/** Errors that name a field as the request does; those of the verbs name it as our code does. */
const onWire = new WeakSet<object>();

/** The `INVALID_ARGUMENT` error about a field, by its name on the wire. */
export function invalid(path: string, expected: string) {
  const error = creditError('INVALID_ARGUMENT', `${path} is not valid: ${expected}.`, { path, expected });
  onWire.add(error);
  return error;
}

/**
 * The field of an `INVALID_ARGUMENT` error, by its name on the wire. `args` are the names there of the arguments. The
 * verb calls some of them otherwise: `plan` for `plan_id`, `code` for `promo_code`.
 */
export function wirePath(error: object, path: string, args: readonly string[]): string {
  if (onWire.has(error)) return path;
  const wire = path.split('.').map(wireName).join('.');
  return args.find((name) => name === `${wire}_id` || name.endsWith(`_${wire}`)) ?? wire;
}

/** The schema itself, without what makes it optional, nullable or read-only. */
export function bareSchema(schema: z.ZodType): z.ZodType {
  const isWrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly;
  return isWrapped ? bareSchema(schema.unwrap() as z.ZodType) : schema;
}

type Write = (value: unknown) => Json;
type Read = (value: unknown, path: string) => unknown;

const writers = new WeakMap<z.ZodType, Write>();
const readers = new WeakMap<z.ZodType, Read>();

/** The JSON of a record: the fields that its schema names, by their names on the wire. */
export function toWire(schema: z.ZodType, value: unknown): Json {
  return writerOf(schema)(value);
}

function writerOf(schema: z.ZodType): Write {
  let write = writers.get(schema);
  if (!write) {
    write = newWriter(bareSchema(schema));
    writers.set(schema, write);
  }
  return write;
}

function newWriter(schema: z.ZodType): Write {
  const present =
    (write: (value: never) => Json): Write =>
    (value) =>
      value === null || value === undefined ? null : write(value as never);
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape).map(
      ([name, field]) => [name, wireName(name), writerOf(field as z.ZodType)] as const,
    );
    return present((value: Readonly<Record<string, unknown>>) => {
      const written: Record<string, Json> = {};
      for (const [name, wire, write] of fields) {
        const given = value[name];
        if (given !== undefined) written[wire] = write(given);
      }
      return written;
    });
  }
  if (schema instanceof z.ZodArray) {
    const each = writerOf(schema.element as z.ZodType);
    return present((value: readonly unknown[]) => value.map(each));
  }
  if (schema instanceof z.ZodDate) return present((value: Date) => value.toISOString());
  return present((value: Json) => value);
}

/** The values of a request under our names. @throws INVALID_ARGUMENT for a field that the schema does not name */
export function fromWire(schema: z.ZodType, value: unknown, path: string): unknown {
  return readerOf(schema)(value, path);
}

function readerOf(schema: z.ZodType): Read {
  let read = readers.get(schema);
  if (!read) {
    read = newReader(bareSchema(schema));
    readers.set(schema, read);
  }
  return read;
}

interface Field {
  /** By our name. */
  readonly name: string;
  readonly schema: z.ZodType;
  readonly read: Read;
}
const fieldsByObject = new WeakMap<z.ZodObject, ReadonlyMap<string, Field>>();

/** The fields of an object, by their names on the wire. */
export function fieldsOf(object: z.ZodObject): ReadonlyMap<string, Field> {
  let fields = fieldsByObject.get(object);
  if (!fields) {
    const entries = Object.entries(object.shape) as [string, z.ZodType][];
    fields = new Map(entries.map(([name, schema]) => [wireName(name), { name, schema, read: readerOf(schema) }]));
    fieldsByObject.set(object, fields);
  }
  return fields;
}

function newReader(schema: z.ZodType): Read {
  if (schema instanceof z.ZodObject) {
    const fields = fieldsOf(schema);
    return (value, path) => {
      // The verb says what it expects instead of such a value.
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      const given = value as Readonly<Record<string, unknown>>;
      const read: Record<string, unknown> = {};
      for (const wire of Object.keys(given)) {
        const inner = path === '' ? wire : `${path}.${wire}`;
        const field = fields.get(wire);
        if (!field) throw invalid(inner.slice(0, 200), 'a field that this route takes');
        read[field.name] = field.read(given[wire], inner);
      }
      return read;
    };
  }
  if (schema instanceof z.ZodArray) {
    const each = readerOf(schema.element as z.ZodType);
    return (value, path) => (Array.isArray(value) ? value.map((item, i) => each(item, `${path}.${i}`)) : value);
  }
  return (value) => value;
}

/** The value that the text of a query stands for. Text that is no such value stays, and the verb refuses it. */
export function fromQuery(schema: z.ZodType, texts: readonly string[], path: string): unknown {
  const bare = bareSchema(schema);
  if (bare instanceof z.ZodArray) return texts.flatMap((text) => text.split(','));
  const [text = '', ...others] = texts;
  if (others.length > 0) throw invalid(path, 'one value, and it was given more than once');
  if (bare instanceof z.ZodNumber && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  if (bare instanceof z.ZodBoolean && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
