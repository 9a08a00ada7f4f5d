/** Payments, the names that providers give to them, and the messages that go to providers and come from them. */
import { z } from 'zod';
import { drawSchema } from './account.js';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

export const paymentStatusSchema = z.enum([
  'pending',
  'authorized',
  'failed',
  'expired',
  'cancelled',
  'partially_paid',
  'paid',
  'partially_refunded',
  'refunded',
  'disputed',
  'charged_back',
]);
export type PaymentStatus = z.infer<typeof paymentStatusSchema>;

const refundSchema = z.object({
  amountMinor: z.int().describe('Minor units of the refund.'),
  status: z.enum(['open', 'done', 'failed']).describe('How far it is.'),
  providerPaymentId: z.string().nullable().describe('The payment that it gives back, where the event named it.'),
});
const disputeSchema = z.object({
  amountMinor: z.int().describe('Minor units in dispute.'),
  status: z.enum(['open', 'won', 'lost']).describe('How it stands.'),
  providerPaymentId: z.string().nullable().describe('The payment in dispute, where the event named it.'),
});
const attemptSchema = z.object({
  status: z.enum(['authorized', 'failed']).describe('How it ended.'),
  at: z.int().describe('When, by the provider, in epoch milliseconds.'),
  reason: z.string().nullable().describe('The reason of a failure.'),
});
export const paymentTermsSchema = z.object({
  priority: z.int().describe('The priority of the grant.'),
  validityDays: z.int().nullable().describe('Days until the credits expire, from the payment on; null for never.'),
});

const levelSchema = z.object({
  due: z.int().describe('Micro-units that were called back in total.'),
  taken: z.int().describe('Micro-units that were taken back by then; the rest had lapsed, or was taken by hand.'),
});

export const paymentSchema = z.object({
  id: z.string().describe('Names the payment for ever; it is our reference at the provider.'),
  version: z.int(),
  userId: z.string().describe('The user who gets the credits.'),
  creditType: z.string().describe('The credit type.'),
  provider: z.string().describe('The provider, by its name.'),
  status: paymentStatusSchema.describe('How it stands.'),
  amountMinor: z.int().describe('The money asked for, in minor units of the currency.'),
  currency: z.string().describe('The currency, three capital letters.'),
  paidMinor: z.int().describe('The money that arrived, in minor units.'),
  creditsToAdd: z.int().describe('Micro-units that it grants once it is paid in full.'),
  creditsAdded: z.int().describe('Micro-units that it granted.'),
  creditsTakenBack: z.int().describe('Micro-units taken back for refunds and disputes.'),
  levels: z
    .array(levelSchema)
    .readonly()
    .describe('What refunds and disputes called back, the last one last: each is higher than the one before.'),
  takenFrom: z.array(drawSchema).readonly().describe('The grants that credits were taken back from; the rest is debt.'),
  grantIds: z
    .array(z.string())
    .readonly()
    .describe('The grants that it made: the purchase, and those of repaid debt that was given back.'),
  grantedBy: z.array(z.string()).readonly().describe('The transactions that made these grants, in the same order.'),
  pack: z.string().nullable().describe('The pack that was bought; null without one.'),
  terms: paymentTermsSchema.describe('The terms of the grant, fixed when the payment was made.'),
  url: z.string().nullable().describe('The page at which it is paid; null before there is one.'),
  callbackUrl: z.string().nullable().describe('The page that follows it; null where it was paid elsewhere.'),
  providerLinkId: z.string().nullable().describe("The provider's id of the link."),
  providerOrderId: z.string().nullable().describe("The provider's id of the order."),
  providerPaymentIds: z
    .array(z.string())
    .readonly()
    .describe("The provider's ids of the payments that paid it; the first was first."),
  arrivals: z
    .record(z.string(), z.int())
    .describe("Minor units that arrived by each of the provider's payments, also those that came too much."),
  paymentMethod: z.string().nullable().describe('How it was paid, such as card.'),
  attempt: attemptSchema.nullable().describe('The last attempt to pay, by the clock of the provider.'),
  refunds: z.record(z.string(), refundSchema).describe('Refunds by their id at the provider.'),
  disputes: z.record(z.string(), disputeSchema).describe('Disputes by their id at the provider.'),
  mismatch: z.string().nullable().describe('The last event that did not fit, and why; null without one.'),
  description: z.string().nullable().describe('A text for people.'),
  customerEmail: z.string().nullable().describe('The address that the provider writes to.'),
  customerPhone: z.string().nullable().describe('The number that the provider writes to.'),
  errorMessage: z.string().nullable().describe('The reason of the last failure.'),
  createdAt: z.date().describe('When it was made.'),
  updatedAt: z.date().describe('When it was last changed.'),
  completedAt: z.date().nullable().describe('When it was paid in full.'),
  failedAt: z.date().nullable().describe('When the last attempt failed.'),
  expiredAt: z.date().nullable().describe('When its link expired.'),
  cancelledAt: z.date().nullable().describe('When its link was cancelled.'),
  metadata: jsonObject.describe('Data that the host gave with it.'),
  topUp: z.boolean().nullable().describe('Whether an automatic top-up made it; null where a caller did.'),
});
export type PaymentRow = Readonly<z.infer<typeof paymentSchema>>;

export const paymentModel = defineModel('payment', paymentSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'status', fields: ['status', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);

export const providerRefSchema = z.object({
  id: z.string().describe('Provider, kind and id in one text: one of these belongs to one payment.'),
  version: z.int(),
  paymentId: z.string().describe('The payment that it belongs to.'),
  createdAt: z.date().describe('When it was learnt.'),
});
export type ProviderRefRow = Readonly<z.infer<typeof providerRefSchema>>;

export const providerRefModel = defineModel('provider_ref', providerRefSchema, 'id', [
  { name: 'created', fields: ['createdAt'], unique: false },
]);

/** The key of what a provider calls by an id. */
export function providerKey(
  provider: string,
  kind: 'payment' | 'link' | 'order' | 'subscription' | 'customer',
  id: string,
): string {
  return `${provider}/${kind}/${id}`;
}

export const messageStatusSchema = z.enum(['applied', 'waiting', 'ignored', 'refused', 'sent', 'failed']);
export type MessageStatus = z.infer<typeof messageStatusSchema>;

export const paymentMessageSchema = z.object({
  id: z.string().describe('Provider and event: what makes a message that comes again the same one.'),
  version: z.int(),
  direction: z.enum(['inbound', 'outbound']).describe('From the provider, or to it.'),
  provider: z.string().describe('The provider, by its name.'),
  type: z.string().describe("The provider's name of the event, or our name of the request."),
  status: messageStatusSchema.describe(
    '`applied`, `ignored` and `refused` events are done with; a `waiting` one has no payment yet. Requests are `sent`.',
  ),
  reason: z.string().nullable().describe('Why it waits, was ignored or refused; or the error of a request.'),
  paymentId: z.string().nullable().describe('The payment that it is about, once that is known.'),
  userId: z.string().nullable().describe('The user of that payment, or the one that the event names.'),
  reference: z.string().nullable().describe('Our reference, as the event names it.'),
  providerLinkId: z.string().nullable().describe("The provider's id of the link, or of the subscription."),
  providerPaymentId: z.string().nullable().describe("The provider's id of the payment."),
  httpStatus: z.int().nullable().describe('The status that a request was answered with.'),
  event: jsonObject.nullable().describe('The event in our words; null for a request.'),
  payload: jsonObject.describe('The body that was sent or received, without data of cards, secrets and signatures.'),
  createdAt: z.date().describe('When it was sent or received.'),
  processedAt: z.date().nullable().describe('When it was done with; null while it waits.'),
});
export type PaymentMessageRow = Readonly<z.infer<typeof paymentMessageSchema>>;

export const paymentMessageModel = defineModel('payment_message', paymentMessageSchema, 'id', [
  { name: 'payment', fields: ['paymentId', 'createdAt'], unique: false },
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'link', fields: ['providerLinkId', 'createdAt'], unique: false },
  { name: 'status', fields: ['status', 'createdAt'], unique: false },
  { name: 'provider_payment', fields: ['providerPaymentId', 'createdAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);
