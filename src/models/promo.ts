/** Promo codes, and the claims of them. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

export const promoTargetSchema = z.enum(['all_users', 'specific_users']);

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

export const promoSchema = z.object({
  code: z.string().describe('Trimmed and upper-case.'),
  version: z.int(),
  id: z.string().describe('Names the promo for ever.'),
  creditType: z.string().describe('The credit type.'),
  credits: z.int().describe('Micro-units of one claim.'),
  description: z.string().nullable().describe('A text for people.'),
  targetType: promoTargetSchema.describe('Whether all users may claim it, or only those named.'),
  targetUserIds: z.array(z.string()).readonly().describe('The users who may claim it.'),
  maxUses: z.int().nullable().describe('Claims of all users together; null for any number.'),
  maxUsesPerUser: z.int().describe('Claims of one user.'),
  maxUsesPerDay: z.int().nullable().describe('Claims of all users together in one UTC day; null for any number.'),
  maxUsesPerUserPerDay: z.int().nullable().describe('Claims of one user in one UTC day; null for any number.'),
  validityDays: z.int().nullable().describe('Days until the credits of a claim expire; null for never.'),
  referrerId: z.string().nullable().describe('The user whose referral code this is; null for any other code.'),
  referrerCredits: z.int().nullable().describe('Micro-units that the referrer gets of one claim; null without one.'),
  validFrom: z.date().describe('The first instant at which it can be claimed.'),
  validUntil: z.date().nullable().describe('The last instant at which it can be claimed; null for ever.'),
  isActive: z.boolean().describe('Whether it is switched on.'),
  metadata: jsonObject.describe('Data that the host gave with it.'),
  claims: z.int().describe('Claims so far: written with every claim, so that the limit holds.'),
  claimsDay: z
    .string()
    .nullable()
    .describe('The UTC day of the last claim, such as 2026-01-31; null before the first.'),
  claimsOfDay: z.int().nullable().describe('Claims of that day; null before the first.'),
  createdAt: z.date().describe('When it was made.'),
  updatedAt: z.date().describe('When it was last changed.'),
});
export type PromoRow = Readonly<z.infer<typeof promoSchema>>;

export const promoModel = defineModel('promo', promoSchema, 'code', [
  { name: 'id', fields: ['id'], unique: true },
  { name: 'created', fields: ['createdAt'], unique: false },
  { name: 'active', fields: ['isActive', 'createdAt'], unique: false },
  { name: 'referrer', fields: ['referrerId', 'createdAt'], unique: false },
]);

export const promoClaimSchema = z.object({
  id: z.string().describe('Code, number of the claim, and user.'),
  version: z.int(),
  promoId: z.string().describe('The promo.'),
  promoCode: z.string().describe('Its code.'),
  userId: z.string().describe('The user who claimed.'),
  uses: z
    .int()
    .nullable()
    .describe("On the user's first claim of this code, the number of the user's claims; null on the others."),
  usesDay: z
    .string()
    .nullable()
    .describe("On the user's first claim of this code, the UTC day of the user's last one; null on the others."),
  usesOfDay: z
    .int()
    .nullable()
    .describe("On the user's first claim, the user's claims of that day; null on the others."),
  creditsAwarded: z.int().describe('Micro-units that the user got.'),
  transactionId: z.string().describe('The transaction that granted them.'),
  referrerId: z.string().nullable().describe('The user who referred this one; null for a code without a referrer.'),
  referrerCreditsAwarded: z.int().nullable().describe('Micro-units that the referrer got; null without one.'),
  referrerTransactionId: z.string().nullable().describe('The transaction that granted those; null without one.'),
  claimedAt: z.date().describe('When it was claimed.'),
  metadata: jsonObject.describe('Data that the caller gave with the claim.'),
});
export type PromoClaimRow = Readonly<z.infer<typeof promoClaimSchema>>;

export const promoClaimModel = defineModel('promo_claim', promoClaimSchema, 'id', [
  { name: 'code', fields: ['promoCode', 'claimedAt'], unique: false },
  { name: 'user', fields: ['userId', 'claimedAt'], unique: false },
]);

/** The counters of a code before its first claim. */
export const UNCLAIMED = { claims: 0, claimsDay: null, claimsOfDay: null } as const;

/** The key of a user's n-th claim of a code. Codes hold no slash, so no two claims share one. */
export function claimKey(code: string, n: number, userId: string): string {
  return `${code}/${n}/${userId}`;
}

/** The key of the one claim of a referral code that a user ever makes. No code is in lower case. */
export function referralKey(userId: string): string {
  return claimKey('referral', 1, userId);
}
