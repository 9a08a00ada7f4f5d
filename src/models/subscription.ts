/**
 * The subscription of a user: one row, written only together with the user's own account, whose version guards it.
 * Earlier subscriptions are in the ledger.
 */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { planTermsSchema } from './plan.js';

/** A removed one is told to nobody; it stays so that starting again grants nothing twice. */
export const subscriptionStatusSchema = z.enum(['trialing', 'active', 'paused', 'cancelled', 'ended', 'removed']);
export type SubscriptionStatus = z.infer<typeof subscriptionStatusSchema>;

const units = z.record(z.string(), z.int());

export const subscriptionSchema = z.object({
  userId: z.string(),
  version: z.int(),
  id: z.string(),
  planId: z.string(),
  status: subscriptionStatusSchema,
  startedAt: z.date(),
  terms: planTermsSchema,
  /** The terms that the next period starts with, where they differ. */
  pending: planTermsSchema.nullable(),
  /** The plan of `pending`. */
  nextPlanId: z.string().nullable(),
  /** Periods are counted from here: the current one ends `periods` periods after it. */
  anchor: z.date(),
  periods: z.int(),
  periodStart: z.date(),
  periodEnd: z.date(),
  /** The current period was allocated, or is not to be. */
  isAllocated: z.boolean(),
  autoRenew: z.boolean(),
  /** Without renewal, the instant at which it ends. */
  validUntil: z.date().nullable(),
  pausedAt: z.date().nullable(),
  /** By credit type, what plans granted until `grantedUntil`: switching and starting again grant only the rest. */
  granted: units,
  grantedUntil: z.date().nullable(),
  /** The part of it that an earlier period was granted, and when that one would have ended: until then it counts. */
  carried: units,
  carriedUntil: z.date().nullable(),
  isTrial: z.boolean(),
  /** A user has one trial. */
  hadTrial: z.boolean(),
  /** By credit type, the grants of the current period: what they leave may roll over. */
  lots: z.record(z.string(), z.array(z.string()).readonly()),
  /** The next instant at which the allocation job has something to do. */
  dueAt: z.date().nullable(),
  updatedAt: z.date(),
});
export type SubscriptionRow = Readonly<z.infer<typeof subscriptionSchema>>;

export const subscriptionModel = defineModel('subscription', subscriptionSchema, 'userId', [
  { name: 'id', fields: ['id'], unique: true },
  { name: 'plan', fields: ['planId', 'status'], unique: false },
  { name: 'nextPlan', fields: ['nextPlanId', 'status'], unique: false },
  { name: 'due', fields: ['dueAt'], unique: false },
]);
