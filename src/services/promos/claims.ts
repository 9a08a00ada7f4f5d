/** Claims of promo codes: whether a user may claim, the claim itself, and the list of claims. */

import { toCredits } from '../../core/amounts.js';
import { ineligible, promoFacts } from '../../core/promo.js';
import { creditError, isCreditError } from '../../errors.js';
import type { EntryRow } from '../../models/entry.js';
import type { ListOptions, MutationOptions, ReadOptions } from '../../models/inputs/credits.js';
import { claimsSchema } from '../../models/inputs/promos.js';
import type { Json, Page } from '../../models/values.js';
import { ListCursors } from '../input/page.js';
import { parse, parseId, parseMutationOptions, parseReadOptions } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { FactSheet } from '../pipeline/facts.js';
import { answered } from '../pipeline/operation.js';
import { RowReads } from '../pipeline/row-reads.js';
import { dryRunOf } from '../pipeline/transaction-records.js';
import type { ClaimResult, Eligibility, PromoClaim } from './contract.js';
import { parseCode } from './promo-fields.js';
import { toClaim } from './records.js';

const CORRELATION_ID_MAX = 255;

export type ClaimListOptions<S> = ReadOptions<S> &
  ListOptions & { code?: string | undefined; userId?: string | undefined };

export class Claims<S> {
  readonly #engine: Engine<S>;
  readonly #reads: RowReads<S>;

  constructor(engine: Engine<S>) {
    this.#engine = engine;
    this.#reads = new RowReads(engine);
  }

  async checkEligibility(userId: string, code: string, given: ReadOptions<S> | undefined): Promise<Eligibility> {
    const user = parseId(userId, 'userId');
    const promoCode = parseCode(code);
    const options = parseReadOptions(given);
    const { session, fresh } = options;
    return this.#engine.read(options, async (timeoutMs) => {
      const facts = new FactSheet(this.#engine.store, { session, fresh, timeoutMs });
      let found = promoFacts(facts, promoCode, user);
      for (; !found; found = promoFacts(facts, promoCode, user)) await facts.fetch();
      const { promo, first } = found;
      const reason = ineligible(promo, first, user, this.#engine.now());
      if (reason !== null || promo === null) return { eligible: false, promoCode, reason: reason ?? '' };
      const { credits, description } = promo;
      return { eligible: true, promoCode, credits: toCredits(credits, this.#engine.scale), description };
    });
  }

  async claim(userId: string, code: string, given: MutationOptions<S> | undefined): Promise<ClaimResult> {
    const user = parseId(userId, 'userId');
    const promoCode = parseCode(code);
    const options = parseMutationOptions(given);
    const rest = this.#engine.startDeadline(options);
    const promo = await this.#reads.get('promo', promoCode, options);
    const creditType = promo?.creditType ?? 'credits';
    const referrerId = promo?.referrerId ?? null;
    // A claim of one's own code is refused: it has one account.
    const users = referrerId === null || referrerId === user ? [user] : [user, referrerId];
    const {
      description = `${referrerId === null ? 'Promo' : 'Referral'}: ${promoCode}`,
      correlationId = `promo_${promoCode}_${user}`.slice(0, CORRELATION_ID_MAX).toWellFormed(),
      ...others
    } = rest();
    try {
      const answer = answered(
        await this.#engine.mutate({
          operation: 'claim_promo',
          accounts: users.map((one) => this.#engine.account(creditType, one)),
          // Claims of one code in this process wait for one another, so that they do not conflict.
          // No account has such a name: the name of a credit type holds no colon.
          documents: [`promo:${promoCode}`],
          given: { code: promoCode },
          options: { description, correlationId, ...others },
          command: () => ({ type: 'claim_promo', code: promoCode, creditType }),
        }),
      );
      const { amount, id, details } = answer.entry as EntryRow;
      const { scale } = this.#engine;
      const creditsAwarded = toCredits(amount, scale);
      const message = `Successfully claimed ${creditsAwarded} credits!`;
      const claimed = { success: true, creditsAwarded, promoCode, message, transactionId: id } as const;
      return { ...claimed, ...this.#referralOf(details), ...dryRunOf(answer, scale) };
    } catch (error) {
      if (!isCreditError(error, 'PROMO_NOT_ELIGIBLE')) throw error;
      return { success: false, creditsAwarded: 0, promoCode, message: error.details.reason };
    }
  }

  /** What the entry of a claim tells of the referrer; nulls where the code has none. */
  #referralOf({ referrerId, referrerCredits }: { referrerId?: Json; referrerCredits?: Json }) {
    if (typeof referrerId !== 'string') return { referrerId: null, referrerCreditsAwarded: null };
    return { referrerId, referrerCreditsAwarded: toCredits(Number(referrerCredits), this.#engine.scale) };
  }

  async list(given: ClaimListOptions<S>): Promise<Page<PromoClaim>> {
    const { code, userId, ...options } = parse(claimsSchema, given);
    if ((code === undefined) === (userId === undefined)) {
      throw creditError('INVALID_ARGUMENT', 'Claims are listed by code or by user.', {
        path: 'code',
        expected: 'one of code and userId',
      });
    }
    const byUser = { index: 'user', equals: { userId: userId as string } };
    const along = code === undefined ? byUser : { index: 'code', equals: { promoCode: code } };
    const list = options as ReadOptions<S> & ListOptions;
    const { rows, nextCursor } = await this.#reads.page(
      'promo_claim',
      along,
      list,
      new ListCursors('listClaims', { code, userId }),
    );
    return { items: rows.map((row) => toClaim(row, this.#engine.scale)), nextCursor };
  }
}
