/** The public promise of the HTTP API: who calls, what they may do, and the API itself. */
import type { Awaitable, JsonObject } from '../models/values.js';
import type { LoggerLike } from '../ports/logger.js';
import type { Tracer } from '../ports/tracer.js';
import type { CreditManagement } from '../services/manager/contract.js';

/** The person or program that sends a request. */
export interface Identity {
  /** The user's own account. */
  readonly userId: string;
  /** Further accounts, such as those of organisations, that this person may read and use as their own. */
  readonly accounts?: readonly string[] | undefined;
  /** The name that the ledger keeps as the actor of a change; default `userId`. */
  readonly actor?: string | undefined;
  /** Names of your own, for `authorize`. The API does not read them. */
  readonly roles?: readonly string[] | undefined;
}

/**
 * Tells who sends a request: null for nobody, which is answered with 401. The request has no body here. A function that
 * throws answers 401 too, and the error is logged; a `CreditError` is answered with its own code.
 */
export type Authenticate<Req> = (request: Req) => Awaitable<Identity | null>;

/** A request of any framework: of Fetch, of Node.js and Express, of Fastify, or the context of Hono. */
export type RequestWithHeaders =
  | {
      /** The headers, as Fetch or as Node.js has them. */
      readonly headers: Pick<Headers, 'get'> | Readonly<Record<string, string | string[] | undefined>>;
    }
  | {
      /** The request of Hono. */
      readonly req: {
        /** As Fetch has it. */
        readonly raw: Request;
      };
    };

/** The step that somebody wants to take. */
export interface Action {
  /** The name of the route, such as `addCredits`: the `operationId` of the OpenAPI document. */
  readonly name: string;
  /** The account that it is about; null where it is about none, or about one that is not there. */
  readonly userId: string | null;
}

/**
 * Tells whether somebody may take a step of the admin routes. Only `true` allows it: anything else, and an error, is
 * answered with 403. It is called once for each account that the step is about.
 */
export type Authorize = (who: Identity, action: Action) => Awaitable<boolean>;

/**
 * Tells whether a request comes too soon: the seconds after which to try again, or null. It is asked before the
 * database is. `action.userId` is null for a request that names no account, or one that its sender may not see.
 */
export type RateLimit = (who: Identity, action: Action) => Awaitable<number | null>;

/** A request that was answered. */
export interface Answered {
  /** Its id: that of `X-Request-Id`, and the correlation id of what it wrote. */
  readonly requestId: string;
  /** That of `X-Correlation-Id` for the merchant API, whose requests write nothing; else the same as its id. */
  readonly correlationId: string;
  /** The method of the request. */
  readonly method: string;
  /** The path of the route with the names of its fields, such as `/credits/balance/{user_id}`; null without a route. */
  readonly route: string | null;
  /** The name of the route, such as `getBalance`; null without one. */
  readonly name: string | null;
  /** The status of the answer. */
  readonly status: number;
  /** The code of the error; null where all went well. */
  readonly code: string | null;
  /** The trace that it belongs to; null where requests are not traced. */
  readonly traceId: string | null;
  /** Milliseconds from the request to its answer, without the time that its body took to arrive. */
  readonly durationMs: number;
}

/** The options of every API. */
export interface ApiOptions {
  /** The manager whose credits are served. */
  readonly manager: CreditManagement<unknown, string>;
  /** Tells who sends a request. `bearerTokens` and `jwt` make one. */
  readonly authenticate: Authenticate<Request>;
  /** The path that the API is mounted at, such as `/billing`, where the framework does not strip it. Default none. */
  readonly basePath?: string | undefined;
  /** Answers 429 where requests come too often. Default: no limit. */
  readonly rateLimit?: RateLimit | undefined;
  /** Makes each request a span, below that of its header `traceparent`; that of the manager fits. Default none. */
  readonly tracer?: Tracer | undefined;
  /** Told of every request when its answer is ready, for logs and metrics. An error that it throws is logged. */
  readonly onAnswer?: ((told: Answered) => void) | undefined;
  /** Gets what went wrong on our side; default `pino`, warnings and errors on standard output. */
  readonly logger?: LoggerLike | undefined;
}

/** The options of an API with admin routes. */
export interface AdminApiOptions extends ApiOptions {
  /** Tells whether somebody may take a step of the admin routes. */
  readonly authorize: Authorize;
}

/** The options of the API for merchants. */
export interface MerchantApiOptions extends AdminApiOptions {
  /**
   * Whether each answer is `{ data, error, meta, pagination?, links? }`, with the ids and the instant of the request in
   * `meta`. Default false: the answer itself.
   */
  readonly envelope?: boolean | undefined;
  /** The name in the header `X-Service-Name` of each answer, 1–100 ASCII characters; default `credit-service`. */
  readonly serviceName?: string | undefined;
}

/** The options of an API for users, and for administrators where `authorize` says who they are. */
export interface CreditsApiOptions extends ApiOptions {
  /** Tells whether somebody may take a step of the admin routes; without it there are none. */
  readonly authorize?: Authorize | undefined;
  /** The payment providers whose webhooks are taken at `/webhooks/{provider}`, such as `['stripe']`. Default none. */
  readonly webhooks?: readonly string[] | undefined;
}

/** The options of an API for webhooks alone. */
export interface WebhookApiOptions extends Pick<ApiOptions, 'manager' | 'basePath' | 'tracer' | 'onAnswer' | 'logger'> {
  /** The payment providers whose webhooks are taken; default all that are registered when the request comes. */
  readonly webhooks?: readonly string[] | undefined;
}

/** An API: Fetch in, Fetch out. */
export interface Api {
  /** Answers a request. It never rejects: what goes wrong is an answer too. It may be called without its object. */
  fetch(request: Request): Promise<Response>;
  /** The OpenAPI 3.1 document of its routes. */
  openapi(): JsonObject;
}
