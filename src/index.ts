/**
 * credit-management: exact, linearizable, idempotent credits inside your own process and database.
 * @module
 */
export { InMemoryCache, type InMemoryCacheOptions } from './cache/memory.js';
export { roundUpCredits } from './core/amounts.js';
export { createCreditManagement, createCreditService } from './credit-management.js';
export { InMemoryDbManager, type MemorySession } from './db/memory/manager.js';
export {
  CreditError,
  type CreditErrorCode,
  type CreditErrorDetails,
  creditError,
  isCreditError,
  type Outcome,
} from './errors.js';
export type { DeliveryStatus } from './models/delivery.js';
export type { EntryType } from './models/entry.js';
export type { AccessStatus, GrantSource, Overage, ReservationStatus, TransactionType } from './models/enums.js';
export type { CreditEvent, CreditEventMap, CreditEventType } from './models/events.js';
export type {
  AccountDefaults,
  AddOptions,
  CallOptions,
  CommitOptions,
  HistoryOptions,
  ListOptions,
  MutationOptions,
  ReadOptions,
  ReserveOptions,
} from './models/inputs/credits.js';
export type {
  CancelOptions,
  CycleOptions,
  PlanInput,
  SetPlanOptions,
  UpgradeOptions,
} from './models/inputs/plans.js';
export type { PromoInput } from './models/inputs/promos.js';
export type { NotificationMessage, NotificationType } from './models/notification.js';
export type { Amount, Applied, Awaitable, Draw, Json, JsonObject, Page } from './models/values.js';
export type { CacheOptions, CreditManagementOptions, LedgerOptions, OutboxSettings } from './options.js';
export type { CacheBackend } from './ports/cache.js';
export type { Clock } from './ports/clock.js';
export { decodeCursor, encodeCursor, orderFields } from './ports/cursor.js';
export type {
  Change,
  DbManager,
  FieldKind,
  FindQuery,
  Row,
  StoredModel,
  StoredValue,
  StoreOptions,
  Unit,
  UnitOutcome,
} from './ports/db-manager.js';
export type { Delivery, EventSink } from './ports/event-sink.js';
export type { LedgerSink, LedgerSinkChange, LedgerSinkHealth } from './ports/ledger-sink.js';
export type { LoggerLike } from './ports/logger.js';
export type { NotificationQueue } from './ports/notification-queue.js';
export { InMemoryNotificationQueue } from './queues/memory.js';
export type {
  CreditMetering,
  CreditMutations,
  CreditReads,
  CreditService,
  ReservationRef,
} from './services/credits/contract.js';
export type { LlmUsage, Meter, MeterOptions } from './services/credits/meter-contract.js';
export type { Grant, Reservation, Transaction, UserCreditsInfo } from './services/credits/records.js';
export type { JobName, JobOptions, JobProgress, JobReport, Jobs } from './services/jobs/contract.js';
export type {
  LedgerEntry,
  LedgerQuery,
  LedgerService,
  VerifyOptions,
  VerifyReport,
} from './services/ledger/contract.js';
export type { Problem, ProblemKind } from './services/ledger/problems.js';
export type { CreditManagement, Health } from './services/manager/contract.js';
export type {
  ExpiringOptions,
  ExpiringReport,
  Notification,
  NotificationQuery,
  NotificationService,
  NotifyOptions,
} from './services/notifications/contract.js';
export type { OutboxOptions, OutboxReport } from './services/outbox/run.js';
export type { OutboxService, SinkInfo } from './services/outbox/service.js';
export type {
  ChangePreview,
  Cycle,
  ExpirationService,
  SubscriptionChange,
  SubscriptionPlan,
  SubscriptionService,
  UserSubscription,
} from './services/plans/contract.js';
export type { ClaimResult, Eligibility, Promo, PromoClaim, PromoService } from './services/promos/contract.js';
export { type WebhookSinkOptions, webhookSink } from './sinks/webhook.js';
