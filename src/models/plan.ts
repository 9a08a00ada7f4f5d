/** Plans, and the terms that a subscription keeps of its plan: a later change of the plan does not touch these. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

export const billingPeriods = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export const renewOnSchema = z.enum(['clock', 'payment']);

export const billingPeriodSchema = z.enum(billingPeriods);
export type BillingPeriod = z.infer<typeof billingPeriodSchema>;

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

/** Credits of one type that every period grants, in units. */
const periodGrantSchema = z.object({ creditType: z.string(), creditLimit: z.int() });

export const planTermsSchema = z.object({
  planId: z.string(),
  name: z.string(),
  /** The credits that a period grants, the plan's own credit type first. */
  grants: z.array(periodGrantSchema).readonly(),
  billingPeriod: billingPeriodSchema,
  /** Days from the start of a period until its credits expire; null: until the next period starts. */
  validityDays: z.int().nullable(),
  trialDays: z.int(),
  /** The most units left of a period that the next one takes over; null for none. */
  rolloverCap: z.int().nullable(),
  /** IANA name; null for UTC. */
  timeZone: z.string().nullable(),
  /** Decimals of a share of a limit; absent: none where the limit is whole, else all. */
  creditDecimals: z.int().optional(),
  /** Absent where the clock alone renews. */
  renewOn: z.literal('payment').optional(),
  /** Days after a period that wait for the next one's payment. */
  graceDays: z.int().optional(),
  /** How often credits are granted; absent where that is the billing period. */
  allocationPeriod: billingPeriodSchema.optional(),
  /** The provider that bills it; absent where none does. Every period waits for its payment then. */
  billedBy: z.string().optional(),
  /** The version of the plan that these are the terms of; absent for the first. */
  version: z.int().optional(),
});
export type PlanTerms = Readonly<z.infer<typeof planTermsSchema>>;

/** Terms for periods of older subscriptions that begin at an instant or later. */
const renewalTermsSchema = z.object({ from: z.int(), terms: planTermsSchema });

export const planSchema = z.object({
  id: z.string().describe('Names the plan for ever.'),
  version: z.int(),
  code: z.string().nullable().describe('Names it in the code of the host; null without one.'),
  name: z.string().describe('A name for people.'),
  description: z.string().nullable().describe('A text for people.'),
  creditType: z.string().describe('The credit type that it grants.'),
  creditLimit: z.int().describe('Micro-units that a period grants.'),
  alsoGrants: z.array(periodGrantSchema).readonly().describe('Credits of other types that a period grants.'),
  price: z.int().describe('In minor units of the currency; in hundredths where none is named.'),
  currency: z.string().nullable().describe('ISO 4217 code.'),
  billingPeriod: billingPeriodSchema.describe('The length of a period.'),
  allocationPeriod: billingPeriodSchema
    .nullable()
    .describe('How often the credits are granted within a period; null: once a period.'),
  validityDays: z
    .int()
    .nullable()
    .describe('Days from the start of a period until its credits expire; null: until the next period starts.'),
  trialDays: z.int().describe('Days of a first period that is not billed.'),
  rolloverCap: z
    .int()
    .nullable()
    .describe('The most micro-units left of a period that the next one takes over; null for none.'),
  timeZone: z.string().nullable().describe('IANA name; null for UTC.'),
  creditDecimals: z
    .int()
    .nullable()
    .describe('Decimals of the shares of a limit that changes grant; null: none where the limit is whole, else all.'),
  renewOn: renewOnSchema
    .nullable()
    .describe('`payment` where a period is granted when it is paid; null where the clock alone renews.'),
  graceDays: z.int().nullable().describe("Days after a period that wait for the next one's payment; null: 7."),
  providerPrices: z
    .record(z.string(), z.array(z.string()).readonly())
    .nullable()
    .describe('By provider, the prices by which it bills this plan; null for none.'),
  renewalTerms: z
    .array(renewalTermsSchema)
    .readonly()
    .nullable()
    .describe('Terms that the next periods of older subscriptions take over, the latest last; null for none.'),
  metadata: jsonObject.describe('Data that the host gave with it.'),
  isActive: z.boolean().describe('Whether it is offered to new subscribers.'),
  deactivatedAt: z
    .date()
    .nullable()
    .describe('When it was deactivated; null while it is active, and where an older version did it.'),
  createdAt: z.date().describe('When it was made.'),
  updatedAt: z.date().describe('When it was last changed.'),
});
export type PlanRow = Readonly<z.infer<typeof planSchema>>;

export const planModel = defineModel('plan', planSchema, 'id', [
  { name: 'created', fields: ['createdAt'], unique: false },
  { name: 'active', fields: ['isActive', 'createdAt'], unique: false },
  { name: 'code', fields: ['code'], unique: true },
]);
