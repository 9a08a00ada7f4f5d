/** The public contract of a manager. */
import type { CreditEvent, CreditEventType } from '../../models/events.js';
import type { StartOptions } from '../../models/inputs/notifications.js';
import type { Health } from '../../models/records/health.js';
import type { Awaitable } from '../../models/values.js';
import type { DbManager } from '../../ports/db-manager.js';
import type { AccessService } from '../credits/access-contract.js';
import type { CreditService } from '../credits/contract.js';
import type { InboxService } from '../inbox/contract.js';
import type { ExpirationService, Jobs } from '../jobs/contract.js';
import type { LedgerService } from '../ledger/contract.js';
import type { NotificationService } from '../notifications/contract.js';
import type { OutboxService } from '../outbox/contract.js';
import type { PaymentService } from '../payments/contract.js';
import type { OrderService } from '../payments/orders-contract.js';
import type { SubscriptionService } from '../plans/contract.js';
import type { PromoService } from '../promos/contract.js';

export type { Health };

/** A manager: all services that share one database, one pipeline and one clock. */
export interface CreditManagement<S = unknown, U extends string = never> extends AsyncDisposable {
  /** Whether accounts may be served now, as often as somebody asks. */
  readonly access: AccessService;
  /** The default credit type, `credits`. */
  readonly credits: CreditService<S>;
  /** The credit service of a declared credit type. Throws `INVALID_ARGUMENT` for any other name. */
  creditType(name: U | 'credits'): CreditService<S>;
  /** The database, for the host's own queries. Begin transactions on the adapter itself. */
  readonly db: Omit<DbManager<S>, 'transaction'>;
  /**
   * Calls `handler` after each commit of this process that made an event of this type, or of any type with `'*'`. The
   * function it returns removes the handler. A handler misses events when the process dies, and when the answer of a
   * commit is lost; sinks get every event. An error of a handler is logged. Throws `INVALID_ARGUMENT` for an unknown
   * type.
   * @example const off = manager.on('credits.deducted', ({ userId, data }) => console.log(userId, data.amount));
   */
  on<K extends CreditEventType | '*'>(
    type: K,
    handler: (event: CreditEvent<K extends '*' ? CreditEventType : K & CreditEventType>) => Awaitable<void>,
  ): () => void;
  /**
   * Opens the database. Calling it is optional: the first call of any verb does it, and after a failure the next call
   * tries again. Rejects with `CONFIGURATION` (do not retry), `TRANSACTIONS_UNSUPPORTED`, `STORAGE_UNAVAILABLE` (a
   * retry is safe), `CLOSED`.
   */
  init(): Promise<void>;
  /**
   * Asks database, cache and sinks side by side, for a second each; for the ledger file it answers how its last use
   * went. Never rejects.
   * @example const { status } = await manager.health(); // for a readiness probe
   */
  health(): Promise<Health>;
  /** Queries, verification and repair of the ledger and its file. */
  readonly ledger: LedgerService;
  /** Plans, subscriptions and cycles. */
  readonly subscriptions: SubscriptionService<S>;
  /** Expiry and allocation for one user, for the host's own scheduler. */
  readonly expiration: ExpirationService<S>;
  /** The jobs that a scheduler runs for all users. */
  readonly jobs: Jobs;
  /**
   * Runs the jobs and delivers events on timers of this process until `close`, and starts the `sources` of messages.
   * The timers keep no process alive. Without this call no timer runs. It is safe in any number of processes. A second
   * call does nothing.
   */
  start(options?: StartOptions): void;
  /** Messages for people, which go to the `queue`: low credits, credits about to lapse, errors. */
  readonly notifications: NotificationService;
  /** The sinks that events are delivered to, and the deliveries that were given up. */
  readonly outbox: OutboxService;
  /** Payments: credits for money, through providers. */
  readonly payments: PaymentService<S>;
  /** Orders of shops, and the credits that they earn. */
  readonly orders: OrderService;
  /** Messages of other systems, each applied once, and those that nothing could be done with. */
  readonly inbox: InboxService<S>;
  /** Promo codes. */
  readonly promos: PromoService<S>;
  /**
   * Takes no more messages, refuses new calls, and gives those under way and deliveries five seconds, whatever
   * deadlines they have. Then it closes sinks, queue and database.
   */
  close(): Promise<void>;
}
