/** Schemas for the input of promo codes. */
import { z } from 'zod';
import { promoTargetSchema } from '../promo.js';
import { strictObject } from '../strict-object.js';
import { listShape, readShape } from './credits.js';
import { amountSchema, identifierSchema, instantSchema, metadataSchema, textSchema, wholeDays } from './values.js';

/** Trimmed and upper-case, as codes are stored. Checked first: `straße` must not become `STRASSE`. */
export const promoCodeSchema = z
  .string({ error: 'a string' })
  .transform((code) => code.trim())
  .refine((code) => /^[A-Za-z0-9_-]{1,64}$/.test(code), { error: '1 to 64 of A-Z, 0-9, _ and -' })
  .transform((code) => code.toUpperCase());

const uses = z.number().int().min(1).max(1_000_000_000, { error: 'a whole number from 1 to 1,000,000,000' });
const promoShape = {
  /** Credits of one claim, more than 0. They never expire, unless `validityDays` says so. */
  credits: amountSchema,
  /** `credits` unless it names another declared type. */
  creditType: z.string().optional(),
  /** A text for people, at most 1,024 characters. */
  description: textSchema.optional(),
  /** Default `all_users`. */
  targetType: promoTargetSchema.optional(),
  /** At least one with `specific_users`; at most 10,000, and no more than a ledger line of 256 KiB holds. */
  targetUserIds: (z.array(identifierSchema).max(10_000) as z.ZodType<string[], readonly string[]>).optional(),
  /** Claims of all users together; null or absent: any number. */
  maxUses: uses.nullable().optional(),
  /** Default 1. */
  maxUsesPerUser: uses.optional(),
  /** Claims of all users together in one UTC day of the database's clock; null or absent: any number. */
  maxUsesPerDay: uses.nullable().optional(),
  /** Claims of one user in one UTC day of the database's clock; null or absent: any number. */
  maxUsesPerUserPerDay: uses.nullable().optional(),
  /** Days, 1–36,500, until the credits of a claim expire; null or absent: never. */
  validityDays: wholeDays(1).nullable().optional(),
  /**
   * Makes it a referral code: the user who gets `referrerCredits` of every claim, in the commit of the claim. A user
   * claims one referral code once, for ever, and never one's own.
   */
  referrerId: identifierSchema.nullable().optional(),
  /** Credits that the referrer gets of one claim, more than 0. Needed with `referrerId`, and only with it. */
  referrerCredits: amountSchema.nullable().optional(),
  /** Default now. */
  validFrom: instantSchema.optional(),
  /** The last instant at which it can be claimed; null or absent: for ever. */
  validUntil: instantSchema.nullable().optional(),
  /** Whether it can be claimed; default true. */
  isActive: z.boolean().optional(),
  /** A plain JSON object of your own, at most 16 KiB. */
  metadata: metadataSchema.optional(),
};
export const promoInputSchema = strictObject({
  /** `[A-Za-z0-9_-]{1,64}`; stored trimmed and upper-case. */
  code: promoCodeSchema,
  ...promoShape,
});
export const newPromoSchema = strictObject({ ...promoShape, code: promoCodeSchema.optional() });
export const promoUpdateSchema = strictObject({
  ...strictObject(promoShape).partial().shape,
  code: promoCodeSchema,
});
export const definedPromosSchema = z
  .array(promoInputSchema)
  .max(1_000, { error: 'at most 1,000 promo codes' })
  .refine((promos) => new Set(promos.map(({ code }) => code)).size === promos.length, { error: 'each code once' });
export const promosSchema = strictObject({
  ...readShape,
  ...listShape,
  activeOnly: z.boolean().optional(),
  referrerId: identifierSchema.optional(),
});
export const claimsSchema = strictObject({
  ...readShape,
  ...listShape,
  code: promoCodeSchema.optional(),
  userId: identifierSchema.optional(),
});

export interface PromoInput extends z.input<typeof promoInputSchema> {}
