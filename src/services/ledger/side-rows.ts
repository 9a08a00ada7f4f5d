/** The rows that are written with an account, as its entries tell them: its subscription, its cycles, its claims. */
import { rowHash } from '../../core/row-hash.js';
import type { CycleRow } from '../../models/cycle.js';
import type { EntryRow } from '../../models/entry.js';
import { claimKey, type PromoClaimRow } from '../../models/promo.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { ExpectedRow } from './expected-row.js';

interface Told {
  readonly rowHash?: unknown;
  readonly cycle?: { readonly id?: unknown };
  readonly promoCode?: unknown;
  readonly claim?: unknown;
  readonly claimDay?: unknown;
}

interface Claim extends ToldClaim {
  readonly entry: Pick<EntryRow, 'id' | 'userId' | 'amount'>;
}

/** A claim by its entry: the code, its number among the user's, and the day it counts on. An older entry has no day. */
interface ToldClaim {
  readonly code: string;
  readonly n: number;
  readonly day: string | null;
}

/** The claim of a promo code that an entry makes; null for any other entry. */
export function claimOf({ type, details }: EntryRow): ToldClaim | null {
  const { promoCode, claim, claimDay } = details as Told;
  if (type !== 'add' || typeof promoCode !== 'string' || typeof claim !== 'number') return null;
  return { code: promoCode, n: claim, day: typeof claimDay === 'string' ? claimDay : null };
}

type Uses = Pick<PromoClaimRow, 'uses' | 'usesDay' | 'usesOfDay'>;

const NOT_FIRST: Uses = { uses: null, usesDay: null, usesOfDay: null };

export class SideRows {
  /** The hash of the last row, by what it is the row of. An older entry has none: then the row is not judged. */
  readonly #hashes = new Map<string, unknown>();
  readonly #claims: Claim[] = [];
  /** The counters of the user's first claim of each code. */
  readonly #uses = new Map<string, Uses>();
  #userId = '';

  take(entry: EntryRow): void {
    this.#userId = entry.userId;
    if (entry.type === 'plan_changed') {
      const { cycle, rowHash: hash } = entry.details as Told;
      if (hash !== undefined) this.#hashes.set(cycle ? `cycle ${cycle.id}` : 'subscription', hash);
      return;
    }
    const claim = claimOf(entry);
    if (!claim) return;
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
    return [...hashed, ...this.#claims.map((claim) => this.#expected(claim))];
  }

  #expected({ code, n, entry }: Claim): ExpectedRow {
    const { uses, usesDay, usesOfDay } = (n === 1 && this.#uses.get(code)) || NOT_FIRST;
    const isMet = (row: PromoClaimRow) =>
      row.promoCode === code &&
      row.userId === entry.userId &&
      row.transactionId === entry.id &&
      row.creditsAwarded === entry.amount &&
      row.uses === uses &&
      (row.usesDay ?? null) === usesDay &&
      (row.usesOfDay ?? null) === usesOfDay;
    return { model: 'promo_claim', kind: 'promo', id: claimKey(code, n, entry.userId), isMet };
  }
}
