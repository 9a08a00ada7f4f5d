/** The schema for the input of numbered pages of transactions. */
import { z } from 'zod';
import { type ReferenceType, referenceTypeSchema, type TransactionType, transactionTypeSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { type ReadOptions, readShape } from './credits.js';
import { boundSchema } from './values.js';

export const transactionPageSchema = strictObject({
  ...readShape,
  /** The number of the page, from 1, the default. */
  page: z.number().int().min(1).max(1_000_000_000, { error: 'a whole number from 1 to 1,000,000,000' }).optional(),
  /** 1–1,000, default 50. */
  limit: z.number().int().min(1).max(1_000, { error: 'a whole number from 1 to 1,000' }).optional(),
  /** An instant, inclusive; a day such as `2030-01-31` is its midnight in UTC. */
  from: boundSchema.optional(),
  /** An instant, inclusive; a day is its midnight in UTC, so that the day itself is left out. */
  to: boundSchema.optional(),
  /** Transactions of these types alone. */
  types: (
    z.array(transactionTypeSchema).max(32) as z.ZodType<TransactionType[], readonly TransactionType[]>
  ).optional(),
  /** Transactions of business events of these kinds alone. */
  referenceTypes: (
    z.array(referenceTypeSchema).max(32) as z.ZodType<ReferenceType[], readonly ReferenceType[]>
  ).optional(),
});
export interface TransactionPageOptions<S = never>
  extends ReadOptions<S>,
    Omit<z.input<typeof transactionPageSchema>, keyof ReadOptions> {}
