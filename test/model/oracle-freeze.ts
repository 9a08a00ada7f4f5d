/** A pause that keeps credits: lots of the running period have no end until the subscription goes on or is over. */

import { typeOf } from './account-names.js';
import { type Draft, write } from './oracle-draft.js';
import type { Subscription } from './oracle-plans.js';

/** Those of the types that the plan grants, and that had not ended yet. Empty ones too: a reversal may fill them. */
export function frozen(drafts: readonly Draft[], one: Subscription): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const { draft, lot } of lotsOf(drafts, one)) {
    if (lot.expiresAt === null || lot.expiresAt <= draft.now) continue;
    ends.set(lot.id, lot.expiresAt);
    lot.expiresAt = null;
    write(draft, { type: 'grant_updated', lot: lot.id });
  }
  return ends;
}

/** What was frozen lasts as much longer as the pause was long. */
export function thaw(drafts: readonly Draft[], one: Subscription | null): void {
  if (!one) return;
  for (const { draft, lot } of lotsOf(drafts, one)) {
    const end = endAfterPause(one, lot.id, draft.now);
    // An end that somebody gave it in the pause stays.
    if (end === null || lot.expiresAt !== null) continue;
    lot.expiresAt = end;
    write(draft, { type: 'grant_updated', lot: lot.id });
  }
}

export function endAfterPause({ frozen: ends, pausedAt }: Subscription, lot: string, now: number): number | null {
  const end = ends.get(lot);
  return end === undefined || pausedAt === null ? null : end + (now - pausedAt);
}

function lotsOf(drafts: readonly Draft[], { terms, lots }: Subscription) {
  return Object.keys(terms.limits).flatMap((type) => {
    const draft = drafts.find(({ account }) => typeOf(account.user) === type);
    return lots.flatMap((id) => {
      const lot = draft?.account.lots.get(id);
      return draft && lot ? [{ draft, lot }] : [];
    });
  });
}
