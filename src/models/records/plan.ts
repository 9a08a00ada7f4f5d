/** Plans: the credits that a period of a subscription grants, and its price. */
import { z } from 'zod';
import { billingPeriodSchema, renewOnSchema } from '../plan.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

const periodGrantSchema = strictObject({
  creditType: identifier.describe('The credit type.'),
  creditLimit: credits.min(0).describe('Credits of this type that a period grants.'),
});

export const SubscriptionPlanSchema = strictObject({
  id: identifier.describe('Names the plan for ever.'),
  name: z.string().describe('A name for people.'),
  description: z.string().nullable().describe('A text for people; null without one.'),
  creditType: identifier.describe('The credit type that it grants.'),
  creditLimit: credits.min(0).describe('Credits that a period grants.'),
  alsoGrants: z
    .array(periodGrantSchema.readonly())
    .readonly()
    .describe('Credits of other types that a period grants; empty where it grants none.'),
  price: z.number().min(0).describe('Price of a period, in major units of the currency (19.99).'),
  currency: z.string().nullable().describe('ISO 4217 code of the currency; null where none was named.'),
  billingPeriod: billingPeriodSchema.describe('The length of a period.'),
  validityDays: z
    .int()
    .min(1)
    .nullable()
    .describe('Days from the start of a period until its credits expire; null: until the next period starts.'),
  trialDays: z.int().min(0).describe('Days of a first period, once a user, that is not billed.'),
  rolloverCap: credits
    .min(0)
    .nullable()
    .describe('The most credits left of a period that the next one takes over; null for none.'),
  timeZone: z.string().nullable().describe('IANA name of the zone whose clock periods follow; null for UTC.'),
  renewOn: renewOnSchema.describe('`clock`: a period is granted when it begins; `payment`: when it is paid.'),
  graceDays: z
    .int()
    .min(0)
    .nullable()
    .describe('Days that a subscription waits for a payment before it ends; null where the clock renews it.'),
  metadata: jsonObject.describe('Data that the host gave with it; {} without any.'),
  isActive: z.boolean().describe('Whether it is offered to new subscribers.'),
  deactivatedAt: z.date().nullable().describe('When it was deactivated. Periods that began before are granted still.'),
  createdAt: instant.describe('The instant at which it was made.'),
  updatedAt: instant.describe('The instant of its last change.'),
});
export interface SubscriptionPlan extends Readonly<z.infer<typeof SubscriptionPlanSchema>> {}
