/** Balances: what a user has, and what a deduction would take. */
import { z } from 'zod';
import { grantSourceSchema } from '../enums.js';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant } from './fields.js';
import { skippedSchema } from './run.js';
import { DrawSchema } from './transaction.js';

export const UserCreditsInfoSchema = strictObject({
  /** The user whose account this is. */
  userId: identifier.describe('The user whose account this is.'),
  /** The credit type; an account is one user and one credit type. */
  creditType: identifier.describe('The credit type; an account is one user and one credit type.'),
  /** Credits of all grants in effect, held ones included, less debt. May be negative. */
  balance: credits.describe('Credits of all grants in effect, held ones included, less debt. May be negative.'),
  /** Credits on hold: the rest of all active reservations together. */
  reserved: credits.min(0).describe('Credits on hold: the rest of all active reservations together.'),
  /** Credits that can be spent now: balance less reserved. May be negative. */
  available: credits.describe('Credits that can be spent now: balance less reserved. May be negative.'),
  /** Credits that were spent and that no grant has paid for yet. */
  debt: credits.min(0).describe('Credits that were spent and that no grant has paid for yet.'),
  /** The instant at which these numbers hold. */
  asOf: instant.describe('The instant at which these numbers hold.'),
});
/** All numbers are credits. `available` = balance − reserved; negative while debt or holds outweigh the grants. */
export interface UserCreditsInfo extends z.infer<typeof UserCreditsInfoSchema> {}

export const DeductionPreviewSchema = strictObject({
  /** Whether the deduction would be applied now. */
  sufficient: z.boolean().describe('Whether the deduction would be applied now.'),
  /** Credits that are missing; 0 when there are enough. */
  shortfall: credits.min(0).describe('Credits that are missing; 0 when there are enough.'),
  /** The grants it would take from, in order. A trial grant to be made is named trial. */
  draws: z
    .array(DrawSchema.readonly())
    .readonly()
    .describe('The grants it would take from, in order. A trial grant to be made is named trial.'),
});
/** The draws that a deduction would make, at the instant of the call. */
export interface DeductionPreview extends z.infer<typeof DeductionPreviewSchema> {}

export const AccountListSchema = strictObject({
  /** The accounts of this page, as they are now. */
  items: z.array(UserCreditsInfoSchema).readonly().describe('The accounts of this page, as they are now.'),
  /** Accounts whose rows cannot be read, by user, with the reason. */
  skipped: skippedSchema.describe('Accounts whose rows cannot be read, by user, with the reason.'),
  /** Where the next page goes on; null at the end. */
  nextCursor: z.string().nullable().describe('Where the next page goes on; null at the end.'),
});
/** One page of accounts. */
export interface AccountList extends z.infer<typeof AccountListSchema> {}

const groupShape = {
  /** Credits that are left, held ones included. */
  remaining: credits.min(0).describe('Credits that are left, held ones included.'),
  /** Credits of these on hold. */
  held: credits.min(0).describe('Credits of these on hold.'),
};
const expiresAt = instant.nullable().describe('The instant at which they lapse; null when they never do.');

export const BalanceBreakdownSchema = strictObject({
  /** By the instant at which the credits lapse, soonest first; those that never lapse come last. */
  byExpiry: z
    .array(
      strictObject({
        /** The instant at which they lapse; null when they never do. */
        expiresAt,
        ...groupShape,
      }).readonly(),
    )
    .readonly()
    .describe('By the instant at which the credits lapse, soonest first; those that never lapse come last.'),
  /** By where the credits came from. */
  bySource: z
    .array(
      strictObject({
        /** Where they came from. */
        source: grantSourceSchema.describe('Where they came from.'),
        ...groupShape,
      }).readonly(),
    )
    .readonly()
    .describe('By where the credits came from.'),
  /** By the period that granted the credits, of a cycle or of a subscription; others are left out. */
  byCycle: z
    .array(
      strictObject({
        /** The id of the cycle or of the subscription. */
        cycleId: identifier.describe('The id of the cycle or of the subscription.'),
        /** The start of the period. */
        start: instant.describe('The start of the period.'),
        /** The instant at which they lapse; null when they never do. */
        expiresAt,
        /** Credits that were granted; grants of which nothing is left do not count. */
        granted: credits.min(0).describe('Credits that were granted; grants of which nothing is left do not count.'),
        ...groupShape,
      }).readonly(),
    )
    .readonly()
    .describe('By the period that granted the credits, of a cycle or of a subscription; others are left out.'),
});
/** The credits in effect now, grouped. By expiry and by source, `remaining` adds up to balance and debt. */
export interface BalanceBreakdown extends Readonly<z.infer<typeof BalanceBreakdownSchema>> {}
