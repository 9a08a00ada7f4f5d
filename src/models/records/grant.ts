/** Grants: credits with terms of their own. */
import { z } from 'zod';
import { grantSourceSchema, transactionTypeSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant } from './fields.js';

export const GrantSchema = strictObject({
  /** Names the grant for ever. */
  id: identifier.describe('Names the grant for ever.'),
  /** The user of the account. */
  userId: identifier.describe('The user of the account.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** Where the credits came from. */
  source: grantSourceSchema.describe('Where the credits came from.'),
  /** Credits that were granted. */
  amount: credits.min(0).describe('Credits that were granted.'),
  /** Credits that are left of it, held ones included. */
  remaining: credits.min(0).describe('Credits that are left of it, held ones included.'),
  /** Credits of it that active reservations have put on hold. */
  held: credits.min(0).describe('Credits of it that active reservations have put on hold.'),
  /** From 0 to 100; the lower is spent first. */
  priority: z.int().min(0).max(100).describe('From 0 to 100; the lower is spent first.'),
  /** The instant from which it can be spent. */
  effectiveAt: instant.describe('The instant from which it can be spent.'),
  /** The instant from which it can be spent no more; null when it never ends. */
  expiresAt: instant.nullable().describe('The instant from which it can be spent no more; null when it never ends.'),
  /** The plan that it belongs to; null when it belongs to none. */
  planId: identifier.nullable().describe('The plan that it belongs to; null when it belongs to none.'),
  /** The payment that paid for it; null without one. */
  paymentId: identifier.nullable().describe('The payment that paid for it; null without one.'),
  /** A name of the caller's for it, such as an order; null without one. */
  reference: identifier.nullable().describe("A name of the caller's for it, such as an order; null without one."),
  /** The instant at which it was made. */
  createdAt: instant.describe('The instant at which it was made.'),
});
/** Credits that were granted at once, with their terms. `remaining` includes `held`. */
export interface Grant extends z.infer<typeof GrantSchema> {}

export const GrantUseSchema = strictObject({
  /** The transaction that took from the grant or gave back to it. */
  transactionId: identifier.describe('The transaction that took from the grant or gave back to it.'),
  /** The type of that transaction. */
  type: transactionTypeSchema.describe('The type of that transaction.'),
  /** Credits that left the grant; negative where a reversal gave them back. */
  amount: credits.describe('Credits that left the grant; negative where a reversal gave them back.'),
  /** The instant of that transaction. */
  at: instant.describe('The instant of that transaction.'),
});
/** One use of a grant. What was granted, less all its uses, is what remains of it. */
export interface GrantUse extends Readonly<z.infer<typeof GrantUseSchema>> {}
