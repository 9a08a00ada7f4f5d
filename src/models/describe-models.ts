/** The stored models as plain data: a logical schema, for hosts that generate a schema of their own or review it. */
import type { z } from 'zod';
import type { ModelDeclaration } from './define-model.js';
import { storedModels } from './stored-models.js';

export interface LogicalField {
  readonly name: string;
  /** `integer` is a 64-bit safe integer, `instant` has milliseconds, `json` is any JSON value. */
  readonly kind: 'string' | 'integer' | 'boolean' | 'instant' | 'json';
  readonly nullable: boolean;
  /** The values of a closed set, else null. A later version may know more values. */
  readonly values: readonly string[] | null;
  readonly description: string;
}

export interface LogicalModel {
  readonly name: string;
  /** The field that identifies a row. */
  readonly key: string;
  readonly fields: readonly LogicalField[];
  /** A unique index leaves out rows that are null in one of its fields. */
  readonly indexes: readonly { readonly name: string; readonly fields: readonly string[]; readonly unique: boolean }[];
}

const VERSION: LogicalField = {
  ...{ name: 'version', kind: 'integer', nullable: false, values: null },
  description: 'Counts the writes of this row, from 1: a write names the version that it replaces.',
};

/**
 * Describes what the library stores, by model: fields with their kind and meaning, keys and indexes. Plain JSON, made
 * from the declarations that adapters create tables and collections by, and a copy each time.
 *
 * @example
 * for (const { name, fields } of describeModels()) console.log(name, fields.map((field) => field.name).join(', '));
 */
export function describeModels(): readonly LogicalModel[] {
  return storedModels.map((model) => describe(model as unknown as ModelDeclaration<string, z.ZodRawShape>));
}

function describe({ name, key, schema, fields, indexes }: ModelDeclaration<string, z.ZodRawShape>): LogicalModel {
  const described = Object.entries(fields).map(([field, { kind, nullable, values }]): LogicalField => {
    const { description = '' } = schema.shape[field] as z.ZodType;
    return { name: field, kind, nullable, values: values ? [...values] : null, description };
  });
  return {
    ...{ name, key, fields: [...described, { ...VERSION }] },
    indexes: indexes.map((index) => ({ name: index.name, fields: [...index.fields], unique: index.unique })),
  };
}
