/**
 * credit-management: exact, linearizable, idempotent credits inside your own process and database.
 * @module
 */
export { InMemoryCache, type InMemoryCacheOptions } from './cache/memory.js';
export { roundUpCredits } from './core/amounts.js';
export { createCreditManagement, createCreditService } from './credit-management.js';
export { InMemoryDbManager, type MemorySession } from './db/memory.js';
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
} from './models/inputs.js';
export type { NotificationMessage, NotificationType } from './models/notification.js';
export type {
  CancelOptions,
  CycleOptions,
  PlanInput,
  SetPlanOptions,
  UpgradeOptions,
} from './models/plan-inputs.js';
export type { PromoInput } from './models/promo-inputs.js';
export type { Amount, Awaitable, Draw, Json, JsonObject, Page } from './models/values.js';
export { InMemoryNotificationQueue } from './notifications/in-memory-queue.js';
export { type WebhookSinkOptions, webhookSink } from './notifications/webhook-sink.js';
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
export type {
  CreditMetering,
  CreditMutations,
  CreditReads,
  CreditService,
  ReservationRef,
} from './services/credit-service-types.js';
export type { Problem, ProblemKind } from './services/findings.js';
export type { JobName, JobOptions, JobProgress, JobReport, Jobs } from './services/job-types.js';
export type {
  LedgerEntry,
  LedgerQuery,
  LedgerService,
  VerifyOptions,
  VerifyReport,
} from './services/ledger-types.js';
export type { CreditManagement, Health } from './services/management.js';
export type { LlmUsage, Meter, MeterOptions } from './services/meter-types.js';
export type {
  ExpiringOptions,
  ExpiringReport,
  Notification,
  NotificationQuery,
  NotificationService,
  NotifyOptions,
} from './services/notification-types.js';
export type { OutboxOptions, OutboxReport } from './services/outbox-run.js';
export type { OutboxService, SinkInfo } from './services/outbox-service.js';
export type { ClaimResult, Eligibility, Promo, PromoClaim, PromoService } from './services/promo-types.js';
export type {
  ChangePreview,
  Cycle,
  ExpirationService,
  SubscriptionChange,
  SubscriptionPlan,
  SubscriptionService,
  UserSubscription,
} from './services/subscription-types.js';
export type { Applied, Grant, Reservation, Transaction, UserCreditsInfo } from './services/views.js';
