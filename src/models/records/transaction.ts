/** Transactions: the entries of an account, as its owner sees them. */
import { z } from 'zod';
import { grantSourceSchema, referenceTypeSchema, transactionTypeSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { count, credits, identifier, instant, jsonObject } from './fields.js';

export const DrawSchema = strictObject({
  /** The grant that was taken from. */
  grantId: identifier.describe('The grant that was taken from.'),
  /** Credits that were taken from it. */
  amount: credits.describe('Credits that were taken from it.'),
});
/** Part of a grant that a debit or a reservation takes. */
export interface Draw extends Readonly<z.infer<typeof DrawSchema>> {}

export const CreditsTransactionSchema = strictObject({
  /** Names this transaction for ever. */
  id: identifier.describe('Names this transaction for ever.'),
  /** Names the call; all transactions of one call share it. */
  operationId: identifier.describe('Names the call; all transactions of one call share it.'),
  /** The user of the account. */
  userId: identifier.describe('The user of the account.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** Position in the account's gapless history, from 1. */
  seq: count.min(1).describe("Position in the account's gapless history, from 1."),
  /** The type of the change. */
  type: transactionTypeSchema.describe('The type of the change.'),
  /** The credits asked for or moved, never negative; differs from |delta| for holds and scheduled grants. */
  amount: credits
    .min(0)
    .describe('The credits asked for or moved, never negative; differs from |delta| for holds and scheduled grants.'),
  /** The change of the balance. */
  delta: credits.describe('The change of the balance.'),
  /** The change of the credits on hold. */
  reservedDelta: credits.describe('The change of the credits on hold.'),
  /** The balance after it. */
  balanceAfter: credits.describe('The balance after it.'),
  /** The available credits after it. */
  availableAfter: credits.describe('The available credits after it.'),
  /** The debt after it. */
  debtAfter: credits.min(0).describe('The debt after it.'),
  /** Credits of work that was done and could not be charged; 0 but for a settlement with `overage: 'cap'`. */
  shortfall: credits
    .min(0)
    .describe("Credits of work that was done and could not be charged; 0 but for a settlement with `overage: 'cap'`."),
  /** The grants that were taken from, in order. */
  draws: z.array(DrawSchema.readonly()).readonly().describe('The grants that were taken from, in order.'),
  /** The grant that was made or ended; null for other types. */
  grantId: identifier.nullable().describe('The grant that was made or ended; null for other types.'),
  /** Where the credits that it added came from; null where it added none, or those of several grants. */
  source: grantSourceSchema
    .nullable()
    .describe('Where the credits that it added came from; null where it added none, or those of several grants.'),
  /** The reference of the grant that it added; null without one. */
  reference: z.string().nullable().describe('The reference of the grant that it added; null without one.'),
  /** The kind of business event that it belongs to; null where it is of none. */
  referenceType: referenceTypeSchema
    .nullable()
    .describe('The kind of business event that it belongs to; null where it is of none.'),
  /** The payment that paid for the grant that it added; null without one. */
  paymentId: identifier.nullable().describe('The payment that paid for the grant that it added; null without one.'),
  /** The reservation it is about; null for other types. */
  reservationId: identifier.nullable().describe('The reservation it is about; null for other types.'),
  /** The transaction that it undoes; null when it undoes none. */
  reverses: identifier.nullable().describe('The transaction that it undoes; null when it undoes none.'),
  /** A text from the caller; null without one. */
  description: z.string().nullable().describe('A text from the caller; null without one.'),
  /** The one who made the call; null where nobody was named. */
  actor: z.string().nullable().describe('The one who made the call; null where nobody was named.'),
  /** The reason for the call; null where none was given. */
  reason: z.string().nullable().describe('The reason for the call; null where none was given.'),
  /** Names the request it belongs to; null without one. */
  correlationId: z.string().nullable().describe('Names the request it belongs to; null without one.'),
  /** The key of the call; null without one. */
  idempotencyKey: z.string().nullable().describe('The key of the call; null without one.'),
  /** Data that the caller gave with the call; {} without any. */
  metadata: jsonObject.describe('Data that the caller gave with the call; {} without any.'),
  /** The instant of usage that was told late; null where the call named none. */
  occurredAt: instant.nullable().describe('The instant of usage that was told late; null where the call named none.'),
  /** The instant it took effect. */
  createdAt: instant.describe('The instant it took effect.'),
});
/** A ledger entry as its owner sees it. All amounts are credits. */
export interface Transaction extends Readonly<z.infer<typeof CreditsTransactionSchema>> {}

const { grantId, amount } = DrawSchema.shape;
export const ExplainedDrawSchema = strictObject({
  /** The grant that was taken from. */
  grantId,
  /** Credits that were taken from it. */
  amount,
  /** The key of the order that put this grant before the next one; `only`: there was no other to take from. */
  because: z
    .enum(['priority', 'expiry', 'free_before_paid', 'oldest', 'only'])
    .describe('The key of the order that put this grant before the next one; `only`: there was no other to take from.'),
  /** The priority of the grant then; the lower is spent first. */
  priority: z.int().describe('The priority of the grant then; the lower is spent first.'),
  /** The instant at which the grant lapsed or was to lapse; null when it never ends. */
  expiresAt: instant
    .nullable()
    .describe('The instant at which the grant lapsed or was to lapse; null when it never ends.'),
  /** Where the credits of the grant came from. */
  source: grantSourceSchema.describe('Where the credits of the grant came from.'),
});
/** One grant that a transaction drew on, and why it was its turn. */
export interface ExplainedDraw extends Readonly<z.infer<typeof ExplainedDrawSchema>> {}

export const ExplanationSchema = strictObject({
  /** The transaction. */
  transactionId: identifier.describe('The transaction.'),
  /** The grants that it drew on, in order; [] where it drew on none. */
  draws: z
    .array(ExplainedDrawSchema.readonly())
    .readonly()
    .describe('The grants that it drew on, in order; [] where it drew on none.'),
});
/** Why a transaction took credits from these grants and not from others. */
export interface Explanation extends Readonly<z.infer<typeof ExplanationSchema>> {}

export const TransactionPageSchema = strictObject({
  /** The transactions of the page, the newest first. */
  items: z
    .array(CreditsTransactionSchema.readonly())
    .readonly()
    .describe('The transactions of the page, the newest first.'),
  /** The number of this page, from 1. */
  page: count.min(1).describe('The number of this page, from 1.'),
  /** The most transactions of a page. */
  limit: count.min(1).describe('The most transactions of a page.'),
  /** The number of all transactions that were asked for; where it is capped, those that were counted. */
  total: count.describe(
    'The number of all transactions that were asked for; where it is capped, those that were counted.',
  ),
  /** Whether there are more than were counted. */
  isTotalCapped: z.boolean().describe('Whether there are more than were counted.'),
});
/** A numbered page of transactions. */
export interface TransactionPage extends Readonly<z.infer<typeof TransactionPageSchema>> {}
