/**
 * credit-management/http: credits as an HTTP API, for every framework that knows Fetch or Node.js.
 * @module
 */
export { createAdminApi, createCreditsApi, createUserApi } from '../http/api.js';
export type {
  Action,
  AdminApiOptions,
  Api,
  ApiOptions,
  Authenticate,
  Authorize,
  Identity,
  RateLimit,
} from '../http/contract.js';
export { toFastify } from '../http/fastify.js';
export { bearerTokens, dangerouslyTrustHeader } from '../http/identity.js';
export { type JwtOptions, jwt } from '../http/jwt.js';
export { toNext } from '../http/next.js';
export { toNode } from '../http/node.js';
export { createCreditsApiFromEnv, type ManagedApi } from '../http-from-env.js';
