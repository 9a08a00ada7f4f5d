/** Schemas for the input of plans, subscriptions and cycles. */
import { z } from 'zod';
import { type BillingPeriod, billingPeriods } from '../plan.js';
import type { JobProgress } from '../records/job.js';
import { strictObject } from '../strict-object.js';
import { subscriptionStatusSchema } from '../subscription.js';
import type { Awaitable } from '../values.js';
import {
  abortSignalSchema,
  type ListOptions,
  listShape,
  type MutationOptions,
  mutationShape,
  type ReadOptions,
  readShape,
  timeoutSchema,
} from './credits.js';
import {
  amountSchema as amount,
  boundSchema,
  identifierSchema,
  instantSchema,
  metadataSchema,
  textSchema,
  wholeDays,
} from './values.js';

const billingPeriod = z
  .string()
  .transform((text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()))
  .pipe(z.enum(billingPeriods, { error: 'daily, weekly, monthly or yearly' })) as z.ZodType<
  BillingPeriod,
  BillingPeriod | Uppercase<BillingPeriod>
>;
const periodGrantSchema = strictObject({
  /** A declared credit type. */
  creditType: z.string(),
  /** Credits of it that a period grants, more than 0. */
  creditLimit: amount,
});
type PeriodGrant = z.infer<typeof periodGrantSchema>;

/**
 * In lower case, as codes are stored. None begins as the ids of plans do, so that a text is never both. Checked first:
 * no other letter may become one of these.
 */
export const planCodeSchema = z
  .string({ error: 'a string' })
  .refine((code) => /^(?!p-)[a-z0-9][a-z0-9_-]{0,63}$/i.test(code) && /^[\w-]+$/.test(code), {
    error: '1 to 64 of a-z, 0-9, _ and -, not beginning with p-, _ or -',
  })
  .transform((code) => code.toLowerCase());

const price = z.string().regex(/^[A-Za-z0-9_.:-]{1,200}$/, { error: "a price's id at the provider" });
const providerPricesSchema = z.record(
  z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, { error: "a provider's name" }),
  z.array(price).min(1).max(50).readonly(),
);

const planShape = {
  /** Names the plan in your code: `[a-z0-9][a-z0-9_-]{0,63}`, not `p-…`; stored in lower case. No other plan has it. */
  code: planCodeSchema.optional(),
  /** A name for people. */
  name: textSchema.min(1),
  /** Credits of one period, more than 0. */
  creditLimit: amount,
  /** Major units of the currency (19.99), 0 or more. */
  price: amount,
  /** ISO 4217, such as INR. */
  currency: z.string().optional(),
  /** The length of a period, in lower or upper case. */
  billingPeriod,
  /**
   * How often the credits are granted within a period, in lower or upper case; not longer than it. Default: once a
   * period. What the other fields say of a period's credits is then said of each of these grants.
   */
  allocationPeriod: billingPeriod.optional(),
  /** Days, 1–36,500, from the start of a period until its credits expire; without it they last until the next one. */
  validityDays: wholeDays(1).optional(),
  /** `credits` unless it names another declared type. */
  creditType: z.string().optional(),
  /** Credits of other declared types that a period grants too. */
  alsoGrants: (z.array(periodGrantSchema).max(32) as z.ZodType<PeriodGrant[], readonly PeriodGrant[]>).optional(),
  /** Days of a first period, once a user, that is not billed. */
  trialDays: wholeDays(0).optional(),
  /** The most credits left of a period that go into a grant of the next one. Not together with `validityDays`. */
  rolloverCap: amount.optional(),
  /** Decimals, 0–6, of the shares of a limit that changes grant. Default: none where the limit is whole, else all. */
  creditDecimals: z.number().int().min(0).max(6, { error: 'whole decimals from 0 to 6' }).optional(),
  /**
   * `clock` (default): every period is granted when it begins. `payment`: it is granted when `renewSubscription` says
   * that it is paid.
   */
  renewOn: z.enum(['clock', 'payment'], { error: 'clock or payment' }).optional(),
  /** Days, 0–365, that a subscription waits for a payment before it ends, with `renewOn: 'payment'`. Default 7. */
  graceDays: z.number().int().min(0).max(365, { error: 'whole days from 0 to 365' }).optional(),
  /**
   * By provider, the prices by which it bills this plan, such as `{ stripe: ['price_1Abc'] }`: an invoice that is paid
   * for one of them renews the plan of its user. A price belongs to one plan.
   */
  providerPrices: providerPricesSchema.optional(),
  /** IANA name; periods follow its wall clock. Needs `Temporal`. Default UTC. */
  timeZone: identifierSchema.optional(),
  /** A text for people, at most 1,024 characters. */
  description: textSchema.optional(),
  /** A plain JSON object of your own, at most 16 KiB. */
  metadata: metadataSchema.optional(),
};
export const planInputSchema = strictObject(planShape);
export const planUpdateSchema = strictObject({
  ...strictObject(planShape).partial().shape,
  id: identifierSchema,
});
export const planUpdateOptionsSchema = strictObject({
  ...mutationShape,
  /**
   * `new` (default): subscriptions keep the terms that they began with. `renewals`: their next periods begin on the
   * terms that the plan has after this call, those that are due by now excepted.
   */
  applyTo: z.enum(['new', 'renewals'], { error: 'new or renewals' }).optional(),
});
export const definedPlansSchema = z
  .array(strictObject({ ...planShape, code: planCodeSchema }))
  .max(1_000, { error: 'at most 1,000 plans' })
  .refine((plans) => new Set(plans.map(({ code }) => code)).size === plans.length, { error: 'each code once' });
export const plansSchema = strictObject({ ...readShape, ...listShape, activeOnly: z.boolean().optional() });

export const setPlanSchema = strictObject({
  ...mutationShape,
  /** Default true. */
  autoRenew: z.boolean().optional(),
  /** Whether the period is allocated at once, default true; with false, `allocateSubscriptionCredits` does it later. */
  allocate: z.boolean().optional(),
});
const when = z.enum(['now', 'period_end']);
const proration = z.enum(['none', 'time', 'full'], { error: 'none, time or full' });
const credit = z.enum(['deduct', 'keep'], { error: 'deduct or keep' });
export const upgradeSchema = strictObject({
  ...mutationShape,
  /**
   * Default `now`; `period_end` for a lower limit: for a plan that grants fewer credits of the same own credit type in
   * the same time, where a month is a twelfth of a year of 365 days. `proration`, `credit` or `autoRenew: false` says
   * that the change is meant now.
   */
  when: when.optional(),
  /** Default true, also for a subscription that was to end with its period. */
  autoRenew: z.boolean().optional(),
  /**
   * `none` (default): a new period starts now and grants the new limit less the credits of the old period. When the old
   * period would have ended, those are granted too, in proportion to the time that the new one still goes on. `time`:
   * the period goes on and grants that difference, in proportion to the time that is left of it. `full`: the period
   * goes on and grants the whole difference now.
   */
  proration: proration.optional(),
  /**
   * Whether credits that were granted for the old period count against the new limit: `deduct` (default), or `keep` for
   * the new limit on top of them.
   */
  credit: credit.optional(),
}).refine((given) => given.when !== 'period_end' || given.autoRenew !== false, {
  path: ['autoRenew'],
  error: 'true, since a change at the end of a period is its renewal',
});
export const previewSchema = strictObject({
  ...readShape,
  /** As of the change. */
  when: when.optional(),
  /** As of the change. */
  proration: proration.optional(),
  /** As of the change. */
  credit: credit.optional(),
});
const { idempotencyKey: _, ...unkeyedShape } = mutationShape;
export const renewSchema = strictObject({
  ...unkeyedShape,
  /** Names the payment. It is the call's idempotency key: one payment pays one period. */
  paymentId: identifierSchema,
  /** The start of the period that was paid, to within half a period. Default: the next one that is not paid. */
  periodStart: instantSchema.optional(),
});
export const subscriptionsSchema = strictObject({
  ...readShape,
  ...listShape,
  /** Those on this plan in their current period, by its id or its code. */
  planId: identifierSchema.optional(),
  /** Those with this status. */
  status: subscriptionStatusSchema.exclude(['removed']).optional(),
  /** Those that renew or end before this instant, soonest first; a day such as `2030-01-31` is its midnight in UTC. */
  dueBefore: boundSchema.optional(),
});
export const cancelSchema = strictObject({
  ...mutationShape,
  /** Default `period_end`. */
  when: when.optional(),
});
export const graceSchema = strictObject({
  ...mutationShape,
  /** The instant, later than now and than the period's end, at which it ends unless its next period is paid before. */
  until: instantSchema,
});
export const pauseSchema = strictObject({
  ...mutationShape,
  /**
   * Whether what the running period granted, of the credit types of its plan, stops lapsing until the subscription goes
   * on or ends. It can be spent meanwhile, has no end then, and gets its end back, later by the time of the pause.
   * Default false.
   */
  freezeCredits: z.boolean().optional(),
});
export const cycleInputSchema = strictObject({
  ...mutationShape,
  /** Credits of one cycle, 0 or more. */
  amount,
  /** Days, 1–36,500, default 30. */
  days: wholeDays(1).optional(),
  /** Whether another cycle follows, until it is stopped. Default false. */
  recurring: z.boolean().optional(),
});
export const expirationSchema = strictObject({ ...mutationShape, asOf: instantSchema.optional() });
export const jobSchema = strictObject({
  /** The job does what was due by this instant; never later than now. Default now. */
  asOf: instantSchema.optional(),
  /**
   * Rows at a time, 1–10,000. By default as many as are done well within the deadline of a call; 100 for notifications
   * and the outbox. A stop waits for these rows.
   */
  batchSize: z.number().int().min(1).max(10_000).optional(),
  /** Milliseconds after which the job stops between two batches. Default 10 minutes. */
  maxDurationMs: timeoutSchema.optional(),
  /** Ends the job between two batches. */
  signal: abortSignalSchema.optional(),
  /** Awaited between batches. */
  onProgress: z
    .custom<(progress: JobProgress) => Awaitable<void>>((value) => typeof value === 'function', { error: 'a function' })
    .optional(),
  withinDays: z.number().min(0).max(36_500).optional(),
});

/** A plan of `definePlans`, which is told from others by its code. */
export interface PlanDefinition extends Omit<PlanInput, 'code'> {
  /** Names the plan in your code: `[a-z0-9][a-z0-9_-]{0,63}`, not `p-…`; stored in lower case. */
  code: string;
}
export interface PlanInput extends z.input<typeof planInputSchema> {}
export interface UpdatePlanOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof planUpdateOptionsSchema>, keyof MutationOptions> {}
export interface SetPlanOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof setPlanSchema>, keyof MutationOptions> {}
export interface UpgradeOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof upgradeSchema>, keyof MutationOptions> {}
export interface RenewOptions<S = never>
  extends Omit<MutationOptions<S>, 'idempotencyKey'>,
    Pick<z.input<typeof renewSchema>, 'paymentId' | 'periodStart'> {}
export interface SubscriptionListOptions<S = never>
  extends ReadOptions<S>,
    ListOptions,
    Omit<z.input<typeof subscriptionsSchema>, keyof (ReadOptions & ListOptions)> {}
export interface CancelOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof cancelSchema>, keyof MutationOptions> {}
export interface GraceOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof graceSchema>, keyof MutationOptions> {}
export interface PauseOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof pauseSchema>, keyof MutationOptions> {}
export interface CycleOptions<S = never>
  extends MutationOptions<S>,
    Omit<z.input<typeof cycleInputSchema>, keyof MutationOptions> {}
export interface JobOptions extends Omit<z.input<typeof jobSchema>, 'withinDays'> {}
