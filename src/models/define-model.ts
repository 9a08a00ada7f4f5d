/** Turns a zod object into the declaration that database adapters store rows by. Each field is declared once. */
import { z } from 'zod';

type FieldKind = 'string' | 'integer' | 'boolean' | 'instant' | 'json';
type Field = { readonly kind: FieldKind; readonly nullable: boolean; readonly values?: readonly string[] };
type Fields = Readonly<Record<string, Field>>;
type Index<F> = { readonly name: string; readonly fields: readonly F[]; readonly unique: boolean };

export interface ModelDeclaration<Name extends string, Shape extends z.ZodRawShape> {
  readonly name: Name;
  readonly key: Extract<keyof Shape, string>;
  readonly schema: z.ZodObject<Shape>;
  readonly fields: Fields;
  readonly indexes: readonly Index<Extract<keyof Shape, string>>[];
  readonly rewritten?: boolean;
}

/** Declares a stored model: its name, key and indexes. The kinds of its fields are read from the schema. */
export function defineModel<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  schema: z.ZodObject<Shape>,
  key: Extract<keyof Shape, string>,
  indexes: readonly Index<Extract<keyof Shape, string>>[],
  hints: { readonly rewritten?: boolean } = {},
): ModelDeclaration<Name, Shape> {
  const fields = Object.fromEntries(
    Object.entries(schema.shape)
      .filter(([field]) => field !== 'version')
      .map(([field, type]) => [field, kindOf(type as z.ZodType)]),
  );
  return { name, key, schema, fields, indexes, ...hints };
}

function kindOf(type: z.ZodType): Field {
  if (type instanceof z.ZodNullable) return { ...kindOf(type.unwrap() as z.ZodType), nullable: true };
  if (type instanceof z.ZodEnum) return { kind: 'string', nullable: false, values: type.options.map(String) };
  if (type instanceof z.ZodString) return { kind: 'string', nullable: false };
  if (type instanceof z.ZodNumber) return { kind: 'integer', nullable: false };
  if (type instanceof z.ZodBoolean) return { kind: 'boolean', nullable: false };
  if (type instanceof z.ZodDate) return { kind: 'instant', nullable: false };
  return { kind: 'json', nullable: false };
}
