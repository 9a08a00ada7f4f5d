/** Makes the HTTP API, with its manager, from environment variables. */
import { type Environment, readVariables } from './config/read.js';
import { fromEnvError, partsOf, readManager } from './env.js';
import { createCreditsApi } from './http/api.js';
import type { Api, ApiOptions, Authenticate, Authorize, RequestWithHeaders } from './http/contract.js';
import { bearerTokens, byHeaders } from './http/identity.js';
import { jwt } from './http/jwt.js';
import type { CreditManagement } from './services/manager/contract.js';

/** An API with the manager that it was made with. */
export interface ManagedApi extends Api {
  /** The manager: start its jobs with `manager.start()`, and close it at the end. */
  readonly manager: CreditManagement<unknown>;
}

const ADMIN = 'admin';

/**
 * Makes the whole API with one call. The database is that of `createCreditManagementFromEnv`. Who sends a request is
 * told by
 *
 * - `CREDIT_API_ADMIN_TOKENS`: the SHA-256 of the bearer tokens of administrators, in hex, separated by commas. They
 *   may take every step.
 * - `CREDIT_API_JWKS_URL`, `CREDIT_API_JWT_ISSUER`, `CREDIT_API_JWT_AUDIENCE`, and `CREDIT_API_JWT_ALGORITHMS` (default
 *   `RS256`): users are told by the JSON Web Tokens of this provider; the claim `sub` is the user.
 *
 * Webhooks of the payment providers of the environment are taken at `/webhooks/{provider}`.
 *
 * With neither of the two, and without the option `authenticate`, nobody could be told, and nothing is made.
 *
 * @param options those of `createCreditsApi`; `authenticate` and `authorize` replace those of the environment.
 * @throws CONFIGURATION; the message says everything that is wrong, and what to set.
 * @example
 * const api = createCreditsApiFromEnv();
 * createServer(toNode(api)).listen(8000);
 */
export function createCreditsApiFromEnv(
  options: Partial<Omit<ApiOptions, 'manager'>> & { readonly authorize?: Authorize | undefined } = {},
  env: Environment = process.env,
): ManagedApi {
  const read = options.authenticate ? null : readIdentity(env);
  const authenticate = options.authenticate ?? read?.authenticate ?? null;
  const { manager, problems } = readManager({ logger: options.logger, tracer: options.tracer }, env);
  if (manager === null || authenticate === null) {
    throw fromEnvError('createCreditsApiFromEnv', [...new Set([...(read?.problems ?? []), ...problems])]);
  }
  // Roles of a function of the host's mean what the host says, so they open nothing by themselves.
  const authorize = options.authorize ?? (options.authenticate ? undefined : isAdmin);
  const webhooks = manager.payments.listProviders();
  const hooked = webhooks.length > 0 ? { webhooks } : {};
  const api = createCreditsApi({ ...options, ...hooked, manager, authenticate, authorize });
  return Object.assign(api, { manager });
}

/** Whoever has the role that tokens of administrators give. */
export const isAdmin: Authorize = (who) => who.roles?.includes(ADMIN) === true;

/** The way in which the environment says who sends a request; null where it says none, or says it wrong. */
export function readIdentity(env: Environment): {
  readonly authenticate: Authenticate<RequestWithHeaders> | null;
  readonly problems: readonly string[];
} {
  const { settings, problems: all } = readVariables(env, 'api');
  const problems = all.filter((problem) => problem.startsWith('CREDIT_API_'));
  const { CREDIT_API_ADMIN_TOKENS: tokens, CREDIT_API_JWKS_URL: jwksUrl } = settings;
  const { CREDIT_API_JWT_ISSUER: issuer, CREDIT_API_JWT_AUDIENCE: audience } = settings;
  if (!env.CREDIT_API_ADMIN_TOKENS && jwksUrl === undefined) {
    problems.push('neither CREDIT_API_ADMIN_TOKENS nor CREDIT_API_JWKS_URL is set, and authenticate is not given');
  }
  const keys = tokens?.split(',').map((key) => key.trim().toLowerCase()) ?? [];
  const byToken = bearerTokens(Object.fromEntries(keys.map((key) => [key, { userId: ADMIN, roles: [ADMIN] }])));
  if (!jwksUrl) return { authenticate: problems.length > 0 ? null : byToken, problems };
  const algorithms = (settings.CREDIT_API_JWT_ALGORITHMS ?? 'RS256').split(',');
  const byJwt =
    issuer && audience ? partsOf(problems)(() => jwt({ issuer, audience, algorithms, jwksUrl })) : undefined;
  if (!byJwt || problems.length > 0) return { authenticate: null, problems };
  return { authenticate: byHeaders(async (request) => (await byToken(request)) ?? byJwt(request)), problems };
}
