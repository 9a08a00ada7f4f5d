/**
 * credit-management/http: credits as an HTTP API, for every framework that knows Fetch or Node.js.
 * @module
 */
export { createAdminApi, createCreditsApi, createMerchantApi, createUserApi, createWebhookApi } from '../http/api.js';
export type {
  Action,
  AdminApiOptions,
  Answered,
  Api,
  ApiOptions,
  Authenticate,
  Authorize,
  CreditsApiOptions,
  Identity,
  MerchantApiOptions,
  RateLimit,
  RequestWithHeaders,
  WebhookApiOptions,
} from '../http/contract.js';
export type { DeductionOptions, DeductionSettings, UsageSource, UserSource } from '../http/deduction/contract.js';
export { creditDeduction, type FetchHandler, type HeldRequest } from '../http/deduction/fetch.js';
export { toFastify } from '../http/fastify.js';
export { bearerTokens, dangerouslyTrustHeader } from '../http/identity.js';
export { type JwtOptions, jwt } from '../http/jwt.js';
export { toNext } from '../http/next.js';
export { toNode } from '../http/node.js';
export { limitRate, type RateLimitOptions } from '../http/rate-limit.js';
export { createCreditsApiFromEnv, type ManagedApi } from '../http-from-env.js';
