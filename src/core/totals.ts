/** The lifetime totals of an account: they follow from its entries alone, taken in the order of their sequence. */
import type { EntryRow, EntryType } from '../models/entry.js';
import { toCredits } from './amounts.js';

/** A sum of units: a safe integer, and its decimal digits beyond the safe integers. So it is exact, however large. */
export type Total = number | string;

export interface Totals {
  /**
   * Units of every grant from the instant at which it became effective: additions, trials, periods, positive
   * adjustments and what was received from others. Claw-backs, expiry and transfers to others do not lower it, and what
   * a reversal gives back does not raise it.
   */
  readonly added: Total;
  /** Units of deductions and captures, less those that reversals gave back. Never negative. */
  readonly spent: Total;
  /** The instant at which a grant of the source `purchase` or `subscription` last became effective. */
  readonly rechargedAt: number | null;
}

export const NO_TOTALS: Totals = Object.freeze({ added: 0, spent: 0, rechargedAt: null });

/** The types of entries that totals count. */
export const COUNTED_TYPES: readonly EntryType[] = [
  ...(['add', 'activate', 'transfer_in', 'deduct', 'commit_reserved', 'reverse'] as const),
];

/** The totals after one more entry. Of a scheduled addition the entry that makes it effective counts. */
export function withEntry(totals: Totals, entry: Pick<EntryRow, 'type' | 'delta' | 'details' | 'at'>): Totals {
  const { type, delta, details, at } = entry;
  if (delta === 0) return totals;
  const { added, spent, rechargedAt } = totals;
  switch (type) {
    case 'deduct':
    case 'commit_reserved':
      return { added, spent: sum(spent, -delta), rechargedAt };
    case 'add':
    case 'activate': {
      const source = (details.grant as { source?: unknown } | undefined)?.source;
      const isRecharge = source === 'purchase' || source === 'subscription';
      return { added: sum(added, delta), spent, rechargedAt: isRecharge ? at.getTime() : rechargedAt };
    }
    case 'transfer_in':
      return { added: sum(added, delta), spent, rechargedAt };
    case 'reverse':
      // A reversal that takes credits away is one of an addition.
      return delta < 0 ? totals : { added, spent: sum(spent, -delta), rechargedAt };
    default:
      return totals;
  }
}

/** A total in credits: exact up to 2^51 units, and the nearest number beyond. */
export function totalCredits(total: Total, scale: number): number {
  return typeof total === 'number' ? toCredits(total, scale) : Number(`${total}e-${scale}`);
}

function sum(total: Total, units: number): Total {
  const safe = typeof total === 'number' ? total + units : Number.NaN;
  if (Number.isSafeInteger(safe)) return safe;
  const exact = BigInt(total) + BigInt(units);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : String(exact);
}
