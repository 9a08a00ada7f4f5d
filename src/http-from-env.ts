/** Makes the HTTP API, with its manager, from environment variables. */
import { createCreditManagementFromEnv, type Environment } from './env.js';
import { creditError } from './errors.js';
import { createCreditsApi } from './http/api.js';
import type { Api, ApiOptions, Authenticate, Authorize } from './http/contract.js';
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
 * @throws CONFIGURATION; the message says what to set.
 * @example
 * const api = createCreditsApiFromEnv();
 * createServer(toNode(api)).listen(8000);
 */
export function createCreditsApiFromEnv(
  options: Partial<Omit<ApiOptions, 'manager'>> & { readonly authorize?: Authorize | undefined } = {},
  env: Environment = process.env,
): ManagedApi {
  const authenticate = options.authenticate ?? authenticateOf(env);
  const isAdmin: Authorize = (who) => who.roles?.includes(ADMIN) === true;
  // Roles of a function of the host's mean what the host says, so they open nothing by themselves.
  const authorize = options.authorize ?? (options.authenticate ? undefined : isAdmin);
  const manager = createCreditManagementFromEnv({ logger: options.logger }, env);
  const webhooks = manager.payments.listProviders();
  const hooked = webhooks.length > 0 ? { webhooks } : {};
  const api = createCreditsApi({ ...options, ...hooked, manager, authenticate, authorize });
  return Object.assign(api, { manager });
}

function authenticateOf(env: Environment): Authenticate<Request> {
  const keys = (env.CREDIT_API_ADMIN_TOKENS || '').split(',').filter((key) => key !== '');
  const admins = keys.map((key) => [key.trim().toLowerCase(), { userId: ADMIN, roles: [ADMIN] }] as const);
  const jwksUrl = env.CREDIT_API_JWKS_URL || undefined;
  const [issuer, audience] = [env.CREDIT_API_JWT_ISSUER, env.CREDIT_API_JWT_AUDIENCE];
  if (keys.length === 0 && !jwksUrl) {
    throw problem('neither CREDIT_API_ADMIN_TOKENS nor CREDIT_API_JWKS_URL is set, and authenticate is not given');
  }
  const byToken = bearerTokens(Object.fromEntries(admins));
  if (!jwksUrl) return byToken;
  if (!issuer || !audience) throw problem('CREDIT_API_JWT_ISSUER and CREDIT_API_JWT_AUDIENCE are needed');
  const algorithms = (env.CREDIT_API_JWT_ALGORITHMS || 'RS256').split(',');
  const byJwt = jwt({ issuer, audience, algorithms, jwksUrl });
  return byHeaders(async (request) => (await byToken(request)) ?? byJwt(request));
}

function problem(what: string) {
  return creditError('CONFIGURATION', `createCreditsApiFromEnv: ${what}.`, { problems: [what] });
}
