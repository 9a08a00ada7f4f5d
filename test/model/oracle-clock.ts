/** Rule 10: what time alone brings about, in time order, each with its own entry at its own instant. */
import { type Draft, giveBackHeld, lapseFreed, repayDebt, write } from './oracle-draft.js';
import { type Account, type Hold, inBurnDownOrder, type Lot, noteBought, total } from './oracle-state.js';

/** What the clock did; for the counters that keep the tests from passing vacuously. */
export interface ClockTally {
  holdsExpired: number;
  lotsLapsed: number;
  lotsLapsedUnderHold: number;
  lotsActivated: number;
  debtsRepaidByActivation: number;
  freedPartsLapsed: number;
}

export function advance(draft: Draft, tally?: ClockTally): void {
  for (;;) {
    const at = nextInstant(draft.account);
    if (at === null || at > draft.now) return;
    for (const hold of holdsEndingBy(draft.account, at)) expireHold(draft, hold, at, tally);
    for (const lot of lotsDue(draft.account, (lot) => lot.phase === 'open' && (lot.expiresAt ?? at + 1) <= at)) {
      lapse(draft, lot, at, tally);
    }
    for (const lot of lotsDue(draft.account, (lot) => lot.phase === 'scheduled' && lot.effectiveAt <= at)) {
      activate(draft, lot, at, tally);
    }
  }
}

/** The next instant at which time changes something on this account, null when it never will. */
export function nextInstant(account: Account): number | null {
  let next: number | null = null;
  const consider = (instant: number | null) => {
    if (instant !== null && (next === null || instant < next)) next = instant;
  };
  for (const hold of account.holds.values()) if (hold.status === 'active') consider(hold.expiresAt);
  for (const lot of account.lots.values()) {
    if (lot.phase === 'open') consider(lot.expiresAt);
    if (lot.phase === 'scheduled') consider(lot.effectiveAt);
  }
  return next;
}

function holdsEndingBy(account: Account, at: number): Hold[] {
  // A Map keeps insertion order, which is the order of creation.
  return [...account.holds.values()].filter((hold) => hold.status === 'active' && hold.expiresAt <= at);
}

function lotsDue(account: Account, isDue: (lot: Lot) => boolean): Lot[] {
  return inBurnDownOrder([...account.lots.values()].filter(isDue));
}

function expireHold(draft: Draft, hold: Hold, at: number, tally?: ClockTally): void {
  const parts = hold.parts;
  const left = total(parts);
  hold.status = 'expired';
  hold.expired = left;
  hold.parts = [];
  giveBackHeld(draft.account, parts);
  repayDebt(draft.account, at);
  write(draft, { type: 'expire_reserved', reservedDelta: -left, hold: hold.id, at });
  const before = draft.account.entries.length;
  lapseFreed(draft, parts, at);
  if (!tally) return;
  tally.holdsExpired += 1;
  tally.freedPartsLapsed += draft.account.entries.length - before;
}

export function lapse(draft: Draft, lot: Lot, at: number, tally?: ClockTally): void {
  lot.phase = 'lapsed';
  if (tally) tally.lotsLapsed += 1;
  if (tally && lot.held > 0n) tally.lotsLapsedUnderHold += 1;
  if (lot.free === 0n) return;
  const amount = lot.free;
  lot.free = 0n;
  lot.expired += amount;
  lot.expiredOnTime += amount;
  write(draft, { type: 'expire', delta: -amount, lot: lot.id, at });
}

function activate(draft: Draft, lot: Lot, at: number, tally?: ClockTally): void {
  lot.phase = 'open';
  const amount = lot.free;
  if (amount === 0n) return; // taken away by a reversal while it was scheduled
  const repaid = repayDebt(draft.account, at);
  noteBought(draft.account, lot);
  write(draft, { type: 'activate', delta: amount, lot: lot.id, at });
  if (!tally) return;
  tally.lotsActivated += 1;
  if (repaid > 0n) tally.debtsRepaidByActivation += 1;
}
