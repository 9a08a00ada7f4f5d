/** The options of `createCreditManagement`, and their schema. */
import { z } from 'zod';
import type { TemporalLike } from './core/periods.js';
import type { MemorySession } from './db/memory/manager.js';
import { type AccountDefaults, accountDefaultsSchema } from './models/inputs/credits.js';
import { strictObject } from './models/strict-object.js';
import type { CacheBackend } from './ports/cache.js';
import type { Clock } from './ports/clock.js';
import type { DbManager } from './ports/db-manager.js';
import type { EventSink } from './ports/event-sink.js';
import type { LedgerSink } from './ports/ledger-sink.js';
import type { LoggerLike } from './ports/logger.js';
import type { NotificationQueue } from './ports/notification-queue.js';

const count = (max: number) => z.number().int().min(1).max(max).optional();
/** Something of the host's own that has these methods. */
const having = <T>(expected: string, ...methods: readonly string[]) =>
  z.custom<T>((value) => hasMethods(value, methods), { error: expected });
const cacheSchema = having<CacheBackend>('a CacheBackend: get, set and delete', 'get', 'set', 'delete');

const SINK_METHODS = ['append', 'ready', 'flush', 'read', 'identity', 'replace', 'health', 'watch', 'close'] as const;
const ledgerOptionsSchema = strictObject({
  /**
   * Takes the lines in place of a file: a {@link LedgerSink} of the host's own, or `new LedgerLogger({ filePath })`. It
   * belongs to this manager alone, whose `close()` ends it. Run `testLedgerSink` of `credit-management/testing` on it.
   */
  sink: having<LedgerSink>(
    `a LedgerSink: ${SINK_METHODS.join(', ')}, such as new LedgerLogger({ filePath })`,
    ...SINK_METHODS,
  ).optional(),
  /** Path or file URL; no file without it. Its folder is made, and nothing is opened before the first write. */
  filePath: z
    .custom<string | URL>((value) => (typeof value === 'string' && value !== '') || isFileUrl(value), {
      error: 'a path, or a URL that begins with file:',
    })
    .optional(),
  /** When the file is synced: before every answer, a second after a write (default), or when the system does. */
  fsync: z.enum(['always', 'interval', 'never']).optional(),
  /** Operations go on while the file cannot be written (`'degrade'`, default), or are refused (`'refuse'`). */
  fileFailure: z.enum(['degrade', 'refuse']).optional(),
  /** Whether business refusals leave an error entry; they fence in any case. */
  errors: z.boolean().optional(),
});
export interface LedgerOptions extends z.input<typeof ledgerOptionsSchema> {}

const outboxSettingsSchema = strictObject({
  /** Refusals of one event after which it is `failed` and later ones go on, default 10. */
  maxRefusals: count(1_000),
  /** Milliseconds for one delivery, default 30,000; what takes longer is delivered again. */
  timeoutMs: count(600_000),
  /** Accounts that one sink is served for at once, default 8. */
  concurrency: count(1_000),
});
export interface OutboxSettings extends z.input<typeof outboxSettingsSchema> {}

const cacheOptionsSchema = strictObject({
  backend: cacheSchema,
  ttlSeconds: count(7 * 24 * 3600),
  /** Milliseconds that a cache may delay a call by. */
  timeoutMs: count(60_000),
});
export interface CacheOptions extends z.input<typeof cacheOptionsSchema> {}

export const optionsSchema = strictObject({
  db: having<DbManager<unknown>>(
    'a DbManager, such as new SqlDbManager({ pool }); a pool or a client goes into one',
    ...['init', 'getMany', 'find', 'count', 'commit', 'ping', 'close'],
  ).optional(),
  creditTypes: z
    .record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), accountDefaultsSchema, {
      error: ({ code }) => (code === 'invalid_key' ? 'a name of the form [a-z][a-z0-9_]{0,31}' : undefined),
    })
    .optional(),
  /** Decimals of a credit, 0–6, default 6; fixed when a database is first used. */
  creditScale: z.number().int().min(0).max(6).optional(),
  /** Trial grant, overdraft limit and low-credit threshold of accounts that say nothing themselves. */
  defaults: accountDefaultsSchema.optional(),
  /** Where outbox events go; each gets a row for every event. */
  sinks: z
    .array(z.custom<EventSink>(isSink, { error: 'a sink: publish(), and a name of the form [a-z][a-z0-9_-]{0,31}' }))
    .refine((sinks) => new Set(sinks.map(({ name }) => name)).size === sinks.length, { error: 'a name for each sink' })
    .readonly()
    .optional(),
  /** Takes notifications. Where any process of the database has one, the others write for it. */
  queue: having<NotificationQueue>('a NotificationQueue: enqueue', 'enqueue').optional(),
  /** Whether a refused mutation also notifies its user; default false. */
  notifyErrors: z.boolean().optional(),
  /** How the relay delivers to sinks and queue. Nothing is delivered before somebody runs it. */
  outbox: outboxSettingsSchema.optional(),
  /** The ledger's mirror, a JSON line an entry, and whether refusals are entries (default true). */
  ledger: ledgerOptionsSchema
    .refine(({ sink, filePath }) => sink === undefined || filePath === undefined, {
      error: 'a file or a sink, not both',
      path: ['filePath'],
    })
    .refine(({ sink, fsync }) => sink === undefined || fsync === undefined, {
      error: 'not with a sink, which syncs as it was made to',
      path: ['fsync'],
    })
    .optional(),
  /** Balances are read from it; every commit writes through. Default TTL 300 s, timeout 100 ms. */
  cache: z
    .union([cacheSchema, cacheOptionsSchema], {
      error: 'a CacheBackend (get, set and delete), or { backend, ttlSeconds, timeoutMs }',
    })
    .optional(),
  /** `'all'`: also one event per deduction and expiry. A setting of the database. */
  events: z.enum(['standard', 'all']).optional(),
  /** Per account, 1–10,000, default 1,000 each. Every one of them is part of the account's document. */
  limits: strictObject({ openGrants: count(10_000), activeReservations: count(10_000) }).optional(),
  reservations: strictObject({ ttlSeconds: count(7 * 24 * 3600) }).optional(),
  /** Milliseconds a call may take, default 10,000. */
  timeoutMs: count(3_600_000),
  /** Default: the database's time. */
  clock: having<Clock>('a Clock: now', 'now').optional(),
  /** For plans in a time zone: `Temporal` of `temporal-polyfill`, where the runtime has none of its own. */
  temporal: having<TemporalLike>('Temporal, as temporal-polyfill exports it', 'Instant').optional(),
  /** Ids of operations; default UUIDv7. Must never repeat, over all processes. */
  ids: z.custom<() => string>((value) => typeof value === 'function', { error: 'a function' }).optional(),
  /** Default: pino, warnings and errors only. */
  logger: having<LoggerLike>('a logger: debug, info, warn and error', 'debug', 'info', 'warn', 'error').optional(),
  /** Bounds of this process: waiting calls and remembered accounts. */
  pipeline: strictObject({
    maxWaiting: count(10_000_000),
    maxWaitingPerAccount: count(10_000_000),
    maxStates: count(10_000_000),
    lanes: count(64),
    maxBatch: count(100_000),
  }).optional(),
});

export interface CreditManagementOptions<S = MemorySession, U extends string = never>
  extends Omit<z.input<typeof optionsSchema>, 'db' | 'creditTypes'> {
  /** Where everything is kept; in memory when absent. */
  db?: DbManager<S> | undefined;
  /** Further credit types beside `credits`, with their defaults. Names match `[a-z][a-z0-9_]{0,31}`. */
  creditTypes?: Readonly<Record<U, AccountDefaults>> | undefined;
}

function isFileUrl(value: unknown): boolean {
  return value instanceof URL && value.protocol === 'file:';
}

/** Whether it is a cache itself, not an object that names one. */
export function isCache(value: unknown): value is CacheBackend {
  return cacheSchema.safeParse(value).success;
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  const held = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((name) => typeof held?.[name] === 'function');
}

function isSink(value: unknown): boolean {
  const sink = value as EventSink | null;
  return (
    typeof sink?.name === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(sink.name) && typeof sink.publish === 'function'
  );
}
