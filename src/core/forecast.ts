/** Foretells an account's credits, spent at a steady rate. */
import type { Account } from './account.js';
import { freePart, isSpendable } from './burn-down.js';

/** So many units in so many milliseconds. */
export interface SpendingRate {
  readonly units: number;
  readonly ms: number;
}

export interface Outlook {
  /** The first instant at which nothing can be spent; null for never. */
  readonly emptyAt: number | null;
  /** The credits that lapse unspent until then. */
  readonly expiring: readonly { readonly at: number; readonly units: number }[];
}

/** The last instant that a Date can be. */
const LAST_MS = 8.64e15;

/**
 * Spends free credits at the rate, in burn-down order, from one instant at which a grant begins or ends to the next.
 * Credits on hold stay on hold.
 */
export function outlookOf({ at: now, grants, debt: owed }: Account, { units, ms }: SpendingRate): Outlook {
  const parts = grants.map((grant) => ({ grant, free: freePart(grant) }));
  const ends = grants.flatMap(({ effectiveAt, expiresAt }) => [effectiveAt, expiresAt ?? now]);
  const instants = [...new Set(ends)].filter((at) => at > now).sort((a, b) => a - b);
  const expiring: { at: number; units: number }[] = [];
  let spent = 0;
  let debt = owed;
  for (let at = now; ; at = instants.shift() as number) {
    for (const part of parts) {
      if (part.grant.expiresAt === at && part.free > 0) expiring.push({ at, units: part.free });
      if (part.grant.effectiveAt !== at) continue;
      const repaid = Math.min(debt, part.free);
      part.free -= repaid;
      debt -= repaid;
    }
    const open = parts.filter(({ grant, free }) => free > 0 && isSpendable(grant, at));
    const free = open.reduce((sum, part) => sum + part.free, 0);
    const available = free - debt;
    if (available <= 0) return { emptyAt: at, expiring };
    const next = instants[0];
    const emptyAt = units > 0 ? now + divided(BigInt(spent + available) * BigInt(ms) + BigInt(units - 1), units) : null;
    if (next === undefined || (emptyAt !== null && emptyAt <= next)) {
      return { emptyAt: emptyAt !== null && emptyAt <= LAST_MS ? emptyAt : null, expiring };
    }
    let left = divided(BigInt(units) * BigInt(next - now), ms) - spent;
    spent += left;
    for (const part of open) {
      const taken = Math.min(part.free, left);
      part.free -= taken;
      left -= taken;
    }
  }
}

/** The whole part of a quotient; what is beyond all numbers stays beyond all instants. */
function divided(amount: bigint, by: number): number {
  return Number(amount / BigInt(by));
}
