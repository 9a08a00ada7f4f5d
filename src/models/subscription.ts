/**
 * The subscription of a user: one row, written only together with the user's own account, whose version guards it.
 * Earlier subscriptions are in the ledger.
 */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { billingPeriodSchema, planTermsSchema } from './plan.js';

/** Nobody is shown a removed subscription; its row stays so that starting again grants nothing twice. */
export const subscriptionStatusSchema = z.enum([
  'trialing',
  'active',
  'past_due',
  'paused',
  'cancelled',
  'ended',
  'removed',
]);
export type SubscriptionStatus = z.infer<typeof subscriptionStatusSchema>;

const units = z.record(z.string(), z.int());

const planRateSchema = z.object({
  units: z.int().describe('The limit of a period.'),
  period: billingPeriodSchema.describe('The kind of the period.'),
  ms: z.int().describe('How long the period is, in milliseconds.'),
});
export type PlanRate = Readonly<z.infer<typeof planRateSchema>>;

const allowanceSchema = planRateSchema.extend({
  ahead: z.int().describe('Units that were granted and not yet earned at `from`, and those granted since.'),
  from: z.int().describe('The instant from which they are earned at this rate, in epoch milliseconds.'),
});
export type Allowance = Readonly<z.infer<typeof allowanceSchema>>;

const billingSchema = z.object({
  anchor: z.int().describe('Billing periods are counted from here: this one ends `periods` of them after it.'),
  periods: z.int().describe('The number of the billing period, from 1.'),
  start: z.int().describe('The start of the billing period.'),
  end: z.int().describe('The end of the billing period.'),
  wholeMs: z.int().optional().describe('How long the current period would be if the billing period did not end in it.'),
});
export type Billing = Readonly<z.infer<typeof billingSchema>>;

export const subscriptionSchema = z.object({
  userId: z.string().describe('The user who has it.'),
  version: z.int(),
  id: z.string().describe('Names the subscription for ever.'),
  planId: z.string().describe('The plan of the current period.'),
  status: subscriptionStatusSchema.describe('The status when it was last written.'),
  startedAt: z.date().describe('When it was started.'),
  terms: planTermsSchema.describe('The terms of the plan when it was chosen.'),
  pending: planTermsSchema.nullable().describe('The terms that the next period starts with, where they differ.'),
  nextPlanId: z.string().nullable().describe('The plan of `pending`.'),
  anchor: z.date().describe('Periods are counted from here: the current one ends `periods` periods after it.'),
  periods: z.int().describe('The number of the current period, from 1.'),
  periodStart: z.date().describe('Start of the current period.'),
  periodEnd: z.date().describe('End of the current period.'),
  billing: billingSchema
    .nullable()
    .describe('What is paid for, where the plan grants more often; null where every period of the row is billed.'),
  isAllocated: z.boolean().describe('Whether the current period was allocated, or is not to be.'),
  autoRenew: z.boolean().describe('Whether another period follows.'),
  validUntil: z.date().nullable().describe('Without renewal, the instant at which it ends.'),
  pausedAt: z.date().nullable().describe('The instant of the pause; null when it is not paused.'),
  graceUntil: z
    .date()
    .nullable()
    .describe('How long it waits for the payment of its next period; null for the days of grace of its plan.'),
  frozen: z
    .record(z.string(), z.int())
    .nullable()
    .describe('By grant, the end that a pause took from it, in epoch milliseconds; null where no pause froze any.'),
  paid: z
    .array(z.string())
    .readonly()
    .nullable()
    .describe('The payments of the next periods, in order; null in rows of older versions.'),
  granted: units.describe(
    'By credit type, units of plans that count until `grantedUntil`: switching and starting again grant only the rest.',
  ),
  grantedUntil: z.date().nullable().describe('The instant until which `granted` counts.'),
  carried: units.describe(
    'The part of `granted` that an earlier period was granted: it counts until that period would have ended.',
  ),
  carriedUntil: z.date().nullable().describe('The instant until which `carried` counts.'),
  allowance: z
    .record(z.string(), allowanceSchema)
    .nullable()
    .describe('By credit type, what plans have granted ahead of time; null in rows of older versions.'),
  isTrial: z.boolean().describe('Whether the current period is the trial.'),
  hadTrial: z.boolean().describe('Whether the user has had a trial: there is one a user.'),
  lots: z
    .record(z.string(), z.array(z.string()).readonly())
    .describe('By credit type, the grants of the current period: credits that are left of them may roll over.'),
  dueAt: z.date().nullable().describe('The next instant at which the allocation job has something to do.'),
  updatedAt: z.date().describe('When it was last written.'),
});
export type SubscriptionRow = Readonly<z.infer<typeof subscriptionSchema>>;

export const subscriptionModel = defineModel('subscription', subscriptionSchema, 'userId', [
  { name: 'id', fields: ['id'], unique: true },
  { name: 'plan', fields: ['planId', 'status'], unique: false },
  { name: 'nextPlan', fields: ['nextPlanId', 'status'], unique: false },
  { name: 'due', fields: ['dueAt'], unique: false },
  { name: 'started', fields: ['startedAt'], unique: false },
  { name: 'planStarted', fields: ['planId', 'startedAt'], unique: false },
]);
