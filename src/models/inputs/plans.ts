/** Schemas of what callers give to plans, subscriptions and cycles. */
import { z } from 'zod';
import { type BillingPeriod, billingPeriods } from '../plan.js';
import type { Amount, JsonObject } from '../values.js';
import { abortSignalSchema, type MutationOptions, mutationShape, readShape, timeoutSchema } from './credits.js';
import { identifierSchema, instantSchema, metadataSchema, textSchema } from './values.js';

/** Amounts and prices are parsed after the schema, with the scale of the database and of the currency. */
const amount = z.unknown();
const billingPeriod = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(billingPeriods, { error: 'daily, weekly, monthly or yearly' }));
const days = (min: number) =>
  z
    .number()
    .int()
    .min(min)
    .max(36_500, { error: `whole days from ${min} to 36,500` });

const planShape = {
  name: textSchema.min(1),
  creditLimit: amount,
  price: amount,
  currency: z.string().optional(),
  billingPeriod,
  validityDays: days(1).optional(),
  creditType: z.string().optional(),
  alsoGrants: z
    .array(z.strictObject({ creditType: z.string(), creditLimit: amount }))
    .max(32)
    .optional(),
  trialDays: days(0).optional(),
  rolloverCap: amount.optional(),
  timeZone: identifierSchema.optional(),
  description: textSchema.optional(),
  metadata: metadataSchema.optional(),
};
export const planInputSchema = z.strictObject(planShape);
export const planUpdateSchema = z.strictObject({
  ...z.strictObject(planShape).partial().shape,
  id: identifierSchema,
});

export const setPlanSchema = z.strictObject({
  ...mutationShape,
  autoRenew: z.boolean().optional(),
  allocate: z.boolean().optional(),
});
const when = z.enum(['now', 'period_end']);
export const upgradeSchema = z
  .strictObject({
    ...mutationShape,
    when: when.optional(),
    autoRenew: z.boolean().optional(),
    proration: z.enum(['none', 'time']).optional(),
  })
  .refine((given) => given.when !== 'period_end' || given.autoRenew !== false, {
    path: ['autoRenew'],
    error: 'true, since what changes at the end of a period is its renewal',
  });
export const previewSchema = z.strictObject({
  ...readShape,
  when: when.optional(),
  proration: z.enum(['none', 'time']).optional(),
});
export const cancelSchema = z.strictObject({ ...mutationShape, when: when.optional() });
export const cycleInputSchema = z.strictObject({
  ...mutationShape,
  amount,
  days: days(1).optional(),
  recurring: z.boolean().optional(),
});
export const expirationSchema = z.strictObject({ ...mutationShape, asOf: instantSchema.optional() });
export const jobSchema = z.strictObject({
  asOf: instantSchema.optional(),
  batchSize: z.number().int().min(1).max(10_000).optional(),
  maxDurationMs: timeoutSchema.optional(),
  signal: abortSignalSchema.optional(),
  onProgress: z.custom<unknown>((value) => typeof value === 'function', { error: 'a function' }).optional(),
  withinDays: z.number().min(0).max(36_500).optional(),
});

export interface PlanInput {
  name: string;
  /** Credits of one period, more than 0. */
  creditLimit: Amount;
  /** Major units of the currency (19.99), 0 or more. */
  price: Amount;
  /** ISO 4217, such as INR. */
  currency?: string | undefined;
  billingPeriod: BillingPeriod | Uppercase<BillingPeriod>;
  /** Days, 1–36,500, from the start of a period until its credits expire; without it they last until the next one. */
  validityDays?: number | undefined;
  /** `credits` unless it names another declared type. */
  creditType?: string | undefined;
  alsoGrants?: readonly { creditType: string; creditLimit: Amount }[] | undefined;
  /** Days of a first period, once a user, that is not billed. */
  trialDays?: number | undefined;
  /** What is left of a period goes into a lot of the next one, up to this. Not together with `validityDays`. */
  rolloverCap?: Amount | undefined;
  /** IANA name; periods follow its wall clock. Needs `Temporal`. Default UTC. */
  timeZone?: string | undefined;
  description?: string | undefined;
  metadata?: JsonObject | undefined;
}
export interface SetPlanOptions<S = never> extends MutationOptions<S> {
  /** Default true. */
  autoRenew?: boolean | undefined;
  /** Whether the period is allocated at once, default true; else `allocateSubscriptionCredits` does while it runs. */
  allocate?: boolean | undefined;
}
export interface UpgradeOptions<S = never> extends MutationOptions<S> {
  /** Default now. */
  when?: 'now' | 'period_end' | undefined;
  /** Default true, also for a subscription that was cancelled at its end. */
  autoRenew?: boolean | undefined;
  /**
   * `none` (default): a new period starts now, with the new limit less what the period had; when that period would have
   * ended, as much of it as the new one still goes on. `time`: the period goes on, with that difference in proportion
   * to the time that is left of it.
   */
  proration?: 'none' | 'time' | undefined;
}
export interface CancelOptions<S = never> extends MutationOptions<S> {
  /** Default `period_end`. */
  when?: 'now' | 'period_end' | undefined;
}
export interface CycleOptions<S = never> extends MutationOptions<S> {
  /** Credits of one cycle, 0 or more. */
  amount: Amount;
  /** Days, 1–36,500, default 30. */
  days?: number | undefined;
  /** Whether another cycle follows, until it is stopped. Default false. */
  recurring?: boolean | undefined;
}
