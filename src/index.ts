/**
 * credit-management: exact, linearizable, idempotent credits inside your own process and database.
 * @module
 */
export {
  createExpirationService,
  createLedgerService,
  createNotificationService,
  createPaymentService,
  createPromoService,
  createSubscriptionService,
  creditManagementOf,
} from './by-hand.js';
export { InMemoryCache, type InMemoryCacheOptions } from './cache/memory.js';
export { roundUpCredits } from './core/amounts.js';
export type { TemporalLike } from './core/periods.js';
export { createCreditManagement, createCreditService } from './credit-management.js';
export { InMemoryDbManager, type MemorySession } from './db/memory/manager.js';
export {
  type AnyCreditError,
  CreditError,
  type CreditErrorCode,
  type CreditErrorDetails,
  type CreditErrorOptions,
  creditError,
  type FundsDetails,
  isCreditError,
  type NoDetails,
  type Outcome,
} from './errors.js';
export { type LedgerFileOptions, LedgerLogger } from './ledger/ledger-file.js';
export { InMemoryRateLimiter, type InMemoryRateLimiterOptions } from './limiters/memory.js';
export type { DeliveryStatus } from './models/delivery.js';
export { describeModels, type LogicalField, type LogicalModel } from './models/describe-models.js';
export type { EntryType } from './models/entry.js';
export type {
  AccessStatus,
  GrantSource,
  Overage,
  ReferenceType,
  ReservationStatus,
  TransactionType,
} from './models/enums.js';
export {
  type CreditEvent,
  type CreditEventMap,
  CreditEventSchema,
  type CreditEventType,
  creditEventSchemas,
} from './models/events.js';
export type { DeadLetterStatus } from './models/inbox.js';
export {
  type AccessOptions,
  accessSchema as AccessOptionsSchema,
  type CountOptions,
  countSchema as CountOptionsSchema,
  type WatchOptions,
  watchSchema as WatchOptionsSchema,
} from './models/inputs/access.js';
export {
  type AccountDefaults,
  type AddOptions,
  accountDefaultsSchema as AccountDefaultsSchema,
  accountSchema as CreateAccountOptionsSchema,
  accountsSchema as AccountListOptionsSchema,
  addSchema as AddOptionsSchema,
  adjustSchema as AdjustOptionsSchema,
  type CallOptions,
  type CommitOptions,
  commitSchema as CommitOptionsSchema,
  type DeductAfterServiceOptions,
  type DeductOptions,
  type DefineOptions,
  type DrawnFromInput,
  deductAfterServiceSchema as DeductAfterServiceOptionsSchema,
  deductSchema as DeductOptionsSchema,
  defineSchema as DefineOptionsSchema,
  drawnFromSchema as DrawnFromInputSchema,
  expireSchema as ExpireOptionsSchema,
  extendSchema as ExtendOptionsSchema,
  type GrantListOptions,
  type GrantUpdate,
  grantsSchema as GrantListOptionsSchema,
  type HistoryOptions,
  type HoldListOptions,
  historySchema as HistoryOptionsSchema,
  holdsSchema as HoldListOptionsSchema,
  type ListOptions,
  type LowCreditThreshold,
  type LowCreditThresholds,
  listSchema as ListOptionsSchema,
  type MeterOptions,
  type MutationOptions,
  meterSchema as MeterOptionsSchema,
  mutationSchema as MutationOptionsSchema,
  type OverdraftLimit,
  type ReadOptions,
  type ReserveOptions,
  readSchema as ReadOptionsSchema,
  reserveSchema as ReserveOptionsSchema,
  reverseSchema as ReverseOptionsSchema,
  transferSchema as TransferSchema,
  type UsageOptions,
  updateAccountSchema as UpdateAccountOptionsSchema,
  updateGrantSchema as GrantUpdateSchema,
  usageSchema as UsageOptionsSchema,
  type VoidOptions,
  voidSchema as VoidOptionsSchema,
} from './models/inputs/credits.js';
export {
  type DeadLetterOptions,
  type DeadLetterReplayOptions,
  deadLetterReplaySchema as DeadLetterReplayOptionsSchema,
  deadLettersSchema as DeadLetterOptionsSchema,
} from './models/inputs/inbox.js';
export {
  type AuditTrailOptions,
  auditTrailSchema as AuditTrailOptionsSchema,
  type LedgerQuery,
  ledgerQuerySchema as LedgerQuerySchema,
  type VerifyOptions,
  verifySchema as VerifyOptionsSchema,
} from './models/inputs/ledger.js';
export {
  type ExpiringOptions,
  expiringSchema as ExpiringOptionsSchema,
  type NotificationQuery,
  type NotifyOptions,
  notificationQuerySchema as NotificationQuerySchema,
  notifySchema as NotifyOptionsSchema,
  type ReplayOptions,
  replaySchema as ReplayOptionsSchema,
  type StartOptions,
  startSchema as StartOptionsSchema,
} from './models/inputs/notifications.js';
export {
  type BilledPaymentInput,
  billedPaymentSchema as BilledPaymentInputSchema,
  type OrderCallOptions,
  type PaidOrderInput,
  paidOrderSchema as PaidOrderInputSchema,
  type RefundedOrderInput,
  refundedOrderSchema as RefundedOrderInputSchema,
} from './models/inputs/orders.js';
export {
  type CancelOptions,
  type CycleOptions,
  cancelSchema as CancelOptionsSchema,
  cycleInputSchema as CycleOptionsSchema,
  definedPlansSchema as PlanDefinitionsSchema,
  type GraceOptions,
  graceSchema as GraceOptionsSchema,
  type JobOptions,
  jobSchema as JobOptionsSchema,
  type PauseOptions,
  type PlanDefinition,
  type PlanInput,
  pauseSchema as PauseOptionsSchema,
  planInputSchema as PlanInputSchema,
  planUpdateOptionsSchema as UpdatePlanOptionsSchema,
  planUpdateSchema as PlanUpdateSchema,
  previewSchema as PreviewChangeOptionsSchema,
  type RenewOptions,
  renewSchema as RenewOptionsSchema,
  type SetPlanOptions,
  type SubscriptionListOptions,
  setPlanSchema as SetPlanOptionsSchema,
  subscriptionsSchema as SubscriptionListOptionsSchema,
  type UpdatePlanOptions,
  type UpgradeOptions,
  upgradeSchema as UpgradeOptionsSchema,
} from './models/inputs/plans.js';
export {
  claimsSchema as ClaimListOptionsSchema,
  definedPromosSchema as PromoDefinitionsSchema,
  type PromoInput,
  promoInputSchema as PromoInputSchema,
  promosSchema as PromoListOptionsSchema,
  promoUpdateSchema as PromoUpdateSchema,
} from './models/inputs/promos.js';
export {
  type TransactionPageOptions,
  transactionPageSchema as TransactionPageOptionsSchema,
} from './models/inputs/transaction-page.js';
export type { LlmUsage } from './models/inputs/usage.js';
export type { MetricName } from './models/metrics.js';
export { type NotificationMessage, NotificationMessageSchema, type NotificationType } from './models/notification.js';
export type { BillingPeriod } from './models/plan.js';
export { type AccessCounts, AccessCountsSchema, type AccessInfo, AccessInfoSchema } from './models/records/access.js';
export { type AccountInfo, AccountInfoSchema } from './models/records/account.js';
export type { Applied } from './models/records/applied.js';
export {
  type AccountList,
  AccountListSchema,
  type BalanceBreakdown,
  BalanceBreakdownSchema,
  type DeductionPreview,
  DeductionPreviewSchema,
  type UserCreditsInfo,
  UserCreditsInfoSchema,
} from './models/records/balance.js';
export { type Cycle, CycleSchema } from './models/records/cycle.js';
export { type DefinitionReport, DefinitionReportSchema } from './models/records/definition.js';
export { type DryRun, DryRunSchema } from './models/records/dry-run.js';
export { type Forecast, ForecastSchema } from './models/records/forecast.js';
export { type Grant, GrantSchema, type GrantUse, GrantUseSchema } from './models/records/grant.js';
export { type Health, HealthSchema } from './models/records/health.js';
export {
  type DeadLetter,
  DeadLetterSchema,
  type MessageReceipt,
  MessageReceiptSchema,
  type Reception,
  ReceptionSchema,
} from './models/records/inbox.js';
export {
  type ExpiringJobReport,
  ExpiringJobReportSchema,
  type JobName,
  type JobProgress,
  JobProgressSchema,
  type JobReport,
  JobReportSchema,
  type OutboxJobReport,
  OutboxJobReportSchema,
  type PaymentsJobReport,
  PaymentsJobReportSchema,
} from './models/records/job.js';
export {
  type AuditedEntry,
  AuditedEntrySchema,
  type LedgerEntry,
  LedgerEntrySchema,
  type Problem,
  type ProblemKind,
  ProblemSchema,
  type VerifyReport,
  VerifyReportSchema,
} from './models/records/ledger.js';
export {
  type ExpiringReport,
  ExpiringReportSchema,
  type Notification,
  NotificationSchema,
} from './models/records/notification.js';
export { type OutboxReport, OutboxReportSchema, type SinkInfo, SinkInfoSchema } from './models/records/outbox.js';
export { type SubscriptionPlan, SubscriptionPlanSchema } from './models/records/plan.js';
export {
  type ClaimResult,
  ClaimResultSchema,
  type Eligibility,
  EligibilitySchema,
  type Promo,
  type PromoClaim,
  PromoClaimSchema,
  PromoSchema,
} from './models/records/promo.js';
export { type Reservation, ReservationSchema } from './models/records/reservation.js';
export {
  type Allocation,
  AllocationSchema,
  type ChangePreview,
  ChangePreviewSchema,
  type CurrentSubscription,
  CurrentSubscriptionSchema,
  type PeriodUsage,
  PeriodUsageSchema,
  type SubscriptionChange,
  SubscriptionChangeSchema,
  type UserSubscription,
  UserSubscriptionSchema,
} from './models/records/subscription.js';
export {
  CreditsTransactionSchema,
  type Draw,
  DrawSchema,
  type ExplainedDraw,
  ExplainedDrawSchema,
  type Explanation,
  ExplanationSchema,
  type Transaction,
  type TransactionPage,
  TransactionPageSchema,
} from './models/records/transaction.js';
export { type UsageSummary, UsageSummarySchema } from './models/records/usage.js';
export type {
  Amount,
  Awaitable,
  Json,
  JsonObject,
  Metadata,
  NoCollection,
  Page,
  Ref,
} from './models/values.js';
export {
  type AccessSettings,
  type CacheOptions,
  type CreditManagementOptions,
  type LedgerOptions,
  type OrderSettings,
  type OutboxSettings,
  optionsSchema as CreditManagementOptionsSchema,
} from './options.js';
export type { CacheBackend } from './ports/cache.js';
export type { Clock } from './ports/clock.js';
export { decodeCursor, encodeCursor, orderFields } from './ports/cursor.js';
export type {
  Change,
  DbManager,
  FieldKind,
  FindQuery,
  Row,
  SessionOf,
  StoredField,
  StoredModel,
  StoredValue,
  StoreOptions,
  Unit,
  UnitOutcome,
} from './ports/db-manager.js';
export type { Delivery, EventSink } from './ports/event-sink.js';
export type { LedgerSink, LedgerSinkChange, LedgerSinkHealth } from './ports/ledger-sink.js';
export type { LoggerLike } from './ports/logger.js';
export type { InboundMessage, MessageInbox, MessageSource } from './ports/message-source.js';
export type { MetricReading, MetricsRecorder } from './ports/metrics-recorder.js';
export type { NotificationQueue } from './ports/notification-queue.js';
export type {
  MinorMoney,
  NewPaymentLink,
  PaymentLink,
  PaymentProvider,
  ProviderDispute,
  ProviderEvent,
  ProviderEventKind,
  ProviderPaymentRef,
  ProviderRefund,
  ProviderSubscription,
  ProviderTraffic,
  ProviderWebhook,
} from './ports/payment-provider.js';
export type { RateAnswer, RateLimiter, RateRule } from './ports/rate-limiter.js';
export { storedModels } from './ports/stored-models.js';
export type { SpanFields, SpanOptions, Tracer, TraceSpan } from './ports/tracer.js';
export * from './public-payments.js';
export { InMemoryNotificationQueue } from './queues/memory.js';
export type { AccessService } from './services/credits/access-contract.js';
export type {
  CreditMetering,
  CreditMutations,
  CreditReads,
  CreditService,
  ReservationRef,
} from './services/credits/contract.js';
export type { Meter } from './services/credits/meter-contract.js';
export type { TransactionPages } from './services/credits/transaction-pages.js';
export type {
  HandlerAnswer,
  HandlerOptions,
  InboxService,
  MessageCallOptions,
  PayloadSchema,
  ReceivedMessage,
  RejectedMessage,
} from './services/inbox/contract.js';
export type { ExpirationService, Jobs } from './services/jobs/contract.js';
export type { LedgerService } from './services/ledger/contract.js';
export type { CreditManagement } from './services/manager/contract.js';
export type { NotificationService } from './services/notifications/contract.js';
export type { OutboxOptions, OutboxService } from './services/outbox/contract.js';
export type { OrderService } from './services/payments/orders-contract.js';
export type { SubscriptionService } from './services/plans/contract.js';
export type { PromoService } from './services/promos/contract.js';
export {
  addLlmUsage,
  clearUsageContext,
  formatPrettyJson,
  getLlmUsages,
  initUsageContext,
  runWithUsageContext,
  takeLlmUsagesAndClear,
} from './services/usage/usage-context.js';
export {
  createWebhookSecret,
  type VerifyWebhookOptions,
  verifyWebhook,
  type WebhookHeaders,
} from './sinks/verify-webhook.js';
export { type WebhookSinkOptions, webhookSink } from './sinks/webhook.js';
