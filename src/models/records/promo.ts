/** Promo codes, the claims of them, and the answer to a claim. */
import { z } from 'zod';
import { promoTargetSchema } from '../promo.js';
import { strictObject } from '../strict-object.js';
import { type DryRun, DryRunSchema } from './dry-run.js';
import { count, credits, identifier, instant, jsonObject } from './fields.js';

export const PromoSchema = strictObject({
  /** Names the promo for ever. */
  id: identifier.describe('Names the promo for ever.'),
  /** The code, trimmed and upper-case. */
  code: z.string().describe('The code, trimmed and upper-case.'),
  /** Credits of one claim. */
  credits: credits.min(0).describe('Credits of one claim.'),
  /** The credit type. */
  creditType: identifier.describe('The credit type.'),
  /** A text for people; null without one. */
  description: z.string().nullable().describe('A text for people; null without one.'),
  /** Whether all users may claim it, or only those named. */
  targetType: promoTargetSchema.describe('Whether all users may claim it, or only those named.'),
  /** The users who may claim it; empty for all users. */
  targetUserIds: z.array(identifier).readonly().describe('The users who may claim it; empty for all users.'),
  /** Claims of all users together; null for any number. */
  maxUses: z.int().min(1).nullable().describe('Claims of all users together; null for any number.'),
  /** Claims of one user. */
  maxUsesPerUser: z.int().min(1).describe('Claims of one user.'),
  /** Claims of all users together in one UTC day; null for any number. */
  maxUsesPerDay: z
    .int()
    .min(1)
    .nullable()
    .describe('Claims of all users together in one UTC day; null for any number.'),
  /** Claims of one user in one UTC day; null for any number. */
  maxUsesPerUserPerDay: z.int().min(1).nullable().describe('Claims of one user in one UTC day; null for any number.'),
  /** Days until the credits of a claim expire; null for never. */
  validityDays: z.int().min(1).nullable().describe('Days until the credits of a claim expire; null for never.'),
  /** The user whose referral code this is; null for any other code. */
  referrerId: identifier.nullable().describe('The user whose referral code this is; null for any other code.'),
  /** Credits that the referrer gets of one claim; null without a referrer. */
  referrerCredits: credits
    .min(0)
    .nullable()
    .describe('Credits that the referrer gets of one claim; null without a referrer.'),
  /** The first instant at which it can be claimed. */
  validFrom: instant.describe('The first instant at which it can be claimed.'),
  /** The last instant at which it can be claimed; null for ever. */
  validUntil: instant.nullable().describe('The last instant at which it can be claimed; null for ever.'),
  /** Whether it is switched on. */
  isActive: z.boolean().describe('Whether it is switched on.'),
  /** Data that the host gave with it; {} without any. */
  metadata: jsonObject.describe('Data that the host gave with it; {} without any.'),
  /** Claims so far. */
  totalClaims: count.describe('Claims so far.'),
  /** The instant at which it was made. */
  createdAt: instant.describe('The instant at which it was made.'),
  /** The instant of its last change. */
  updatedAt: instant.describe('The instant of its last change.'),
});
export interface Promo extends Readonly<z.infer<typeof PromoSchema>> {}

export const PromoClaimSchema = strictObject({
  /** The user who claimed. */
  userId: identifier.describe('The user who claimed.'),
  /** The promo that was claimed. */
  promoId: identifier.describe('The promo that was claimed.'),
  /** Its code. */
  promoCode: z.string().describe('Its code.'),
  /** Credits that the user got. */
  creditsAwarded: credits.min(0).describe('Credits that the user got.'),
  /** The transaction that granted them. */
  transactionId: identifier.describe('The transaction that granted them.'),
  /** The user who referred this one; null for a code without a referrer. */
  referrerId: identifier.nullable().describe('The user who referred this one; null for a code without a referrer.'),
  /** Credits that the referrer got; null without one. */
  referrerCreditsAwarded: credits.min(0).nullable().describe('Credits that the referrer got; null without one.'),
  /** The transaction that granted those; null without a referrer. */
  referrerTransactionId: identifier.nullable().describe('The transaction that granted those; null without a referrer.'),
  /** The instant of the claim. */
  claimedAt: instant.describe('The instant of the claim.'),
  /** Data that the caller gave with the claim; {} without any. */
  metadata: jsonObject.describe('Data that the caller gave with the claim; {} without any.'),
});
export interface PromoClaim extends Readonly<z.infer<typeof PromoClaimSchema>> {}

export const EligibilitySchema = z.discriminatedUnion('eligible', [
  strictObject({
    /** The user could claim now. */
    eligible: z.literal(true).describe('The user could claim now.'),
    /** The code, trimmed and upper-case. */
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    /** Credits that a claim would give. */
    credits: credits.min(0).describe('Credits that a claim would give.'),
    /** A text for people; null without one. */
    description: z.string().nullable().describe('A text for people; null without one.'),
  }),
  strictObject({
    /** The user could not claim now. */
    eligible: z.literal(false).describe('The user could not claim now.'),
    /** The code, trimmed and upper-case. */
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    /** A text for people: the reason why not. */
    reason: z.string().describe('A text for people: the reason why not.'),
  }),
]);
export type Eligibility = z.infer<typeof EligibilitySchema>;

export const ClaimResultSchema = z.discriminatedUnion('success', [
  strictObject({
    /** The claim was applied. */
    success: z.literal(true).describe('The claim was applied.'),
    /** Credits that the user got. */
    creditsAwarded: credits.min(0).describe('Credits that the user got.'),
    /** The code, trimmed and upper-case. */
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    /** A text for people: the change that happened. */
    message: z.string().describe('A text for people: the change that happened.'),
    /** The transaction that granted them. */
    transactionId: identifier.describe('The transaction that granted them.'),
    /** The user whose referral code this is; null for any other code. */
    referrerId: identifier.nullable().describe('The user whose referral code this is; null for any other code.'),
    /** Credits that the referrer got in the same commit; null without one. */
    referrerCreditsAwarded: credits
      .min(0)
      .nullable()
      .describe('Credits that the referrer got in the same commit; null without one.'),
    /** What the claim would write; of a call with `dryRun: true` alone. */
    dryRun: (DryRunSchema as z.ZodType<DryRun>)
      .optional()
      .describe('What the claim would write; of a call with `dryRun: true` alone.'),
  }),
  strictObject({
    /** The rules refused the claim. */
    success: z.literal(false).describe('The rules refused the claim.'),
    /** Nothing was granted. */
    creditsAwarded: z.literal(0).describe('Nothing was granted.'),
    /** The code, trimmed and upper-case. */
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    /** A text for people: the reason why not. */
    message: z.string().describe('A text for people: the reason why not.'),
  }),
]);
export type ClaimResult = z.infer<typeof ClaimResultSchema>;
