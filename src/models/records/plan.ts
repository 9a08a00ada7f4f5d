/** Plans: the credits that a period of a subscription grants, and its price. */
import { z } from 'zod';
import { billingPeriodSchema, renewOnSchema } from '../plan.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

const periodGrantSchema = strictObject({
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** Credits of this type that a period grants. */
  creditLimit: credits.min(0).describe('Credits of this type that a period grants.'),
});

export const SubscriptionPlanSchema = strictObject({
  /** Names the plan for ever. */
  id: identifier.describe('Names the plan for ever.'),
  /** Names it in your code, in lower case; null without one. */
  code: z.string().nullable().describe('Names it in your code, in lower case; null without one.'),
  /** A name for people. */
  name: z.string().describe('A name for people.'),
  /** A text for people; null without one. */
  description: z.string().nullable().describe('A text for people; null without one.'),
  /** The credit type that it grants. */
  creditType: identifier.describe('The credit type that it grants.'),
  /** Credits that a period grants. */
  creditLimit: credits.min(0).describe('Credits that a period grants.'),
  /** Credits of other types that a period grants; empty where it grants none. */
  alsoGrants: z
    .array(periodGrantSchema.readonly())
    .readonly()
    .describe('Credits of other types that a period grants; empty where it grants none.'),
  /** Price of a period, in major units of the currency (19.99). */
  price: z.number().min(0).describe('Price of a period, in major units of the currency (19.99).'),
  /** ISO 4217 code of the currency; null where none was named. */
  currency: z.string().nullable().describe('ISO 4217 code of the currency; null where none was named.'),
  /** The length of a period. */
  billingPeriod: billingPeriodSchema.describe('The length of a period.'),
  /** How often the credits are granted: every billing period, or more often within it. */
  allocationPeriod: billingPeriodSchema.describe(
    'How often the credits are granted: every billing period, or more often within it.',
  ),
  /** Days from the start of a period until its credits expire; null: until the next period starts. */
  validityDays: z
    .int()
    .min(1)
    .nullable()
    .describe('Days from the start of a period until its credits expire; null: until the next period starts.'),
  /** Days of a first period, once a user, that is not billed. */
  trialDays: z.int().min(0).describe('Days of a first period, once a user, that is not billed.'),
  /** The most credits left of a period that the next one takes over; null for none. */
  rolloverCap: credits
    .min(0)
    .nullable()
    .describe('The most credits left of a period that the next one takes over; null for none.'),
  /** IANA name of the zone whose clock periods follow; null for UTC. */
  timeZone: z.string().nullable().describe('IANA name of the zone whose clock periods follow; null for UTC.'),
  /** Decimals of the shares of a limit that changes grant; null: none where the limit is whole, else all. */
  creditDecimals: z
    .int()
    .min(0)
    .nullable()
    .describe('Decimals of the shares of a limit that changes grant; null: none where the limit is whole, else all.'),
  /** `clock`: a period is granted when it begins; `payment`: when it is paid. */
  renewOn: renewOnSchema.describe('`clock`: a period is granted when it begins; `payment`: when it is paid.'),
  /** Days that a subscription waits for a payment before it ends; null where the clock renews it. */
  graceDays: z
    .int()
    .min(0)
    .nullable()
    .describe('Days that a subscription waits for a payment before it ends; null where the clock renews it.'),
  /** By provider, the prices by which it bills this plan; {} for none. */
  providerPrices: z
    .record(z.string(), z.array(z.string()).readonly())
    .describe('By provider, the prices by which it bills this plan; {} for none.'),
  /** Data that the host gave with it; {} without any. */
  metadata: jsonObject.describe('Data that the host gave with it; {} without any.'),
  /** Whether it is offered to new subscribers. */
  isActive: z.boolean().describe('Whether it is offered to new subscribers.'),
  /** When it was deactivated. Periods that began before are granted still. */
  deactivatedAt: z.date().nullable().describe('When it was deactivated. Periods that began before are granted still.'),
  /** The instant at which it was made. */
  createdAt: instant.describe('The instant at which it was made.'),
  /** The instant of its last change. */
  updatedAt: instant.describe('The instant of its last change.'),
});
export interface SubscriptionPlan extends Readonly<z.infer<typeof SubscriptionPlanSchema>> {}
