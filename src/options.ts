/** The options of `createCreditManagement`, and their schema. */
import { z } from 'zod';
import type { TemporalLike } from './core/periods.js';
import type { MemorySession } from './db/memory/manager.js';
import { creditEventTypes } from './models/events.js';
import { type AccountDefaults, accountDefaultsSchema } from './models/inputs/credits.js';
import { packsSchema, pricingSchema, webUrlSchema } from './models/inputs/payments.js';
import { amountSchema, wholeDays } from './models/inputs/values.js';
import { strictObject } from './models/strict-object.js';
import type { CacheBackend } from './ports/cache.js';
import type { Clock } from './ports/clock.js';
import type { DbManager } from './ports/db-manager.js';
import type { EventSink } from './ports/event-sink.js';
import type { LedgerSink } from './ports/ledger-sink.js';
import type { LoggerLike } from './ports/logger.js';
import type { MessageSource } from './ports/message-source.js';
import type { MetricsRecorder } from './ports/metrics-recorder.js';
import type { NotificationQueue } from './ports/notification-queue.js';
import type { PaymentProvider } from './ports/payment-provider.js';
import type { Tracer } from './ports/tracer.js';

const count = (max: number) => z.number().int().min(1).max(max).optional();
/** A schema for a host's object that has these methods. */
const having = <T>(expected: string, ...methods: readonly string[]) =>
  z.custom<T>((value) => hasMethods(value, methods), { error: expected });
const cacheSchema = having<CacheBackend>('a CacheBackend: get, set and delete', 'get', 'set', 'delete');

const SINK_METHODS = ['append', 'ready', 'flush', 'read', 'identity', 'replace', 'health', 'watch', 'close'] as const;
const ledgerOptionsSchema = strictObject({
  /**
   * Takes the ledger's lines instead of a file: the host's own {@link LedgerSink}, or `new LedgerLogger({ filePath })`.
   * It belongs to this manager alone, whose `close()` closes it. Test it with `testLedgerSink` of
   * `credit-management/testing`.
   */
  sink: having<LedgerSink>(
    `a LedgerSink: ${SINK_METHODS.join(', ')}, such as new LedgerLogger({ filePath })`,
    ...SINK_METHODS,
  ).optional(),
  /**
   * The path of the ledger file, as a string or a file URL; without it there is no file. Its folder is created, and
   * nothing is opened before the first write.
   */
  filePath: z
    .custom<string | URL>((value) => (typeof value === 'string' && value !== '') || isFileUrl(value), {
      error: 'a path, or a URL that begins with file:',
    })
    .optional(),
  /** When the file is synced: before every answer, a second after a write (default), or when the system does. */
  fsync: z.enum(['always', 'interval', 'never']).optional(),
  /** While the file cannot be written, operations go on (`'degrade'`, default) or are refused (`'refuse'`). */
  fileFailure: z.enum(['degrade', 'refuse']).optional(),
  /**
   * The answer to a start where the database lacks entries of the file's last lines, because it was restored or a
   * lagging standby took over: health, log and `doctor` tell it (`'tell'`, default), or every call is refused with
   * `LEDGER_CORRUPT` (`'refuse'`).
   */
  olderDatabase: z.enum(['tell', 'refuse']).optional(),
  /** Whether business refusals leave an error entry, default true. */
  errors: z.boolean().optional(),
});
export interface LedgerOptions extends z.input<typeof ledgerOptionsSchema> {}

const paymentOptionsSchema = strictObject({
  /** The providers of payments; `manager.payments.registerProvider` adds more. */
  providers: z
    .array(
      having<PaymentProvider>('a PaymentProvider, such as stripeProvider({ … })', 'createPaymentLink', 'readWebhook'),
    )
    .readonly()
    .optional(),
  /** Credits for money, by currency; default `{ INR: { creditsPerUnit: 1 } }`. */
  pricing: pricingSchema.optional(),
  /** Packs by name, such as `{ starter: { price: { amount: 499, currency: 'INR' }, credits: 1000 } }`. */
  packs: packsSchema.optional(),
  /** The page that follows a payment, default `http://localhost:8000/api/payments/success`. */
  callbackUrl: webUrlSchema.optional(),
  /** Origins, besides that of `callbackUrl`, to which a call may send those who paid. */
  callbackOrigins: z.array(webUrlSchema).max(100).readonly().optional(),
  /** Days, 1–36,500, that messages and receipts are kept; what waits for something of ours stays. Default 90. */
  messageDays: wholeDays(1).optional(),
});
export interface PaymentOptions extends z.input<typeof paymentOptionsSchema> {}

const outboxSettingsSchema = strictObject({
  /** The number of refusals after which an event is `failed` and later events go on, default 10. */
  maxRefusals: count(1_000),
  /** The milliseconds for one delivery, default 30,000. A delivery that takes longer is repeated. */
  timeoutMs: count(600_000),
  /** The number of accounts whose events one sink gets at the same time, default 8. */
  concurrency: count(1_000),
});
export interface OutboxSettings extends z.input<typeof outboxSettingsSchema> {}

const cacheOptionsSchema = strictObject({
  /** The cache itself. */
  backend: cacheSchema,
  /** Seconds that a balance is kept, 1–604,800, default 300. */
  ttlSeconds: count(7 * 24 * 3600),
  /** The most milliseconds that the cache may delay a call, default 100. */
  timeoutMs: count(60_000),
  /** Failures within `failureWindowSeconds`, default 5, after which the cache is not asked for a while. */
  failureThreshold: count(1_000),
  /** Seconds, default 30. A single failure is followed by a pause of one second. */
  failureWindowSeconds: count(3_600),
  /** Seconds, default 60, for which the cache is not asked then; after it one call shows whether it works again. */
  retryAfterSeconds: count(3_600),
});
export interface CacheOptions extends z.input<typeof cacheOptionsSchema> {}

const orderOptionsSchema = strictObject({
  /** Whether paid orders earn credits; default true. */
  enabled: z.boolean().optional(),
  /** Credits of every order, whatever its total; default 10. */
  fixedAmount: amountSchema.optional(),
  /** Credits of one major unit of the total, such as 0.01, the default; rounded half up to 0.01 credit. */
  percentage: amountSchema.optional(),
  /** The fewest credits of an order; default 1. */
  minimum: amountSchema.optional(),
  /** Credits of one major unit of a payment that billing tells of; more than 0, default 1. */
  billingCreditsPerUnit: amountSchema.optional(),
});
export interface OrderSettings extends z.input<typeof orderOptionsSchema> {}

const accessOptionsSchema = strictObject({
  /** Seconds, 1–3,600, default 15: no status is answered from a cached value that is older. */
  ttlSeconds: count(3_600),
  /** The milliseconds that an answer may take, default 2,000. */
  timeoutMs: count(60_000),
  /**
   * The answer where neither cache nor database tells: `closed` is `disabled`, `open` is `enabled`, and `last-known` is
   * the last one of this process, else `disabled`. Default `closed`.
   */
  onUnavailable: z.enum(['closed', 'open', 'last-known']).optional(),
  /**
   * Whether each commit also writes `plugin_status:<user id>` into the cache, for readers in other languages; default
   * false. The key ends after `ttlSeconds`, and at the instant at which time alone changes the status.
   */
  publish: z.boolean().optional(),
});
export interface AccessSettings extends z.input<typeof accessOptionsSchema> {}

export const optionsSchema = strictObject({
  db: z
    .custom<DbManager<unknown>>(isDbManager, {
      error: ({ input }) => `a DbManager, such as new SqlDbManager({ pool }), not ${mistakenFor(input)}`,
    })
    .optional(),
  creditTypes: z
    .record(z.string().regex(/^(?!constructor$)[a-z][a-z0-9_]{0,31}$/), accountDefaultsSchema, {
      error: ({ code }) =>
        code === 'invalid_key' ? 'a name of the form [a-z][a-z0-9_]{0,31}, but not constructor' : undefined,
    })
    .optional(),
  /** The decimals of a credit, 0–6, default 6. The first use of a database fixes it. */
  creditScale: z.number().int().min(0).max(6).optional(),
  defaults: accountDefaultsSchema.optional(),
  /** The receivers of events. Each event is written once for each sink that wants its type. */
  sinks: z
    .array(
      z
        .custom<EventSink>(isSink, { error: 'a sink: publish(), and a name of the form [a-z][a-z0-9_-]{0,31}' })
        .refine(({ types }) => types === undefined || areTypes(types), {
          error: `types that are one or more of ${creditEventTypes.join(', ')}`,
          path: ['types'],
        }),
    )
    .refine((sinks) => new Set(sinks.map(({ name }) => name)).size === sinks.length, {
      error: 'a different name for each sink',
    })
    .readonly()
    .optional(),
  /** The brokers whose messages `manager.inbox` takes, once `start()` is called. */
  sources: z
    .array(z.custom<MessageSource>(isSource, { error: 'a source: start(), close(), and a name [a-z][a-z0-9_-]{0,31}' }))
    .refine((sources) => new Set(sources.map(({ name }) => name)).size === sources.length, {
      error: 'a different name for each source',
    })
    .readonly()
    .optional(),
  /** Takes notifications. If any process on the database has a queue, all processes write notifications. */
  queue: having<NotificationQueue>('a NotificationQueue: enqueue', 'enqueue').optional(),
  /** Whether a refused mutation also notifies its user; default false. */
  notifyErrors: z.boolean().optional(),
  /** How the relay delivers to sinks and queue. Nothing is delivered until a job or `start()` runs the relay. */
  outbox: outboxSettingsSchema.optional(),
  /** The ledger's mirror, with one JSON line for each entry, and whether refusals leave entries. */
  ledger: ledgerOptionsSchema
    .refine(({ sink, filePath }) => sink === undefined || filePath === undefined, {
      error: 'a file or a sink, not both',
      path: ['filePath'],
    })
    .refine(({ sink, fsync }) => sink === undefined || fsync === undefined, {
      error: 'no fsync beside a sink; set it on the sink itself',
      path: ['fsync'],
    })
    .optional(),
  /** Payments: their providers, prices and packs. */
  payments: paymentOptionsSchema.optional(),
  /** Balances are read from the cache, and every commit writes to it. Default TTL 300 s, timeout 100 ms. */
  cache: z
    .union([cacheSchema, cacheOptionsSchema], {
      error: 'a CacheBackend (get, set and delete), or { backend, ttlSeconds, timeoutMs }',
    })
    .optional(),
  /** The credits that paid orders of shops, and payments of billing, earn; see `manager.orders`. */
  orders: orderOptionsSchema.optional(),
  /** How `manager.access` answers. */
  access: accessOptionsSchema.optional(),
  /**
   * `'all'` adds an event for each deduction, expiry and step of a reservation. The setting is stored in the database,
   * for all processes.
   */
  events: z.enum(['standard', 'all']).optional(),
  /**
   * Whether events about credits that moved carry the metadata of their call; default false. Stored in the database,
   * for all processes.
   */
  eventMetadata: z.boolean().optional(),
  /**
   * The most per account, 1–10,000, default 1,000 each. All of them are part of the account's document. Stored in the
   * database, for all processes.
   */
  limits: strictObject({
    /** Open grants of one account. */
    openGrants: count(10_000),
    /** Active reservations of one account. */
    activeReservations: count(10_000),
    /**
     * Seconds, default 0, at most 7 days: for so long after its `occurredAt`, usage that is told late may draw on
     * grants that lapsed meanwhile.
     */
    lateUsageSeconds: z
      .number()
      .int()
      .min(0)
      .max(7 * 24 * 3600)
      .optional(),
  }).optional(),
  /** How long holds last. */
  reservations: strictObject({
    /** Seconds that a hold lasts if the call does not say, 1–604,800, default 900. */
    ttlSeconds: count(7 * 24 * 3600),
  }).optional(),
  /** The milliseconds that a call may take, default 10,000. */
  timeoutMs: count(3_600_000),
  /** The clock for decisions; the default is the database's time. */
  clock: having<Clock>('a Clock: now', 'now').optional(),
  /** For plans in a time zone: `Temporal` of `temporal-polyfill`, if the runtime has no `Temporal` of its own. */
  temporal: having<TemporalLike>('Temporal, as temporal-polyfill exports it', 'Instant').optional(),
  /** Makes ids of operations, default UUIDv7. No id may repeat, in any process. */
  ids: z.custom<() => string>((value) => typeof value === 'function', { error: 'a function' }).optional(),
  /** The logger for diagnostics; the default is pino with warnings and errors only. */
  logger: having<LoggerLike>('a logger: debug, info, warn and error', 'debug', 'info', 'warn', 'error').optional(),
  /** Gets counts and durations of everything that the manager does; `prometheusMetrics` makes one. Default none. */
  metrics: having<MetricsRecorder>(
    'a MetricsRecorder, as prometheusMetrics makes it',
    'counter',
    'histogram',
    'watch',
  ).optional(),
  /** Gets a span of everything that the manager does; `openTelemetryTracer` makes one. Default none. */
  tracer: having<Tracer>('a Tracer, as openTelemetryTracer makes it', 'start').optional(),
  /** The bounds of this process, such as waiting calls and remembered accounts. */
  pipeline: strictObject({
    /** Calls of this process that may wait; more are `CONTENTION`. Default 100,000. */
    maxWaiting: count(10_000_000),
    /** The same for one account. Default 10,000. */
    maxWaitingPerAccount: count(10_000_000),
    /** Accounts whose last state this process remembers. Default 10,000. */
    maxStates: count(10_000_000),
    /** Commits that are under way at once, 1–64. Default 3. */
    lanes: count(64),
    /** Operations in one commit. Default 512; in memory 64. */
    maxBatch: count(100_000),
  }).optional(),
});

export interface CreditManagementOptions<S = MemorySession, U extends string = never>
  extends Omit<z.input<typeof optionsSchema>, 'db' | 'creditTypes' | 'defaults'> {
  /** The database that keeps everything; without it everything is in memory. */
  db?: DbManager<S> | undefined;
  /**
   * Trial grant, overdraft limit and low-credit threshold of accounts without options of their own. Stored in the
   * database, for all processes.
   */
  defaults?: AccountDefaults | undefined;
  /**
   * Further credit types beside `credits`, with their defaults. Names match `[a-z][a-z0-9_]{0,31}`, and none is
   * `constructor`. Stored in the database, for all processes.
   */
  creditTypes?: Readonly<Record<U, AccountDefaults>> | undefined;
}

function isFileUrl(value: unknown): boolean {
  return value instanceof URL && value.protocol === 'file:';
}

/** Whether the value is a cache itself, and not an object with a `backend`. */
export function isCache(value: unknown): value is CacheBackend {
  return cacheSchema.safeParse(value).success;
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  const held = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((name) => typeof held?.[name] === 'function');
}

function areTypes(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((type) => creditEventTypes.includes(type));
}

export function isDbManager(value: unknown): boolean {
  return hasMethods(value, ['init', 'getMany', 'find', 'count', 'commit', 'ping', 'close']);
}

/** The words for what was given as the database. */
function mistakenFor(value: unknown): string {
  if (typeof value === 'string') return 'a text; a URL goes into new SqlDbManager({ url })';
  const has = (...names: string[]) => names.some((name) => typeof value === 'object' && value && name in value);
  if (has('credits')) return 'a manager, whose database is manager.db';
  if (has('url', 'pool', 'kysely', 'pglite')) return 'options of new SqlDbManager({ … })';
  if (has('uri', 'dbName')) return 'options of new MongoDbManager({ … })';
  return 'a pool or a client alone';
}

function isSink(value: unknown): boolean {
  return isNamedPart(value) && hasMethods(value, ['publish']);
}

function isSource(value: unknown): boolean {
  return isNamedPart(value) && hasMethods(value, ['start', 'close']);
}

function isNamedPart(value: unknown): boolean {
  const name = (value as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(name);
}
