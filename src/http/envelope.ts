/** The envelope that answers of the merchant API may come in: data or error, the ids of the request, and links. */
import type { Json, JsonObject } from '../models/values.js';

/** The ids of a request, and its URL. */
export interface Asked {
  readonly requestId: string;
  readonly correlationId: string;
  readonly url: string;
  readonly now: Date;
}

/** An answer, or an error, in its envelope. */
export function enveloped(isError: boolean, body: JsonObject, asked: Asked): JsonObject {
  const { requestId, correlationId, now, url } = asked;
  const meta = { request_id: requestId, correlation_id: correlationId, timestamp: now.toISOString() };
  if (isError) {
    const { code = null, detail = null, details = {} } = body;
    return { data: null, error: { code, message: detail, details }, meta };
  }
  const { pagination, ...rest } = body;
  if (pagination === undefined) return { data: body, error: null, meta };
  const [rows = []] = Object.values(rest);
  return { data: rows, error: null, meta, pagination, links: linksOf(pagination as JsonObject, url) };
}

function linksOf({ page, pages, is_total_capped, has_next, has_previous }: JsonObject, url: string): JsonObject {
  const at = (number: number) => {
    const { pathname, searchParams } = new URL(url);
    searchParams.set('page', String(number));
    return `${pathname}?${searchParams}`;
  };
  const [self, last] = [Number(page), Math.max(1, Number(pages))];
  return {
    ...{ self: at(self), first: at(1), last: is_total_capped === true ? null : at(last) },
    ...{ next: has_next === true ? at(self + 1) : null, previous: has_previous === true ? at(self - 1) : null },
  };
}

const META: JsonObject = {
  type: 'object',
  properties: {
    request_id: { type: 'string', description: 'Names the request, in logs and in the ledger.' },
    correlation_id: { type: 'string', description: 'Names what the request belongs to.' },
    timestamp: { type: 'string', format: 'date-time', description: 'The instant of the answer.' },
  },
  required: ['request_id', 'correlation_id', 'timestamp'],
  additionalProperties: false,
};

const META_SAMPLE = { request_id: 'req-1', correlation_id: 'corr-1', timestamp: '2030-01-01T00:00:00.000Z' };
const link = { type: ['string', 'null'] };
const LINKS: JsonObject = {
  type: 'object',
  properties: { self: link, first: link, last: link, next: link, previous: link },
  required: ['self', 'first', 'last', 'next', 'previous'],
  additionalProperties: false,
};
const NOTHING = { type: 'null' };
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** The schema and the example of an answer in its envelope; `schema` is that of the answer, `example` one of it. */
export function envelopedContent(isError: boolean, schema: JsonObject, example: JsonObject): JsonObject {
  const asked = { requestId: 'req-1', correlationId: 'corr-1', url: 'http://localhost/api/v1/credits/transactions' };
  const body = enveloped(isError, example, { ...asked, now: new Date(META_SAMPLE.timestamp) });
  const { pagination, ...others } = (schema.properties ?? {}) as JsonObject;
  const [rows] = Object.values(others);
  const data = pagination === undefined ? schema : (rows as JsonObject);
  const properties: JsonObject = {
    data: isError ? NOTHING : data,
    error: isError ? ref('EnvelopeError') : NOTHING,
    meta: ref('EnvelopeMeta'),
    ...(pagination !== undefined && { pagination, links: ref('EnvelopeLinks') }),
  };
  const required: Json = Object.keys(properties);
  return { schema: { type: 'object', properties, required, additionalProperties: false }, example: body };
}

/** The schemas that envelopes have beside those of the answers. */
export const ENVELOPE_SCHEMAS: JsonObject = {
  EnvelopeError: {
    type: 'object',
    properties: {
      code: { type: 'string', description: 'Names the problem.' },
      message: { type: 'string', description: 'A text for people.' },
      details: { type: 'object', additionalProperties: true, description: 'What programs need to know of it.' },
    },
    required: ['code', 'message', 'details'],
    additionalProperties: false,
  },
  EnvelopeMeta: META,
  EnvelopeLinks: LINKS,
};
