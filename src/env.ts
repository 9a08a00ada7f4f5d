/** Makes a manager from environment variables. */
import { createCreditManagement } from './credit-management.js';
import { InMemoryDbManager } from './db/memory/manager.js';
import { MongoDbManager } from './db/mongodb/manager.js';
import { SqlDbManager } from './db/sql/manager.js';
import { creditError } from './errors.js';
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

/** Environment variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes a manager on the database that the environment names:
 *
 * - `CREDIT_DATABASE_URL`: `postgres://…` or `postgresql://…`. The package `pg` must be installed.
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
 * @throws CONFIGURATION; the message says what to set.
 * @example
 * const manager = createCreditManagementFromEnv();
 */
export function createCreditManagementFromEnv<const U extends string = never>(
  options: Omit<CreditManagementOptions<unknown, U>, 'db'> & { db?: undefined } = {},
  env: Environment = process.env,
): CreditManagement<unknown, U> {
  if ((options as { db?: unknown }).db !== undefined) {
    throw problem('the option db is not allowed here; give it to createCreditManagement');
  }
  const { filePath = options.ledger?.sink ? undefined : read(env, 'CREDIT_LEDGER_FILE') } = options.ledger ?? {};
  const ledger = filePath === undefined ? options.ledger : { ...options.ledger, filePath };
  const [natsSinks, natsSources] = natsOf(env, options);
  const sinks = [...(options.sinks ?? []), ...webhooksOf(env), ...natsSinks];
  const sources = [...(options.sources ?? []), ...natsSources];
  const payments = { ...options.payments, callbackUrl: options.payments?.callbackUrl ?? callbackUrlOf(env) };
  const manager = createCreditManagement<DbManager<unknown>, U>({
    ...{ ...options, ledger, sinks, sources, payments, cache: options.cache ?? cacheOf(env) },
    access: { ttlSeconds: whole(env, 'PLUGIN_STATUS_CACHE_TTL', 15, 3_600), ...options.access },
    defaults: { ...defaultsOf(env), ...options.defaults },
    orders: { ...ordersOf(env), ...options.orders },
    db: databaseOf(env, options),
  });
  setupRazorpayProvider(manager, {}, env);
  setupStripeProvider(manager, {}, env);
  return manager;
}

function callbackUrlOf(env: Environment): string | undefined {
  const base = env.APP_BASE_URL || undefined;
  return env.FRONTEND_PAYMENT_SUCCESS_URL || (base && `${base.replace(/\/+$/, '')}/api/payments/success`);
}

function webhooksOf(env: Environment): EventSink[] {
  const url = read(env, 'CREDIT_WEBHOOK_URL');
  if (url === undefined) return [];
  const secret = read(env, 'CREDIT_WEBHOOK_SECRET');
  if (secret === undefined) throw problem('CREDIT_WEBHOOK_URL is set and CREDIT_WEBHOOK_SECRET is not');
  return [webhookSink({ name: 'webhook', url, secret })];
}

function natsOf(
  env: Environment,
  { logger }: { readonly logger?: LoggerLike | undefined },
): [readonly EventSink[], readonly MessageSource[]] {
  const url = read(env, 'NATS_URL');
  if (url === undefined) return [[], []];
  // The URL may hold a password, so no message may contain it.
  if (!url.split(',').every((one) => /^(nats|tls):\/\//.test(one))) {
    throw problem('NATS_URL is no URL that begins with nats:// or tls://, nor several, with commas between them');
  }
  const createStreams = flag(env, 'CREDIT_NATS_CREATE_STREAMS');
  const [user, password] = [read(env, 'NATS_USER'), read(env, 'NATS_PASSWORD')];
  const place = { url, user, password, createStreams, logger };
  return [[natsSink(place)], flag(env, 'CREDIT_NATS_CONSUME') ? [natsSource(place)] : []];
}

function cacheOf(env: Environment): CacheOptions | undefined {
  const url = read(env, 'REDIS_URL');
  if (url === undefined) return undefined;
  // The URL may hold a password, so no message may contain it.
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    throw problem('REDIS_URL is no URL that begins with redis:// or rediss://');
  }
  return {
    backend: new RedisCache({ url }),
    ttlSeconds: whole(env, 'CACHE_TTL_SECONDS', 60, 604_800),
    failureThreshold: whole(env, 'CIRCUIT_BREAKER_FAILURE_THRESHOLD', 5, 1_000),
    failureWindowSeconds: whole(env, 'CIRCUIT_BREAKER_WINDOW_SECONDS', 30, 3_600),
    retryAfterSeconds: whole(env, 'CIRCUIT_BREAKER_TIMEOUT_SECONDS', 60, 3_600),
  };
}

function ordersOf(env: Environment): OrderSettings {
  const enabled = flag(env, 'ORDER_CREDIT_ENABLED');
  const fixedAmount = read(env, 'ORDER_CREDIT_FIXED_AMOUNT');
  const percentage = read(env, 'ORDER_CREDIT_PERCENTAGE');
  const minimum = read(env, 'ORDER_CREDIT_MINIMUM');
  const billingCreditsPerUnit = read(env, 'BILLING_CREDITS_PER_UNIT');
  return {
    ...(enabled !== undefined && { enabled }),
    ...(fixedAmount !== undefined && { fixedAmount }),
    ...(percentage !== undefined && { percentage }),
    ...(minimum !== undefined && { minimum }),
    ...(billingCreditsPerUnit !== undefined && { billingCreditsPerUnit }),
  };
}

function defaultsOf(env: Environment): AccountDefaults {
  const trialCredits = read(env, 'TRIAL_CREDITS');
  const percent = read(env, 'LOW_BALANCE_THRESHOLD_PERCENT');
  if (trialCredits !== undefined && !/^\d{1,12}(\.\d{1,6})?$/.test(trialCredits)) {
    throw problem('TRIAL_CREDITS is no amount of credits');
  }
  if (percent !== undefined && !/^([1-9]\d?|100)$/.test(percent)) {
    throw problem('LOW_BALANCE_THRESHOLD_PERCENT is not a whole number from 1 to 100');
  }
  return {
    ...(trialCredits !== undefined && { trialCredits }),
    ...(percent !== undefined && { lowCreditThreshold: `${Number(percent)}%` }),
  };
}

function flag(env: Environment, name: string): boolean | undefined {
  const text = read(env, name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw problem(`${name} is neither true nor false`);
  return text === 'true';
}

function whole(env: Environment, name: string, usual: number, max: number): number {
  const text = read(env, name);
  if (text === undefined) return usual;
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) <= max) return Number(text);
  throw problem(`${name} is not a whole number from 1 to ${max}`);
}

function databaseOf(env: Environment, { logger }: { logger?: CreditManagementOptions['logger'] }): DbManager<unknown> {
  const url = read(env, 'CREDIT_DATABASE_URL');
  const uri = read(env, 'CREDIT_MONGO_URI');
  if (url !== undefined && uri !== undefined) {
    throw problem('CREDIT_DATABASE_URL and CREDIT_MONGO_URI are both set; credits live in one database');
  }
  if (url !== undefined) return sqlOf(url, env) as DbManager<unknown>;
  if (uri !== undefined) return mongoOf(uri, env) as DbManager<unknown>;
  if (read(env, 'NODE_ENV') === 'production' && read(env, 'CREDIT_ALLOW_MEMORY') !== '1') {
    const unset = 'neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set';
    throw problem(`${unset}; credits in memory are lost with the process (CREDIT_ALLOW_MEMORY=1 allows it)`);
  }
  const warning =
    'Neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set: credits are kept in memory and lost at exit';
  (logger ?? defaultLogger()).warn({}, warning);
  return new InMemoryDbManager() as DbManager<unknown>;
}

function sqlOf(url: string, env: Environment): SqlDbManager {
  // The URL holds a password, so no message may contain it.
  if (!/^postgres(ql)?:\/\//.test(url)) throw problem('CREDIT_DATABASE_URL does not begin with postgres://');
  return new SqlDbManager({ url, schema: read(env, 'CREDIT_DATABASE_SCHEMA'), ...shared(env) });
}

function mongoOf(uri: string, env: Environment): MongoDbManager {
  if (!/^mongodb(\+srv)?:\/\//.test(uri)) throw problem('CREDIT_MONGO_URI does not begin with mongodb://');
  return new MongoDbManager({ uri, dbName: read(env, 'CREDIT_MONGO_DB'), ...shared(env) });
}

function shared(env: Environment): { poolSize: number | undefined; prefix: string | undefined } {
  const poolSize = read(env, 'CREDIT_DATABASE_POOL_SIZE');
  if (poolSize !== undefined && !/^[1-9]\d{0,3}$/.test(poolSize)) {
    throw problem('CREDIT_DATABASE_POOL_SIZE is not a whole number from 1 to 9999');
  }
  return {
    poolSize: poolSize === undefined ? undefined : Number(poolSize),
    prefix: read(env, 'CREDIT_DATABASE_PREFIX'),
  };
}

/** The value of a variable. An empty variable counts as not set. */
function read(env: Environment, name: string): string | undefined {
  return env[name] || undefined;
}

function problem(what: string) {
  return creditError('CONFIGURATION', `createCreditManagementFromEnv: ${what}.`, { problems: [what] });
}
