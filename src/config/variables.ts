/** Every environment variable, as one schema. README.md's table and `credit-management config` are made from it. */
import { z } from 'zod';

/** The function or program that reads a variable. Each reads those of the ones before it, too. */
export type VariablePart = 'manager' | 'api' | 'service';

/** The words about a variable. */
export interface VariableNotes {
  readonly part: VariablePart;
  /** The value where it is not set, in words. */
  readonly usual: string;
  readonly values: string;
  readonly meaning: string;
  /** Whether nobody may see its value. */
  readonly isSecret?: true;
}

const text = z.string();
const flag = z.enum(['true', 'false'], { error: 'is neither true nor false' }).transform((value) => value === 'true');
const one = z.literal('1', { error: 'is not 1' }).transform(() => true as const);

function whole(max: number) {
  const error = `is not a whole number from 1 to ${max}`;
  return text
    .regex(/^[1-9]\d{0,6}$/, { error, abort: true })
    .transform(Number)
    .pipe(z.number().max(max, { error }));
}

/** A message never shows the value, which may hold a password. */
function url(error: string, ...schemes: readonly string[]) {
  return text.refine((value) => schemes.some((scheme) => value.startsWith(`${scheme}://`)), { error });
}

const page = text.refine((value) => /^https?:\/\//.test(value) && URL.canParse(value), {
  error: 'is no URL that begins with http:// or https://',
});
const port = text
  .regex(/^\d{1,5}$/, { error: 'is not a whole number from 0 to 65535', abort: true })
  .transform(Number)
  .pipe(z.number().max(65_535, { error: 'is not a whole number from 0 to 65535' }));
/** SQLAlchemy's `+driver` after the name of the database means nothing here. */
const postgres = text
  .transform((value) => value.replace(/^(postgres(?:ql)?)\+\w+:/, '$1:'))
  .pipe(url('does not begin with postgres://', 'postgres', 'postgresql'));

const of = (part: VariablePart) => {
  const noted =
    (isSecret: boolean) =>
    <T>(schema: z.ZodType<T, string>, usual: string, values: string, meaning: string) =>
      schema.optional().meta({ part, usual, values, meaning, ...(isSecret && { isSecret }) });
  return { said: noted(false), secret: noted(true) };
};
const manager = of('manager');
const api = of('api');
const service = of('service');

const NATS = 'is no URL that begins with nats:// or tls://, nor several, with commas between them';
const REDIS = 'is no URL that begins with redis:// or rediss://';
const amount = (least: string) =>
  text.regex(new RegExp(`^${least}\\d{1,12}(\\.\\d{1,6})?$`), { error: 'is no amount of credits' });
const some = amount('(?=.*[1-9])');
const none = amount('');
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const level = text
  .toLowerCase()
  .transform((value) => (value === 'warning' ? 'warn' : value === 'critical' ? 'error' : value))
  .pipe(z.enum(LEVELS, { error: 'is none of debug, info, warn, error' }));

const share = text.regex(/^\d{1,6}(\.\d{1,6})?$/, { error: 'is no decimal from 0' });
const tokens = text.refine((value) => value.split(',').every((key) => /^\s*[0-9a-f]{64}\s*$/i.test(key)), {
  error: 'is not the SHA-256 of a token in hex, nor several with commas between them',
});

export const environmentSchema = z.object({
  CREDIT_DATABASE_URL: manager.secret(postgres, 'none', '`postgres://…`, `postgresql://…`', 'the PostgreSQL'),
  DATABASE_URL: manager.secret(postgres, 'none', 'the same', 'the PostgreSQL, where neither it nor a MongoDB is named'),
  CREDIT_DATABASE_SCHEMA: manager.said(
    text,
    "the one of the connection's `search_path` that has the tables already, else the first one",
    'the name of a schema that exists',
    'where the tables are',
  ),
  CREDIT_DATABASE_PREFIX: manager.said(
    text,
    '`credit_`',
    '`[a-z_][a-z0-9_]*`, at most 40 characters',
    'how the names of tables or collections begin',
  ),
  CREDIT_DATABASE_POOL_SIZE: manager.said(whole(9_999), "10; MongoDB: the driver's", '1–9,999', 'connections at most'),
  DATABASE_POOL_SIZE: manager.said(whole(9_999), 'none', '1–9,999', 'the same, where it is not set'),
  DATABASE_MAX_OVERFLOW: manager.said(whole(9_999), 'none', '1–9,999', 'connections beyond `DATABASE_POOL_SIZE`'),
  CREDIT_MONGO_URI: manager.secret(
    url('does not begin with mongodb://', 'mongodb', 'mongodb+srv'),
    'none',
    '`mongodb://…`, `mongodb+srv://…`',
    'the MongoDB; both databases at once are refused',
  ),
  CREDIT_MONGO_DB: manager.said(text, '`credit_management`', 'the name of a database', 'where the collections are'),
  CREDIT_LEDGER_FILE: manager.said(
    text,
    'no file',
    'a path',
    'the ledger file, unless `ledger` has a `filePath` or a `sink`',
  ),
  REDIS_URL: manager.secret(
    url(REDIS, 'redis', 'rediss').refine((value) => URL.canParse(value), { error: REDIS }),
    'no cache',
    '`redis://…`, `rediss://…`',
    'a cache of balances in Redis, unless `cache` is given',
  ),
  CACHE_TTL_SECONDS: manager.said(
    whole(604_800),
    '60',
    '1–604,800',
    'with `REDIS_URL`: seconds that a balance is kept',
  ),
  NATS_URL: manager.secret(
    text.refine((value) => value.split(',').every((each) => /^(nats|tls):\/\//.test(each)), { error: NATS }),
    'none',
    '`nats://…`, `tls://…`, several with commas between them',
    'a sink named `nats`, which publishes events to JetStream',
  ),
  NATS_USER: manager.said(text, 'none', 'a text', 'with `NATS_URL`: the user'),
  NATS_PASSWORD: manager.secret(text, 'none', 'a text', 'with `NATS_URL`: the password'),
  CREDIT_NATS_CREATE_STREAMS: manager.said(
    flag,
    'false',
    'true, false',
    'with `NATS_URL`: whether streams are made where none takes the subjects',
  ),
  CREDIT_NATS_CONSUME: manager.said(
    flag,
    'false',
    'true, false',
    'with `NATS_URL`: whether `start()` also takes messages from JetStream',
  ),
  ORDER_CREDIT_ENABLED: manager.said(flag, 'true', 'true, false', '`orders.enabled`'),
  ORDER_CREDIT_FIXED_AMOUNT: manager.said(none, '10', 'credits', '`orders.fixedAmount`'),
  ORDER_CREDIT_PERCENTAGE: manager.said(share, '0.01', 'from 0', '`orders.percentage`'),
  ORDER_CREDIT_MINIMUM: manager.said(none, '1', 'credits', '`orders.minimum`'),
  BILLING_CREDITS_PER_UNIT: manager.said(some, '1', 'credits', '`orders.billingCreditsPerUnit`'),
  PLUGIN_STATUS_CACHE_TTL: manager.said(
    whole(3_600),
    '15',
    '1–3,600',
    '`access.ttlSeconds`: the greatest age of a cached value that a status is answered from',
  ),
  TRIAL_CREDITS: manager.said(
    none,
    'none',
    'credits',
    "the trial grant of an account's first write, unless `defaults` has one",
  ),
  LOW_BALANCE_THRESHOLD_PERCENT: manager.said(
    text.regex(/^([1-9]\d?|100)$/, { error: 'is not a whole number from 1 to 100' }).transform(Number),
    'none',
    '1–100',
    'the low-credit threshold, unless `defaults` has one',
  ),
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: manager.said(
    whole(1_000),
    '5',
    '1–1,000',
    'with `REDIS_URL`: failures after which Redis is not asked for a while',
  ),
  CIRCUIT_BREAKER_WINDOW_SECONDS: manager.said(whole(3_600), '30', '1–3,600', 'the seconds within which they count'),
  CIRCUIT_BREAKER_TIMEOUT_SECONDS: manager.said(
    whole(3_600),
    '60',
    '1–3,600',
    'seconds until one call shows whether Redis works again',
  ),
  CREDIT_WEBHOOK_URL: manager.secret(
    text,
    'none',
    '`https://…`; `http://…` to this machine only',
    'one more sink, named `webhook`',
  ),
  CREDIT_WEBHOOK_SECRET: manager.secret(
    text,
    'needed with the URL',
    '`whsec_` and 24 to 64 bytes as base64',
    'signs what the webhook is sent',
  ),
  RAZORPAY_KEY_ID: manager.said(text, 'none', '`rzp_live_…`, `rzp_test_…`', 'registers Razorpay; needs the two below'),
  RAZORPAY_KEY_SECRET: manager.secret(text, 'needed with the key', 'a text', 'its secret'),
  RAZORPAY_WEBHOOK_SECRET: manager.secret(
    text,
    'needed with the key',
    'at least 16 characters; several separated by commas',
    'verifies webhooks of Razorpay',
  ),
  STRIPE_SECRET_KEY: manager.secret(text, 'none', '`sk_…`, `rk_…`', 'registers Stripe; needs the one below'),
  STRIPE_WEBHOOK_SECRET: manager.secret(
    text,
    'needed with the key',
    '`whsec_…`; several separated by commas',
    'verifies webhooks of Stripe',
  ),
  APP_BASE_URL: manager.said(
    page,
    '`http://localhost:8000`',
    'a URL',
    'the page that follows a payment is `/api/payments/success` below it',
  ),
  FRONTEND_PAYMENT_SUCCESS_URL: manager.said(page, 'none', 'a URL', 'that page, instead'),
  RAZERPAY_TEST_KEY: manager.secret(
    text,
    'none',
    'none',
    'refused: the misspelt name of an older library; the message tells the right one',
  ),
  RAZERPAY_TEST_SECRET: manager.secret(text, 'none', 'none', 'the same'),
  CREDIT_API_ADMIN_TOKENS: api.secret(
    tokens,
    'none',
    'SHA-256 in hex, separated by commas',
    'the bearer tokens of administrators, for `createCreditsApiFromEnv`',
  ),
  CREDIT_API_JWKS_URL: api.said(
    text,
    'none',
    '`https://…`',
    'the keys of the provider whose JSON Web Tokens tell the users',
  ),
  CREDIT_API_JWT_ISSUER: api.said(text, 'needed with the URL', 'a text', 'the claim `iss` of its tokens'),
  CREDIT_API_JWT_AUDIENCE: api.said(text, 'needed with the URL', 'a text', 'the claim `aud` of its tokens'),
  CREDIT_API_JWT_ALGORITHMS: api.said(
    text,
    '`RS256`',
    'names with public keys, separated by commas',
    'the algorithms that are accepted',
  ),
  CREDIT_ALLOW_MEMORY: manager.said(text, 'not set', '`1`', 'lets `NODE_ENV=production` run without a database'),
  NODE_ENV: manager.said(text, 'not set', '`production`', 'refuses to keep credits in memory'),
  CREDIT_DANGEROUSLY_OPEN: service.said(
    one,
    'not set',
    '`1`',
    'the service asks nobody who they are: everybody may do everything, on this machine unless `SERVICE_HOST` is set',
  ),
  SERVICE_HOST: service.said(text, '`0.0.0.0`', 'an address', 'the address at which the service listens'),
  SERVICE_PORT: service.said(port, '8015', '0–65,535; 0 takes a free one', 'the port of the service'),
  SERVICE_NAME: service.said(
    text.regex(/^[\x21-\x7e]{1,100}$/, { error: 'is not 1 to 100 ASCII characters without spaces' }),
    '`credit-service`',
    '1–100 characters',
    'the name in `X-Service-Name` and in the logs',
  ),
  LOG_LEVEL: service.said(level, 'info', 'debug, info, warn, error', 'the least level that is logged'),
  DEBUG: service.said(flag, 'false', 'true, false', '`LOG_LEVEL=debug`, where that is not set'),
  ENABLE_METRICS: service.said(
    flag,
    'true',
    'true, false',
    'whether there is `/metrics`; needs the package `prom-client`',
  ),
  PROMETHEUS_PORT: service.said(
    port,
    'none',
    '0–65,535; 0 takes a free one',
    'a port for `/metrics` by itself, where nobody is asked who they are; without it `/metrics` is for administrators',
  ),
  PLUGIN_RATE_LIMIT_PER_MERCHANT: service.said(
    whole(1_000_000),
    '100',
    '1–1,000,000',
    'requests to the merchant API about one merchant, within the seconds below',
  ),
  RATE_LIMIT_WINDOW_SECONDS: service.said(whole(86_400), '60', '1–86,400', 'the seconds of that limit'),
});

/** The values of all variables; one that is not set, or wrong, is undefined. */
export type Settings = z.output<typeof environmentSchema>;
export type VariableName = keyof Settings;

export const variableNames = Object.keys(environmentSchema.shape) as readonly VariableName[];

/** The words about a variable. */
export function notesOf(name: VariableName): VariableNotes {
  return environmentSchema.shape[name].meta() as unknown as VariableNotes;
}
