/** Credits for money: exact, and rounded down once where a bonus leaves less than a unit. */

export interface Rate {
  /** Units of credits of one major unit of the currency. */
  readonly unitsPerMajor: number;
  /** From this many minor units on, this much on top, in millionths. */
  readonly tiers: readonly { readonly fromMinor: number; readonly bonusMillionths: number }[];
}

const MILLION = 1_000_000n;

/** The units of credits that some money buys: the highest tier that it reaches counts, for all of it. */
export function unitsFor(amountMinor: number, decimals: number, { unitsPerMajor, tiers }: Rate): bigint {
  let [reached, bonus] = [-1, 0];
  for (const { fromMinor, bonusMillionths } of tiers) {
    if (amountMinor >= fromMinor && fromMinor > reached) [reached, bonus] = [fromMinor, bonusMillionths];
  }
  const whole = BigInt(amountMinor) * BigInt(unitsPerMajor) * (MILLION + BigInt(bonus));
  return whole / (10n ** BigInt(decimals) * MILLION);
}
