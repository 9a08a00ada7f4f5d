/** Rules 31 to 33: what a period of a subscription grants, and what of it counts against others. */
import { lapse } from './oracle-clock.js';
import { type Draft, judgeAddition, makeLot, repayDebt, write } from './oracle-draft.js';
import { type Counted, expiryOf, NOTHING_COUNTS, periodsAfter, type Subscription } from './oracle-plans.js';
import { type Account, type Allocated, type Lot, lotOf, type Micro, smaller } from './oracle-state.js';

/** A part of a whole, exactly. */
export interface Share {
  readonly of: number;
  readonly whole: number;
}

const ALL: Share = { of: 1, whole: 1 };

interface Terms {
  readonly planId: string | null;
  readonly start: number;
  readonly expiresAt: number;
  readonly as: Allocated;
}

/** One lot. What has lapsed by now is granted and lapses at once: it repays nothing and needs no room. */
export function grantLot(draft: Draft, amount: Micro, { planId, start, expiresAt, as }: Terms): Lot {
  const { account, now } = draft;
  const isLate = expiresAt <= now;
  if (!isLate) judgeAddition(draft, amount, 1);
  const terms = { source: 'subscription', planId, priority: 50, effectiveAt: start, expiresAt } as const;
  const lot = makeLot(draft, terms, amount);
  if (!isLate) repayDebt(account, now);
  const undo = { kind: 'addition', lot: lot.id, reversed: 0n } as const;
  write(draft, { type: 'add', delta: amount, lot: lot.id, allocated: as, undo });
  if (isLate) lapse(draft, lot, now);
  return lot;
}

/** What the current period is worth and was not granted yet, and what rolls over into it. */
export function allocated(draft: Draft, one: Subscription, share = ALL, rolled: Micro = 0n): Subscription {
  const { had, carried } = countedAgainst(one);
  const rest = one.terms.limit > had.amount ? one.terms.limit - had.amount : 0n;
  const amount = partOf(rest, share);
  const lots = [...one.lots];
  const lot = { planId: one.terms.name, start: one.start, expiresAt: expiryOf(one) };
  if (amount > 0n) lots.push(grantLot(draft, amount, { ...lot, as: 'period' }).id);
  if (rolled > 0n) lots.push(grantLot(draft, rolled, { ...lot, as: 'rollover' }).id);
  return {
    ...one,
    isAllocated: true,
    lots,
    // A share of the limit counts as all of it.
    had: rest > 0n ? { amount: one.terms.limit, until: one.end } : had,
    // What ends with this very period keeps nothing from it.
    carried: carried.until === one.end ? NOTHING_COUNTS : carried,
  };
}

/** What earlier periods were granted counts until they would have ended, and is the earlier period's part then. */
function countedAgainst({ had, carried, start }: Subscription): { had: Counted; carried: Counted } {
  if (had.until <= start) return { had: NOTHING_COUNTS, carried: NOTHING_COUNTS };
  if (carried.until > start) return { had, carried };
  const rest = { amount: had.amount - carried.amount, until: had.until };
  return { had: rest, carried: rest };
}

/** The earlier period would have ended: what it kept falls due for as much of this one as is left then. */
export function restGranted(draft: Draft, one: Subscription): Subscription {
  const { amount, until } = one.carried;
  const share = { of: one.end - until, whole: one.end - one.start };
  const expiresAt = expiryOf(one);
  const due = expiresAt > until ? partOf(smaller(one.terms.limit, amount), share) : 0n;
  const had = { amount: one.had.amount - amount + due, until: one.end };
  const paid = { ...one, had, carried: NOTHING_COUNTS };
  if (due === 0n) return paid;
  const lot = grantLot(draft, due, { planId: one.terms.name, start: until, expiresAt, as: 'rest' });
  return { ...paid, lots: [...one.lots, lot.id] };
}

/**
 * What the ending period leaves to the next: what lapsed of its lots when they ended with it, up to the cap.
 */
export function rolledOver(account: Account, { next, terms, lots, end }: Subscription): Micro {
  const { rolloverCap } = next ?? terms;
  if (rolloverCap === null) return 0n;
  const ended = lots.map((id) => lotOf(account, id)).filter((lot) => lot.expiresAt === end);
  return smaller(
    rolloverCap,
    ended.reduce((sum, lot) => sum + lot.expiredOnTime, 0n),
  );
}

/** The period after the current one. Where its plan counts other periods, they are counted from its start. */
export function nextPeriod(one: Subscription): Subscription {
  const terms = one.next ?? one.terms;
  const [anchor, index] = terms.unit === one.terms.unit ? [one.anchor, one.index + 1] : [one.end, 1];
  const period = { start: one.end, end: periodsAfter(anchor, terms.unit, index), anchor, index };
  return { ...one, ...period, terms, next: null, status: 'active', isTrial: false, isAllocated: false, lots: [] };
}

function partOf(amount: Micro, { of, whole }: Share): Micro {
  return (amount * BigInt(of)) / BigInt(whole);
}
