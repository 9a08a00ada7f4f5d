/** Everything that the service needs from its environment, or all the reasons why it cannot start. */
import { type Environment, isDatabaseNamed, readVariables, unknownVariables } from '../config/read.js';
import type { Settings } from '../config/variables.js';
import { readManager } from '../env.js';
import type { Authenticate, Authorize, RequestWithHeaders } from '../http/contract.js';
import { byHeaders, headerOf } from '../http/identity.js';
import { isAdmin, readIdentity } from '../http-from-env.js';
import { isIdentifier } from '../models/inputs/values.js';
import type { LoggerLike } from '../ports/logger.js';
import type { MetricsRecorder } from '../ports/metrics-recorder.js';
import type { Tracer } from '../ports/tracer.js';
import type { CreditManagement } from '../services/manager/contract.js';

export interface ServiceParts {
  readonly settings: Settings;
  readonly manager: CreditManagement<unknown>;
  readonly authenticate: Authenticate<RequestWithHeaders>;
  readonly authorize: Authorize;
  /** Sentences about variables that nothing reads. */
  readonly warnings: readonly string[];
}

/** Either the parts, or every problem, one sentence without its full stop each. */
export type ReadService =
  | { readonly parts: ServiceParts; readonly problems: null }
  | { readonly parts: null; readonly problems: readonly string[] };

const NOBODY =
  'nobody could tell who asks: set CREDIT_API_ADMIN_TOKENS or CREDIT_API_JWKS_URL ' +
  '(or CREDIT_DANGEROUSLY_OPEN=1, to try it out)';
const NO_DATABASE = 'no database: set CREDIT_DATABASE_URL or CREDIT_MONGO_URI (or give --memory, to try it out)';

const SILENT: LoggerLike = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Those who watch what the service does. */
export interface ServiceWatchers {
  readonly logger: LoggerLike;
  readonly metrics?: MetricsRecorder | undefined;
  readonly tracer?: Tracer | undefined;
}

/** Reads all variables and makes the parts, which open nothing yet. */
export function readService(env: Environment, { logger, ...watched }: ServiceWatchers): ReadService {
  const { settings, problems: misread } = readVariables(env, 'service');
  const problems = new Set(misread);
  const isOpen = settings.CREDIT_DANGEROUSLY_OPEN === true;
  const isNamed = Boolean(env.CREDIT_API_ADMIN_TOKENS || env.CREDIT_API_JWKS_URL);
  const identity = isNamed ? readIdentity(env) : { authenticate: isOpen ? anybody : null, problems: [NOBODY] };
  if (identity.authenticate === null) for (const problem of identity.problems) problems.add(problem);
  if (isNamed && isOpen) problems.add('CREDIT_DANGEROUSLY_OPEN goes with neither tokens nor CREDIT_API_JWKS_URL');
  const hasStore = isDatabaseNamed(env) || env.CREDIT_ALLOW_MEMORY === '1';
  if (!hasStore) problems.add(NO_DATABASE);
  // What memory would say about production is said by the line above.
  const allowed = hasStore ? env : { ...env, CREDIT_ALLOW_MEMORY: '1' };
  if (!hasStore) for (const problem of misread) if (problem.includes('CREDIT_ALLOW_MEMORY=1')) problems.delete(problem);
  const { manager, problems: more } = readManager({ ...watched, logger: hasStore ? logger : SILENT }, allowed);
  for (const problem of more) problems.add(problem);
  const { authenticate } = identity;
  if (problems.size > 0 || manager === null || authenticate === null) return { parts: null, problems: [...problems] };
  const authorize: Authorize = isOpen ? () => true : isAdmin;
  return { parts: { settings, manager, authenticate, authorize, warnings: unknownVariables(env) }, problems: null };
}

/** Everybody, under the name of the header `X-User-Id`, or `anybody`. */
const anybody: Authenticate<RequestWithHeaders> = byHeaders((request) => {
  const name = headerOf(request, 'x-user-id');
  return { userId: isIdentifier(name) ? name : 'anybody' };
});
