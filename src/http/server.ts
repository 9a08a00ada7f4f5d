/** Answers requests: who asks, what for, whether they may, the verb, and the answer or the error. */
import { randomUUID } from 'node:crypto';
import { creditError, isCreditError } from '../errors.js';
import { isIdentifier } from '../models/inputs/values.js';
import type { Json, JsonObject } from '../models/values.js';
import type { LoggerLike } from '../ports/logger.js';
import { defaultLogger } from '../services/manager/default-logger.js';
import { ANSWERS } from './answers.js';
import type { Action, Api, ApiOptions, Authorize, Identity } from './contract.js';
import { openApiOf } from './openapi.js';
import { problemOf } from './problems.js';
import { checkSize, readJson } from './request.js';
import type { Route, Services } from './route.js';
import { type Found, Router } from './router.js';
import { bareSchema, fromQuery, fromWire, invalid, toWire, wireName } from './wire.js';

/** An answer before it is one of Fetch or of Node.js. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Null for HEAD. */
  readonly text: string | null;
}

/** The facts about one request that its answer needs, also where it fails half-way. */
interface Exchange {
  readonly request: Request;
  /** Those of the body, where somebody has read them. */
  readonly bytes: Uint8Array | null;
  readonly requestId: string;
  route: Route | null;
  /** Whether the account that it is about is the caller's own. */
  own: boolean;
  readonly headers: Record<string, string>;
}

const REQUEST_ID = /^[!-~]{1,255}$/;
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export class ApiServer implements Api {
  readonly #options: ApiOptions & { readonly authorize?: Authorize | undefined };
  readonly #routes: readonly Route[];
  readonly #router: Router;
  readonly #logger: LoggerLike;

  constructor(routes: readonly Route[], options: ApiOptions & { readonly authorize?: Authorize | undefined }) {
    this.#options = options;
    this.#routes = routes;
    this.#router = new Router(routes, basePathOf(options));
    this.#logger = options.logger ?? defaultLogger();
    this.fetch = this.fetch.bind(this);
    this.openapi = this.openapi.bind(this);
  }

  async fetch(request: Request): Promise<Response> {
    const { text, status, headers } = await this.serve(request, new URL(request.url).pathname);
    return new Response(text, { status, headers });
  }

  openapi(): JsonObject {
    return openApiOf(this.#routes, basePathOf(this.#options));
  }

  /** The same where the path below the place of the API is known, and the bytes of the body have been read. */
  async serve(request: Request, path: string, bytes: Uint8Array | null = null): Promise<WireAnswer> {
    const given = request.headers.get('x-request-id') ?? '';
    const requestId = REQUEST_ID.test(given) ? given : randomUUID();
    const exchange: Exchange = { request, bytes, requestId, route: null, own: false, headers: {} };
    try {
      checkSize(request);
      return await this.#answer(exchange, this.#find(exchange, path));
    } catch (error) {
      return this.#failed(exchange, error);
    }
  }

  #find({ request, headers }: Exchange, path: string): Found {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const found = this.#router.find(method, path);
    if ('route' in found) return found;
    if (found.length === 0) throw notFound();
    headers.allow = [...found].sort().join(', ');
    throw creditError('METHOD_NOT_ALLOWED', `${path} does not take ${method}.`, {});
  }

  async #answer(exchange: Exchange, { route, inPath }: Found): Promise<WireAnswer> {
    exchange.route = route;
    const { run, answer: name, status } = route;
    const who = route.who === 'anyone' ? null : await this.#identify(exchange);
    const given = { ...(await givenOf(exchange, route)), ...inPath };
    const { args, options, creditType } = this.#sorted(exchange, route, given, who);
    const { manager, rateLimit } = this.#options;
    const wait = who && rateLimit ? await rateLimit(who, { name: route.name, userId: textOf(args.userId) }) : null;
    if (wait !== null) throw tooMany(wait);
    const credits = creditType === undefined ? manager.credits : manager.creditType(creditType as never);
    const services: Services = { manager, credits, who };
    if (who) await this.#check(exchange, services, args);
    const result = await run(services, args as never, options as never);
    if (result === null) throw notFound();
    const { replayed, items, nextCursor } = result as Partial<Record<string, unknown>>;
    if (replayed === true) exchange.headers['idempotency-replayed'] = 'true';
    const schema = ANSWERS[name];
    const isBareList = schema.def.type === 'array';
    if (isBareList && typeof nextCursor === 'string') exchange.headers['x-next-cursor'] = nextCursor;
    return respond(exchange, status?.(result) ?? 200, toWire(schema, isBareList ? items : result));
  }

  /** @throws UNAUTHENTICATED where nobody is named */
  async #identify({ request, requestId }: Exchange): Promise<Identity> {
    let who: Identity | null = null;
    try {
      who = await this.#options.authenticate(request);
    } catch (err) {
      if (isCreditError(err)) throw err;
      this.#logger.error({ err, requestId }, 'authenticate failed, so the request was refused');
    }
    if (request.bodyUsed) throw misused('authenticate read the body of the request; read request.clone() instead');
    if (typeof who !== 'object' || who === null) {
      throw creditError('UNAUTHENTICATED', 'The request names nobody.', {});
    }
    if (!isIdentifier(who.userId)) throw misused('authenticate answered an identity without a valid userId');
    // A text has an `includes` too, which finds its parts.
    if (who.accounts !== undefined && !Array.isArray(who.accounts)) throw misused('accounts is not a list of users');
    return who;
  }

  /** The arguments and the options of the verb. */
  #sorted(
    { request, requestId }: Exchange,
    route: Route,
    { creditType: type, ...given }: Readonly<Record<string, unknown>>,
    who: Identity | null,
  ) {
    const creditType = route.typed ? type : undefined;
    const entries = Object.entries(given);
    const args: Record<string, unknown> = Object.fromEntries(entries.filter(([name]) => name in route.args));
    if (route.self && args.userId === undefined) args.userId = who?.userId;
    const options: Record<string, unknown> = Object.fromEntries(entries.filter(([name]) => !(name in route.args)));
    if (!route.typed && type !== undefined) options.creditType = type;
    const { shape } = route.options ?? {};
    if (route.isChange && shape) {
      if ('correlationId' in shape) options.correlationId = requestId;
      if ('actor' in shape) options.actor = who?.actor ?? who?.userId;
      const key = keyOf(request, options.idempotencyKey);
      if ('idempotencyKey' in shape && key !== undefined) options.idempotencyKey = key;
    }
    return { args, options, creditType };
  }

  /** @throws NOT_FOUND for the account of somebody else, FORBIDDEN where `authorize` does not allow it */
  async #check(exchange: Exchange, services: Services, args: Readonly<Record<string, unknown>>): Promise<void> {
    const { route } = exchange;
    const who = services.who as Identity;
    const accounts = route?.accounts
      ? await route.accounts(services, args as never)
      : 'userId' in (route?.args ?? {})
        ? [args.userId]
        : [];
    const isOwn = (account: unknown) => account === who.userId || (who.accounts?.includes(account as string) ?? false);
    exchange.own = accounts.length > 0 && accounts.every(isOwn);
    if (route?.who === 'user') {
      if (accounts.length > 0 && !exchange.own) throw notFound();
      return;
    }
    for (const account of accounts.length > 0 ? accounts : [null]) {
      await this.#authorize(exchange, who, { name: route?.name ?? '', userId: textOf(account) });
    }
  }

  async #authorize({ requestId }: Exchange, who: Identity, action: Action): Promise<void> {
    let isAllowed: unknown = false;
    try {
      isAllowed = await this.#options.authorize?.(who, action);
    } catch (err) {
      this.#logger.error({ err, requestId, action: action.name }, 'authorize failed, so the request was refused');
    }
    if (isAllowed !== true) throw creditError('FORBIDDEN', `${who.userId} may not ${action.name}.`, {});
  }

  #failed(exchange: Exchange, error: unknown): WireAnswer {
    const { requestId, route, own } = exchange;
    const unknown = creditError('INVARIANT_VIOLATION', 'The API met an error that is none of its own.', {});
    const args = Object.keys(route?.args ?? {}).map(wireName);
    const known = problemOf(error, requestId, own, args);
    const { status, body, headers } = known ?? (problemOf(unknown, requestId, own) as NonNullable<typeof known>);
    if (status === 500) this.#logger.error({ err: error, requestId, route: route?.name }, 'A request failed');
    Object.assign(exchange.headers, headers);
    return respond(exchange, status, body);
  }
}

/** The path that an API is mounted at, without a slash at its end. */
function basePathOf({ basePath = '' }: ApiOptions): string {
  return basePath.replace(/\/+$/, '');
}

/** The fields of the query or of the body, under our names. */
async function givenOf({ request, bytes }: Exchange, { method, input }: Route): Promise<Record<string, unknown>> {
  const query = new URL(request.url).searchParams;
  if (method === 'POST' || method === 'PATCH') {
    const [name] = query.keys();
    if (name !== undefined) throw invalid(name.slice(0, 200), 'in the body: this route takes no query');
    return fromWire(input, await readJson(request, bytes), '') as Record<string, unknown>;
  }
  const fields = new Map(Object.entries(input.shape).map(([name, schema]) => [wireName(name), { name, schema }]));
  const given = [...new Set(query.keys())].map((wire) => {
    const field = fields.get(wire);
    if (!field) throw invalid(wire.slice(0, 200), 'a field that this route takes');
    return [field.name, fromQuery(bareSchema(field.schema as never), query.getAll(wire), wire)] as const;
  });
  return Object.fromEntries(given);
}

/** The idempotency key, of the header or of the body. */
function keyOf(request: Request, inBody: unknown): unknown {
  const header = request.headers.get('idempotency-key') ?? undefined;
  if (header !== undefined && inBody !== undefined && header !== inBody) {
    throw invalid('idempotency_key', 'the same key as that of the header Idempotency-Key');
  }
  return header ?? inBody;
}

function respond({ request, requestId, headers }: Exchange, status: number, body: Json): WireAnswer {
  const all = { ...HEADERS, ...headers, 'x-request-id': requestId };
  return { status, headers: all, text: request.method === 'HEAD' ? null : JSON.stringify(body) };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function notFound() {
  return creditError('NOT_FOUND', 'There is nothing that the caller may see.', {});
}

function tooMany(retryAfterSeconds: number) {
  return creditError('RATE_LIMITED', 'The limit of requests is reached.', { retryAfterSeconds });
}

function misused(problem: string) {
  return creditError('CONFIGURATION', `${problem}.`, { problems: [problem] });
}
