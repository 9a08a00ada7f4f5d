/** Parts of amounts, in proportion to time. */

/** A part of a whole, both in milliseconds: one number for the fraction would not be exact. */
export interface Share {
  readonly ms: number;
  readonly ofMs: number;
}

/** The share of some units, rounded down to whole units. */
export function partOf(units: number, { ms, ofMs }: Share): number {
  return ms === ofMs ? units : Number((BigInt(units) * BigInt(ms)) / BigInt(ofMs));
}
