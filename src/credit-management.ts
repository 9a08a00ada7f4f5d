/** Wiring: one call that puts a database, a pipeline and the services together, with in-memory defaults. */

import { rememberManager } from './by-hand.js';
import type { TemporalLike } from './core/periods.js';
import { InMemoryDbManager, type MemorySession } from './db/memory/manager.js';
import { creditError } from './errors.js';
import { LedgerLogger } from './ledger/ledger-file.js';
import { type CreditEvent, creditEventTypes } from './models/events.js';
import { startSchema } from './models/inputs/notifications.js';
import type { Awaitable } from './models/values.js';
import { type CacheOptions, type CreditManagementOptions, checkOptions, isCache } from './options.js';
import type { CacheBackend } from './ports/cache.js';
import type { DbManager } from './ports/db-manager.js';
import { BalanceCache, type BalanceCacheConfig } from './services/credits/balance-cache.js';
import type { CreditService } from './services/credits/contract.js';
import { buildCreditService } from './services/credits/service.js';
import { notValid, parse } from './services/input/parse.js';
import { Background } from './services/jobs/background.js';
import { expirationService } from './services/jobs/expiration.js';
import { buildJobs } from './services/jobs/service.js';
import type { LedgerService } from './services/ledger/contract.js';
import { LedgerMirror } from './services/ledger/mirror.js';
import { ledgerService } from './services/ledger/service.js';
import type { CreditManagement } from './services/manager/contract.js';
import { defaultLogger } from './services/manager/default-logger.js';
import { checkedIds, uuidv7Source } from './services/manager/ids.js';
import { notificationService } from './services/notifications/service.js';
import { OutboxRelay } from './services/outbox/relay.js';
import { outboxService } from './services/outbox/service.js';
import { AfterCommit } from './services/pipeline/after-commit.js';
import type { DecisionSettings } from './services/pipeline/context.js';
import { Engine } from './services/pipeline/engine.js';
import { Pipeline } from './services/pipeline/pipeline.js';
import { subscriptionService } from './services/plans/service.js';
import { promoService } from './services/promos/service.js';
import { Store } from './services/store/store.js';

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
  const { creditScale, defaults, typeDefaults } = checkOptions(options);
  const logger = options.logger ?? defaultLogger();
  const ids = options.ids ? checkedIds(options.ids) : uuidv7Source();
  const db = options.db ?? (new InMemoryDbManager() as unknown as DbManager<S>);
  const sinks = options.sinks?.map((sink) => sink.name) ?? [];
  const store: Store<S> = new Store<S>({
    ...{ db, creditScale, sinks, ids, logger, queue: options.queue !== undefined },
    events: options.events,
    clock: options.clock,
    recorded: (entry) => void mirror?.append([entry]),
  });
  const { filePath, fsync, fileFailure, sink } = options.ledger ?? {};
  const file = sink ?? (filePath === undefined ? null : new LedgerLogger({ filePath, fsync }));
  const mirror: LedgerMirror | null =
    file &&
    new LedgerMirror({
      ...{ sink: file, refuse: fileFailure === 'refuse', logger },
      record: (message, details) => store.record(message, details),
      reconcile: () => ledger.reconcile(),
    });
  const types = ['credits', ...typeDefaults.keys()];
  const admit = () => mirror?.ready() ?? null;
  const ledgerId = () => store.settings.ledgerId;
  const cache = cacheOf(options.cache, { logger, ledgerId, now: () => store.time.now() });
  const limits = {
    openGrants: options.limits?.openGrants ?? 1_000,
    activeReservations: options.limits?.activeReservations ?? 1_000,
  };
  const errorEntries = options.ledger?.errors ?? true;
  const temporal = options.temporal ?? (globalThis as { Temporal?: TemporalLike }).Temporal ?? null;
  const defaultsOf = (creditType: string) => typeDefaults.get(creditType) ?? defaults;
  const settings = (): DecisionSettings => ({
    now: store.time.now,
    scale: creditScale,
    ledgerId: store.settings.ledgerId,
    limits,
    allEvents: store.settings.events === 'all',
    defaultsOf,
    temporal,
    sinks: store.sinks.names,
    queue: store.sinks.hasQueue,
    notifyErrors: options.notifyErrors ?? false,
    errorEntries,
  });
  const afterCommit = new AfterCommit(
    [mirror, cache].filter((follower) => follower !== null),
    logger,
  );
  const pipeline = new Pipeline<S>({
    store,
    settings,
    committed: (decided) => afterCommit.committed(decided),
    admit,
    waitingMax: options.pipeline?.maxWaiting ?? 100_000,
    waitingPerAccountMax: options.pipeline?.maxWaitingPerAccount ?? 10_000,
    statesMax: options.pipeline?.maxStates ?? 10_000,
    lanes: options.pipeline?.lanes ?? 3,
    batchMax: options.pipeline?.maxBatch ?? db.limits?.operationsPerCommit ?? 512,
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
    defaultsOf,
    admit,
  });
  const ledger: LedgerService = ledgerService(engine, file, types, (message, details) =>
    store.record(message, details),
  );
  const services = new Map<string, CreditService<S>>();
  for (const name of types) {
    services.set(name, buildCreditService({ engine, creditType: name, settings, cache }));
  }
  const { maxRefusals = 10, timeoutMs = 30_000, concurrency = 8 } = options.outbox ?? {};
  const relay = new OutboxRelay<S>({
    ...{ store, ids, logger, sinks: options.sinks ?? [], queue: options.queue ?? null },
    settings: { maxRefusals, timeoutMs, concurrency },
  });
  const notifications = notificationService<S>({
    ...{ engine, settings, creditTypes: types, timeoutMs: options.timeoutMs ?? 10_000 },
    expire: ({ creditType, userId }) => (services.get(creditType) as CreditService<S>).expireCredits(userId),
    deliver: (account) => relay.notify(account),
  });
  const allJobs = buildJobs({ engine, relay, notifications });
  const background = new Background(allJobs, logger);
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    // New calls are refused from this moment on, those of jobs too: they go on where they stopped.
    const refusing = pipeline.close();
    await background.close();
    await refusing;
    await relay.close();
    await mirror?.close();
    await cache?.close();
    await db.close();
  }

  const manager: CreditManagement<S, U> = {
    credits: services.get('credits') as CreditService<S>,
    creditType(name) {
      const service = services.get(name);
      if (service) return service;
      throw notValid('creditType', `a declared one, ${[...services.keys()].join(' | ')}`);
    },
    db,
    on(type, handler) {
      if (type !== '*' && !creditEventTypes.includes(type))
        throw notValid('type', `* or ${creditEventTypes.join(', ')}`);
      if (typeof handler !== 'function') throw notValid('handler', 'a function');
      return afterCommit.on(type, handler as (event: CreditEvent) => Awaitable<void>);
    },
    async init() {
      if (closing !== null) throw creditError('CLOSED', 'The credit manager is closed.', {});
      await store.prepare();
    },
    ledger,
    subscriptions: subscriptionService(engine, types, temporal),
    expiration: expirationService(engine, services.get('credits') as CreditService<S>),
    jobs: allJobs,
    start(given) {
      const delivers = options.queue !== undefined || (options.sinks ?? []).length > 0;
      background.start(given === undefined ? {} : parse(startSchema, given), delivers);
    },
    promos: promoService(engine, types),
    notifications,
    outbox: outboxService(engine),
    async health() {
      const up = await db.ping({ timeoutMs: 2_000 }).then(
        () => true,
        () => false,
      );
      const ledgerFile = mirror?.health() ?? null;
      const fileUp = ledgerFile?.state !== 'degraded';
      const cacheUp = cache?.isUp ?? true;
      return {
        status: !up ? 'unhealthy' : fileUp && cacheUp ? 'healthy' : 'degraded',
        components: {
          database: up ? 'up' : 'down',
          ledgerFile: mirror ? (fileUp ? 'up' : 'down') : 'disabled',
          cache: cache ? (cacheUp ? 'up' : 'down') : 'disabled',
        },
        ledgerFile,
      };
    },
    close() {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: () => manager.close(),
  };
  rememberManager(manager, services.values());
  return manager;
}

/**
 * A credit service by itself, for hosts that wire by hand: the `credits` of a manager that they never see. The other
 * services are made on it, as `createSubscriptionService(credits)`; all of them together are one queue of writes.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const credits = createCreditService({ db: new InMemoryDbManager() });
 * const promos = createPromoService(credits);
 */
export function createCreditService<S = MemorySession>(options: CreditManagementOptions<S> = {}): CreditService<S> {
  return createCreditManagement(options).credits;
}

function cacheOf(
  given: CacheBackend | CacheOptions | undefined,
  rest: Pick<BalanceCacheConfig, 'logger' | 'ledgerId' | 'now'>,
): BalanceCache | null {
  if (!given) return null;
  const { backend, ttlSeconds = 300, timeoutMs = 100 }: CacheOptions = isCache(given) ? { backend: given } : given;
  return new BalanceCache({ backend, ttlMs: ttlSeconds * 1000, timeoutMs, ...rest });
}
