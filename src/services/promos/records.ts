/** Promo codes and claims as their callers see them; from rows, or from the entry that a replay answers. */
import { toCredits } from '../../core/amounts.js';
import type { PromoClaimRow, PromoRow } from '../../models/promo.js';
import type { JsonObject } from '../../models/values.js';
import type { Promo, PromoClaim } from './contract.js';

export function toPromo({ version: _, claims, ...row }: PromoRow, scale: number): Promo {
  const { metadata, targetUserIds } = structuredClone({ metadata: row.metadata, targetUserIds: row.targetUserIds });
  return { ...row, credits: toCredits(row.credits, scale), metadata, targetUserIds, totalClaims: claims };
}

export function toClaim({ id: _, version: __, uses: ___, ...row }: PromoClaimRow, scale: number): PromoClaim {
  const creditsAwarded = toCredits(row.creditsAwarded, scale);
  return { ...row, creditsAwarded, metadata: structuredClone(row.metadata) };
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
