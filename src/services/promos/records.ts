/** Promo codes and claims as their callers see them; from rows, or from the entry that a replay answers. */
import { toCredits } from '../../core/amounts.js';
import type { PromoClaimRow, PromoRow } from '../../models/promo.js';
import type { JsonObject } from '../../models/values.js';
import type { Promo, PromoClaim } from './contract.js';

export function toPromo(stored: PromoRow, scale: number): Promo {
  const { version: _, claims, claimsDay: __, claimsOfDay: ___, ...row } = stored;
  const { metadata, targetUserIds } = structuredClone({ metadata: row.metadata, targetUserIds: row.targetUserIds });
  // Rows and entries of the version before have neither limits of a day, nor a referrer.
  const { maxUsesPerDay = null, maxUsesPerUserPerDay = null, validityDays = null, referrerId = null } = row;
  const referrerCredits = row.referrerCredits == null ? null : toCredits(row.referrerCredits, scale);
  return {
    ...row,
    ...{ maxUsesPerDay, maxUsesPerUserPerDay, validityDays, referrerId, referrerCredits, metadata, targetUserIds },
    ...{ credits: toCredits(row.credits, scale), totalClaims: claims },
  };
}

export function toClaim(stored: PromoClaimRow, scale: number): PromoClaim {
  const { id: _, version: __, uses: ___, usesDay: ____, usesOfDay: _____, ...row } = stored;
  const creditsAwarded = toCredits(row.creditsAwarded, scale);
  const { referrerId = null, referrerTransactionId = null, referrerCreditsAwarded: units } = row;
  const referrerCreditsAwarded = units == null ? null : toCredits(units, scale);
  const referral = { referrerId, referrerTransactionId, referrerCreditsAwarded };
  return { ...row, creditsAwarded, ...referral, metadata: structuredClone(row.metadata) };
}

/** A promo, or some fields of one, as an entry keeps them. */
export function promoToJson(fields: Partial<PromoRow>): JsonObject {
  return JSON.parse(JSON.stringify(fields)) as JsonObject;
}

export function promoFromJson(json: JsonObject): PromoRow {
  const row = json as JsonObject & PromoRow;
  const date = (text: Date | string) => new Date(text);
  return {
    ...row,
    ...{ validFrom: date(row.validFrom), validUntil: row.validUntil && date(row.validUntil) },
    ...{ createdAt: date(row.createdAt), updatedAt: date(row.updatedAt) },
  };
}
