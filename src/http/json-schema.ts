/** JSON Schema, draft 2020-12, of what goes over the wire: made of the zod schemas that check it. */
import { z } from 'zod';
import { accountDefaultsShape } from '../models/inputs/credits.js';
import {
  amountSchema,
  boundSchema,
  identifierSchema,
  instantSchema,
  metadataSchema,
  textSchema,
} from '../models/inputs/values.js';
import { jsonObject } from '../models/records/fields.js';
import type { Json, JsonObject } from '../models/values.js';
import { bareSchema, wireName } from './wire.js';

const DECIMAL = '^[0-9]+(\\.[0-9]+)?$';
const decimal = {
  anyOf: [
    { type: 'number', minimum: 0 },
    { type: 'string', pattern: DECIMAL },
  ],
};
const instant = { type: 'string', format: 'date-time' };
const object = { type: 'object', additionalProperties: true };
const { overdraftLimit, lowCreditThreshold, lowCreditThresholds } = accountDefaultsShape;

/** Schemas that check more, or otherwise, than zod can tell. */
const KNOWN = new Map<unknown, JsonObject>([
  [amountSchema, decimal],
  [instantSchema, instant],
  [boundSchema, { anyOf: [instant, { type: 'string', format: 'date' }] }],
  [identifierSchema, { type: 'string', minLength: 1, maxLength: 255 }],
  [textSchema, { type: 'string', maxLength: 1024 }],
  [metadataSchema, object],
  [jsonObject, object],
  [bareSchema(overdraftLimit), { anyOf: [...decimal.anyOf, { const: 'unlimited' }, { type: 'null' }] }],
  [
    bareSchema(lowCreditThreshold),
    { anyOf: [{ type: 'number', minimum: 0 }, { type: 'string' }, { type: 'null' }] } as JsonObject,
  ],
  [
    bareSchema(lowCreditThresholds),
    { type: 'array', maxItems: 10, items: { anyOf: [{ type: 'number', minimum: 0 }, { type: 'string' }] } },
  ],
]);

/** The schema of a request (`input`) or of an answer (`output`), its fields named as on the wire. */
export function wireSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const known = knownOf(zodSchema);
      if (known) Object.assign(jsonSchema, known);
      if (zodSchema._zod.def.type === 'date') Object.assign(jsonSchema, instant);
    },
  });
  return renamed(json as Json) as JsonObject;
}

/** A schema that was described or refined is a copy of the one that is known. */
function knownOf(schema: z.core.$ZodType): JsonObject | undefined {
  for (let at: z.core.$ZodType | undefined = schema; at; at = at._zod.parent) {
    const known = KNOWN.get(at);
    if (known) return known;
  }
  return undefined;
}

/** The same schema with the names of the wire; it is a copy. */
function renamed(value: Json): Json {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'properties') {
        const fields = Object.entries(inner as JsonObject).map(([name, field]) => [wireName(name), renamed(field)]);
        return [key, Object.fromEntries(fields)];
      }
      if (key === 'required') return [key, (inner as readonly string[]).map(wireName)];
      return [key, renamed(inner)];
    }),
  );
}
