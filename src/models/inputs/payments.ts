/** Schemas for the input of payments, and for the settings of what is sold. */
import { z } from 'zod';
import { messageStatusSchema } from '../payment.js';
import { strictObject } from '../strict-object.js';
import { abortSignalSchema, listShape, mutationShape, readShape, timeoutSchema } from './credits.js';
import { amountSchema, identifierSchema, instantSchema, textSchema, wholeDays } from './values.js';

export const currencySchema = z
  .string({ error: 'a currency code of three capital letters, such as INR' })
  .regex(/^[A-Z]{3}$/, { error: 'a currency code of three capital letters, such as INR' });
const currency = currencySchema;
const provider = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, { error: 'a name of the form [a-z][a-z0-9_-]{0,31}' });
const url = z
  .string()
  .max(2_048)
  .refine(isWebUrl, { error: 'an http: or https: URL of at most 2,048 characters, without a user or a password' });
const email = z.string().max(254).email({ error: 'an e-mail address' });
const phone = z.string().regex(/^\+?[0-9 ()-]{4,32}$/, { error: 'a phone number of 4 to 32 digits' });

function isWebUrl(text: string): boolean {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
}

export const moneySchema = strictObject({
  /** Major units: 19.99 or '19.99', with the decimals of the currency (INR 2, JPY 0, KWD 3). More than 0. */
  amount: amountSchema,
  /** Three capital letters of ISO 4217. */
  currency,
});
export interface Money extends z.input<typeof moneySchema> {}

const bonusTierSchema = strictObject({
  /** The amount of money, in major units, from which on the bonus counts. */
  from: amountSchema,
  /** Credits on top, in percent, with at most four decimals: 10 makes 100 credits 110. */
  bonusPercent: amountSchema,
});
const rateSchema = strictObject({
  /** Credits of one major unit of the currency, such as of 1 rupee. */
  creditsPerUnit: amountSchema,
  /** The highest tier that the amount reaches counts, for the whole amount. */
  bonusTiers: z.array(bonusTierSchema).max(100).readonly().optional(),
});
export interface CreditRate extends z.input<typeof rateSchema> {}

const packSchema = strictObject({
  /** The price, or one for each currency. */
  price: z.union([moneySchema, z.array(moneySchema).min(1).max(50).readonly()]),
  /** Credits that the pack grants. */
  credits: amountSchema,
  /** The credit type; default `credits`. */
  creditType: z.string().optional(),
  /** Days, 1–36,500, until the credits expire, counted from the payment; null or absent: never. */
  validityDays: wholeDays(1).nullable().optional(),
  /** 0–100, default 50; lower is spent first. */
  priority: z.number().int().min(0).max(100).optional(),
});
export interface CreditPack extends z.input<typeof packSchema> {}

/** Credits for money, by currency. */
export const pricingSchema = z.record(currency, rateSchema);
/** Packs by name. */
export const packsSchema = z.record(identifierSchema, packSchema);
export const webUrlSchema = url;

const paymentCallShape = {
  /** 1–255 characters, scoped to account and operation, remembered for ever. */
  idempotencyKey: mutationShape.idempotencyKey,
  /** A text for people, at most 1,024 characters. */
  description: mutationShape.description,
  /** A plain JSON object of your own, at most 16 KiB. */
  metadata: mutationShape.metadata,
  /** The one who makes the call, such as an administrator. */
  actor: mutationShape.actor,
  /** The reason for the call. */
  reason: mutationShape.reason,
  /** Names the request that the call belongs to; default the payment. */
  correlationId: mutationShape.correlationId,
  /** Ends the waiting, for the provider too. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds that each call of the database may take. A provider has a limit of its own. */
  timeoutMs: timeoutSchema.optional(),
};
export const paymentCallSchema = strictObject(paymentCallShape);
/** The options of a call that asks a provider: it cannot be part of the host's own transaction. */
export interface PaymentCallOptions extends z.input<typeof paymentCallSchema> {}

export const newPaymentSchema = strictObject({
  /** The user who pays and gets the credits. */
  userId: identifierSchema,
  /** Major units, with `currency`; or `pack` instead of both. */
  amount: amountSchema.optional(),
  /** Three capital letters; with `pack`, needed where the pack has several prices. */
  currency: currency.optional(),
  /** The pack to buy. */
  pack: identifierSchema.optional(),
  /** The provider; needed where several are registered. */
  provider: provider.optional(),
  /** The credit type; default `credits`, or that of the pack. */
  creditType: z.string().optional(),
  /** The address that the provider writes to. */
  customerEmail: email.optional(),
  /** The number that the provider writes to. */
  customerPhone: phone.optional(),
  /** The page that follows the payment, at an origin that `payments.callbackUrl` or `callbackOrigins` names. */
  callbackUrl: url.optional(),
});
export interface NewPaymentInput extends z.input<typeof newPaymentSchema> {}

export const checkoutSchema = strictObject({
  /** The user who subscribes. */
  userId: identifierSchema,
  /** The plan, by id or code; its `providerPrices` name a price of the provider. */
  plan: identifierSchema,
  /** The provider; needed where several are registered. */
  provider: provider.optional(),
  /** The address that the provider writes to. */
  customerEmail: email.optional(),
  /** The page that follows, at an origin that `payments.callbackUrl` or `callbackOrigins` names. */
  callbackUrl: url.optional(),
});
export interface CheckoutInput extends z.input<typeof checkoutSchema> {}
export const checkoutCallSchema = strictObject({
  /** 1–255 characters: the same key makes no second page. */
  idempotencyKey: identifierSchema.optional(),
  /** Ends the waiting, for the provider too. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds that each call of the database may take. A provider has a limit of its own. */
  timeoutMs: timeoutSchema.optional(),
});
export interface CheckoutOptions extends z.input<typeof checkoutCallSchema> {}

export const recordedPaymentSchema = strictObject({
  /** The user who paid and gets the credits. */
  userId: identifierSchema,
  /** Major units that were paid. */
  amount: amountSchema,
  /** Three capital letters. */
  currency,
  /** The provider, by the name that it is registered by. */
  provider,
  /** The payment at the provider. It is recorded once, whoever records it. */
  providerPaymentId: identifierSchema.max(200),
  /** Credits to grant; default by `payments.pricing`. */
  credits: amountSchema.optional(),
  /** The credit type; default `credits`. */
  creditType: z.string().optional(),
});
export interface RecordedPaymentInput extends z.input<typeof recordedPaymentSchema> {}

export const refundSchema = strictObject({
  /** Major units to give back; default all that is left of the payment. */
  amount: amountSchema.optional(),
});
export interface RefundInput extends z.input<typeof refundSchema> {}
export const refundCallSchema = strictObject({
  ...paymentCallShape,
  /** 1–255 characters: the provider gives no money back twice for one key. */
  idempotencyKey: identifierSchema,
  /** The one who gives it back, such as an administrator. */
  actor: identifierSchema,
  /** The reason, at most 1,024 characters. */
  reason: textSchema.min(1),
});
export interface RefundOptions extends z.input<typeof refundCallSchema> {}

export const autoTopUpSchema = strictObject({
  /** Credits, more than 0: it buys when fewer are available. Make it more than your largest deduction. */
  threshold: amountSchema,
  /** The pack to buy each time; or `amount`, or `target`. */
  pack: identifierSchema.optional(),
  /** Major units to buy for each time, with `currency`, at the price of `payments.pricing`. */
  amount: amountSchema.optional(),
  /** Credits that shall be available after a purchase, more than `threshold`: it buys what is missing. */
  target: amountSchema.optional(),
  /** Three capital letters; needed where the pack, or `payments.pricing`, has several. */
  currency: currency.optional(),
  /** The provider; needed where several are registered. */
  provider: provider.optional(),
  /** The customer at the provider whose saved method is charged; null or absent: a link is made instead. */
  customerId: identifierSchema.max(200).nullable().optional(),
  /** The address that the provider writes to. */
  customerEmail: email.optional(),
  /** The number that the provider writes to. */
  customerPhone: phone.optional(),
  /** The most money of a window, in major units. */
  maxAmount: amountSchema,
  /** The most purchases in a window, 1–100, default 10. */
  maxCount: z.number().int().min(1).max(100, { error: 'a whole number from 1 to 100' }).optional(),
  /** Days of the window, 1–366, default 30; it ends now. */
  windowDays: z.number().int().min(1).max(366, { error: 'a whole number from 1 to 366' }).optional(),
  /** Seconds between the beginnings of two purchases, 1–86,400, default 60. */
  coolDownSeconds: z.number().int().min(1).max(86_400, { error: 'a whole number from 1 to 86,400' }).optional(),
  /** Failures in a row, 1–20, default 3, after which it is turned off. */
  offAfter: z.number().int().min(1).max(20, { error: 'a whole number from 1 to 20' }).optional(),
});
export interface AutoTopUpInput extends z.input<typeof autoTopUpSchema> {}

const creditType = z.string().optional();
const { metadata: _, description: __, ...settingShape } = paymentCallShape;
export const autoTopUpCallSchema = strictObject({
  ...settingShape,
  /** The credit type; default that of the pack, or `credits`. */
  creditType,
});
export interface AutoTopUpCallOptions extends z.input<typeof autoTopUpCallSchema> {}
export const autoTopUpReadSchema = strictObject({
  ...readShape,
  /** The credit type; default `credits`. */
  creditType,
});

export const paymentHistorySchema = strictObject({
  ...readShape,
  ...listShape,
  /** Payments to leave out, 0–10,000, before the page; a cursor is quicker. */
  skip: z.number().int().min(0).max(10_000, { error: 'a whole number from 0 to 10,000' }).optional(),
});
export const paymentMessagesSchema = strictObject({
  ...readShape,
  ...listShape,
  /** Messages of one payment. */
  paymentId: identifierSchema.optional(),
  /** Messages that name one link of a provider. */
  providerLinkId: identifierSchema.optional(),
  /** Messages of one user's payments. */
  userId: identifierSchema.optional(),
  /** Messages of one status, such as `waiting`. */
  status: messageStatusSchema.optional(),
});
export const reconcileSchema = strictObject({
  /** Payments and events since this instant; default three days ago. */
  since: instantSchema.optional(),
  /** Ends the work between two rows; the report tells how far it came. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds that one call of the database may take. */
  timeoutMs: timeoutSchema.optional(),
});
export interface ReconcileOptions extends z.input<typeof reconcileSchema> {}
export const webhookCallSchema = strictObject({
  /** Ends the waiting; the provider sends again. */
  signal: abortSignalSchema.optional(),
  /** Milliseconds until it must have answered; 10,000 unless the service sets another default. */
  timeoutMs: timeoutSchema.optional(),
});
export interface WebhookCallOptions extends z.input<typeof webhookCallSchema> {}
