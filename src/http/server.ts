/** Answers requests: who asks, what for, whether they may, the verb, and the answer or the error. */
import { creditError } from '../errors.js';
import type { Json, JsonObject } from '../models/values.js';
import type { LoggerLike } from '../ports/logger.js';
import { defaultLogger } from '../services/manager/default-logger.js';
import { traceparentOf } from '../services/pipeline/call-trace.js';
import { Tracing } from '../services/pipeline/tracing.js';
import { monotonicNow } from '../timers.js';
import { ANSWERS } from './answers.js';
import type { Action, Api, ApiOptions, Authorize, Identity } from './contract.js';
import { enveloped } from './envelope.js';
import { EventStreams, STREAM_HEADERS, type Subscribe } from './event-stream.js';
import { identify, isOwn } from './identify.js';
import { isOfHeaders } from './identity.js';
import { FetchMessage, type Message } from './message.js';
import { misconfigured } from './misconfigured.js';
import { openApiOf } from './openapi.js';
import { HEADERS, problemOf } from './problems.js';
import { checkRaw, checkSize, readJson, requestIdOf } from './request.js';
import type { Route, Services } from './route.js';
import { type Found, Router } from './router.js';
import { fieldsOf, fromQuery, fromWire, invalid, toWire, wireName } from './wire.js';

/** The ways of the merchant API that the others have not. */
export interface Dialect {
  /** The service that each answer names, beside the correlation id of its request. */
  readonly serviceName: string;
  /** Whether answers come in an envelope. */
  readonly isEnveloped: boolean;
  /** Paths of other versions that take nothing here, with the route that does it. */
  readonly moved: ReadonlyMap<string, string>;
}

/** An answer before it is one of Fetch or of Node.js. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Null for HEAD, and for a stream. */
  readonly text: string | null;
  /** The events of an answer that goes on. */
  readonly stream: ReadableStream<Uint8Array> | null;
}

/** The facts about one request that its answer needs, also where it fails half-way. */
interface Exchange {
  readonly message: Message;
  readonly requestId: string;
  readonly correlationId: string;
  route: Route | null;
  /** Whether the account that it is about is the caller's own. */
  own: boolean;
  readonly headers: Record<string, string>;
  /** Null where answers have no envelope. */
  readonly envelope: { readonly correlationId: string } | null;
  /** The code of the error that it was answered with. */
  code: string | null;
  traceId: string | null;
}

export class ApiServer implements Api {
  readonly #options: ApiOptions & { readonly authorize?: Authorize | undefined };
  readonly #routes: readonly Route[];
  readonly #router: Router;
  readonly #logger: LoggerLike;
  readonly #dialect: Dialect | null;
  readonly #tracing: Tracing | null;
  readonly #streams = new EventStreams();

  constructor(
    routes: readonly Route[],
    options: ApiOptions & { readonly authorize?: Authorize | undefined },
    dialect: Dialect | null = null,
  ) {
    this.#options = options;
    this.#dialect = dialect;
    this.#routes = routes;
    this.#router = new Router(routes, basePathOf(options));
    this.#logger = options.logger ?? defaultLogger();
    this.#tracing = options.tracer ? new Tracing(options.tracer, this.#logger) : null;
    this.fetch = this.fetch.bind(this);
    this.openapi = this.openapi.bind(this);
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const { text, stream, status, headers } = await this.serve(new FetchMessage(request, url), url.pathname);
    return new Response(stream ?? text, { status, headers });
  }

  openapi(): JsonObject {
    return openApiOf(this.#routes, basePathOf(this.#options), this.#dialect?.isEnveloped);
  }

  /** The same where the path below the place of the API is known. */
  async serve(message: Message, path: string): Promise<WireAnswer> {
    const requestId = requestIdOf(message.headers.get('x-request-id'));
    const headers: Record<string, string> = {};
    let envelope: Exchange['envelope'] = null;
    let correlationId = requestId;
    if (this.#dialect) {
      correlationId = requestIdOf(message.headers.get('x-correlation-id'));
      headers['x-correlation-id'] = correlationId;
      headers['x-service-name'] = this.#dialect.serviceName;
      envelope = this.#dialect.isEnveloped ? { correlationId } : null;
    }
    const exchange: Exchange = {
      message,
      requestId,
      correlationId,
      route: null,
      own: false,
      headers,
      envelope,
      code: null,
      traceId: null,
    };
    const began = this.#options.onAnswer ? monotonicNow() : 0;
    const answer = await (this.#tracing ? this.#traced(this.#tracing, exchange, path) : this.#tried(exchange, path));
    if (this.#options.onAnswer) this.#told(exchange, answer.status, monotonicNow() - began);
    return answer;
  }

  /** The answer, made inside a span. Neither its name nor its fields have the path, which names accounts. */
  #traced(tracing: Tracing, exchange: Exchange, path: string): Promise<WireAnswer> {
    const { method, headers: parent } = exchange.message;
    const options = { kind: 'server', parent, fields: { 'http.request.method': method } } as const;
    return tracing.run(
      ...([method, options] as const),
      (span) => {
        exchange.traceId = traceparentOf(span)?.split('-')[1] ?? null;
        return this.#tried(exchange, path);
      },
      ({ status }) => {
        const route = exchange.route?.path;
        return {
          ...(route !== undefined && { name: `${method} ${route}` }),
          fields: { 'http.response.status_code': status, ...(route !== undefined && { 'http.route': route }) },
          error: status >= 500 ? exchange.code : null,
        };
      },
    );
  }

  async #tried(exchange: Exchange, path: string): Promise<WireAnswer> {
    try {
      checkSize(exchange.message);
      return await this.#answer(exchange, this.#find(exchange, path));
    } catch (error) {
      return this.#failed(exchange, error);
    }
  }

  #told(
    { message: { method }, requestId, correlationId, route, code, traceId }: Exchange,
    status: number,
    durationMs: number,
  ): void {
    const [path, name] = [route?.path ?? null, route?.name ?? null];
    try {
      this.#options.onAnswer?.({
        requestId,
        correlationId,
        method,
        route: path,
        name,
        status,
        code,
        traceId,
        durationMs,
      });
    } catch (err) {
      this.#logger.error({ err, requestId }, 'onAnswer failed');
    }
  }

  #find({ message, headers }: Exchange, path: string): Found {
    const method = message.method === 'HEAD' ? 'GET' : message.method;
    const found = this.#router.find(method, path);
    if ('route' in found) return found;
    const instead = this.#dialect?.moved.get(this.#router.below(path));
    if (found.length === 0 && instead === undefined) throw notFound();
    headers.allow = [...found].sort().join(', ');
    throw creditError('METHOD_NOT_ALLOWED', `${path} does not take ${method}.`, {
      ...(instead !== undefined && { instead }),
    });
  }

  async #answer(exchange: Exchange, { route, inPath }: Found): Promise<WireAnswer> {
    exchange.route = route;
    const { run, answer: name, status } = route;
    const who = route.who === 'anyone' ? null : await this.#identify(exchange);
    const given = { ...(await givenOf(exchange, route)), ...inPath };
    const { args, options, creditType } = this.#sorted(exchange, route, given, who);
    const { manager } = this.#options;
    const credits = creditType === undefined ? manager.credits : manager.creditType(creditType as never);
    const services: Services = { manager, credits, who, message: exchange.message };
    if (who) await this.#admit(exchange, services, args);
    const result = await run(services, args as never, options as never);
    if (result === null) throw notFound();
    if (route.isStream) return this.#streamed(exchange, who?.userId ?? '', result as { readonly subscribe: Subscribe });
    const { replayed, items, nextCursor } = result as Partial<Record<string, unknown>>;
    if (replayed === true) exchange.headers['idempotency-replayed'] = 'true';
    const schema = ANSWERS[name];
    const isBareList = schema.def.type === 'array';
    if (isBareList && typeof nextCursor === 'string') exchange.headers['x-next-cursor'] = nextCursor;
    return respond(exchange, status?.(result) ?? 200, toWire(schema, isBareList ? items : result));
  }

  /** @throws RATE_LIMITED where as many clients listen as may at once */
  #streamed(
    { message, requestId, headers }: Exchange,
    listener: string,
    { subscribe }: { readonly subscribe: Subscribe },
  ): WireAnswer {
    const all = { ...HEADERS, ...headers, ...STREAM_HEADERS, 'x-request-id': requestId };
    if (message.method === 'HEAD') return { status: 200, headers: all, text: null, stream: null };
    const stream = this.#streams.open(listener, subscribe);
    return { status: 200, headers: all, text: null, stream };
  }

  /** @throws UNAUTHENTICATED where nobody is named */
  async #identify({ message, requestId }: Exchange): Promise<Identity> {
    const { authenticate } = this.#options;
    const request = isOfHeaders(authenticate) ? (message as unknown as Request) : message.fetched();
    const who = await identify(authenticate, request, (err) =>
      this.#logger.error({ err, requestId }, 'authenticate failed, so the request was refused'),
    );
    if (message.isBodyUsed)
      throw misconfigured('authenticate read the body of the request; read request.clone() instead');
    return who;
  }

  /** The arguments and the options of the verb. */
  #sorted(
    { message, requestId }: Exchange,
    route: Route,
    { creditType: type, ...given }: Readonly<Record<string, unknown>>,
    who: Identity | null,
  ) {
    const creditType = route.typed ? type : undefined;
    const args: Record<string, unknown> = {};
    const options: Record<string, unknown> = {};
    for (const name in given) (name in route.args ? args : options)[name] = given[name];
    if (route.self && args.userId === undefined) args.userId = who?.userId;
    if (!route.typed && type !== undefined) options.creditType = type;
    const missing = route.who === 'merchant' && Object.keys(route.args).find((name) => args[name] === undefined);
    if (missing) throw invalid(wireName(missing), 'given: it names whom the request is about');
    const { shape } = route.options ?? {};
    if (route.isChange && shape) {
      if ('correlationId' in shape) options.correlationId = requestId;
      if ('actor' in shape) options.actor = who?.actor ?? who?.userId;
      const key = keyOf(message, options.idempotencyKey);
      if ('idempotencyKey' in shape && key !== undefined) options.idempotencyKey = key;
    }
    return { args, options, creditType };
  }

  /** Counts and checks. One that is refused counts for its sender, so that nobody uses up the requests of others. */
  async #admit(exchange: Exchange, services: Services, args: Readonly<Record<string, unknown>>): Promise<void> {
    const who = services.who as Identity;
    const account = textOf(args.userId ?? args.merchantId);
    const count = async (userId: string | null) => {
      const wait = (await this.#options.rateLimit?.(who, { name: exchange.route?.name ?? '', userId })) ?? null;
      if (wait !== null) throw tooMany(wait);
    };
    // Without a name the check asks the database for the account.
    if (account === null) await count(null);
    await this.#check(exchange, services, args).catch(async (error) => {
      if (account !== null) await count(null);
      throw error;
    });
    if (account !== null) await count(account);
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
    exchange.own = accounts.length > 0 && accounts.every((account) => isOwn(who, account));
    if (route?.who === 'user') {
      if (accounts.length > 0 && !exchange.own) throw notFound();
      return;
    }
    if (route?.who === 'merchant' && exchange.own) return;
    for (const account of accounts.length > 0 ? accounts : [null]) {
      await this.#authorize(exchange, who, { name: route?.name ?? '', userId: textOf(account) }).catch((error) => {
        // Who may not see an account does not learn whether it is there.
        throw route?.who === 'merchant' ? notFound() : error;
      });
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
    const { requestId, correlationId, route, own } = exchange;
    const unknown = creditError('INVARIANT_VIOLATION', 'The API met an error that is none of its own.', {});
    const args = Object.keys(route?.args ?? {}).map(wireName);
    const known = problemOf(error, requestId, own, args);
    const { status, body, headers } = known ?? (problemOf(unknown, requestId, own) as NonNullable<typeof known>);
    if (status === 500)
      this.#logger.error({ err: error, requestId, correlationId, route: route?.path }, 'A request failed');
    Object.assign(exchange.headers, headers);
    exchange.code = textOf((body as JsonObject).code);
    return respond(exchange, status, body);
  }
}

/** The path that an API is mounted at, without a slash at its end. */
function basePathOf({ basePath = '' }: ApiOptions): string {
  return basePath.replace(/\/+$/, '');
}

/** The fields of the query or of the body, under our names. */
async function givenOf({ message }: Exchange, route: Route): Promise<Record<string, unknown>> {
  const { method, input, isRaw } = route;
  if (isRaw) return checkRaw(message);
  const { query } = message;
  if (method === 'POST' || method === 'PATCH') {
    const [name] = query.keys();
    if (name !== undefined) throw invalid(name.slice(0, 200), 'in the body: this route takes no query');
    return fromWire(input, await readJson(message), '') as Record<string, unknown>;
  }
  const fields = fieldsOf(input);
  const given = [...new Set(query.keys())].map((wire) => {
    const field = fields.get(wire);
    if (!field) throw invalid(wire.slice(0, 200), 'a field that this route takes');
    return [field.name, fromQuery(field.schema, query.getAll(wire), wire)] as const;
  });
  return Object.fromEntries(given);
}

/** The idempotency key, of the header or of the body. */
function keyOf({ headers }: Message, inBody: unknown): unknown {
  const header = headers.get('idempotency-key') ?? undefined;
  if (header !== undefined && inBody !== undefined && header !== inBody) {
    throw invalid('idempotency_key', 'the same key as that of the header Idempotency-Key');
  }
  return header ?? inBody;
}

function respond({ message, requestId, headers, envelope }: Exchange, status: number, body: Json): WireAnswer {
  const all = { ...HEADERS, ...headers, 'x-request-id': requestId };
  const asked = envelope && { ...envelope, requestId, url: message.url, now: new Date() };
  const sent = asked ? enveloped(status >= 400, body as JsonObject, asked) : body;
  return { status, headers: all, text: message.method === 'HEAD' ? null : JSON.stringify(sent), stream: null };
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
