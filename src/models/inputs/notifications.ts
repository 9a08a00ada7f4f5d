/** Schemas for the input of the verbs of notifications and of the relay. */
import { z } from 'zod';
import { deliveryStatusSchema } from '../delivery.js';
import { strictObject } from '../strict-object.js';
import type { Awaitable } from '../values.js';
import { abortSignalSchema, type ListOptions, listShape } from './credits.js';
import { boundSchema, identifierSchema } from './values.js';

export const notifySchema = strictObject({
  /** Default `credits`. */
  creditType: z.string().optional(),
});
export interface NotifyOptions extends Readonly<z.input<typeof notifySchema>> {}

export const sinkNameSchema = z.string({ error: 'the name of a sink' }).max(255, { error: 'the name of a sink' });

export const replaySchema = strictObject({
  /** The first instant, or day, of the deliveries that are repeated. */
  since: boundSchema,
});
export interface ReplayOptions extends z.input<typeof replaySchema> {}

export const notificationQuerySchema = strictObject({
  ...listShape,
  /** Notifications of this user alone. */
  userId: identifierSchema.optional(),
  /** Notifications with this state of delivery alone. */
  status: deliveryStatusSchema.optional(),
});
export interface NotificationQuery
  extends ListOptions,
    Readonly<Omit<z.input<typeof notificationQuerySchema>, keyof ListOptions>> {}

export const startSchema = strictObject({
  /** Seconds between two rounds of all jobs but the outbox, 1–86,400, default 60. */
  jobsEverySeconds: z.number().min(1).max(86_400).optional(),
  /** Seconds between two looks into the outbox, 0.1–86,400, default 1. */
  outboxEverySeconds: z.number().min(0.1).max(86_400).optional(),
});
export interface StartOptions extends Readonly<z.input<typeof startSchema>> {}

export const expiringSchema = strictObject({
  /** Accounts read at once, 1–1,000, default 100. */
  batchSize: z.number().int().min(1).max(1_000, { error: 'a whole number from 1 to 1,000' }).optional(),
  /** Milliseconds after which no new batch is begun. */
  maxDurationMs: z.number().min(0).optional(),
  /** Ends the walk between two batches. */
  signal: abortSignalSchema.optional(),
  /** Awaited between batches. */
  onProgress: z
    .custom<(progress: { readonly processed: number }) => Awaitable<void>>((value) => typeof value === 'function', {
      error: 'a function',
    })
    .optional(),
  /** `cursor` of an earlier report, to go on where it stopped. */
  cursor: z.string().max(4096).optional(),
});
export interface ExpiringOptions extends Readonly<z.input<typeof expiringSchema>> {}
