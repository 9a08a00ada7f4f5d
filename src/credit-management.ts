/** Makes a manager: puts a database, a pipeline and the services together, with in-memory defaults. */

import { rememberManager } from './by-hand.js';
import type { InMemoryDbManager } from './db/memory/manager.js';
import { type WiredEngine, wireEngine } from './engine-wiring.js';
import { creditError } from './errors.js';
import { healthOf } from './health.js';
import { type CreditEvent, creditEventTypes } from './models/events.js';
import { startSchema } from './models/inputs/notifications.js';
import type { Awaitable } from './models/values.js';
import type { CreditManagementOptions } from './options.js';
import type { DbManager, SessionOf } from './ports/db-manager.js';
import { resolveOptions } from './resolve-options.js';
import type { CreditService } from './services/credits/contract.js';
import { buildAccess, buildCreditService } from './services/credits/service.js';
import { Inbox } from './services/inbox/service.js';
import { notValid, parseOptions } from './services/input/parse.js';
import { Background } from './services/jobs/background.js';
import { expirationService } from './services/jobs/expiration.js';
import { buildJobs } from './services/jobs/service.js';
import type { CreditManagement } from './services/manager/contract.js';
import { notificationService } from './services/notifications/service.js';
import { ForgottenRelay } from './services/outbox/forgotten-relay.js';
import { OutboxRelay } from './services/outbox/relay.js';
import { outboxService } from './services/outbox/service.js';
import { paymentService } from './services/payments/service.js';
import { subscriptionService } from './services/plans/service.js';
import { promoService } from './services/promos/service.js';

/**
 * Makes a manager. It is synchronous, opens nothing and starts no timer, so it is safe at module level.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 *
 * @example
 * const manager = createCreditManagement({ defaults: { trialCredits: 50 } });
 * await manager.credits.addCredits('user-1', 100);
 */
export function createCreditManagement<
  Db extends DbManager<unknown> = InMemoryDbManager,
  const U extends string = never,
>(
  options: CreditManagementOptions<SessionOf<Db>, U> & { db?: Db | undefined } = {},
): CreditManagement<SessionOf<Db>, U> {
  return managerOn<SessionOf<Db>, U>(options);
}

function managerOn<S, U extends string>(options: CreditManagementOptions<S, U>): CreditManagement<S, U> {
  const resolved = resolveOptions(options);
  const { sinks, sources, queue, ids, logger, timeoutMs, temporal } = resolved;
  const wired = wireEngine<S>(resolved);
  const { engine, store, settings, ledger, cache, afterCommit, measures, tracing } = wired;
  const services = new Map<string, CreditService<S>>();
  const serviceOf = (creditType: string): CreditService<S> => {
    const known = services.get(creditType);
    if (known) return known;
    const service = buildCreditService({ engine, creditType, settings, cache });
    services.set(creditType, service);
    return service;
  };
  const credits = serviceOf('credits');
  const forgotten = new ForgottenRelay(store, logger);
  store.sinks.watch(async () => void forgotten.look());
  const relay = new OutboxRelay<S>({ store, ids, logger, sinks, queue, tracing, settings: resolved.outbox });
  const notifications = notificationService<S>({
    ...{ engine, settings, timeoutMs },
    deliver: (account) => relay.notify(account),
  });
  const { payments: paymentParts } = resolved;
  const payments = paymentService(engine, paymentParts);
  const { topUpWork } = payments;
  afterCommit.follow('top_up.started', (event) => topUpWork.begin(event));
  const inbox = new Inbox<S>({
    ...{ engine, settings, tracing, ordersOn: payments.ordersOn },
    told: (event) => afterCommit.tell(event),
  });
  const { messageDays } = paymentParts;
  const plainJobs = buildJobs({ engine, relay, notifications, payments: payments.reconcile, inbox, messageDays });
  const jobs = measures?.jobs(plainJobs) ?? plainJobs;
  const messages = measures?.inbox(inbox.service) ?? inbox.service;
  const outbox = outboxService(engine);
  const access = buildAccess<S>({
    ...{ ...resolved.access, engine, settings, cache, logger },
    isClosed: () => closing !== null,
  });
  afterCommit.follow('credits.plugin_status_changed', ({ creditType, userId }) => {
    if (creditType === 'credits') void access.watch.look(userId, { fresh: true });
  });
  measures?.watch({ wired, access: access.service, checks: () => access.checks, outbox, published: relay.published });
  const background = new Background(jobs, logger, () => payments.reconcile.hasProviders() || sources.length > 0);
  let closing: Promise<void> | null = null;

  const manager: CreditManagement<S, U> = {
    ...{ credits, db: store.db, ledger, jobs, notifications, access: access.service },
    subscriptions: subscriptionService(engine, temporal),
    expiration: expirationService(engine, credits),
    promos: promoService(engine),
    payments: payments.service,
    inbox: messages,
    orders: payments.orders,
    outbox,
    creditType(name) {
      const { creditTypes } = store;
      if (!creditTypes.includes(name)) throw notValid('creditType', `a declared one, ${creditTypes.join(' | ')}`);
      const service = serviceOf(name);
      rememberManager(manager, [service]);
      return service;
    },
    on(type, handler) {
      const isKnown = type === '*' || creditEventTypes.includes(type);
      if (!isKnown) throw notValid('type', `* or ${creditEventTypes.join(', ')}`);
      if (typeof handler !== 'function') throw notValid('handler', 'a function');
      return afterCommit.on(type, handler as (event: CreditEvent) => Awaitable<void>);
    },
    async init() {
      if (closing !== null) throw creditError('CLOSED', 'The credit manager is closed.', {});
      await store.prepare();
    },
    start(given) {
      background.start(parseOptions(startSchema, given), queue !== null || sinks.length > 0);
      if (closing === null) for (const source of sources) source.start(messages);
    },
    health: () => healthOf(wired, forgotten, access.unavailable, { sinks, sources }),
    close() {
      access.watch.close();
      closing ??= closeAll(wired, { sources, workers: [background, topUpWork], relay });
      return closing;
    },
    [Symbol.asyncDispose]: () => manager.close(),
  };
  rememberManager(manager, [credits]);
  return manager;
}

async function closeAll<S>(
  wired: WiredEngine<S>,
  parts: Record<'sources' | 'workers', readonly { close(): Promise<void> }[]> & { readonly relay: OutboxRelay<S> },
): Promise<void> {
  const { sources, workers, relay } = parts;
  // From now on new calls are refused, even those of jobs: the next run of a job goes on where it stopped. Whatever a
  // message under way still calls is accepted.
  const refusing = wired.pipeline.close();
  const ending = workers.map((worker) => worker.close());
  // A source of the host that cannot close keeps nothing open.
  await Promise.allSettled(sources.map(async (source) => source.close()));
  await Promise.all(ending);
  await refusing;
  await relay.close();
  await wired.mirror?.close();
  await wired.cache?.close();
  await wired.store.db.close();
  wired.measures?.close();
}

/**
 * Makes a credit service by itself, for hosts that wire by hand. It is the `credits` of a manager that stays hidden.
 * Make the other services on it, as `createSubscriptionService(credits)`; they all share one queue of writes.
 *
 * @throws CONFIGURATION for a wrong option; it names the field.
 * @example
 * const credits = createCreditService({ db: new InMemoryDbManager() });
 * const promos = createPromoService(credits);
 */
export function createCreditService<Db extends DbManager<unknown> = InMemoryDbManager>(
  options: CreditManagementOptions<SessionOf<Db>> & { db?: Db | undefined } = {},
): CreditService<SessionOf<Db>> {
  return createCreditManagement(options).credits;
}
