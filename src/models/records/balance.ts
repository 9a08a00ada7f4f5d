/** Balances: what a user has, and what a deduction would take. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant } from './fields.js';
import { skippedSchema } from './run.js';
import { DrawSchema } from './transaction.js';

export const UserCreditsInfoSchema = strictObject({
  userId: identifier.describe('The user whose account this is.'),
  creditType: identifier.describe('The credit type; an account is one user and one credit type.'),
  balance: credits.describe('Credits of all grants in effect, held ones included, less debt. May be negative.'),
  reserved: credits.min(0).describe('Credits on hold: the rest of all active reservations together.'),
  available: credits.describe('Credits that can be spent now: balance less reserved. May be negative.'),
  debt: credits.min(0).describe('Credits that were spent and that no grant has paid for yet.'),
  /** The instant at which these numbers hold. */
  asOf: instant.describe('The instant at which these numbers hold.'),
});
/** All numbers are credits. `available` = balance − reserved; negative while debt or holds outweigh the grants. */
export interface UserCreditsInfo extends z.infer<typeof UserCreditsInfoSchema> {}

export const DeductionPreviewSchema = strictObject({
  sufficient: z.boolean().describe('Whether the deduction would be applied now.'),
  shortfall: credits.min(0).describe('Credits that are missing; 0 when there are enough.'),
  draws: z
    .array(DrawSchema.readonly())
    .readonly()
    .describe('The grants it would take from, in order. A trial grant to be made is named trial.'),
});
/** The draws that a deduction would make, at the instant of the call. */
export interface DeductionPreview extends z.infer<typeof DeductionPreviewSchema> {}

export const AccountListSchema = strictObject({
  items: z.array(UserCreditsInfoSchema).readonly().describe('The accounts of this page, as they are now.'),
  skipped: skippedSchema.describe('Accounts whose rows cannot be read, by user, with the reason.'),
  nextCursor: z.string().nullable().describe('Where the next page goes on; null at the end.'),
});
/** One page of accounts. */
export interface AccountList extends z.infer<typeof AccountListSchema> {}
