/** The fields of a promo code: from the caller's input to the stored row, and the rules for the row as a whole. */
import type { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { promoCodeSchema, type promoInputSchema } from '../../models/inputs/promos.js';
import type { PromoRow, UNCLAIMED } from '../../models/promo.js';
import { definedFields, type Loose } from '../input/given-fields.js';
import { parse, parseId } from '../input/parse.js';
import { refuseField } from '../pipeline/definitions.js';

/** The fields that a caller gives, besides the code. */
export type PromoFields = Omit<
  PromoRow,
  'id' | 'code' | 'version' | keyof typeof UNCLAIMED | 'createdAt' | 'updatedAt'
>;

const CODE_MAX = 64;

/** The fields that an input may leave out. */
export const PROMO_DEFAULTS = {
  ...{ creditType: 'credits', description: null, targetType: 'all_users', targetUserIds: [], maxUses: null },
  ...{ maxUsesPerUser: 1, maxUsesPerDay: null, maxUsesPerUserPerDay: null, validityDays: null },
  ...{ referrerId: null, referrerCredits: null },
  ...{ validUntil: null, isActive: true, metadata: {} },
} satisfies Partial<PromoRow>;

/** The given fields, credits in units, instants as dates. */
export function promoFieldsOf(
  input: Loose<Omit<z.infer<typeof promoInputSchema>, 'code'>>,
  scale: number,
): Partial<PromoFields> {
  const { credits, referrerCredits, validFrom, validUntil, ...rest } = input;
  return definedFields({
    ...rest,
    credits: credits === undefined ? undefined : parseAmount(credits, { scale }),
    referrerCredits: referrerCredits == null ? referrerCredits : parseAmount(referrerCredits, { scale }),
    validFrom: validFrom === undefined ? undefined : new Date(validFrom),
    validUntil: validUntil == null ? validUntil : new Date(validUntil),
  });
}

/** @throws INVALID_ARGUMENT where a field names what there is not, or two fields do not go together */
export function checkPromo(promo: PromoRow, creditTypes: readonly string[]): void {
  const { creditType, targetType, targetUserIds, validFrom, validUntil, referrerId, referrerCredits } = promo;
  if (!creditTypes.includes(creditType)) refuse('creditType', creditTypes.join(' | '));
  if (targetType === 'specific_users' && targetUserIds.length === 0) {
    refuse('targetUserIds', "target_user_ids must be provided when target_type is 'specific_users'");
  }
  if (validUntil !== null && validUntil < validFrom) refuse('validUntil', 'an instant after validFrom');
  if ((referrerId == null) !== (referrerCredits == null)) {
    refuse('referrerCredits', 'credits of the referrer where referrerId names one, and none where it does not');
  }
}

/**
 * A code that was claimed keeps its credit type: a repeated claim is looked for on the account of the first one. It
 * keeps its referrer too: the claims of referral codes are counted by themselves.
 */
export function checkClaimed(row: PromoRow, next: PromoRow): void {
  if (row.claims === 0) return;
  if (next.creditType !== row.creditType) refuse('creditType', `${row.creditType}, which was claimed already`);
  if ((next.referrerId ?? null) === (row.referrerId ?? null)) return;
  refuse('referrerId', `${row.referrerId ?? 'none'}, as the code was claimed already`);
}

/** Letters and digits that people do not take for one another: Crockford's base 32. */
const SYMBOLS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_LENGTH = 10;

/** The code that a call makes which names none; the same for every attempt of the call. */
export function codeOf(operationId: string): string {
  const hex = sha256(`promo ${operationId}`);
  const symbolAt = (i: number) => SYMBOLS[Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16) % SYMBOLS.length];
  return Array.from({ length: CODE_LENGTH }, (_, i) => symbolAt(i)).join('');
}

/** A code that no promo can have is the code of no promo, not a mistake of the caller's. It stays such a code. */
export function parseCode(code: unknown): string {
  const result = promoCodeSchema.safeParse(code);
  if (result.success) return result.data;
  if (typeof code !== 'string') return parse(promoCodeSchema, code, 'code');
  const given = parseId(code.trim() || ' ', 'code').replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  // Shortened without the mark, a long text would be the code that it begins with.
  return given.length <= CODE_MAX ? given : `${given.slice(0, CODE_MAX - 1).toWellFormed()}…`;
}

function refuse(field: keyof PromoFields, expected: string): never {
  refuseField(`promo.${field}`, expected);
}
