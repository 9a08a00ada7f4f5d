/**
 * Reads the objects of callers by their own properties alone. An option that a prototype holds was not given: a library
 * that puts something on `Object.prototype` must not become the idempotency key of every call.
 */
import { z } from 'zod';

type Copy = (value: unknown) => unknown;

const copies = new WeakMap<z.ZodType, Copy | null>();
const blanks = new WeakMap<z.ZodType, object>();

/** A copy of the objects that the schema describes, in which absent options are undefined. Other values stay. */
export function ownFields(schema: z.ZodType, value: unknown): unknown {
  return copyOf(schema)?.(value) ?? value;
}

/** The input of a caller who gave nothing: every option of the schema is undefined. */
export function noFields(schema: z.ZodType): object {
  let blank = blanks.get(schema);
  if (!blank) {
    const { shape } = (schema as z.ZodObject).def;
    const optional = Object.keys(shape).filter((name) => shape[name]?._zod.optin === 'optional');
    blank = Object.freeze(Object.fromEntries(optional.map((name) => [name, undefined])));
    blanks.set(schema, blank);
  }
  return blank;
}

/** Null where the schema describes no object. */
function copyOf(schema: z.ZodType): Copy | null {
  let copy = copies.get(schema);
  if (copy === undefined) {
    copy = newCopy(schema);
    copies.set(schema, copy);
  }
  return copy;
}

function newCopy(schema: z.ZodType): Copy | null {
  if (schema instanceof z.ZodObject) return objectCopy(schema);
  const isWrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault;
  if (isWrapped) return copyOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodArray) {
    const each = copyOf(schema.element as z.ZodType);
    return each && ((value) => (Array.isArray(value) ? value.map(each) : value));
  }
  if (schema instanceof z.ZodRecord) {
    const each = copyOf(schema.valueType as z.ZodType);
    return each && ((value) => (isNamed(value) ? mapped(value, each) : value));
  }
  return null;
}

function objectCopy(schema: z.ZodObject): Copy {
  const blank = noFields(schema);
  const inner = Object.entries(schema.shape).flatMap(([name, field]) => {
    const copy = copyOf(field);
    return copy ? [[name, copy] as const] : [];
  });
  return (value) => {
    if (!isNamed(value)) return value;
    const own = merged(blank, value);
    for (const [name, copy] of inner) if (own[name] !== undefined) own[name] = copy(own[name]);
    return own;
  };
}

function merged(blank: object, value: object): Record<string, unknown> {
  // The schema takes what `for … in` finds for a field of the caller's. Objects without a prototype are slow to make.
  for (const _ in Object.prototype) return { __proto__: null, ...blank, ...value } as Record<string, unknown>;
  return { ...blank, ...value };
}

function mapped(value: object, each: Copy): object {
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, each(item)]));
}

/** Whether the value is an object with named fields: `{}` or one of a host's class, no Date, Map or array. */
export function isNamed(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]';
}
