/** Subscriptions that a provider bills, as its events tell of them, and the users whom it knows as customers. */
import { z } from 'zod';
import { defineModel } from './define-model.js';

const paidInvoiceSchema = z.object({
  id: z.string().describe("The provider's id of the invoice."),
  planId: z.string().describe('The plan that it paid for.'),
  start: z.int().describe('The start of the period that it paid for, in epoch milliseconds.'),
  end: z.int().describe('The end of that period.'),
  limits: z.record(z.string(), z.int()).describe('Micro-units of a whole period of the plan, by credit type.'),
  extra: z
    .record(z.string(), z.int())
    .describe('Micro-units that changes to higher plans added within the period, by credit type.'),
});
export type PaidInvoice = Readonly<z.infer<typeof paidInvoiceSchema>>;

const planChangeSchema = z.object({
  planId: z.string().describe('The plan.'),
  at: z.int().describe('The instant of the change, by the provider, in epoch milliseconds.'),
  start: z.int().describe('The start of the period that it came in, or began.'),
  limits: z.record(z.string(), z.int()).describe('Micro-units of a whole period of the plan, by credit type.'),
});
const toldSchema = z.object({
  at: z.int().describe('The instant, by the provider, in epoch milliseconds.'),
  planId: z.string().nullable().describe('The plan that it is on; null where no plan names its price.'),
  cancels: z.boolean().describe('Whether it renews no more.'),
});
const failedInvoiceSchema = z.object({
  id: z.string().describe("The provider's id of the invoice."),
  start: z.int().describe('The start of the period that is not paid, in epoch milliseconds.'),
});

export const providerSubscriptionSchema = z.object({
  id: z.string().describe("Provider and the provider's id of the subscription in one text."),
  version: z.int(),
  userId: z.string().describe('The user who has it.'),
  provider: z.string().describe('The provider, by its name.'),
  subscriptionId: z.string().describe('The id of our subscription that it renews.'),
  invoices: z.array(paidInvoiceSchema).readonly().describe('The invoices that were paid, each granted once.'),
  failed: z.array(failedInvoiceSchema).readonly().describe('Invoices that could not be charged.'),
  changes: z.array(planChangeSchema).readonly().describe('The plans that it was on, and since when.'),
  told: toldSchema.nullable().describe('How it stands by the latest event.'),
  endedAt: z.int().nullable().describe('When the provider ended it, in epoch milliseconds; null while it goes on.'),
  createdAt: z.date().describe('When it was learnt.'),
  updatedAt: z.date().describe('When it was last changed.'),
});
export type ProviderSubscriptionRow = Readonly<z.infer<typeof providerSubscriptionSchema>>;

export const providerSubscriptionModel = defineModel('provider_subscription', providerSubscriptionSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);

export const providerCustomerSchema = z.object({
  id: z.string().describe("Provider and the provider's id of the customer in one text."),
  version: z.int(),
  userId: z.string().describe('The user that the customer is.'),
  createdAt: z.date().describe('When it was learnt.'),
});
export type ProviderCustomerRow = Readonly<z.infer<typeof providerCustomerSchema>>;

export const providerCustomerModel = defineModel('provider_customer', providerCustomerSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);
