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
}

interface Claim {
  readonly code: string;
  readonly n: number;
  readonly entry: Pick<EntryRow, 'id' | 'userId' | 'amount'>;
}

/** The promo code that an entry claims, and the number of the claim among the user's; null for any other entry. */
export function claimOf({ type, details }: EntryRow): { code: string; n: number } | null {
  const { promoCode, claim } = details as Told;
  return type === 'add' && typeof promoCode === 'string' && typeof claim === 'number'
    ? { code: promoCode, n: claim }
    : null;
}

export class SideRows {
  /** The hash of the last row, by what it is the row of. An older entry has none: then the row is not judged. */
  readonly #hashes = new Map<string, unknown>();
  readonly #claims: Claim[] = [];
  readonly #uses = new Map<string, number>();
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
    this.#uses.set(claim.code, (this.#uses.get(claim.code) ?? 0) + 1);
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
    const uses = n === 1 ? this.#uses.get(code) : null;
    const isMet = (row: PromoClaimRow) =>
      row.promoCode === code &&
      row.userId === entry.userId &&
      row.transactionId === entry.id &&
      row.creditsAwarded === entry.amount &&
      row.uses === uses;
    return { model: 'promo_claim', kind: 'promo', id: claimKey(code, n, entry.userId), isMet };
  }
}
