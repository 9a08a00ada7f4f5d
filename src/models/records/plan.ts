/** Plans: what a period of a subscription grants, and what it costs. */
import { z } from 'zod';
import { billingPeriodSchema } from '../plan.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant, jsonObject } from './fields.js';

const periodGrantSchema = strictObject({
  creditType: identifier.describe('The kind of credits.'),
  creditLimit: credits.min(0).describe('Credits of it that a period grants.'),
});

export const SubscriptionPlanSchema = strictObject({
  id: identifier.describe('Names the plan for ever.'),
  name: z.string().describe('A name for people.'),
  description: z.string().nullable().describe('A text for people; null without one.'),
  creditType: identifier.describe('The kind of credits that it grants.'),
  creditLimit: credits.min(0).describe('Credits that a period grants.'),
  alsoGrants: z
    .array(periodGrantSchema.readonly())
    .readonly()
    .describe('What a period grants of other kinds of credits; empty where it grants none.'),
  price: z.number().min(0).describe('Price of a period, in major units of the currency (19.99).'),
  currency: z.string().nullable().describe('ISO 4217 code of the currency; null where none was named.'),
  billingPeriod: billingPeriodSchema.describe('How long a period is.'),
  validityDays: z
    .int()
    .min(1)
    .nullable()
    .describe('Days from the start of a period until its credits expire; null: until the next period starts.'),
  trialDays: z.int().min(0).describe('Days of a first period, once a user, that is not billed.'),
  rolloverCap: credits
    .min(0)
    .nullable()
    .describe('Credits left of a period that the next one takes over at most; null for none.'),
  timeZone: z.string().nullable().describe('IANA name of the zone whose clock periods follow; null for UTC.'),
  metadata: jsonObject.describe('What the host wrote beside it; {} without any.'),
  isActive: z.boolean().describe('Whether it is offered to new subscribers.'),
  createdAt: instant.describe('The instant at which it was made.'),
  updatedAt: instant.describe('The instant of its last change.'),
});
export interface SubscriptionPlan extends Readonly<z.infer<typeof SubscriptionPlanSchema>> {}
