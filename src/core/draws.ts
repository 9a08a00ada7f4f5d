/** Sums and differences of draws: credits by the grant that they are of. */
import type { Draw } from '../models/values.js';

export function unitsOf(draws: readonly Draw[]): number {
  let sum = 0;
  for (const { amount } of draws) sum += amount;
  return sum;
}

/** Both together, one draw a grant, in the order in which the grants came first. */
export function withDraws(draws: readonly Draw[], more: readonly Draw[]): readonly Draw[] {
  const sums = new Map<string, number>();
  for (const { grantId, amount } of [...draws, ...more]) sums.set(grantId, (sums.get(grantId) ?? 0) + amount);
  return [...sums].map(([grantId, amount]) => ({ grantId, amount }));
}

/** The draws that are left without `taken`, a part of them. Each grant is named once. */
export function withoutDraws(draws: readonly Draw[], taken: readonly Draw[]): readonly Draw[] {
  const gone = new Map(taken.map((draw) => [draw.grantId, draw.amount]));
  return draws
    .map(({ grantId, amount }) => ({ grantId, amount: amount - (gone.get(grantId) ?? 0) }))
    .filter((draw) => draw.amount > 0);
}
