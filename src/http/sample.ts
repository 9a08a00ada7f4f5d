/** Samples of what a JSON Schema describes, for the examples of the OpenAPI document. */
import type { Json, JsonObject } from '../models/values.js';

/** Values that read well, by the names of fields. */
const BY_NAME: JsonObject = {
  ...{ user_id: 'user-1', credit_type: 'credits', promo_code: 'LAUNCH100', code: 'launch100', correlation_id: 'req-1' },
  ...{
    id: 'x-018f3a',
    operation_id: 'o-018f3a',
    grant_id: 'g-018f3a',
    transaction_id: 't-018f3a',
    plan_id: 'p-018f3a',
  },
  ...{ reservation_id: 'r-018f3a', cycle_id: 'c-018f3a', actor: 'ops', reason: 'Storage overage', plan_name: 'Pro' },
  ...{ hash: '0'.repeat(64), next_cursor: null, name: 'Pro', key: '2030-01-31', operation: 'add', error: null },
};

/** A value that fits the schema; `name` is that of its field. */
export function sampleOf(schema: JsonObject, name = ''): Json {
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return sampleOf(choices[0] as JsonObject, name);
  const known = Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined;
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (known !== undefined && (types.includes('string') || known === null)) return known;
  const [type] = types;
  if (type === 'object') return objectOf(schema);
  if (type === 'array') return [sampleOf(schema.items as JsonObject, name)];
  if (type === 'boolean') return true;
  if (type === 'integer') return Math.max(1, Number(schema.minimum ?? 1));
  if (type === 'number') return 100;
  if (schema.format === 'date-time') return '2030-01-01T00:00:00.000Z';
  if (schema.format === 'date') return '2030-01-01';
  return type === 'string' ? 'text' : null;
}

function objectOf({ properties = {} }: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(properties as JsonObject).map(([name, schema]) => [name, sampleOf(schema as JsonObject, name)]),
  );
}
