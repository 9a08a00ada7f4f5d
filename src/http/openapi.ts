/** The OpenAPI 3.1 document, made of the table of routes and of the schemas that check requests and make answers. */
import type { z } from 'zod';
import type { CreditErrorCode } from '../errors.js';
import type { Json, JsonObject } from '../models/values.js';
import { ANSWERS, type AnswerName } from './answers.js';
import { ENVELOPE_SCHEMAS, envelopedContent } from './envelope.js';
import { FIELD_NOTES } from './field-notes.js';
import { wireSchema } from './json-schema.js';
import { PROBLEMS } from './problems.js';
import type { Route } from './route.js';
import { sampleOf } from './sample.js';
import { bareSchema, fromQuery, wireName } from './wire.js';

const ANYWHERE: readonly CreditErrorCode[] = [
  ...([
    'INVALID_ARGUMENT',
    'PAYLOAD_TOO_LARGE',
    'STORAGE_UNAVAILABLE',
    'TIMEOUT',
    'CLOSED',
    'INVARIANT_VIOLATION',
  ] as const),
];
const KNOWN: readonly CreditErrorCode[] = [
  ...(['INVALID_AMOUNT', 'AMOUNT_TOO_LARGE', 'UNAUTHENTICATED', 'NOT_FOUND', 'RATE_LIMITED', 'CONFIGURATION'] as const),
];
const ON_CHANGE: readonly CreditErrorCode[] = [
  ...(['IDEMPOTENCY_CONFLICT', 'LIMIT_EXCEEDED', 'CONTENTION', 'OUTCOME_UNKNOWN', 'LEDGER_FILE_UNAVAILABLE'] as const),
];
const WITH_BODY: readonly CreditErrorCode[] = ['UNSUPPORTED_MEDIA_TYPE', 'ABORTED'];

/** Every error that a route can answer with. */
export function errorsOf({ who, method, isChange, errors = [] }: Route): readonly CreditErrorCode[] {
  return [
    ...ANYWHERE,
    ...(who === 'anyone' ? [] : KNOWN),
    ...(who === 'admin' ? (['FORBIDDEN'] as const) : []),
    ...(isChange ? ON_CHANGE : []),
    ...(hasBody(method) ? WITH_BODY : []),
    ...errors,
  ];
}

const hasBody = (method: string) => method === 'POST' || method === 'PATCH';
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: JsonObject, example: Json) => ({ 'application/json': { schema, example } });
const header = (description: string): JsonObject => ({ description, schema: { type: 'string' } });

/** The document of these routes, mounted at a path; their answers may come in envelopes. */
export function openApiOf(routes: readonly Route[], basePath: string, isEnveloped = false): JsonObject {
  const names = [...new Set(routes.map(({ answer }) => answer))].sort();
  const schemas = Object.fromEntries(names.map((name) => [name, wireSchema(ANSWERS[name], 'output')]));
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const at = paths[route.path] ?? {};
    paths[route.path] = at;
    const operation = operationOf(route, schemas);
    at[route.method.toLowerCase()] =
      isEnveloped && !route.isStream ? inEnvelopes(operation, route, schemas) : operation;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Credits',
      version: '1',
      description: 'Balances, grants, reservations, plans and promo codes. Amounts are exact decimals.',
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: { ...schemas, Error: ERROR, ...(isEnveloped && ENVELOPE_SCHEMAS) },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const ERROR: JsonObject = {
  type: 'object',
  properties: {
    code: { type: 'string', enum: Object.keys(PROBLEMS), description: 'Names the problem.' },
    detail: { type: 'string', description: 'A text for people.' },
    request_id: { type: 'string', description: 'Names the request, in logs and in the ledger.' },
    details: { type: 'object', additionalProperties: true, description: 'What programs need to know of it.' },
  },
  required: ['code', 'detail', 'request_id'],
  additionalProperties: false,
};

function operationOf(route: Route, schemas: Readonly<Record<string, JsonObject>>): JsonObject {
  const { operationId, tag, summary, who, answer, isChange, method } = route;
  return {
    ...{ operationId, tags: [tag], summary },
    ...(who === 'anyone' && { security: [] }),
    parameters: parametersOf(route),
    ...(hasBody(method) && { requestBody: bodyOf(route) }),
    responses: {
      '200': {
        description: 'Done.',
        headers: {
          'X-Request-Id': header('Names the request, in logs and in the ledger.'),
          ...(isChange && { 'Idempotency-Replayed': header('true: an earlier request had this answer.') }),
        },
        content: route.isStream ? events(answer, schemas) : json(ref(answer), sampleOf(schemas[answer] ?? {})),
      },
      ...(route.status && {
        '503': { description: 'It cannot be reached.', content: json(ref(answer), statusSample(answer, schemas)) },
      }),
      ...problemsOf(route),
    },
  };
}

/** The operation with the envelopes of its answers. */
function inEnvelopes(
  operation: JsonObject,
  { answer }: Route,
  schemas: Readonly<Record<string, JsonObject>>,
): JsonObject {
  const responses = Object.entries(operation.responses as JsonObject).map(([status, response]) => {
    const { content, ...others } = response as JsonObject;
    const { example } = (content as JsonObject)['application/json'] as JsonObject;
    const isError = Number(status) >= 400;
    const schema = isError ? {} : isPaged(schemas[answer]) ? (schemas[answer] as JsonObject) : ref(answer);
    return [
      status,
      { ...others, content: { 'application/json': envelopedContent(isError, schema, example as JsonObject) } },
    ];
  });
  return { ...operation, responses: Object.fromEntries(responses) };
}

const isPaged = (schema: JsonObject | undefined) => 'pagination' in ((schema?.properties ?? {}) as JsonObject);

/** A stream whose events have this data. */
function events(answer: AnswerName, schemas: Readonly<Record<string, JsonObject>>): JsonObject {
  const example = `data: ${JSON.stringify(sampleOf(schemas[answer] ?? {}))}\n\n`;
  return {
    'text/event-stream': { schema: { type: 'string', description: `Events, whose data is ${answer}.` }, example },
  };
}

function statusSample(answer: AnswerName, schemas: Readonly<Record<string, JsonObject>>): Json {
  return { ...(sampleOf(schemas[answer] ?? {}) as JsonObject), status: 'unhealthy' };
}

/** One answer for each status, which names its codes. */
function problemsOf(route: Route): JsonObject {
  const byStatus = new Map<number, CreditErrorCode[]>();
  for (const code of new Set(errorsOf(route))) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const answers = [...byStatus].map(([status, codes]): [string, JsonObject] => {
    const [code = 'INVARIANT_VIOLATION'] = codes;
    const example = { code, detail: PROBLEMS[code].detail, request_id: 'req-1' };
    return [String(status), { description: codes.join(', '), content: json(ref('Error'), example) }];
  });
  return Object.fromEntries(answers.filter(([status]) => !(route.status && status === '503')));
}

function parametersOf(route: Route): JsonObject[] {
  const { inPath, args, input, method, example = {}, isChange, options } = route;
  const path = inPath.map((name) => {
    const wire = wireName(name);
    return { ...parameter(wire, 'path', args[name] as z.ZodType, example[wire]), required: true };
  });
  const inQuery = hasBody(method) ? [] : Object.entries(input.shape);
  const needed = (wireSchema(input, 'input').required ?? []) as readonly string[];
  const query = inQuery.map(([name, schema]) => {
    const wire = wireName(name);
    return { ...parameter(wire, 'query', schema as z.ZodType, example[wire]), required: needed.includes(wire) };
  });
  const isKeyed = isChange && 'idempotencyKey' in (options?.shape ?? {});
  const key = {
    ...{ name: 'Idempotency-Key', in: 'header', description: 'The request is applied once for each key.' },
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  };
  const id = { name: 'X-Request-Id', in: 'header', ...header('Names the request; made where there is none.') };
  return [...path, ...query, ...(isKeyed ? [key] : []), id];
}

function parameter(wire: string, at: string, schema: z.ZodType, example: Json | undefined): JsonObject {
  const note = FIELD_NOTES[wire];
  const isList = bareSchema(schema).def.type === 'array';
  return {
    ...{ name: wire, in: at, schema: wireSchema(schema, 'input') },
    ...(note !== undefined && { description: note }),
    ...(isList && { style: 'form', explode: false }),
    // The rows have it as the text that stands in a URL.
    ...(example !== undefined && { example: fromQuery(schema, [String(example)], wire) as Json }),
  };
}

function bodyOf({ input, inPath, example = {} }: Route): JsonObject {
  const schema = wireSchema(input, 'input');
  const properties = Object.entries((schema.properties ?? {}) as JsonObject).map(([name, field]) => {
    const note = FIELD_NOTES[name];
    return [name, note === undefined ? field : { ...(field as JsonObject), description: note }] as const;
  });
  const names = inPath.map(wireName);
  const fields = Object.entries(example).filter(([name]) => !names.includes(name));
  const isNeeded = ((schema.required ?? []) as readonly string[]).length > 0;
  return {
    required: isNeeded,
    content: json({ ...schema, properties: Object.fromEntries(properties) }, Object.fromEntries(fields)),
  };
}
