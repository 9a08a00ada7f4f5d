/** Credits that a paid order earns. */

/** All in micro-units, of credits and of 1. */
export interface OrderRules {
  readonly fixed: number;
  /** The part of the total: 10,000 is 0.01. */
  readonly share: number;
  readonly minimum: number;
}

const MICRO = 1_000_000n;
/** A hundredth of a credit. */
const CENT = 10_000n;

/**
 * The greatest of the fixed amount, the share of the total rounded half up to 0.01, and the minimum; exact. The total
 * is in micro-units of the currency, the answer in micro-units of credits.
 */
export function orderUnits(total: bigint, { fixed, share, minimum }: OrderRules): number {
  const exact = total * BigInt(share);
  const cents = (2n * exact + CENT * MICRO) / (2n * CENT * MICRO);
  return Math.max(fixed, Number(cents * CENT), minimum);
}
