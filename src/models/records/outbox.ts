/** The outbox: the report of a run of the relay, and the facts about a sink. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { count, instant } from './fields.js';
import { runStatusSchema, skippedCountSchema, skippedSchema } from './run.js';

export const OutboxReportSchema = strictObject({
  /** `stopped` by the signal, by time, or by a database that did not answer: run it again. */
  status: runStatusSchema,
  /** Deliveries that were attempted. */
  processed: count.describe('Deliveries that were attempted.'),
  /** Rows that their receiver took. */
  delivered: count.describe('Rows that their receiver took.'),
  /** Rows given up in this run, after too many refusals. */
  failed: count.describe('Rows given up in this run, after too many refusals.'),
  /** Accounts that wait for the end of a pause, or that another relay has claimed. */
  waiting: count.describe('Accounts that wait for the end of a pause, or that another relay has claimed.'),
  /** Rows deleted: sent ones that are a week old, and those of sinks that were taken off. */
  deleted: count.describe('Rows deleted: sent ones that are a week old, and those of sinks that were taken off.'),
  /** The number of all that were left out, also beyond the first 100. */
  skippedCount: skippedCountSchema,
  /** Failures, by row; the first 100. */
  skipped: skippedSchema.describe('Failures, by row; the first 100.'),
});
/** JSON-safe. */
export interface OutboxReport extends Readonly<z.infer<typeof OutboxReportSchema>> {}

export const SinkInfoSchema = strictObject({
  /** The name that the sink is registered under. */
  name: z.string().describe('The name that the sink is registered under.'),
  /** The types of events that it wants; null for all. */
  types: z.array(z.string()).readonly().nullable().describe('The types of events that it wants; null for all.'),
  /** The instant at which the first process brought it, or one with another list. */
  registeredAt: instant.describe('The instant at which the first process brought it, or one with another list.'),
  /** Events that wait for it. */
  pending: count.describe('Events that wait for it.'),
  /** When the oldest event that waits was written, looked for among the first 200 of them; null for none. */
  oldestPendingAt: instant
    .nullable()
    .describe('When the oldest event that waits was written, looked for among the first 200 of them; null for none.'),
  /** Events that it refused too often. */
  failed: count.describe('Events that it refused too often.'),
});
export interface SinkInfo extends Readonly<z.infer<typeof SinkInfoSchema>> {}
