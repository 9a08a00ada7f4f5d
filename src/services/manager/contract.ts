/** A manager: everything that shares one database, one pipeline and one clock. */
import type { CreditEvent, CreditEventType } from '../../models/events.js';
import type { StartOptions } from '../../models/inputs/notifications.js';
import type { Health } from '../../models/records/health.js';
import type { Awaitable } from '../../models/values.js';
import type { DbManager } from '../../ports/db-manager.js';
import type { CreditService } from '../credits/contract.js';
import type { ExpirationService, Jobs } from '../jobs/contract.js';
import type { LedgerService } from '../ledger/contract.js';
import type { NotificationService } from '../notifications/contract.js';
import type { OutboxService } from '../outbox/contract.js';
import type { SubscriptionService } from '../plans/contract.js';
import type { PromoService } from '../promos/contract.js';

export type { Health };

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
   * a delivery: it is lost with the process, and for a commit whose answer was lost. Sinks get every event. What a
   * handler throws is logged. `'*'` is every type; a type that there is none of is `INVALID_ARGUMENT`.
   * @example const off = manager.on('credits.deducted', ({ userId, data }) => console.log(userId, data.amount));
   */
  on<K extends CreditEventType | '*'>(
    type: K,
    handler: (event: CreditEvent<K extends '*' ? CreditEventType : K & CreditEventType>) => Awaitable<void>,
  ): () => void;
  /**
   * Optional: the first call does it. A failed initialisation is tried again by the next call. Rejects with
   * `CONFIGURATION` (do not retry), `TRANSACTIONS_UNSUPPORTED`, `STORAGE_UNAVAILABLE` (a retry is safe), `CLOSED`.
   */
  init(): Promise<void>;
  /**
   * Asks the database, for two seconds at most, and tells of file and cache what their last use showed. Never rejects.
   * @example const { status } = await manager.health(); // for a readiness probe
   */
  health(): Promise<Health>;
  /** Queries, verification and repair of the ledger and its file. */
  readonly ledger: LedgerService;
  /** Plans, subscriptions and cycles. */
  readonly subscriptions: SubscriptionService<S>;
  /** Expiry and allocation of one user, for schedulers of the host's own. */
  readonly expiration: ExpirationService<S>;
  /** What a scheduler calls for all users. */
  readonly jobs: Jobs;
  /**
   * Runs the jobs and delivers events on timers of this process, until it is closed; they keep no process alive.
   * Without it no timer runs. Safe in any number of processes. A second call does nothing.
   */
  start(options?: StartOptions): void;
  /** Messages for people: low credits, credits about to lapse, errors. They go to the `queue`. */
  readonly notifications: NotificationService;
  /** Who events are delivered to, and what was given up. */
  readonly outbox: OutboxService;
  /** Promo codes. */
  readonly promos: PromoService<S>;
  /**
   * Refuses new calls, answers those that wait, gives deliveries under way five seconds, then closes sinks, queue and
   * database.
   */
  close(): Promise<void>;
}
