/** Makes a manager from environment variables. */

import { type Environment, isDatabaseNamed, readVariables } from './config/read.js';
import type { Settings } from './config/variables.js';
import { createCreditManagement } from './credit-management.js';
import { InMemoryDbManager } from './db/memory/manager.js';
import { MongoDbManager } from './db/mongodb/manager.js';
import { SqlDbManager } from './db/sql/manager.js';
import { creditError, isCreditError } from './errors.js';
import type { AccountDefaults } from './models/inputs/credits.js';
import { natsSink } from './nats/sink.js';
import { natsSource } from './nats/source.js';
import type { CacheOptions, CreditManagementOptions, OrderSettings } from './options.js';
import { setupRazorpayProvider, setupStripeProvider } from './payments/setup.js';
import type { DbManager } from './ports/db-manager.js';
import type { EventSink } from './ports/event-sink.js';
import type { LoggerLike } from './ports/logger.js';
import type { MessageSource } from './ports/message-source.js';
import { RedisCache } from './redis/cache.js';
import type { CreditManagement } from './services/manager/contract.js';
import { defaultLogger } from './services/manager/default-logger.js';
import { webhookSink } from './sinks/webhook.js';

/**
 * Makes a manager on the database that the environment names:
 *
 * - `CREDIT_DATABASE_URL`: `postgres://…` or `postgresql://…`. The package `pg` must be installed. `DATABASE_URL` is
 *   read where neither it nor `CREDIT_MONGO_URI` is set, and so are `DATABASE_POOL_SIZE` and `DATABASE_MAX_OVERFLOW`.
 * - `CREDIT_DATABASE_SCHEMA`, `CREDIT_DATABASE_PREFIX`, `CREDIT_DATABASE_POOL_SIZE`: the options of the adapters.
 *   MongoDB has no schema.
 * - `CREDIT_MONGO_URI`: `mongodb://…` or `mongodb+srv://…`, a replica set. The package `mongodb` must be installed.
 * - `CREDIT_MONGO_DB`: the name of the MongoDB database. The default is `credit_management`.
 * - `CREDIT_LEDGER_FILE`: the path of the ledger file, unless `options.ledger` has a path or a sink.
 * - `REDIS_URL`: `redis://…` or `rediss://…`, a cache of balances, unless `options.cache` is given. The package `redis`
 *   or `ioredis` must be installed. `CACHE_TTL_SECONDS` (60) is how long it keeps them. After
 *   `CIRCUIT_BREAKER_FAILURE_THRESHOLD` (5) failures within `CIRCUIT_BREAKER_WINDOW_SECONDS` (30) it is left alone for
 *   `CIRCUIT_BREAKER_TIMEOUT_SECONDS` (60). No call fails or waits long for it.
 * - `PLUGIN_STATUS_CACHE_TTL`: `access.ttlSeconds`. `TRIAL_CREDITS` and `LOW_BALANCE_THRESHOLD_PERCENT`: the trial
 *   grant and the low-credit threshold of `defaults`. `ORDER_CREDIT_ENABLED`, `ORDER_CREDIT_FIXED_AMOUNT`,
 *   `ORDER_CREDIT_PERCENTAGE`, `ORDER_CREDIT_MINIMUM`, `BILLING_CREDITS_PER_UNIT`: those of `orders`. `options` go
 *   before all of them.
 * - `CREDIT_WEBHOOK_URL` and `CREDIT_WEBHOOK_SECRET` (`whsec_…`): adds a sink named `webhook`, which sends events to
 *   the URL, signed as Standard Webhooks.
 * - `NATS_URL`, `NATS_USER`, `NATS_PASSWORD`: adds a sink named `nats`, which publishes events to JetStream. The
 *   packages `@nats-io/transport-node` and `@nats-io/jetstream` must be installed. `CREDIT_NATS_CREATE_STREAMS=true`
 *   makes streams where none takes the subjects. `CREDIT_NATS_CONSUME=true` adds a source named `nats`, whose messages
 *   are taken after `start()`.
 * - `RAZORPAY_KEY_ID`, `RAZORPAY_KEY_SECRET`, `RAZORPAY_WEBHOOK_SECRET`, `STRIPE_SECRET_KEY` and
 *   `STRIPE_WEBHOOK_SECRET`: register these payment providers.
 * - `FRONTEND_PAYMENT_SUCCESS_URL`, or `APP_BASE_URL` and `/api/payments/success` after it: the page that follows a
 *   payment, unless `options.payments` has a `callbackUrl`.
 *
 * Without a URL the manager keeps everything in memory and logs one warning. If `NODE_ENV` is `production`, this needs
 * `CREDIT_ALLOW_MEMORY=1`. A wrong URL never falls back to memory: an unknown URL, or two databases, is
 * `CONFIGURATION`. A missing driver is `CONFIGURATION` at the first call. This function opens nothing.
 *
 * @param options the other options of `createCreditManagement`; it takes no `db`.
 * @throws CONFIGURATION; the message says everything that is wrong, and what to set.
 * @example
 * const manager = createCreditManagementFromEnv();
 */
export function createCreditManagementFromEnv<const U extends string = never>(
  options: Omit<CreditManagementOptions<unknown, U>, 'db'> & { db?: undefined } = {},
  env: Environment = process.env,
): CreditManagement<unknown, U> {
  const { manager, problems } = readManager(options, env);
  if (manager === null) throw fromEnvError('createCreditManagementFromEnv', problems);
  return manager;
}

/** Null where there are problems; they are all that were found. */
export interface ReadManager<U extends string> {
  readonly manager: CreditManagement<unknown, U> | null;
  readonly problems: readonly string[];
}

/** Makes the manager of the environment, or finds everything that is wrong with it. It opens nothing. */
export function readManager<const U extends string = never>(
  options: Omit<CreditManagementOptions<unknown, U>, 'db'>,
  env: Environment,
): ReadManager<U> {
  const { settings, problems: misread } = readVariables(env, 'manager');
  const problems = [...misread];
  if ((options as { db?: unknown }).db !== undefined) {
    problems.push('the option db is not allowed here; give it to createCreditManagement');
  }
  const part = partsOf(problems);
  const { filePath = options.ledger?.sink ? undefined : settings.CREDIT_LEDGER_FILE } = options.ledger ?? {};
  const ledger = filePath === undefined ? options.ledger : { ...options.ledger, filePath };
  const db = part(() => databaseOf(settings, options, isDatabaseNamed(env)));
  const webhooks = part(() => webhooksOf(settings)) ?? [];
  const [natsSinks, natsSources] = part(() => natsOf(settings, options)) ?? [[], []];
  const sinks = [...(options.sinks ?? []), ...webhooks, ...natsSinks];
  const sources = [...(options.sources ?? []), ...natsSources];
  const payments = { ...options.payments, callbackUrl: options.payments?.callbackUrl ?? callbackUrlOf(settings) };
  const manager = part(() =>
    createCreditManagement<DbManager<unknown>, U>({
      ...{ ...options, ledger, sinks, sources, payments, cache: options.cache ?? cacheOf(settings) },
      access: { ttlSeconds: settings.PLUGIN_STATUS_CACHE_TTL ?? 15, ...options.access },
      defaults: { ...defaultsOf(settings), ...options.defaults },
      orders: { ...ordersOf(settings), ...options.orders },
      ...(db && { db }),
    }),
  );
  const providers = manager ?? { payments: { registerProvider() {} } };
  part(() => setupRazorpayProvider(providers, {}, env));
  part(() => setupStripeProvider(providers, {}, env));
  return { manager: problems.length === 0 && manager ? manager : null, problems };
}

/**
 * Makes one part after another, and notes what is wrong with each. A variable that could not be read counts as not set
 * here, and its problem is known.
 */
export function partsOf(problems: string[]): <T>(make: () => T) => T | undefined {
  return (make) => {
    try {
      return make();
    } catch (error) {
      if (!isCreditError(error, 'CONFIGURATION')) throw error;
      problems.push(...error.details.problems.filter((problem) => !problems.includes(problem)));
      return undefined;
    }
  };
}

/** One error with all problems. */
export function fromEnvError(where: string, problems: readonly string[]) {
  return creditError('CONFIGURATION', `${where}: ${problems.join('; ')}.`, { problems: [...problems] });
}

function callbackUrlOf(settings: Settings): string | undefined {
  const base = settings.APP_BASE_URL;
  return settings.FRONTEND_PAYMENT_SUCCESS_URL ?? (base && `${base.replace(/\/+$/, '')}/api/payments/success`);
}

function webhooksOf({ CREDIT_WEBHOOK_URL: url, CREDIT_WEBHOOK_SECRET: secret }: Settings): EventSink[] {
  return url === undefined || secret === undefined ? [] : [webhookSink({ name: 'webhook', url, secret })];
}

function natsOf(
  settings: Settings,
  { logger }: { readonly logger?: LoggerLike | undefined },
): [readonly EventSink[], readonly MessageSource[]] {
  const { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password } = settings;
  if (url === undefined) return [[], []];
  const place = { url, user, password, createStreams: settings.CREDIT_NATS_CREATE_STREAMS, logger };
  return [[natsSink(place)], settings.CREDIT_NATS_CONSUME ? [natsSource(place)] : []];
}

function cacheOf(settings: Settings): CacheOptions | undefined {
  const { REDIS_URL: url } = settings;
  if (url === undefined) return undefined;
  return {
    backend: new RedisCache({ url }),
    ttlSeconds: settings.CACHE_TTL_SECONDS ?? 60,
    failureThreshold: settings.CIRCUIT_BREAKER_FAILURE_THRESHOLD ?? 5,
    failureWindowSeconds: settings.CIRCUIT_BREAKER_WINDOW_SECONDS ?? 30,
    retryAfterSeconds: settings.CIRCUIT_BREAKER_TIMEOUT_SECONDS ?? 60,
  };
}

function ordersOf(settings: Settings): OrderSettings {
  const { ORDER_CREDIT_ENABLED: enabled, ORDER_CREDIT_FIXED_AMOUNT: fixedAmount } = settings;
  const { ORDER_CREDIT_PERCENTAGE: percentage, ORDER_CREDIT_MINIMUM: minimum } = settings;
  const { BILLING_CREDITS_PER_UNIT: billingCreditsPerUnit } = settings;
  return {
    ...(enabled !== undefined && { enabled }),
    ...(fixedAmount !== undefined && { fixedAmount }),
    ...(percentage !== undefined && { percentage }),
    ...(minimum !== undefined && { minimum }),
    ...(billingCreditsPerUnit !== undefined && { billingCreditsPerUnit }),
  };
}

function defaultsOf({
  TRIAL_CREDITS: trialCredits,
  LOW_BALANCE_THRESHOLD_PERCENT: percent,
}: Settings): AccountDefaults {
  return {
    ...(trialCredits !== undefined && { trialCredits }),
    ...(percent !== undefined && { lowCreditThreshold: `${percent}%` }),
  };
}

/** Undefined where the variable that names it could not be read. */
function databaseOf(
  settings: Settings,
  { logger }: { readonly logger?: LoggerLike | undefined },
  isNamed: boolean,
): DbManager<unknown> | undefined {
  const { CREDIT_MONGO_URI: uri, CREDIT_MONGO_DB: dbName, CREDIT_DATABASE_SCHEMA: schema } = settings;
  const { DATABASE_POOL_SIZE: size, DATABASE_MAX_OVERFLOW: more = 0 } = settings;
  const poolSize =
    settings.CREDIT_DATABASE_POOL_SIZE ?? (size === undefined ? undefined : Math.min(size + more, 9_999));
  const shared = { poolSize, prefix: settings.CREDIT_DATABASE_PREFIX };
  const url = settings.CREDIT_DATABASE_URL ?? (uri === undefined ? settings.DATABASE_URL : undefined);
  if (url !== undefined) return new SqlDbManager({ url, schema, ...shared }) as DbManager<unknown>;
  if (uri !== undefined) return new MongoDbManager({ uri, dbName, ...shared }) as DbManager<unknown>;
  if (isNamed) return undefined;
  const warning =
    'Neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set: credits are kept in memory and lost at exit';
  (logger ?? defaultLogger()).warn({}, warning);
  return new InMemoryDbManager() as DbManager<unknown>;
}
