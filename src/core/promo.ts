/**
 * Claims of promo codes: the rules and the grant. A refusal names the first rule that fails, in the order of the rules.
 */
import { claimKey, type PromoClaimRow, type PromoRow, referralKey } from '../models/promo.js';
import type { JsonObject } from '../models/values.js';
import type { CommandOf } from './command.js';
import { type Facts, PENDING, type Refusal, refuse, type Verdict } from './decision.js';
import { type Draft, mainIndex } from './draft.js';
import { addGrant, announceGrant, PLAIN_TERMS } from './grants.js';

const DAY_MS = 24 * 3600 * 1000;

/** The UTC day that a claim counts on: where the clock went back over midnight, the day that had begun. */
function dayOf({ claimsDay }: PromoRow, now: number): string {
  const day = new Date(now).toISOString().slice(0, 10);
  return claimsDay && claimsDay > day ? claimsDay : day;
}

/** The claims of a code on a day, of all users and of one. */
function claimsOn(day: string, promo: PromoRow, first: PromoClaimRow | null) {
  return {
    ofAll: promo.claimsDay === day ? (promo.claimsOfDay ?? 0) : 0,
    ofUser: first?.usesDay === day ? (first.usesOfDay ?? 0) : 0,
  };
}

/**
 * The reason why a user may not claim a code now, or null. Hosts know these texts: they stay as they are. `first` is
 * the user's first claim of the code; of a referral code the user's first claim of any.
 */
export function ineligible(
  promo: PromoRow | null,
  first: PromoClaimRow | null,
  userId: string,
  now: number,
): string | null {
  if (promo === null) return 'Promo code not found';
  if (!promo.isActive) return 'Promo is inactive';
  if (promo.validUntil !== null && now > promo.validUntil.getTime()) return 'Promo has expired';
  if (now < promo.validFrom.getTime()) return 'Promo not yet active';
  if (promo.maxUses !== null && promo.claims >= promo.maxUses) return 'Promo has reached maximum uses';
  const today = claimsOn(dayOf(promo, now), promo, first);
  if (today.ofAll >= (promo.maxUsesPerDay ?? Infinity)) return 'Promo has reached maximum uses today';
  if (promo.referrerId === userId) return 'You cannot claim your own referral code';
  if (isReferral(promo) && first) return "You've already been referred";
  if ((first?.uses ?? 0) >= promo.maxUsesPerUser) return "You've already claimed this promo";
  if (today.ofUser >= (promo.maxUsesPerUserPerDay ?? Infinity)) return "You've already claimed this promo today";
  const isMeant = promo.targetType === 'all_users' || promo.targetUserIds.includes(userId);
  return isMeant ? null : 'This promo is not available for your account';
}

/** A row of the version before has no referrer. */
function isReferral({ referrerId }: PromoRow): boolean {
  return referrerId != null;
}

/**
 * The promo of a code, and the user's first claim of it: the row of that claim counts all the claims of the user. Of
 * referral codes a user has one claim together.
 */
export function promoFacts(facts: Pick<Facts, 'row'>, code: string, userId: string) {
  const promo = facts.row('promo', code);
  const own = facts.row('promo_claim', claimKey(code, 1, userId));
  if (promo === undefined || own === undefined) return undefined;
  const first = promo && isReferral(promo) ? facts.row('promo_claim', referralKey(userId)) : own;
  return first === undefined ? undefined : { promo, first };
}

/** The counters of a user are on the first claim alone. */
const NOT_FIRST = { uses: null, usesDay: null, usesOfDay: null };

const NO_REFERRER = { referrerId: null, referrerCreditsAwarded: null, referrerTransactionId: null };

/** Grants what a claim gives to one account; the entry tells of the claim. */
function award(draft: Draft, promo: PromoRow, units: number, told: JsonObject): Refusal | null {
  const { validityDays } = promo;
  const expiresAt = validityDays == null ? null : draft.account.at + validityDays * DAY_MS;
  const terms = { ...PLAIN_TERMS, source: 'promo', reference: promo.id, expiresAt } as const;
  const refusal = addGrant(draft, units, terms);
  if (refusal) return refusal;
  announceGrant(draft, units, terms);
  const entry = draft.entries[mainIndex(draft)];
  if (entry) entry.details = { ...entry.details, ...told };
  return null;
}

/**
 * Writes counter, credits and claim in one: no limit can be passed, and no claim can be without its credits. Of a
 * referral code `other` is the account of the referrer, which is granted in the same commit.
 */
export function claimPromo(
  draft: Draft,
  other: Draft | undefined,
  { code, creditType }: CommandOf<'claim_promo'>,
): Verdict {
  const { account, context, call } = draft;
  const found = promoFacts(context.facts, code, account.userId);
  if (!found) return PENDING;
  const { promo, first } = found;
  const uses = first?.uses ?? 0;
  const reason = ineligible(promo, first, account.userId, account.at);
  if (reason !== null || promo === null) {
    const message = `The promo code cannot be claimed: ${reason}.`;
    return refuse('PROMO_NOT_ELIGIBLE', message, { promoCode: code, reason: reason ?? '' });
  }
  const referrerId = promo.referrerId ?? null;
  if (promo.creditType !== creditType || referrerId !== (other?.account.userId ?? null)) {
    return refuse('CONTENTION', 'The promo changed meanwhile.', { attempts: 1 });
  }
  const day = dayOf(promo, account.at);
  const today = claimsOn(day, promo, first);
  const referrerCredits = promo.referrerCredits ?? 0;
  const told = { promoCode: code, claim: uses + 1, claimDay: day, ...(other && { referrerId, referrerCredits }) };
  const refusal =
    award(draft, promo, promo.credits, told) ??
    (other ? award(other, promo, referrerCredits, { promoCode: code, refereeId: account.userId }) : null);
  if (refusal) return refusal;
  const claim: PromoClaimRow = {
    ...{ id: other ? referralKey(account.userId) : claimKey(code, uses + 1, account.userId), version: 1 },
    ...{ promoId: promo.id, promoCode: code },
    ...{ userId: account.userId, ...(first ? NOT_FIRST : { uses: 1, usesDay: day, usesOfDay: 1 }) },
    creditsAwarded: promo.credits,
    ...{ transactionId: draft.baseId, claimedAt: new Date(account.at), metadata: call.metadata },
    ...NO_REFERRER,
    ...(other && { referrerId, referrerCreditsAwarded: referrerCredits, referrerTransactionId: other.baseId }),
  };
  draft.sideWrites.push({ model: 'promo_claim', op: 'insert', row: claim });
  if (first) {
    const counted = { uses: uses + 1, usesDay: day, usesOfDay: today.ofUser + 1 };
    const row = { ...first, ...counted, version: first.version + 1 };
    draft.sideWrites.push({ model: 'promo_claim', op: 'replace', row });
  }
  const counted = { claims: promo.claims + 1, claimsDay: day, claimsOfDay: today.ofAll + 1 };
  const row = { ...promo, ...counted, version: promo.version + 1 };
  draft.sideWrites.push({ model: 'promo', op: 'replace', row });
  return null;
}
