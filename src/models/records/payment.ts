/** Payments, and the messages of their providers, as they are handed out. */
import { z } from 'zod';
import { messageStatusSchema, paymentStatusSchema } from '../payment.js';
import { strictObject } from '../strict-object.js';
import { topUpOffReasonSchema } from '../top-up.js';
import { count, credits, identifier, instant, jsonObject } from './fields.js';
import { skippedCountSchema, skippedSchema } from './run.js';

const money = z.number().min(0);
const text = z.string().nullable();

export const PaymentSchema = strictObject({
  /** Names the payment for ever; it is our reference at the provider. */
  id: identifier.describe('Names the payment for ever; it is our reference at the provider.'),
  /** The user who gets the credits. */
  userId: identifier.describe('The user who gets the credits.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** The provider, by its name. */
  provider: identifier.describe('The provider, by its name.'),
  /** How it stands. */
  status: paymentStatusSchema.describe('How it stands.'),
  /** The money asked for, in major units: 19.99. */
  amount: money.describe('The money asked for, in major units: 19.99.'),
  /** The same in minor units: 1999. */
  amountMinor: count.describe('The same in minor units: 1999.'),
  /** Its currency, three capital letters. */
  currency: identifier.describe('Its currency, three capital letters.'),
  /** The money that arrived, in major units. */
  paid: money.describe('The money that arrived, in major units.'),
  /** The money that went back, or is on its way back, in major units. */
  refunded: money.describe('The money that went back, or is on its way back, in major units.'),
  /** Credits that it grants once it is paid in full. */
  creditsToAdd: credits.min(0).describe('Credits that it grants once it is paid in full.'),
  /** Credits that it granted. */
  creditsAdded: credits.min(0).describe('Credits that it granted.'),
  /** Credits taken back for refunds and disputes. */
  creditsTakenBack: credits.min(0).describe('Credits taken back for refunds and disputes.'),
  /** The transaction that granted them; null before. */
  transactionId: identifier.nullable().describe('The transaction that granted them; null before.'),
  /** The pack that was bought; null without one. */
  pack: text.describe('The pack that was bought; null without one.'),
  /** The page at which it is paid; null before there is one. */
  url: text.describe('The page at which it is paid; null before there is one.'),
  /** The provider's id of the link; null before there is one. */
  providerLinkId: text.describe("The provider's id of the link; null before there is one."),
  /** The provider's id of the order; null without one. */
  providerOrderId: text.describe("The provider's id of the order; null without one."),
  /** The first payment of the provider whose money arrived; null before. */
  providerPaymentId: text.describe('The first payment of the provider whose money arrived; null before.'),
  /** How it was paid, such as card; null where nobody said. */
  paymentMethod: text.describe('How it was paid, such as card; null where nobody said.'),
  /** A text for people; null without one. */
  description: text.describe('A text for people; null without one.'),
  /** The address that the provider writes to; null without one. */
  customerEmail: text.describe('The address that the provider writes to; null without one.'),
  /** The number that the provider writes to; null without one. */
  customerPhone: text.describe('The number that the provider writes to; null without one.'),
  /** The last event that did not fit, and the field in which it differed; null without one. */
  mismatch: text.describe('The last event that did not fit, and the field in which it differed; null without one.'),
  /** The reason of the last failure; null without one. */
  errorMessage: text.describe('The reason of the last failure; null without one.'),
  /** Whether an automatic top-up made it. */
  topUp: z.boolean().describe('Whether an automatic top-up made it.'),
  /** Data that the caller gave with it; {} without any. */
  metadata: jsonObject.describe('Data that the caller gave with it; {} without any.'),
  /** When it was made. */
  createdAt: instant.describe('When it was made.'),
  /** When it was last changed. */
  updatedAt: instant.describe('When it was last changed.'),
  /** When it was paid in full; null before. */
  completedAt: instant.nullable().describe('When it was paid in full; null before.'),
  /** When the last attempt to pay failed; null where none did, or another one followed. */
  failedAt: instant
    .nullable()
    .describe('When the last attempt to pay failed; null where none did, or another one followed.'),
  /** When its link expired; null where it did not. */
  expiredAt: instant.nullable().describe('When its link expired; null where it did not.'),
  /** When its link was cancelled; null where it was not. */
  cancelledAt: instant.nullable().describe('When its link was cancelled; null where it was not.'),
});
export interface Payment extends Readonly<z.infer<typeof PaymentSchema>> {}

export const PlanCheckoutSchema = strictObject({
  /** The provider, by its name. */
  provider: identifier.describe('The provider, by its name.'),
  /** The plan. */
  planId: identifier.describe('The plan.'),
  /** The price of the provider that the plan names. */
  priceId: identifier.describe('The price of the provider that the plan names.'),
  /** The page at which the user subscribes. */
  url: z.string().describe('The page at which the user subscribes.'),
  /** The provider's id of the page. */
  providerLinkId: identifier.describe("The provider's id of the page."),
});
export interface PlanCheckout extends Readonly<z.infer<typeof PlanCheckoutSchema>> {}

export const AutoTopUpSchema = strictObject({
  /** The user. */
  userId: identifier.describe('The user.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** Whether it buys. */
  isOn: z.boolean().describe('Whether it buys.'),
  /** Why it is off; null while it is on. */
  offReason: topUpOffReasonSchema.nullable().describe('Why it is off; null while it is on.'),
  /** Credits: it buys when fewer are available. */
  threshold: credits.min(0).describe('Credits: it buys when fewer are available.'),
  /** The pack that it buys; null without one. */
  pack: text.describe('The pack that it buys; null without one.'),
  /** The money of each purchase, in major units; null with a target. */
  amount: money.nullable().describe('The money of each purchase, in major units; null with a target.'),
  /** The currency, three capital letters. */
  currency: identifier.describe('The currency, three capital letters.'),
  /** Credits of each purchase; null with a target. */
  creditsToAdd: credits.min(0).nullable().describe('Credits of each purchase; null with a target.'),
  /** Credits that shall be available after a purchase; null without one. */
  target: credits.min(0).nullable().describe('Credits that shall be available after a purchase; null without one.'),
  /** The provider, by its name. */
  provider: identifier.describe('The provider, by its name.'),
  /** The customer whose saved method is charged; null: a link is made. */
  customerId: text.describe('The customer whose saved method is charged; null: a link is made.'),
  /** The address that the provider writes to; null without one. */
  customerEmail: text.describe('The address that the provider writes to; null without one.'),
  /** The number that the provider writes to; null without one. */
  customerPhone: text.describe('The number that the provider writes to; null without one.'),
  /** The most money of a window, in major units. */
  maxAmount: money.describe('The most money of a window, in major units.'),
  /** The most purchases in a window. */
  maxCount: count.describe('The most purchases in a window.'),
  /** Days of the window, which ends now. */
  windowDays: count.describe('Days of the window, which ends now.'),
  /** Seconds between the beginnings of two purchases. */
  coolDownSeconds: count.describe('Seconds between the beginnings of two purchases.'),
  /** Failures in a row after which it is turned off. */
  offAfter: count.describe('Failures in a row after which it is turned off.'),
  /** The payment that is under way; null without one. */
  inFlight: identifier.nullable().describe('The payment that is under way; null without one.'),
  /** The purchases of the window, the oldest first. */
  attempts: z
    .array(
      strictObject({
        /** The payment. */
        paymentId: identifier.describe('The payment.'),
        /** When it began. */
        at: instant.describe('When it began.'),
        /** Its money, in major units. */
        amount: money.describe('Its money, in major units.'),
        /** Its currency. */
        currency: identifier.describe('Its currency.'),
        /** How it ended. */
        status: z.enum(['in_flight', 'paid', 'failed']).describe('How it ended.'),
      }).readonly(),
    )
    .readonly()
    .describe('The purchases of the window, the oldest first.'),
  /** Failures since the last purchase that was paid. */
  declines: count.describe('Failures since the last purchase that was paid.'),
  /** Until then no other purchase begins; null for no such instant. */
  nextAt: instant.nullable().describe('Until then no other purchase begins; null for no such instant.'),
  /** When the job has something to do for it; null for never. */
  dueAt: instant.nullable().describe('When the job has something to do for it; null for never.'),
  /** When it was first set. */
  createdAt: instant.describe('When it was first set.'),
  /** When it was last changed. */
  updatedAt: instant.describe('When it was last changed.'),
});
export interface AutoTopUp extends Readonly<z.infer<typeof AutoTopUpSchema>> {}

export const PaymentHistorySchema = strictObject({
  /** The payments of the page, the newest first. */
  payments: z.array(PaymentSchema.readonly()).readonly().describe('The payments of the page, the newest first.'),
  /** The number of all payments of the user. */
  total: count.describe('The number of all payments of the user.'),
  /** The place of the next page; null after the last. */
  nextCursor: text.describe('The place of the next page; null after the last.'),
});
export interface PaymentHistory extends Readonly<z.infer<typeof PaymentHistorySchema>> {}

export const WebhookResultSchema = strictObject({
  /** Whether the event was applied, now or before, or is of no concern; false where it waits or was refused. */
  success: z
    .boolean()
    .describe(
      'Whether the event was applied, now or before, or is of no concern; false where it waits or was refused.',
    ),
  /** Whether an earlier delivery had done it all. */
  idempotent: z.boolean().describe('Whether an earlier delivery had done it all.'),
  /** The status of the payment; that of the message where there is no payment. */
  status: z.string().describe('The status of the payment; that of the message where there is no payment.'),
  /** The payment; null where none is known. */
  paymentId: identifier.nullable().describe('The payment; null where none is known.'),
  /** Its user; null where none is known. */
  userId: identifier.nullable().describe('Its user; null where none is known.'),
  /** Credits that the payment has granted so far. */
  creditsAdded: credits.min(0).describe('Credits that the payment has granted so far.'),
  /** Why it waits, or was refused; null where it was applied. */
  error: text.describe('Why it waits, or was refused; null where it was applied.'),
});
export interface WebhookResult extends Readonly<z.infer<typeof WebhookResultSchema>> {}

export const PaymentMessageSchema = strictObject({
  /** Names the message: provider and event. */
  id: identifier.describe('Names the message: provider and event.'),
  /** From the provider, or to it. */
  direction: z.enum(['inbound', 'outbound']).describe('From the provider, or to it.'),
  /** The provider, by its name. */
  provider: identifier.describe('The provider, by its name.'),
  /** The provider's name of the event, or our name of the request. */
  type: identifier.describe("The provider's name of the event, or our name of the request."),
  /** `waiting`: its payment is not known yet. `refused`: it can never be applied. Requests are `sent` or `failed`. */
  status: messageStatusSchema.describe(
    '`waiting`: its payment is not known yet. `refused`: it can never be applied. Requests are `sent` or `failed`.',
  ),
  /** Why it waits, was ignored, refused or failed; null otherwise. */
  reason: text.describe('Why it waits, was ignored, refused or failed; null otherwise.'),
  /** The payment that it is about; null where none is known. */
  paymentId: identifier.nullable().describe('The payment that it is about; null where none is known.'),
  /** The user of that payment, or the one that the event names; null without one. */
  userId: identifier
    .nullable()
    .describe('The user of that payment, or the one that the event names; null without one.'),
  /** The provider's id of the link, or of the subscription; null where it names none. */
  providerLinkId: text.describe("The provider's id of the link, or of the subscription; null where it names none."),
  /** The provider's id of the payment; null where it names none. */
  providerPaymentId: text.describe("The provider's id of the payment; null where it names none."),
  /** The status that a request was answered with; null for an event, or without an answer. */
  httpStatus: z
    .int()
    .nullable()
    .describe('The status that a request was answered with; null for an event, or without an answer.'),
  /** The body that was sent or received, without data of cards, secrets and signatures. */
  payload: jsonObject.describe('The body that was sent or received, without data of cards, secrets and signatures.'),
  /** When it was sent or received. */
  createdAt: instant.describe('When it was sent or received.'),
  /** When it was done with; null while it waits. */
  processedAt: instant.nullable().describe('When it was done with; null while it waits.'),
});
export interface PaymentMessage extends Readonly<z.infer<typeof PaymentMessageSchema>> {}

export const ReconcileReportSchema = strictObject({
  /** Messages, payments and events that were looked at. */
  checked: count.describe('Messages, payments and events that were looked at.'),
  /** Those that changed something. */
  changed: count.describe('Those that changed something.'),
  /** Messages that still wait for their payment. */
  waiting: count.describe('Messages that still wait for their payment.'),
  /** The number of all that were left out, also beyond the first 100. */
  skippedCount: skippedCountSchema,
  /** Those that could not be looked at, with the reason; the first 100. */
  skipped: skippedSchema.describe('Those that could not be looked at, with the reason; the first 100.'),
});
export interface ReconcileReport extends Readonly<z.infer<typeof ReconcileReportSchema>> {}
