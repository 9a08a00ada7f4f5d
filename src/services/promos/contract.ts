/** The public promise of promo codes: the verbs, and the errors of each. */
import type { DefineOptions, ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import type { PromoInput } from '../../models/inputs/promos.js';
import type { Applied } from '../../models/records/applied.js';
import type { DefinitionReport } from '../../models/records/definition.js';
import type { ClaimResult, Eligibility, Promo, PromoClaim } from '../../models/records/promo.js';
import type { Page, Ref } from '../../models/values.js';

export type { ClaimResult, Eligibility, Promo, PromoClaim };

/**
 * Promo codes and referral codes. A claim is one commit: the code's counters, the credits and the record of the claim,
 * so none of `maxUses`, `maxUsesPerUser`, `maxUsesPerDay` and `maxUsesPerUserPerDay` is ever passed, however many claim
 * at once. A referral code is one with a `referrerId`: its claim grants the referrer too, in the same commit. A user
 * claims one referral code once, for ever, whoever's it is, and never the own one. Days are UTC days of the database's
 * clock; where that clock goes back over midnight, claims count on the day that had begun. Codes are told apart trimmed
 * and upper-case.
 *
 * Errors of every mutation, besides those named: `INVALID_ARGUMENT`, `INVALID_AMOUNT`, `IDEMPOTENCY_CONFLICT`,
 * `CONTENTION`, `STORAGE_UNAVAILABLE` (not applied, safe to repeat) and `OUTCOME_UNKNOWN` (repeat with
 * `details.idempotencyKey`).
 */
export interface PromoService<S = unknown> {
  /**
   * Makes a code; with `referrerId` and `referrerCredits` a referral code. Without `code`, one of ten characters is
   * made. Under an `idempotencyKey` such as `referral-of-ann` a user has one such code, however often it is asked for.
   * @throws PROMO_EXISTS
   *
   * @example
   * await manager.promos.createPromo({ code: 'welcome', credits: 50, maxUses: 1000 });
   * await manager.promos.claimPromo('user-1', 'WELCOME'); // { success: true, creditsAwarded: 50, … }
   * @example
   * const { code } = await manager.promos.createPromo({ credits: 10, referrerId: 'ann', referrerCredits: 20 });
   * await manager.promos.claimPromo('ben', code); // 10 credits for ben, 20 for ann
   */
  createPromo(
    promo: Omit<PromoInput, 'code'> & { code?: string | undefined },
    options?: MutationOptions<S>,
  ): Promise<Applied<Promo>>;

  /**
   * Brings promo codes to what this list says, at every start of a host: makes those that are not there, and changes
   * those that differ. A field that is left out is as if a new code left it out; `validFrom` stays as it is. Claims
   * stay, and so does their count. The same list again changes nothing, and any number of processes may call this at
   * once. Each code is a commit of its own, so after an error the call is repeated. With `deactivateMissing`, every
   * active code that the list does not have is switched off, also those made by `createPromo`, but for referral codes.
   *
   * @throws INVALID_ARGUMENT, INVALID_AMOUNT for a wrong field, or a code that stands twice.
   * @example
   * const { created, changed } = await manager.promos.definePromos([{ code: 'WELCOME', credits: 50, maxUses: 1000 }]);
   */
  definePromos(promos: readonly PromoInput[], options?: DefineOptions): Promise<DefinitionReport>;

  /**
   * Changes fields of a code; claims that were made stay as they are. One that was claimed keeps its credit type and
   * its referrer.
   * @throws PROMO_NOT_FOUND
   */
  updatePromo(
    promo: { code: string } & Partial<Omit<PromoInput, 'code'>>,
    options?: MutationOptions<S>,
  ): Promise<Applied<Promo>>;

  /** Switches a code off, or on again; found by its id or its code. @throws PROMO_NOT_FOUND */
  togglePromo(promo: Ref, options?: MutationOptions<S>): Promise<Applied<Promo>>;

  /** A code with its counter, or null; found trimmed and upper-case. */
  getPromo(code: string, options?: ReadOptions<S>): Promise<Promo | null>;

  /** Codes, newest first: the active ones, or all with `activeOnly: false`; with `referrerId` those of this user. */
  listPromos(
    options?: ReadOptions<S> & ListOptions & { activeOnly?: boolean | undefined; referrerId?: string | undefined },
  ): Promise<Page<Promo>>;

  /** Tells whether a user could claim a code now, and why not. By the claim that may have changed. */
  checkEligibility(userId: string, code: string, options?: ReadOptions<S>): Promise<Eligibility>;

  /**
   * Claims a code. A claim that the code's rules refuse is answered with `success: false` and the reason, and leaves an
   * error entry; repeating it is safe. Under an `idempotencyKey` a claim that succeeded is answered again. A claim of a
   * referral code is `LIMIT_EXCEEDED` where the account of the referrer has no room for a grant.
   */
  claimPromo(userId: string, code: string, options?: MutationOptions<S>): Promise<ClaimResult>;

  /** Claims of a code, or of a user, newest first. One of the two is needed. */
  listClaims(
    options: ReadOptions<S> & ListOptions & { code?: string | undefined; userId?: string | undefined },
  ): Promise<Page<PromoClaim>>;
}
