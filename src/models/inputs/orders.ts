/** Schemas for the input of orders. */
import type { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { currencySchema, paymentCallSchema } from './payments.js';
import { amountSchema, identifierSchema } from './values.js';

export const paidOrderSchema = strictObject({
  /** The merchant: the user who gets the credits. */
  userId: identifierSchema,
  /** The order, by the name that the shop gives it; each merchant has names of its own. */
  orderId: identifierSchema,
  /** Three capital letters; default USD. */
  currency: currencySchema.optional(),
  /** The total in major units, such as 99.5; from 0. */
  total: amountSchema,
  /** The domain of the shop; it is kept in the metadata. */
  shopDomain: identifierSchema.optional(),
});
export interface PaidOrderInput extends z.input<typeof paidOrderSchema> {}
export const refundedOrderSchema = strictObject({
  /** The merchant: the user whose credits are taken back. */
  userId: identifierSchema,
  /** The order. */
  orderId: identifierSchema,
  /** Three capital letters; default USD. */
  currency: currencySchema.optional(),
  /** The refund, by its name at the shop: it counts once. */
  refundId: identifierSchema,
  /** Major units that were given back, more than 0. */
  amount: amountSchema,
});
export interface RefundedOrderInput extends z.input<typeof refundedOrderSchema> {}
export const billedPaymentSchema = strictObject({
  /** The merchant: the user who gets the credits. */
  userId: identifierSchema,
  /** The payment, by the name that the billing system gives it; each merchant has names of its own. */
  paymentId: identifierSchema,
  /** Three capital letters; default USD. */
  currency: currencySchema.optional(),
  /** Major units that were paid, more than 0. */
  amount: amountSchema,
});
export interface BilledPaymentInput extends z.input<typeof billedPaymentSchema> {}
const { signal, timeoutMs, actor, reason, correlationId } = paymentCallSchema.shape;
export const orderCallSchema = strictObject({
  /** The one who makes the call. */
  actor,
  /** The reason for the call. */
  reason,
  /** Names the request that the call belongs to. */
  correlationId,
  /** Ends the waiting. */
  signal,
  /** Milliseconds that each call of the database may take. */
  timeoutMs,
});
export interface OrderCallOptions extends z.input<typeof orderCallSchema> {}
