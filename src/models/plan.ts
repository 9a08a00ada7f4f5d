/** Plans, and the terms that a subscription keeps of its plan: what a later change of the plan does not touch. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

export const billingPeriods = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export const billingPeriodSchema = z.enum(billingPeriods);
export type BillingPeriod = z.infer<typeof billingPeriodSchema>;

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

/** Credits of one type that every period grants, in units. */
const periodGrantSchema = z.object({ creditType: z.string(), creditLimit: z.int() });

export const planTermsSchema = z.object({
  planId: z.string(),
  name: z.string(),
  /** What a period grants, the plan's own credit type first. */
  grants: z.array(periodGrantSchema).readonly(),
  billingPeriod: billingPeriodSchema,
  /** Days from the start of a period until its credits expire; null: until the next period starts. */
  validityDays: z.int().nullable(),
  trialDays: z.int(),
  /** Units of what is left of a period that the next one may take over; null for none. */
  rolloverCap: z.int().nullable(),
  /** IANA name; null for UTC. */
  timeZone: z.string().nullable(),
});
export type PlanTerms = Readonly<z.infer<typeof planTermsSchema>>;

export const planSchema = z.object({
  id: z.string(),
  version: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  creditType: z.string(),
  creditLimit: z.int(),
  alsoGrants: z.array(periodGrantSchema).readonly(),
  /** In minor units of the currency; in hundredths where none is named. */
  price: z.int(),
  currency: z.string().nullable(),
  billingPeriod: billingPeriodSchema,
  validityDays: z.int().nullable(),
  trialDays: z.int(),
  rolloverCap: z.int().nullable(),
  timeZone: z.string().nullable(),
  metadata: jsonObject,
  isActive: z.boolean(),
  createdAt: z.date(),
  updatedAt: z.date(),
});
export type PlanRow = Readonly<z.infer<typeof planSchema>>;

export const planModel = defineModel('plan', planSchema, 'id', [
  { name: 'created', fields: ['createdAt'], unique: false },
  { name: 'active', fields: ['isActive', 'createdAt'], unique: false },
]);
