/** Makes the APIs: for users, for administrators, and both in one. */
import type { AdminApiOptions, Api, ApiOptions, Authorize } from './contract.js';
import { misconfigured } from './misconfigured.js';
import type { Route } from './route.js';
import { adminRoutes, userRoutes } from './routes/table.js';
import { ApiServer } from './server.js';

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
export function createCreditsApi(options: ApiOptions & { readonly authorize?: Authorize | undefined }): Api {
  const isAdmin = options?.authorize !== undefined;
  if (isAdmin && typeof options.authorize !== 'function') throw misconfigured('authorize is not a function');
  const routes = isAdmin ? [...new Set([...userRoutes, ...adminRoutes])] : userRoutes;
  return apiOf('createCreditsApi', routes, options);
}

const FIELDS = ['manager', 'authenticate', 'basePath', 'rateLimit', 'logger', 'authorize'];

function apiOf(name: string, routes: readonly Route[], options: ApiOptions): Api {
  if (typeof options !== 'object' || options === null) throw misconfigured(`${name} takes an object of options`);
  const unknown = Object.keys(options).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw misconfigured(`${name} has no option ${unknown}`);
  const { manager, authenticate, basePath = '', rateLimit } = options;
  if (typeof manager?.credits?.addCredits !== 'function') throw misconfigured(`${name} needs a manager`);
  if (typeof authenticate !== 'function') throw misconfigured(`${name} needs the option authenticate, a function`);
  if (!/^(\/[^/?#]+)*\/?$/.test(basePath)) throw misconfigured('basePath is not a path such as /billing');
  if (rateLimit !== undefined && typeof rateLimit !== 'function') throw misconfigured('rateLimit is not a function');
  return new ApiServer(routes, options);
}
