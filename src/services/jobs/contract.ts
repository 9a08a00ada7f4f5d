/** The public promise of what a scheduler calls: jobs for all users, and the same work for one user. */
import type { MutationOptions } from '../../models/inputs/credits.js';
import type { JobOptions } from '../../models/inputs/plans.js';
import type {
  ExpiringJobReport,
  JobName,
  JobProgress,
  JobReport,
  OutboxJobReport,
  PaymentsJobReport,
} from '../../models/records/job.js';
import type { Allocation } from '../../models/records/subscription.js';
import type { Ref } from '../../models/values.js';

export type { ExpiringJobReport, JobName, JobOptions, JobProgress, JobReport, OutboxJobReport, PaymentsJobReport };

/**
 * Jobs for all users. They are batched, resumable, idempotent, and safe in many processes at once. A lease keeps two
 * processes from doing the same work, but credits do not depend on it: periods, versions and states guard them. A job
 * skips and reports a row that it cannot process, and does not wait for it. No job throws for a problem on its way.
 *
 * @example const report = await manager.jobs.runAllocation({ batchSize: 1000, maxDurationMs: 60_000 });
 */
export interface Jobs {
  /**
   * Writes on every account which grants have lapsed or become effective, and which holds have ended. The first run on
   * a database that an older version has written also goes through all accounts and fills in their lifetime totals.
   */
  runExpiration(options?: JobOptions): Promise<JobReport<'expiration'>>;
  /** Renews subscriptions and cycles: each period that has begun is allocated once, in order. */
  runAllocation(options?: JobOptions): Promise<JobReport<'allocation'>>;
  /** Does the work of `runExpiration`, but only on accounts with a hold that has ended. */
  runReservationExpiry(options?: JobOptions): Promise<JobReport<'reservation_expiry'>>;
  /**
   * Tells users of credits that lapse within `withinDays` days (default 7), once for each grant. It does nothing
   * without a queue.
   */
  runExpiringNotifications(options?: JobOptions & { withinDays?: number | undefined }): Promise<ExpiringJobReport>;
  /**
   * Delivers the events and messages that wait in the outbox for the sinks and the queue of this process, at least once
   * and in order for each account. It answers when every account was served once. A sink that is away or refuses is
   * reported, not thrown. `asOf` has no effect here.
   */
  runOutbox(options?: JobOptions): Promise<OutboxJobReport>;
  /**
   * Makes good what webhooks of payments missed, as `payments.reconcilePayments` does for the last three days, and
   * deletes messages that are older than `payments.messageDays`. `asOf` and `batchSize` have no effect here.
   */
  runPayments(options?: JobOptions): Promise<PaymentsJobReport>;
  /** Runs all jobs one after another, the outbox last; that of payments where a provider is registered. */
  runAll(options?: JobOptions & { withinDays?: number | undefined }): Promise<readonly JobReport[]>;
}

/** Does for one user what the jobs do for all. */
export interface ExpirationService<S = unknown> {
  /** Writes what is due on a user's `credits` and answers the credits that expired. */
  checkCreditExpiration(
    userId: string,
    options?: MutationOptions<S> & { asOf?: Date | string | undefined },
  ): Promise<number>;

  /**
   * Allocates every period of a subscription that has begun and was not allocated. Of the arguments only the ids are
   * taken: the stored terms are the truth. Repeating it grants nothing. `granted` is of the plan's own credit type;
   * with an idempotency key it tells the first hundred periods alone.
   * @throws SUBSCRIPTION_NOT_FOUND
   */
  allocateSubscriptionCredits(subscription: Ref, plan?: Ref, options?: MutationOptions<S>): Promise<Allocation>;
}
