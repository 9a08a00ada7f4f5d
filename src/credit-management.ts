/** Wiring: one call that puts a database, a pipeline and the services together, with in-memory defaults. */

import { z } from 'zod';
import type { Defaults } from './core/command.js';
import { InMemoryDbManager, type MemorySession } from './db/memory.js';
import { creditError } from './errors.js';
import type { CreditEvent, CreditEventType } from './models/events.js';
import { type AccountDefaults, accountDefaultsShape } from './models/inputs.js';
import type { Awaitable } from './models/values.js';
import type { Clock } from './ports/clock.js';
import type { DbManager } from './ports/db-manager.js';
import type { EventSink } from './ports/event-sink.js';
import type { LoggerLike } from './ports/logger.js';
import { AfterCommit } from './services/after-commit.js';
import { buildCreditService } from './services/credit-service.js';
import type { CreditService } from './services/credit-service-types.js';
import { Engine } from './services/engine.js';
import type { DecisionSettings } from './services/group.js';
import { uuidv7Source } from './services/ids.js';
import { parse, parseDefaults } from './services/input.js';
import { defaultLogger } from './services/logger.js';
import { Pipeline } from './services/pipeline.js';
import { Store } from './services/store.js';

export interface CreditManagementOptions<S = MemorySession, U extends string = never> {
  /** Where everything is kept; in memory when absent. */
  db?: DbManager<S> | undefined;
  /** Further credit types beside `credits`, with their defaults. Names match `[a-z][a-z0-9_]{0,31}`. */
  creditTypes?: Readonly<Record<U, AccountDefaults>> | undefined;
  /** Decimals of a credit, 0–6, default 6; fixed when a database is first used. */
  creditScale?: number | undefined;
  /** Trial grant, overdraft limit and low-credit threshold of accounts that say nothing themselves. */
  defaults?: AccountDefaults | undefined;
  /** Where outbox events go; each gets a row for every event. */
  sinks?: readonly EventSink[] | undefined;
  ledger?: { errors?: boolean | undefined } | undefined;
  /** `'all'`: also one event per deduction and expiry. A setting of the database. */
  events?: 'standard' | 'all' | undefined;
  /** Per account, 1–10,000, default 1,000 each. Every one of them is part of the account's document. */
  limits?: { openGrants?: number | undefined; activeReservations?: number | undefined } | undefined;
  reservations?: { ttlSeconds?: number | undefined } | undefined;
  /** Milliseconds a call may take, default 10,000. */
  timeoutMs?: number | undefined;
  /** Default: the database's time. */
  clock?: Clock | undefined;
  /** Ids of operations; default UUIDv7. Must never repeat, over all processes. */
  ids?: (() => string) | undefined;
  /** Default: pino, warnings and errors only. */
  logger?: LoggerLike | undefined;
  /** Bounds of this process: waiting calls and remembered accounts. */
  pipeline?:
    | {
        maxWaiting?: number | undefined;
        maxWaitingPerAccount?: number | undefined;
        maxStates?: number | undefined;
        lanes?: number | undefined;
        maxBatch?: number | undefined;
      }
    | undefined;
}

/** Everything that shares one database, one pipeline and one clock. */
export interface CreditManagement<S = never, U extends string = never> extends AsyncDisposable {
  /** The default credit type, `credits`. */
  readonly credits: CreditService<S>;
  /** The same verbs over the balance of another declared type. An undeclared name is `INVALID_ARGUMENT`. */
  creditType(name: U | 'credits'): CreditService<S>;
  /** The database, for queries of the host's own; transactions are begun on the adapter itself. */
  readonly db: Omit<DbManager<S>, 'transaction'>;
  /**
   * Calls `handler` after each commit of this process that caused such an event; the result removes it. A callback, not
   * a delivery: it is lost with the process, and for a commit whose answer was lost. Sinks get every event.
   */
  on<K extends CreditEventType | '*'>(
    type: K,
    handler: (event: CreditEvent<K extends '*' ? CreditEventType : K & CreditEventType>) => Awaitable<void>,
  ): () => void;
  /** Optional: the first call does it. A failed initialisation is tried again by the next call. */
  init(): Promise<void>;
  health(): Promise<{
    status: 'healthy' | 'degraded' | 'unhealthy';
    components: Readonly<Record<string, 'up' | 'down' | 'disabled'>>;
  }>;
  /** Refuses new calls, answers those that wait, then closes the database. */
  close(): Promise<void>;
}

const count = (max: number) => z.number().int().min(1).max(max).optional();
const fn = z.custom<unknown>((value) => typeof value === 'function');
const defaultsSchema = z.strictObject(accountDefaultsShape);
const optionsSchema = z.strictObject({
  db: z.custom<unknown>((value) => typeof value === 'object' && value !== null).optional(),
  creditTypes: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/), defaultsSchema).optional(),
  creditScale: z.number().int().min(0).max(6).optional(),
  defaults: defaultsSchema.optional(),
  sinks: z.array(z.custom<EventSink>((value) => isSink(value))).optional(),
  ledger: z.strictObject({ errors: z.boolean().optional() }).optional(),
  events: z.enum(['standard', 'all']).optional(),
  limits: z.strictObject({ openGrants: count(10_000), activeReservations: count(10_000) }).optional(),
  reservations: z.strictObject({ ttlSeconds: count(7 * 24 * 3600) }).optional(),
  timeoutMs: count(3_600_000),
  clock: z.custom<unknown>((value) => typeof (value as Clock | null)?.now === 'function').optional(),
  ids: fn.optional(),
  logger: z.custom<unknown>((value) => typeof (value as LoggerLike | null)?.error === 'function').optional(),
  pipeline: z
    .strictObject({
      maxWaiting: count(10_000_000),
      maxWaitingPerAccount: count(10_000_000),
      maxStates: count(10_000_000),
      lanes: count(64),
      maxBatch: count(100_000),
    })
    .optional(),
});

/**
 * Puts everything together. Synchronous, opens nothing, starts no timer: safe at module level. A wrong option is
 * `CONFIGURATION` and names the field.
 *
 * @example
 * const manager = createCreditManagement({ defaults: { trialCredits: 50 } });
 * await manager.credits.addCredits('user-1', 100);
 */
export function createCreditManagement<S = MemorySession, const U extends string = never>(
  options: CreditManagementOptions<S, U> = {},
): CreditManagement<S, U> {
  const creditScale = options.creditScale ?? 6;
  const { defaults, typeDefaults } = checkOptions(options, creditScale);
  const logger = options.logger ?? defaultLogger();
  const ids = options.ids ?? uuidv7Source();
  const db = options.db ?? (new InMemoryDbManager() as unknown as DbManager<S>);
  const sinks = options.sinks?.map((sink) => sink.name) ?? [];
  const store = new Store<S>({ db, creditScale, events: options.events, sinks, clock: options.clock, ids, logger });
  const limits = {
    openGrants: options.limits?.openGrants ?? 1_000,
    activeReservations: options.limits?.activeReservations ?? 1_000,
  };
  const errorEntries = options.ledger?.errors ?? true;
  const settings = (): DecisionSettings => ({
    now: store.time.now,
    scale: creditScale,
    ledgerId: store.settings.ledgerId,
    limits,
    allEvents: store.settings.events === 'all',
    sinks: store.sinks,
    errorEntries,
  });
  const afterCommit = new AfterCommit(logger);
  const pipeline = new Pipeline<S>({
    store,
    settings,
    committed: (plan) => afterCommit.committed(plan),
    maxWaiting: options.pipeline?.maxWaiting ?? 100_000,
    maxWaitingPerAccount: options.pipeline?.maxWaitingPerAccount ?? 10_000,
    maxStates: options.pipeline?.maxStates ?? 10_000,
    lanes: options.pipeline?.lanes ?? 3,
    maxBatch: options.pipeline?.maxBatch ?? db.limits?.operationsPerCommit ?? 512,
  });
  const engine = new Engine<S>({
    store,
    pipeline,
    settings,
    scale: creditScale,
    timeoutMs: options.timeoutMs ?? 10_000,
    ttlSeconds: options.reservations?.ttlSeconds ?? 900,
    ids,
    logger,
    ownIds: options.ids !== undefined,
    defaultsOf: (creditType) => typeDefaults.get(creditType) ?? defaults,
  });
  const services = new Map<string, CreditService<S>>();
  for (const name of ['credits', ...typeDefaults.keys()]) {
    services.set(name, buildCreditService(engine, name, settings));
  }
  let closing: Promise<void> | null = null;

  const manager: CreditManagement<S, U> = {
    credits: services.get('credits') as CreditService<S>,
    creditType(name) {
      const service = services.get(name);
      if (service) return service;
      const expected = [...services.keys()].join(' | ');
      throw creditError('INVALID_ARGUMENT', `The credit type ${JSON.stringify(name)} is not declared.`, {
        path: 'creditType',
        expected,
      });
    },
    db,
    on: (type, handler) => afterCommit.on(type, handler as (event: CreditEvent) => Awaitable<void>),
    async init() {
      await store.prepare();
    },
    async health() {
      const up = await db.ping({ timeoutMs: 2_000 }).then(
        () => true,
        () => false,
      );
      return { status: up ? 'healthy' : 'unhealthy', components: { database: up ? 'up' : 'down' } };
    },
    close() {
      closing ??= pipeline.close().then(() => db.close());
      return closing;
    },
    [Symbol.asyncDispose]: () => manager.close(),
  };
  return manager;
}

/**
 * A credit service by itself, for hosts that wire by hand: the `credits` of a manager that they never see.
 *
 * @example const credits = createCreditService({ db: new InMemoryDbManager() });
 */
export function createCreditService<S = MemorySession>(options: CreditManagementOptions<S> = {}): CreditService<S> {
  return createCreditManagement(options).credits;
}

function checkOptions<S, U extends string>(
  options: CreditManagementOptions<S, U>,
  scale: number,
): { defaults: Defaults; typeDefaults: ReadonlyMap<string, Defaults> } {
  try {
    parse(optionsSchema, options);
    const types = Object.entries(options.creditTypes ?? {}) as [string, AccountDefaults][];
    return {
      defaults: parseDefaults(options.defaults ?? {}, scale),
      typeDefaults: new Map(types.map(([name, given]) => [name, parseDefaults(given, scale)])),
    };
  } catch (cause) {
    const problem = (cause as Error).message;
    throw creditError('CONFIGURATION', `createCreditManagement: ${problem}`, { problems: [problem] }, { cause });
  }
}

function isSink(value: unknown): boolean {
  const sink = value as EventSink | null;
  return (
    typeof sink?.name === 'string' && /^[a-z][a-z0-9_-]{0,31}$/.test(sink.name) && typeof sink.publish === 'function'
  );
}
