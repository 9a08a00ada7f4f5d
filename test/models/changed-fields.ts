/** Rows made of the fields of a model, changed one field at a time, to see who takes notice of each. */
import { z } from 'zod';

export type Sample = Readonly<Record<string, unknown>>;
/** Two values for a field whose kind says too little, such as a currency. */
export type Values = Readonly<Record<string, readonly [unknown, unknown]>>;

export interface Told {
  /** The model and what is asked of it, for messages. */
  readonly what: string;
  /** Where a field that is missing belongs. */
  readonly file: string;
  readonly fields: z.ZodObject;
  /** What must differ where a field does. */
  readonly tell: (row: never) => unknown;
  /** Fields that may be left out, each with the reason. */
  readonly hidden: Readonly<Record<string, string>>;
  readonly values?: Values;
}

/** One sentence for each field that has no place, or that has two. */
export async function misplaced({ what, file, fields, tell, hidden, values }: Told): Promise<string[]> {
  const told = async (row: Sample) => JSON.stringify(await tell(row as never));
  const row = sampleOf(fields, values);
  const before = await told(row);
  const problems: string[] = [];
  for (const field of Object.keys(fields.shape)) {
    const isTold = (await told(changed(fields, field, values))) !== before;
    if (!isTold && !(field in hidden)) problems.push(`${what} says nothing of ${field}: add it to ${file}, or say why`);
    if (isTold && field in hidden) problems.push(`${what} says ${field}, which the list calls hidden`);
  }
  const gone = Object.keys(hidden).filter((field) => !(field in fields.shape));
  return [...problems, ...gone.map((field) => `${what}: the list hides ${field}, which is no field`)];
}

/** A row with a value in every field. */
export function sampleOf(fields: z.ZodObject, values: Values = {}): Sample {
  const types = Object.entries(fields.shape) as [string, z.ZodType][];
  return Object.fromEntries(types.map(([field, type]) => [field, values[field]?.[0] ?? sampleValue(type, 0)]));
}

/** The same row but for one field. */
function changed(fields: z.ZodObject, field: string, values: Values = {}): Sample {
  const other = values[field]?.[1] ?? sampleValue(fields.shape[field] as z.ZodType, 1);
  return { ...sampleOf(fields, values), [field]: other };
}

/** A value of this type; the second one differs from the first in every part. */
function sampleValue(type: z.ZodType, which: 0 | 1): unknown {
  if (type instanceof z.ZodNullable || type instanceof z.ZodOptional || type instanceof z.ZodReadonly) {
    return sampleValue(type.unwrap() as z.ZodType, which);
  }
  if (type instanceof z.ZodUnion) return sampleValue(type.options[0] as z.ZodType, which);
  if (type instanceof z.ZodEnum) return type.options[which];
  if (type instanceof z.ZodString) return ['one', 'two'][which];
  if (type instanceof z.ZodNumber) return [3_000_000, 5_000_000][which];
  if (type instanceof z.ZodBoolean) return which === 0;
  if (type instanceof z.ZodDate) return new Date(Date.UTC(2030, which, 1));
  if (type instanceof z.ZodArray) return [sampleValue(type.element as z.ZodType, which)];
  if (type instanceof z.ZodRecord) return { key: sampleValue(type.valueType as z.ZodType, which) };
  if (type instanceof z.ZodObject) {
    const parts = Object.entries(type.shape) as [string, z.ZodType][];
    return Object.fromEntries(parts.map(([name, part]) => [name, sampleValue(part, which)]));
  }
  // A JSON object that the schema says no more of.
  return { key: which };
}
