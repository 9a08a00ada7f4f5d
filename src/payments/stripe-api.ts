/** Requests to Stripe's REST API: over HTTP, or through the SDK of the host. */
import type { JsonObject } from '../models/values.js';
import type { ProviderTraffic } from '../ports/payment-provider.js';
import { type ExchangeSettings, exchange, limited, type ProviderAnswer, refusal } from './exchange.js';
import { at, objectAt, objectsAt, textAt } from './reading.js';
import { redacted } from './redaction.js';
import { formOf } from './stripe-form.js';

/** The part of the SDK's client that is used: `new Stripe(key)` of `stripe` 18 or newer. */
export interface StripeLike {
  /** Sends a request of any kind. */
  rawRequest(
    method: string,
    path: string,
    params?: Record<string, unknown>,
    options?: Record<string, unknown>,
  ): Promise<unknown>;
}

export interface StripeRequest {
  /** Completes the sentence "stripe refused to …" in an error. */
  readonly task: string;
  readonly method: 'GET' | 'POST';
  /** With the query. */
  readonly path: string;
  readonly params?: JsonObject;
  /** Stripe does a request with the same key once. Every POST has one. */
  readonly idempotencyKey?: string;
  readonly signal: AbortSignal;
}

export type StripeApi = (request: StripeRequest) => Promise<ProviderAnswer>;

const NAME = 'stripe';
/** The most entries that Stripe gives at once. */
const PAGE = 100;

/** @param version the version of the API that answers are read in. */
export function apiOverHttp(settings: ExchangeSettings, secretKey: string, version: string): StripeApi {
  return ({ task, method, path, params, idempotencyKey, signal }) => {
    const headers = {
      authorization: `Bearer ${secretKey}`,
      accept: 'application/json',
      'user-agent': 'credit-management',
      'stripe-version': version,
      ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    };
    const body = params ? formOf(params) : null;
    return exchange(settings, { task, method, path, headers, body, signal });
  };
}

/** The SDK keeps its own address, key and proxy; the version and the time limit are ours, and it may not try again. */
export function apiOverClient(client: StripeLike, timeoutMs: number, version: string): StripeApi {
  return (request) => {
    const { method, path, params, idempotencyKey } = request;
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    const options = { apiVersion: version, timeout: timeoutMs, maxNetworkRetries: 0, ...key };
    return limited({ provider: NAME, timeoutMs }, request, async () => {
      try {
        const answer = await client.rawRequest(method, path, method === 'POST' ? { ...params } : undefined, options);
        return { status: 200, body: plain(answer) };
      } catch (error) {
        const status = at(error, 'statusCode');
        if (typeof status !== 'number') throw error;
        return { status, body: { error: plain(at(error, 'raw')) } };
      }
    });
  };
}

/** A copy as it came over the wire: the SDK adds fields and classes of its own. */
function plain(value: unknown): JsonObject {
  return objectAt(JSON.parse(JSON.stringify(value ?? {}))) ?? {};
}

export function accepted({ status, body }: ProviderAnswer, task: string): JsonObject {
  if (status < 300) return body;
  throw refusal(NAME, task, status, at(body, 'error', 'code') ?? at(body, 'error', 'type'));
}

/** The answer; null when Stripe does not know the id. */
export function found(answer: ProviderAnswer, task: string): JsonObject | null {
  return answer.status === 404 ? null : accepted(answer, task);
}

/** The entries of a list, page by page, newest first. */
export async function* pagesOf(api: StripeApi, path: string, signal: AbortSignal): AsyncIterable<JsonObject> {
  const task = 'list what happened';
  let after = '';
  for (;;) {
    const query = `${path}${path.includes('?') ? '&' : '?'}limit=${PAGE}${after}`;
    const page = accepted(await api({ task, method: 'GET', path: query, signal }), task);
    const entries = objectsAt(page, 'data');
    yield* entries;
    const last = textAt(entries.at(-1), 'id');
    if (at(page, 'has_more') !== true || last === null) return;
    after = `&starting_after=${encodeURIComponent(last)}`;
  }
}

export function trafficOf(request: StripeRequest, { status, body }: ProviderAnswer): ProviderTraffic {
  const { method, path, params = {}, idempotencyKey = null } = request;
  const sent = { method, path, idempotency_key: idempotencyKey, body: redacted(params) };
  return { request: sent, response: redacted(body), httpStatus: status };
}
