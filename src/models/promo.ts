/** Promo codes, and the claims of them. */
import { z } from 'zod';
import { defineModel } from './define-model.js';
import type { JsonObject } from './values.js';

export const promoTargetSchema = z.enum(['all_users', 'specific_users']);

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null);

export const promoSchema = z.object({
  /** Trimmed and upper-case. */
  code: z.string(),
  version: z.int(),
  id: z.string(),
  creditType: z.string(),
  credits: z.int(),
  description: z.string().nullable(),
  targetType: promoTargetSchema,
  targetUserIds: z.array(z.string()).readonly(),
  /** Null for any number. */
  maxUses: z.int().nullable(),
  maxUsesPerUser: z.int(),
  validFrom: z.date(),
  validUntil: z.date().nullable(),
  isActive: z.boolean(),
  metadata: jsonObject,
  /** Claims so far: written with every claim, so that the limit holds. */
  claims: z.int(),
  createdAt: z.date(),
  updatedAt: z.date(),
});
export type PromoRow = Readonly<z.infer<typeof promoSchema>>;

export const promoModel = defineModel('promo', promoSchema, 'code', [
  { name: 'id', fields: ['id'], unique: true },
  { name: 'created', fields: ['createdAt'], unique: false },
  { name: 'active', fields: ['isActive', 'createdAt'], unique: false },
]);

export const promoClaimSchema = z.object({
  /** Code, user and number of the claim: see {@link claimKey}. */
  id: z.string(),
  version: z.int(),
  promoId: z.string(),
  promoCode: z.string(),
  userId: z.string(),
  /** On the user's first claim of this code: how many there are. */
  uses: z.int().nullable(),
  creditsAwarded: z.int(),
  transactionId: z.string(),
  claimedAt: z.date(),
  metadata: jsonObject,
});
export type PromoClaimRow = Readonly<z.infer<typeof promoClaimSchema>>;

export const promoClaimModel = defineModel('promo_claim', promoClaimSchema, 'id', [
  { name: 'code', fields: ['promoCode', 'claimedAt'], unique: false },
  { name: 'user', fields: ['userId', 'claimedAt'], unique: false },
]);

/** The key of a user's n-th claim of a code. Codes hold no slash, so no two claims share one. */
export function claimKey(code: string, n: number, userId: string): string {
  return `${code}/${n}/${userId}`;
}
