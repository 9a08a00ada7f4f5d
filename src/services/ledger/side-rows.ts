/** The rows that are written with an account, as its entries tell them: its subscription, its cycles, its claims. */
import { rowHash } from '../../core/row-hash.js';
import type { CycleRow } from '../../models/cycle.js';
import type { EntryRow } from '../../models/entry.js';
import type { PaymentRow } from '../../models/payment.js';
import { claimKey, type PromoClaimRow, referralKey } from '../../models/promo.js';
import type { ProviderSubscriptionRow } from '../../models/provider-subscription.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { TopUpRow } from '../../models/top-up.js';
import type { ExpectedRow } from './expected-row.js';

interface Told {
  readonly rowHash?: unknown;
  readonly cycle?: { readonly id?: unknown };
  readonly promoCode?: unknown;
  readonly claim?: unknown;
  readonly claimDay?: unknown;
  readonly referrerId?: unknown;
  readonly referrerCredits?: unknown;
  readonly refereeId?: unknown;
  readonly billed?: { readonly id: string; readonly rowHash: unknown };
  readonly payment?: { readonly id?: unknown; readonly rowHash?: unknown };
  readonly topUp?: { readonly rowHash?: unknown };
}

/** A payment as its entries tell it: the credits that they moved, and the hash of the last row. */
interface ToldPayment {
  added: number;
  takenBack: number;
  hash: unknown;
}

interface Claim extends ToldClaim {
  readonly entry: Pick<EntryRow, 'id' | 'userId' | 'amount'>;
}

/** A claim by its entry: the code, its number among the user's, and the day it counts on. An older entry has no day. */
interface ToldClaim {
  readonly code: string;
  readonly n: number;
  readonly day: string | null;
  readonly referral: Pick<PromoClaimRow, 'referrerId' | 'referrerCreditsAwarded'>;
}

/** The claim of a promo code that an entry makes; null for any other entry. */
export function claimOf({ type, details }: EntryRow): ToldClaim | null {
  const { promoCode, claim, claimDay, referrerId, referrerCredits } = details as Told;
  if (type !== 'add' || typeof promoCode !== 'string' || typeof claim !== 'number') return null;
  const isReferral = typeof referrerId === 'string' && typeof referrerCredits === 'number';
  const referral = isReferral ? { referrerId, referrerCreditsAwarded: referrerCredits } : NO_REFERRAL;
  return { code: promoCode, n: claim, day: typeof claimDay === 'string' ? claimDay : null, referral };
}

const NO_REFERRAL = { referrerId: null, referrerCreditsAwarded: null };

type Uses = Pick<PromoClaimRow, 'uses' | 'usesDay' | 'usesOfDay'>;

const NOT_FIRST: Uses = { uses: null, usesDay: null, usesOfDay: null };

export class SideRows {
  /** The hash of the last row, by what it is the row of. An older entry has none: then the row is not judged. */
  readonly #hashes = new Map<string, unknown>();
  readonly #claims: Claim[] = [];
  /** The claims of others that this user was granted for. */
  readonly #referred: ExpectedRow[] = [];
  /** The counters of the user's first claim of each code. */
  readonly #uses = new Map<string, Uses>();
  readonly #payments = new Map<string, ToldPayment>();
  /** The hashes of the subscriptions that providers bill. */
  readonly #billed = new Map<string, unknown>();
  #topUp: unknown = null;
  #account = '';
  #userId = '';

  take(entry: EntryRow): void {
    this.#userId = entry.userId;
    this.#account = entry.account;
    this.#topUp = (entry.details as Told).topUp?.rowHash ?? this.#topUp;
    this.#takePayment(entry);
    const { billed } = entry.details as Told;
    if (billed !== undefined) this.#billed.set(billed.id, billed.rowHash);
    if (entry.type === 'plan_changed') {
      const { cycle, rowHash: hash } = entry.details as Told;
      if (hash !== undefined) this.#hashes.set(cycle ? `cycle ${cycle.id}` : 'subscription', hash);
      return;
    }
    const claim = claimOf(entry);
    if (!claim) {
      const { refereeId } = entry.details as Told;
      if (entry.type === 'add' && typeof refereeId === 'string') this.#referred.push(referredBy(entry, refereeId));
      return;
    }
    const { id, userId, amount } = entry;
    this.#claims.push({ ...claim, entry: { id, userId, amount } });
    const { uses, usesDay, usesOfDay } = this.#uses.get(claim.code) ?? NOT_FIRST;
    const { day } = claim;
    const today = { usesDay: day, usesOfDay: (usesDay === day ? (usesOfDay ?? 0) : 0) + 1 };
    this.#uses.set(claim.code, { uses: (uses ?? 0) + 1, ...(day === null ? { usesDay, usesOfDay } : today) });
  }

  rowsNow(): readonly ExpectedRow[] {
    const hashed = [...this.#hashes].map(([name, hash]): ExpectedRow => {
      const isMet = (row: SubscriptionRow | CycleRow) => rowHash(row) === hash;
      if (name === 'subscription') return { model: 'subscription', kind: 'subscription', id: this.#userId, isMet };
      return { model: 'cycle', kind: 'cycle', id: name.slice('cycle '.length), isMet };
    });
    const payments = [...this.#payments].map(([id, told]) => paymentOf(id, told));
    const billed = [...this.#billed].map(([id, hash]): ExpectedRow => {
      const isMet = (row: ProviderSubscriptionRow) => rowHash(row) === hash;
      return { model: 'provider_subscription', kind: 'subscription', id, isMet };
    });
    const claims = this.#claims.map((claim) => this.#expected(claim));
    return [...billed, ...hashed, ...this.#referred, ...claims, ...payments, ...this.#topUps()];
  }

  #topUps(): ExpectedRow[] {
    const hash = this.#topUp;
    const isMet = (row: TopUpRow) => rowHash(row) === hash;
    return hash === null ? [] : [{ model: 'top_up', kind: 'top_up', id: this.#account, isMet }];
  }

  #takePayment({ type, amount, delta, details }: EntryRow): void {
    const { id, rowHash: hash } = (details as Told).payment ?? {};
    if (typeof id !== 'string') return;
    const told = this.#payments.get(id) ?? { added: 0, takenBack: 0, hash: null };
    if (type === 'claw_back') told.takenBack -= delta;
    else if (type === 'add') told.added += amount;
    if (hash !== undefined) told.hash = hash;
    this.#payments.set(id, told);
  }

  #expected({ code, n, entry, referral }: Claim): ExpectedRow {
    const { uses, usesDay, usesOfDay } = (n === 1 && this.#uses.get(code)) || NOT_FIRST;
    const isMet = (row: PromoClaimRow) =>
      row.promoCode === code &&
      row.userId === entry.userId &&
      row.transactionId === entry.id &&
      row.creditsAwarded === entry.amount &&
      row.uses === uses &&
      (row.usesDay ?? null) === usesDay &&
      (row.usesOfDay ?? null) === usesOfDay &&
      (row.referrerId ?? null) === referral.referrerId &&
      (row.referrerCreditsAwarded ?? null) === referral.referrerCreditsAwarded &&
      (row.referrerTransactionId == null) === (referral.referrerId === null);
    const id = referral.referrerId === null ? claimKey(code, n, entry.userId) : referralKey(entry.userId);
    return { model: 'promo_claim', kind: 'promo', id, isMet };
  }
}

/** A payment that is paid has one grant of its credits, and each refund of it has its claw-back. */
function paymentOf(id: string, { added, takenBack, hash }: ToldPayment): ExpectedRow {
  const isMet = (row: PaymentRow) =>
    rowHash(row) === hash &&
    row.creditsAdded === added &&
    row.creditsTakenBack === takenBack &&
    row.creditsAdded === (row.paidMinor >= row.amountMinor ? row.creditsToAdd : 0);
  return { model: 'payment', kind: 'payment', id, isMet };
}

/** The claim of the one who was referred, as the entry of the referrer tells it. */
function referredBy({ id, userId, amount, details }: EntryRow, refereeId: string): ExpectedRow {
  const isMet = (row: PromoClaimRow) =>
    row.promoCode === (details as Told).promoCode &&
    row.referrerId === userId &&
    row.referrerCreditsAwarded === amount &&
    row.referrerTransactionId === id;
  return { model: 'promo_claim', kind: 'promo', id: referralKey(refereeId), isMet };
}
