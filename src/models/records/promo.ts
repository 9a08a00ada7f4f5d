/** Promo codes, the claims of them, and the answer to a claim. */
import { z } from 'zod';
import { promoTargetSchema } from '../promo.js';
import { strictObject } from '../strict-object.js';
import { count, credits, identifier, instant, jsonObject } from './fields.js';

export const PromoSchema = strictObject({
  id: identifier.describe('Names the promo for ever.'),
  code: z.string().describe('The code, trimmed and upper-case.'),
  credits: credits.min(0).describe('Credits of one claim.'),
  creditType: identifier.describe('The credit type.'),
  description: z.string().nullable().describe('A text for people; null without one.'),
  targetType: promoTargetSchema.describe('Whether all users may claim it, or only those named.'),
  targetUserIds: z.array(identifier).readonly().describe('The users who may claim it; empty for all users.'),
  maxUses: z.int().min(1).nullable().describe('Claims of all users together; null for any number.'),
  maxUsesPerUser: z.int().min(1).describe('Claims of one user.'),
  validFrom: instant.describe('The first instant at which it can be claimed.'),
  validUntil: instant.nullable().describe('The last instant at which it can be claimed; null for ever.'),
  isActive: z.boolean().describe('Whether it is switched on.'),
  metadata: jsonObject.describe('Data that the host gave with it; {} without any.'),
  /** Claims so far. */
  totalClaims: count.describe('Claims so far.'),
  createdAt: instant.describe('The instant at which it was made.'),
  updatedAt: instant.describe('The instant of its last change.'),
});
export interface Promo extends Readonly<z.infer<typeof PromoSchema>> {}

export const PromoClaimSchema = strictObject({
  userId: identifier.describe('The user who claimed.'),
  promoId: identifier.describe('The promo that was claimed.'),
  promoCode: z.string().describe('Its code.'),
  creditsAwarded: credits.min(0).describe('Credits that the user got.'),
  transactionId: identifier.describe('The transaction that granted them.'),
  claimedAt: instant.describe('The instant of the claim.'),
  metadata: jsonObject.describe('Data that the caller gave with the claim; {} without any.'),
});
export interface PromoClaim extends Readonly<z.infer<typeof PromoClaimSchema>> {}

export const EligibilitySchema = z.discriminatedUnion('eligible', [
  strictObject({
    eligible: z.literal(true).describe('The user could claim now.'),
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    credits: credits.min(0).describe('Credits that a claim would give.'),
    description: z.string().nullable().describe('A text for people; null without one.'),
  }),
  strictObject({
    eligible: z.literal(false).describe('The user could not claim now.'),
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    reason: z.string().describe('A text for people: the reason why not.'),
  }),
]);
export type Eligibility = z.infer<typeof EligibilitySchema>;

export const ClaimResultSchema = z.discriminatedUnion('success', [
  strictObject({
    success: z.literal(true).describe('The claim was applied.'),
    creditsAwarded: credits.min(0).describe('Credits that the user got.'),
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    message: z.string().describe('A text for people: the change that happened.'),
    transactionId: identifier.describe('The transaction that granted them.'),
  }),
  strictObject({
    success: z.literal(false).describe('The rules refused the claim.'),
    creditsAwarded: z.literal(0).describe('Nothing was granted.'),
    promoCode: z.string().describe('The code, trimmed and upper-case.'),
    message: z.string().describe('A text for people: the reason why not.'),
  }),
]);
export type ClaimResult = z.infer<typeof ClaimResultSchema>;
