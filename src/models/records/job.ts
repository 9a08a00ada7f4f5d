/** Jobs: the report of a run, and its progress between two batches. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { count, credits, isoInstant } from './fields.js';
import { ExpiringReportSchema } from './notification.js';
import { OutboxReportSchema } from './outbox.js';
import { skippedCountSchema, skippedSchema } from './run.js';

export const jobNameSchema = z.enum([
  'expiration',
  'allocation',
  'reservation_expiry',
  'expiring_notifications',
  'outbox',
  'payments',
]);
export type JobName = z.infer<typeof jobNameSchema>;

export const JobProgressSchema = strictObject({
  /** The job that runs. */
  job: jobNameSchema.describe('The job that runs.'),
  /** Rows processed so far. */
  processed: count.describe('Rows processed so far.'),
  /** Rows that are still due, where that is known. */
  remaining: count.nullable().describe('Rows that are still due, where that is known; else null.'),
});
export interface JobProgress extends Readonly<z.infer<typeof JobProgressSchema>> {}

export const JobReportSchema = strictObject({
  /** The job that ran. */
  job: jobNameSchema.describe('The job that ran.'),
  /** `stopped` by the signal, the time or a lost lease; `lease_held_elsewhere`: another process runs it. */
  status: z
    .enum(['completed', 'stopped', 'lease_held_elsewhere'])
    .describe('`stopped` by the signal, the time or a lost lease; `lease_held_elsewhere`: another process runs it.'),
  /** Rows processed. */
  processed: count.describe('Rows processed.'),
  /** Credits that were granted for periods. */
  granted: credits.min(0).describe('Credits that were granted for periods.'),
  /** Credits left of a period that the next one took over; they are among the expired ones. */
  rolledOver: credits
    .min(0)
    .describe('Credits left of a period that the next one took over; they are among the expired ones.'),
  /** Scheduled credits that became effective. */
  activated: credits.min(0).describe('Scheduled credits that became effective.'),
  /** Credits that expired. */
  expired: credits.min(0).describe('Credits that expired.'),
  /** Credits that holds gave back at their end. */
  freed: credits.min(0).describe('Credits that holds gave back at their end.'),
  /** Notifications written, or events delivered. */
  delivered: count.describe('Notifications written, or events delivered.'),
  /** The number of all that were left out, also beyond the first 100. */
  skippedCount: skippedCountSchema,
  /** Skipped rows, with the reason; the first 100. */
  skipped: skippedSchema.describe('Skipped rows, with the reason; the first 100.'),
  /** The instant at which it began, ISO 8601. */
  startedAt: isoInstant.describe('The instant at which it began, ISO 8601.'),
  /** Milliseconds that it took. */
  durationMs: z.number().min(0).describe('Milliseconds that it took.'),
});
/** JSON-safe. A run is `stopped` by the signal, by time or by a lost lease: run it again, nothing is done twice. */
export interface JobReport<J extends JobName = JobName> extends Readonly<Omit<z.infer<typeof JobReportSchema>, 'job'>> {
  /** The job that ran. */
  readonly job: J;
}

const { notified, cursor } = ExpiringReportSchema.shape;
export const ExpiringJobReportSchema = strictObject({
  ...JobReportSchema.shape,
  /** The job that ran. */
  job: z.literal('expiring_notifications').describe('The job that ran.'),
  /** Notifications written; a relay delivers them. */
  notified,
  /** Where a stopped walk goes on; null at the end. */
  cursor,
});
/** `notified`: notifications written; `cursor`: where a stopped walk goes on. */
export type ExpiringJobReport = Readonly<z.infer<typeof ExpiringJobReportSchema>>;

const { failed, waiting, deleted } = OutboxReportSchema.shape;
export const OutboxJobReportSchema = strictObject({
  ...JobReportSchema.shape,
  /** The job that ran. */
  job: z.literal('outbox').describe('The job that ran.'),
  /** Rows given up in this run, after too many refusals. */
  failed,
  /** Accounts that wait for the end of a pause, or that another relay has claimed. */
  waiting,
  /** Rows deleted: sent ones that are a week old, and those of sinks that were taken off. */
  deleted,
});
/**
 * `failed`: rows given up; `waiting`: accounts in a pause or at another relay; `deleted`: old sent rows, and those of
 * removed sinks.
 */
export type OutboxJobReport = Readonly<z.infer<typeof OutboxJobReportSchema>>;

export const PaymentsJobReportSchema = strictObject({
  ...JobReportSchema.shape,
  /** The job that ran. */
  job: z.literal('payments').describe('The job that ran.'),
  /** Payments and messages that changed. */
  changed: count.describe('Payments and messages that changed.'),
  /** Messages that still wait for their payment. */
  waiting: count.describe('Messages that still wait for their payment.'),
  /** Messages that were deleted, as they were done with and old. */
  deleted: count.describe('Messages that were deleted, as they were done with and old.'),
});
/** `processed`: payments, messages and events that were looked at; `deleted`: old messages. */
export type PaymentsJobReport = Readonly<z.infer<typeof PaymentsJobReportSchema>>;
