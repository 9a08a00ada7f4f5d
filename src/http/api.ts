/** Makes the APIs: for users, for administrators, and both in one. */
import type {
  AdminApiOptions,
  Api,
  ApiOptions,
  CreditsApiOptions,
  MerchantApiOptions,
  WebhookApiOptions,
} from './contract.js';
import { misconfigured } from './misconfigured.js';
import type { Route } from './route.js';
import { merchantRoutes } from './routes/merchants.js';
import { webhookRoutes } from './routes/payments.js';
import { adminRoutes, userRoutes } from './routes/table.js';
import { ApiServer, type Dialect } from './server.js';

/**
 * The routes under `/credits` for the users themselves: balance, history, grants, reservations, subscription and promo
 * codes of their own account, and of those in `accounts`. The account of anybody else is answered with 404, whether or
 * not there is one. No route of it adds, deducts or frees credits, but for a promo code that is claimed.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const api = createUserApi({ manager, authenticate: bearerTokens({ [sha256OfToken]: { userId: 'user-1' } }) });
 * const response = await api.fetch(new Request('http://localhost/credits/balance/user-1', { headers }));
 */
export function createUserApi(options: ApiOptions): Api {
  return apiOf('createUserApi', userRoutes, options);
}

/**
 * The routes under `/admin/credits`, for every account. `authorize` decides about each call, and the API is not made
 * without it. `/credits/add`, `/credits/deduct` and `POST /credits/plans` are earlier paths of three of them.
 *
 * @throws CONFIGURATION without `authorize`, and for a wrong option.
 * @example
 * const api = createAdminApi({ manager, authenticate, authorize: (who) => who.roles?.includes('admin') === true });
 */
export function createAdminApi(options: AdminApiOptions): Api {
  if (typeof options?.authorize !== 'function') {
    throw misconfigured('createAdminApi needs the option authorize, a function that answers true for those who may');
  }
  return apiOf('createAdminApi', adminRoutes, options);
}

/**
 * Both in one API: the routes for users, and with `authorize` those for administrators too. Without it there are no
 * admin routes: they are answered with 404.
 *
 * Every answer is JSON and carries `X-Request-Id`: that of the request, where it is one, and it is stored as the
 * correlation id of what the request wrote. Errors are `{ code, detail, request_id, details? }`. A `POST` with an
 * `Idempotency-Key` is applied once; the answer to its repetition is marked `Idempotency-Replayed: true`.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const api = createCreditsApi({ manager, authenticate, authorize: (who) => who.roles?.includes('admin') === true });
 * app.use('/billing', toNode(api)); // Express
 */
export function createCreditsApi(options: CreditsApiOptions): Api {
  const isAdmin = options?.authorize !== undefined;
  if (isAdmin && typeof options.authorize !== 'function') throw misconfigured('authorize is not a function');
  const routes = isAdmin ? [...new Set([...userRoutes, ...adminRoutes])] : userRoutes;
  const { webhooks } = options ?? {};
  return apiOf(
    'createCreditsApi',
    webhooks === undefined ? routes : [...routes, ...hooksOf(webhooks, options)],
    options,
  );
}

/**
 * The route `POST /webhooks/{provider}` by itself, which needs no identity: the signature of the provider is all that
 * counts. It answers 200 `{"status":"ok"}` when everything is stored, 401 for a signature that is not right, 404 for a
 * provider that is not there, 413 beyond 1 MiB, 415 for a body that was packed, and 5xx where the provider shall send
 * again. Mount it where no body parser comes before it.
 *
 * @throws CONFIGURATION for a wrong option, and where no provider is registered: one cannot be made without its secret.
 * @example app.use(toNode(createWebhookApi({ manager }))); // above app.use(express.json())
 */
export function createWebhookApi(options: WebhookApiOptions): Api {
  const routes = hooksOf(options?.webhooks ?? null, options);
  return apiOf('createWebhookApi', routes, { ...options, authenticate: () => null });
}

/**
 * The routes under `/api/v1/credits` by which a shop's plugin asks for its status, its account and its transactions; it
 * changes nothing, and any other method is 405. A merchant is an account: `merchant_id` is the user id. A merchant sees
 * itself; a service sees those for whom `authorize` answers true. Anybody else's account is 404, there or not.
 *
 * The status is answered with 200 whatever happens to the database: see `manager.access`. Beside `X-Request-ID` each
 * answer has `X-Correlation-ID`, that of the request where it has one, and `X-Service-Name: credit-service`.
 *
 * `GET /plugin-status-events?merchant_ids=shop-7,shop-8` tells statuses whenever they change, as server-sent events. It
 * ends after 15 minutes, and when the manager is closed; a client that comes again is asked again who it is. At most
 * 1,000 clients listen at once, and 100 of one caller.
 *
 * @throws CONFIGURATION without `authorize`, and for a wrong option; it names the field.
 * @example
 * const rateLimit = limitRate(new RedisRateLimiter({ client }), { limit: 100, windowSeconds: 60 });
 * const authorize = (who) => who.userId === 'plugin-gateway';
 * const api = createMerchantApi({ manager, authenticate, authorize, rateLimit });
 */
export function createMerchantApi(options: MerchantApiOptions): Api {
  if (typeof options?.authorize !== 'function') {
    throw misconfigured('createMerchantApi needs the option authorize, a function that answers true for services');
  }
  const { envelope = false, serviceName = 'credit-service' } = options;
  if (typeof envelope !== 'boolean') throw misconfigured('envelope is neither true nor false');
  if (typeof serviceName !== 'string' || !/^[\x21-\x7e]{1,100}$/.test(serviceName)) {
    throw misconfigured('serviceName is not 1 to 100 ASCII characters without spaces');
  }
  return apiOf('createMerchantApi', merchantRoutes, options, {
    ...{ serviceName, isEnveloped: envelope },
    moved: new Map([['/api/v1/credits/transactions/admin/manual-adjustment', 'POST /admin/credits/adjust']]),
  });
}

/** The routes of webhooks, where their providers are there. */
function hooksOf(names: readonly string[] | null, { manager }: Pick<ApiOptions, 'manager'>): readonly Route[] {
  const registered = manager?.payments?.listProviders() ?? [];
  if (registered.length === 0) throw misconfigured('webhooks need a payment provider; register it before');
  const missing = names?.find((name) => !registered.includes(name));
  if (missing !== undefined) throw misconfigured(`there is no payment provider ${missing}; register it before`);
  return webhookRoutes(names);
}

const FIELDS = [
  'manager',
  'authenticate',
  'basePath',
  'rateLimit',
  'tracer',
  'onAnswer',
  'logger',
  'authorize',
  'webhooks',
  'envelope',
  'serviceName',
];

function apiOf(name: string, routes: readonly Route[], options: ApiOptions, dialect: Dialect | null = null): Api {
  if (typeof options !== 'object' || options === null) throw misconfigured(`${name} takes an object of options`);
  const unknown = Object.keys(options).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw misconfigured(`${name} has no option ${unknown}`);
  const { manager, authenticate, basePath = '', rateLimit, tracer, onAnswer } = options;
  if (typeof manager?.credits?.addCredits !== 'function') throw misconfigured(`${name} needs a manager`);
  if (typeof authenticate !== 'function') throw misconfigured(`${name} needs the option authenticate, a function`);
  if (!/^(\/[^/?#]+)*\/?$/.test(basePath)) throw misconfigured('basePath is not a path such as /billing');
  if (rateLimit !== undefined && typeof rateLimit !== 'function') throw misconfigured('rateLimit is not a function');
  if (tracer !== undefined && typeof tracer?.start !== 'function') {
    throw misconfigured('tracer is no Tracer, as openTelemetryTracer makes it');
  }
  if (onAnswer !== undefined && typeof onAnswer !== 'function') throw misconfigured('onAnswer is not a function');
  return new ApiServer(routes, options, dialect);
}
