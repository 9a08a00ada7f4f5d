/** Automatic top-ups: what an account buys when its credits run low, the limits of that, and how it stands. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import { paymentTermsSchema } from './payment.js';

export const topUpOffReasonSchema = z.enum(['requested', 'declines', 'refunded', 'disputed']);
export type TopUpOffReason = z.infer<typeof topUpOffReasonSchema>;

const inFlightSchema = z.object({
  paymentId: z.string().describe('The payment.'),
  creditsToAdd: z.int().describe('Micro-units that it grants once it is paid.'),
  customerId: z.string().nullable().describe('The customer that is charged; null where a link is made.'),
});
export type TopUpInFlight = Readonly<z.infer<typeof inFlightSchema>>;

const attemptSchema = z.object({
  paymentId: z.string().describe('The payment.'),
  at: z.int().describe('When it began, in epoch milliseconds.'),
  amountMinor: z.int().describe('Its money, in minor units.'),
  currency: z.string().describe('Its currency.'),
  status: z.enum(['in_flight', 'paid', 'failed']).describe('How it ended.'),
});
export type TopUpAttempt = Readonly<z.infer<typeof attemptSchema>>;

const rateSchema = z.object({
  unitsPerMajor: z.int().describe('Units of credits of one major unit of the currency.'),
  decimals: z.int().describe('The decimals of the currency.'),
  tiers: z
    .array(z.object({ fromMinor: z.int(), bonusMillionths: z.int() }))
    .readonly()
    .describe('From this many minor units on, this much on top, in millionths.'),
});

export const topUpSchema = z.object({
  id: z.string().describe('The key of the account.'),
  version: z.int(),
  userId: z.string().describe('The user.'),
  creditType: z.string().describe('The credit type.'),
  isOn: z.boolean().describe('Whether it may begin a payment.'),
  offReason: topUpOffReasonSchema.nullable().describe('Why it is off; null while it is on.'),
  threshold: z.int().describe('Micro-units: it buys when fewer are available.'),
  provider: z.string().describe('The provider, by its name.'),
  customerId: z.string().nullable().describe('The customer whose saved method is charged; null: a link is made.'),
  customerEmail: z.string().nullable().describe('The address that the provider writes to.'),
  customerPhone: z.string().nullable().describe('The number that the provider writes to.'),
  pack: z.string().nullable().describe('The pack that it buys; null without one.'),
  amountMinor: z.int().nullable().describe('The money of each purchase, in minor units; null with a target.'),
  currency: z.string().describe('The currency, three capital letters.'),
  creditsToAdd: z.int().nullable().describe('Micro-units of each purchase; null with a target.'),
  target: z.int().nullable().describe('Micro-units that shall be available after a purchase; null without one.'),
  rate: rateSchema.nullable().describe('The price of a purchase that has a target, as it was when this was set.'),
  terms: paymentTermsSchema.describe('The terms of the grants, as they were when this was set.'),
  maxCount: z.int().describe('The most purchases in a window.'),
  maxAmountMinor: z.int().describe('The most money of a window, in minor units.'),
  windowDays: z.int().describe('Days of the window, which ends now.'),
  coolDownMs: z.int().describe('Milliseconds between the beginnings of two purchases.'),
  offAfter: z.int().describe('Failures in a row after which it is turned off.'),
  inFlight: inFlightSchema.nullable().describe('The payment that is under way; null without one.'),
  attempts: z.array(attemptSchema).readonly().describe('The purchases of the window, the oldest first.'),
  declines: z.int().describe('Failures since the last purchase that was paid.'),
  nextAt: z.date().nullable().describe('Until then no other purchase begins; null for no such instant.'),
  dueAt: z.date().nullable().describe('When the job has something to do for it; null for never.'),
  seed: z.string().describe('Makes the ids of its payments, which nobody can guess.'),
  createdAt: z.date().describe('When it was first set.'),
  updatedAt: z.date().describe('When it was last changed.'),
});
export type TopUpRow = Readonly<z.infer<typeof topUpSchema>>;

/** The fields that a caller sets; the rest is how it stands. */
export type TopUpSettings = Pick<
  TopUpRow,
  | 'threshold'
  | 'provider'
  | 'customerId'
  | 'customerEmail'
  | 'customerPhone'
  | 'pack'
  | 'amountMinor'
  | 'currency'
  | 'creditsToAdd'
  | 'target'
  | 'rate'
  | 'terms'
  | 'maxCount'
  | 'maxAmountMinor'
  | 'windowDays'
  | 'coolDownMs'
  | 'offAfter'
>;

export const topUpModel = defineModel('top_up', topUpSchema, 'id', [
  { name: 'user', fields: ['userId', 'createdAt'], unique: false },
  { name: 'due', fields: ['dueAt'], unique: false },
  { name: 'created', fields: ['createdAt'], unique: false },
]);
