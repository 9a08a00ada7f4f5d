/** Checks the options of a manager, and adds the default of each one that was left out. */
import type { TemporalLike } from './core/periods.js';
import { InMemoryDbManager } from './db/memory/manager.js';
import { creditError } from './errors.js';
import { LedgerLogger } from './ledger/ledger-file.js';
import type { AccountDefaults } from './models/inputs/credits.js';
import type { StatedDefaults } from './models/system.js';
import {
  type AccessSettings,
  type CacheOptions,
  type CreditManagementOptions,
  isCache,
  isDbManager,
  type LedgerOptions,
  optionsSchema,
} from './options.js';
import type { CacheBackend } from './ports/cache.js';
import type { DbManager } from './ports/db-manager.js';
import type { LedgerSink } from './ports/ledger-sink.js';
import { parseDefaults } from './services/input/account-options.js';
import { definedFields } from './services/input/given-fields.js';
import { parse } from './services/input/parse.js';
import { defaultLogger } from './services/manager/default-logger.js';
import { checkedIds, uuidv7Source } from './services/manager/ids.js';
import { orderRules, type ParsedOrderRules } from './services/payments/orders.js';
import { Prices } from './services/payments/pricing.js';

/** @throws CONFIGURATION for a wrong option; it names the field. */
export function resolveOptions<S, U extends string>(given: CreditManagementOptions<S, U>) {
  const { options, creditScale, creditTypes, prices, orders } = parsedOptions(given);
  const db = options.db ?? (new InMemoryDbManager() as unknown as DbManager<S>);
  const { maxRefusals = 10, timeoutMs: deliveryMs = 30_000, concurrency = 8 } = options.outbox ?? {};
  const { events, eventMetadata, pipeline = {} } = options;
  return {
    db,
    creditScale,
    stated: { events, eventMetadata, limits: definedFields(options.limits ?? {}), creditTypes },
    sinks: options.sinks ?? [],
    sources: options.sources ?? [],
    queue: options.queue ?? null,
    notifyErrors: options.notifyErrors ?? false,
    outbox: { maxRefusals, timeoutMs: deliveryMs, concurrency },
    ledger: ledgerOf(options.ledger ?? {}),
    payments: {
      providers: options.payments?.providers ?? [],
      prices,
      messageDays: options.payments?.messageDays ?? 90,
      orders,
    },
    cache: options.cache ? cacheOf(options.cache) : null,
    access: accessOf(options.access ?? {}),
    ttlSeconds: options.reservations?.ttlSeconds ?? 900,
    timeoutMs: options.timeoutMs ?? 10_000,
    clock: options.clock,
    temporal: options.temporal ?? (globalThis as { Temporal?: TemporalLike }).Temporal ?? null,
    ids: options.ids ? checkedIds(options.ids) : uuidv7Source(),
    hasOwnIds: options.ids !== undefined,
    logger: options.logger ?? defaultLogger(),
    metrics: options.metrics ?? null,
    tracer: options.tracer ?? null,
    pipeline: {
      waitingMax: pipeline.maxWaiting ?? 100_000,
      waitingPerAccountMax: pipeline.maxWaitingPerAccount ?? 10_000,
      statesMax: pipeline.maxStates ?? 10_000,
      lanes: pipeline.lanes ?? 3,
      batchMax: pipeline.maxBatch ?? db.limits?.operationsPerCommit ?? 512,
    },
  };
}

export type ResolvedOptions<S> = ReturnType<typeof resolveOptions<S, never>>;

interface ParsedOptions<S> {
  readonly options: CreditManagementOptions<S>;
  readonly creditScale: number;
  /** The declared credit types, with what is stated of each. */
  readonly creditTypes: Readonly<Record<string, StatedDefaults>>;
  readonly prices: Prices;
  readonly orders: ParsedOrderRules;
}

/** Checks every option, and parses the amounts of account defaults to units. */
function parsedOptions<S, U extends string>(given: CreditManagementOptions<S, U>): ParsedOptions<S> {
  try {
    if (isDbManager(given)) throw new Error('a DbManager was given as the options. Write { db }.');
    const options = parse(optionsSchema, given) as CreditManagementOptions<S>;
    const { creditScale = 6 } = options;
    const types = Object.entries(options.creditTypes ?? {}) as [string, AccountDefaults][];
    const all = [['credits', options.defaults ?? {}] as const, ...types];
    const creditTypes = all.map(([name, given]) => [name, parseDefaults(given, creditScale)] as const);
    const prices = new Prices(options.payments ?? {}, creditScale);
    const orders = orderRules(options.orders ?? {}, creditScale);
    return { options, creditScale, creditTypes: Object.fromEntries(creditTypes), prices, orders };
  } catch (cause) {
    const problem = (cause as Error).message;
    throw creditError('CONFIGURATION', `createCreditManagement: ${problem}`, { problems: [problem] }, { cause });
  }
}

function ledgerOf({ filePath, fsync, fileFailure, olderDatabase, sink, errors = true }: LedgerOptions) {
  const file: LedgerSink | null = filePath === undefined ? null : new LedgerLogger({ filePath, fsync });
  return { sink: sink ?? file, isRequired: fileFailure === 'refuse', refuseOlder: olderDatabase === 'refuse', errors };
}

function accessOf({ ttlSeconds = 15, timeoutMs = 2_000, onUnavailable = 'closed', publish = false }: AccessSettings) {
  return { ttlMs: ttlSeconds * 1000, timeoutMs, onUnavailable, publish };
}

function cacheOf(given: CacheBackend | CacheOptions) {
  const options: CacheOptions = isCache(given) ? { backend: given } : given;
  const { backend, ttlSeconds = 300, timeoutMs = 100, failureThreshold = 5 } = options;
  const { failureWindowSeconds = 30, retryAfterSeconds = 60 } = options;
  const breaker = { failureThreshold, windowMs: failureWindowSeconds * 1000, openMs: retryAfterSeconds * 1000 };
  return { backend, ttlMs: ttlSeconds * 1000, timeoutMs, breaker };
}
