/** Schemas of what callers give to the verbs of notifications and to the relay. */
import { z } from 'zod';
import { deliveryStatusSchema } from '../delivery.js';
import { abortSignalSchema, listShape } from './credits.js';
import { identifierSchema } from './values.js';

export const notifySchema = z.strictObject({ creditType: z.string().optional() });

export const sinkNameSchema = z.string({ error: 'the name of a sink' }).max(255, { error: 'the name of a sink' });

export const notificationQuerySchema = z.strictObject({
  ...listShape,
  userId: identifierSchema.optional(),
  status: deliveryStatusSchema.optional(),
});

const runShape = {
  batchSize: z.number().int().min(1).max(1_000, { error: 'a whole number from 1 to 1,000' }).optional(),
  maxDurationMs: z.number().min(0).optional(),
  signal: abortSignalSchema.optional(),
  onProgress: z.custom<unknown>((value) => typeof value === 'function', { error: 'a function' }).optional(),
};
export const startSchema = z.strictObject({
  jobsEverySeconds: z.number().min(1).max(86_400).optional(),
  outboxEverySeconds: z.number().min(0.1).max(86_400).optional(),
});
export const expiringSchema = z.strictObject({ ...runShape, cursor: z.string().max(4096).optional() });
