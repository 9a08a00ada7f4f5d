/** The options as they were written by hand, before they were inferred from schemas: users wrote code against these. */
import type {
  Amount,
  Awaitable,
  CacheBackend,
  Clock,
  createCreditManagement,
  DbManager,
  DeliveryStatus,
  EntryType,
  EventSink,
  GrantSource,
  JobProgress,
  LoggerLike,
  MemorySession,
  Metadata,
  NotificationQueue,
  Overage,
  TransactionType,
} from '../../src/index.js';

export interface CallOptions<S = never> {
  session?: S | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  correlationId?: string | undefined;
}

export interface ReadOptions<S = never> extends CallOptions<S> {
  fresh?: boolean | undefined;
}

export interface MutationOptions<S = never> extends CallOptions<S> {
  idempotencyKey?: string | undefined;
  description?: string | undefined;
  metadata?: Metadata | undefined;
  actor?: string | undefined;
  reason?: string | undefined;
}

export interface ListOptions {
  limit?: number | undefined;
  cursor?: string | undefined;
  order?: 'newest' | 'oldest' | undefined;
}

export interface AddOptions<S = never> extends MutationOptions<S> {
  source?: GrantSource | undefined;
  expiresAt?: Date | string | undefined;
  effectiveAt?: Date | string | undefined;
  priority?: number | undefined;
  planId?: string | undefined;
  reference?: string | undefined;
}

export interface VoidOptions<S = never> extends MutationOptions<S> {
  amount?: Amount | undefined;
  actor: string;
  reason: string;
}

export interface ReserveOptions<S = never> extends MutationOptions<S> {
  ttlSeconds?: number | undefined;
  planId?: string | undefined;
}

export interface CommitOptions<S = never> extends MutationOptions<S> {
  amount?: Amount | undefined;
  final?: boolean | undefined;
  overage?: Overage | undefined;
  ifExpired?: Overage | undefined;
}

export interface HistoryOptions<S = never> extends ReadOptions<S>, ListOptions {
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  types?: readonly TransactionType[] | undefined;
  actor?: string | undefined;
  includeHolds?: boolean | undefined;
}

export interface AccountDefaults {
  trialCredits?: Amount | undefined;
  overdraftLimit?: Amount | 'unlimited' | null | undefined;
  lowCreditThreshold?: number | `${number}` | `${number}%` | 'none' | null | undefined;
  lowCreditThresholds?: readonly (number | `${number}` | `${number}%`)[] | null | undefined;
  lowCreditHysteresis?: Amount | null | undefined;
}

export interface PlanInput {
  name: string;
  creditLimit: Amount;
  price: Amount;
  currency?: string | undefined;
  billingPeriod: Period | Uppercase<Period>;
  validityDays?: number | undefined;
  creditType?: string | undefined;
  alsoGrants?: readonly { creditType: string; creditLimit: Amount }[] | undefined;
  trialDays?: number | undefined;
  rolloverCap?: Amount | undefined;
  timeZone?: string | undefined;
  description?: string | undefined;
  metadata?: Metadata | undefined;
}

export interface SetPlanOptions<S = never> extends MutationOptions<S> {
  autoRenew?: boolean | undefined;
  allocate?: boolean | undefined;
}

export interface UpgradeOptions<S = never> extends MutationOptions<S> {
  when?: 'now' | 'period_end' | undefined;
  autoRenew?: boolean | undefined;
  proration?: 'none' | 'time' | 'full' | undefined;
}

export interface CancelOptions<S = never> extends MutationOptions<S> {
  when?: 'now' | 'period_end' | undefined;
}

export interface CycleOptions<S = never> extends MutationOptions<S> {
  amount: Amount;
  days?: number | undefined;
  recurring?: boolean | undefined;
}

type Period = 'daily' | 'weekly' | 'monthly' | 'yearly';

export interface PromoInput {
  code: string;
  credits: Amount;
  creditType?: string | undefined;
  description?: string | undefined;
  targetType?: 'all_users' | 'specific_users' | undefined;
  targetUserIds?: readonly string[] | undefined;
  maxUses?: number | null | undefined;
  maxUsesPerUser?: number | undefined;
  maxUsesPerDay?: number | null | undefined;
  maxUsesPerUserPerDay?: number | null | undefined;
  validityDays?: number | null | undefined;
  referrerId?: string | null | undefined;
  referrerCredits?: Amount | null | undefined;
  validFrom?: Date | string | undefined;
  validUntil?: Date | string | null | undefined;
  isActive?: boolean | undefined;
  metadata?: Metadata | undefined;
}

export interface JobOptions {
  asOf?: Date | string | undefined;
  batchSize?: number | undefined;
  maxDurationMs?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: JobProgress) => Awaitable<void>) | undefined;
}

export interface LedgerQuery extends ListOptions {
  userId?: string | undefined;
  creditType?: string | undefined;
  correlationId?: string | undefined;
  operationId?: string | undefined;
  from?: Date | string | undefined;
  to?: Date | string | undefined;
  types?: readonly EntryType[] | undefined;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export interface VerifyOptions {
  userId?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number) => void) | undefined;
}

export interface NotifyOptions {
  readonly creditType?: string | undefined;
}

export interface NotificationQuery extends ListOptions {
  readonly userId?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
}

export interface ExpiringOptions {
  readonly batchSize?: number | undefined;
  readonly maxDurationMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: { readonly processed: number }) => Awaitable<void>) | undefined;
  readonly cursor?: string | undefined;
}

export interface MeterOptions {
  userId: string;
  estimate: Amount;
  idempotencyKey?: string | undefined;
  resume?: boolean | undefined;
  ttlSeconds?: number | undefined;
  timeoutMs?: number | undefined;
  overage?: Overage | undefined;
  chargeOnError?: 'metered' | 'none' | 'estimate' | undefined;
  actor?: string | undefined;
  reason?: string | undefined;
  description?: string | undefined;
  metadata?: Metadata | undefined;
  correlationId?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface CreditManagementOptions<S = MemorySession, U extends string = never> {
  db?: DbManager<S> | undefined;
  creditTypes?: Readonly<Record<U, AccountDefaults>> | undefined;
  creditScale?: number | undefined;
  defaults?: AccountDefaults | undefined;
  sinks?: readonly EventSink[] | undefined;
  queue?: NotificationQueue | undefined;
  notifyErrors?: boolean | undefined;
  outbox?: OutboxSettings | undefined;
  ledger?: LedgerOptions | undefined;
  cache?: CacheBackend | CacheOptions | undefined;
  events?: 'standard' | 'all' | undefined;
  eventMetadata?: boolean | undefined;
  limits?: { openGrants?: number | undefined; activeReservations?: number | undefined } | undefined;
  reservations?: { ttlSeconds?: number | undefined } | undefined;
  timeoutMs?: number | undefined;
  clock?: Clock | undefined;
  temporal?: NonNullable<Parameters<typeof createCreditManagement>[0]>['temporal'];
  ids?: (() => string) | undefined;
  logger?: LoggerLike | undefined;
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

export interface LedgerOptions {
  filePath?: string | URL | undefined;
  fsync?: 'always' | 'interval' | 'never' | undefined;
  fileFailure?: 'degrade' | 'refuse' | undefined;
  olderDatabase?: 'tell' | 'refuse' | undefined;
  errors?: boolean | undefined;
}

export interface OutboxSettings {
  maxRefusals?: number | undefined;
  timeoutMs?: number | undefined;
  concurrency?: number | undefined;
}

export interface CacheOptions {
  backend: CacheBackend;
  ttlSeconds?: number | undefined;
  timeoutMs?: number | undefined;
}
