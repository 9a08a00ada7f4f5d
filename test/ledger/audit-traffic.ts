/** Random calls on a few accounts, of every kind that changes rows which an audit compares. */
import { type CreditManagement, isCreditError } from '../../src/index.js';

type Manager = CreditManagement<never, 'image'>;

/** Small, seeded, good enough: mulberry32. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What the calls of one test leave for later ones to act on. */
export interface Trail {
  readonly holds: string[];
  readonly debits: string[];
  calls: number;
}

export const newTrail = (): Trail => ({ holds: [], debits: [], calls: 0 });

/** One random call. Refusals are part of the traffic; anything else that fails is thrown. */
export async function anyCall(
  { credits }: Manager,
  users: readonly string[],
  random: (below: number) => number,
  trail: Trail,
  now: () => Date,
): Promise<void> {
  trail.calls++;
  const user = users[random(users.length)] as string;
  const other = users[random(users.length)] as string;
  const amount = 1 + random(30);
  const hold = trail.holds[random(trail.holds.length || 1)] ?? 'r-none';
  const soon = new Date(now().getTime() + (1 + random(120)) * 1_000);
  const pickDebit = () => trail.debits.splice(random(trail.debits.length), 1)[0];
  const calls: (() => Promise<unknown>)[] = [
    () => credits.addCredits(user, amount),
    () => credits.addCredits(user, amount, { expiresAt: soon, priority: random(100) }),
    () => credits.addCredits(user, amount, { effectiveAt: soon }),
    async () => {
      // Everything that is left, so that grants close.
      const { available } = await credits.getUserCreditsInfo(user);
      if (available > 0) trail.debits.push((await credits.deductCredits(user, available)).id);
    },
    async () => trail.debits.push((await credits.deductCredits(user, amount)).id),
    async () => trail.debits.push((await credits.deductCreditsAfterService(user, amount)).id),
    async () => trail.holds.push((await credits.reserveCredits(user, amount, { ttlSeconds: 1 + random(90) })).id),
    () => credits.commitReservedCredits(hold, { amount: random(8), final: random(2) === 0 }),
    () => credits.commitReservedCredits(hold, { ifExpired: 'overdraft', overage: 'overdraft' }),
    () => credits.releaseReservedCredits(hold),
    () => credits.extendReservation(hold, { ttlSeconds: 60 }),
    async () => {
      // Closed grants open again.
      const debit = pickDebit();
      if (debit !== undefined) await credits.reverseTransaction(debit, random(2) === 0 ? {} : { amount: 1 });
    },
    () => credits.deductCredits(user, 1_000_000),
    async () => {
      if (user !== other) await credits.transferCredits({ from: user, to: other, amount: 1 + random(5) });
    },
    () => credits.expireCredits(user),
    () => credits.updateAccount(user, { lowCreditThreshold: random(20) }),
  ];
  await (calls[random(calls.length)] as () => Promise<unknown>)().catch((error) => {
    if (!isCreditError(error) || error.code === 'INVARIANT_VIOLATION') throw error;
  });
}
