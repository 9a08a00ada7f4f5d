/** Rules 31 to 33: what a period of a subscription grants, and what of it counts against others. */
import { typeOf } from './account-names.js';
import { type Ahead, allowed, paced } from './calendar.js';
import { lapse } from './oracle-clock.js';
import { type Draft, judgeAddition, makeLot, repayDebt, write } from './oracle-draft.js';
import {
  type Amounts,
  type Counted,
  cadence,
  expiryOf,
  isUnpaid,
  longest,
  NOTHING_COUNTS,
  ownType,
  periodsAfter,
  type Subscription,
} from './oracle-plans.js';
import { type Allocated, type Lot, MICRO, type Micro, noteBought, smaller } from './oracle-state.js';

/** A part of a whole, exactly. */
export interface Share {
  readonly of: number;
  readonly whole: number;
}

/** What a period is granted of its limit: all of it, unless the bill ends before its time is over. */
function partOfWhole({ start, end, whole }: Subscription): Share {
  return { of: end - start, whole };
}

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
  noteBought(account, lot);
  const undo = { kind: 'addition', lot: lot.id, reversed: 0n } as const;
  write(draft, { type: 'add', delta: amount, lot: lot.id, allocated: as, undo });
  if (isLate) lapse(draft, lot, now);
  return lot;
}

interface Allocation {
  readonly share: Share;
  readonly rolled: Micro;
  /** When it is granted, and how long its limit takes to be earned. */
  readonly at: number;
  readonly length: number;
}

/** What the current period is worth and was not granted yet, and what of the plan's own type rolls over into it. */
export function allocated(
  drafts: readonly Draft[],
  one: Subscription,
  { share = partOfWhole(one), rolled = 0n, at = one.start, length = one.whole }: Partial<Allocation> = {},
): Subscription {
  const { had, carried } = countedAgainst(one);
  const lot = { planId: one.terms.name, start: one.start, expiresAt: expiryOf(one) };
  const lots = [...one.lots];
  const more: Record<string, Micro> = {};
  const ahead = { ...one.ahead };
  for (const [type, limit] of Object.entries(one.terms.limits)) {
    const draft = draftOf(drafts, type);
    const rest = limit - smaller(limit, had.amounts[type] ?? 0n);
    const begun = paced(one.ahead[type], { limit, length, longest: longest(cadence(one.terms)) }, at);
    const amount = whole(allowed(partOf(rest, share), limit, begun, at), limit);
    ahead[type] = { ...begun, amount: begun.amount + amount };
    if (amount > 0n) lots.push(grantLot(draft, amount, { ...lot, as: 'period' }).id);
    if (rolled > 0n && type === ownType(one.terms)) {
      lots.push(grantLot(draft, rolled, { ...lot, as: 'rollover' }).id);
    }
    // A share of the limit counts as all of it.
    if (rest > 0n) more[type] = limit;
  }
  const isAny = Object.keys(more).length > 0;
  return {
    ...one,
    isAllocated: true,
    lots,
    ahead,
    had: isAny ? { amounts: { ...had.amounts, ...more }, until: one.end } : had,
    // What ends with this very period keeps nothing from it.
    carried: carried.until === one.end ? NOTHING_COUNTS : carried,
  };
}

/** What earlier periods were granted counts until they would have ended, and is the earlier period's part then. */
function countedAgainst({ had, carried, start }: Subscription): { had: Counted; carried: Counted } {
  if (had.until <= start) {
    // Types that only the earlier of two periods granted go on counting when the later has ended.
    const still = Object.entries(carried.amounts).filter(
      ([type, amount]) => amount > 0n && amount === had.amounts[type],
    );
    const isLong = carried.until > start && still.length > 0;
    const kept = isLong ? { amounts: Object.fromEntries(still), until: carried.until } : NOTHING_COUNTS;
    return { had: kept, carried: kept };
  }
  if (carried.until > start) return { had, carried };
  const rest = { amounts: less(had.amounts, carried.amounts), until: had.until };
  return { had: rest, carried: rest };
}

/** The earlier period would have ended: what it kept falls due for as much of this one as is left then. */
export function restGranted(drafts: readonly Draft[], one: Subscription): Subscription {
  const { amounts: kept, until } = one.carried;
  const share = { of: one.end - until, whole: one.whole };
  const expiresAt = expiryOf(one);
  const amounts: Record<string, Micro> = less(one.had.amounts, kept);
  const lots = [...one.lots];
  const ahead = { ...one.ahead };
  for (const [type, limit] of Object.entries(one.terms.limits)) {
    const wanted = expiresAt > until ? partOf(smaller(limit, kept[type] ?? 0n), share) : 0n;
    const before = ahead[type] as Ahead;
    const due = wanted === 0n ? 0n : whole(allowed(wanted, limit, before, until), limit);
    if (due === 0n) continue;
    ahead[type] = { ...before, amount: before.amount + due };
    amounts[type] = (amounts[type] ?? 0n) + due;
    const lot = { planId: one.terms.name, start: until, expiresAt, as: 'rest' } as const;
    lots.push(grantLot(draftOf(drafts, type), due, lot).id);
  }
  return { ...one, lots, ahead, had: { amounts, until: one.end }, carried: NOTHING_COUNTS };
}

function less(all: Amounts, part: Amounts): Record<string, Micro> {
  return Object.fromEntries(Object.entries(all).map(([type, amount]) => [type, amount - (part[type] ?? 0n)]));
}

export function draftOf(drafts: readonly Draft[], type: string): Draft {
  const draft = drafts.find(({ account }) => typeOf(account.user) === type);
  if (!draft) throw new Error(`The oracle forgot the account of ${type}.`);
  return draft;
}

/**
 * What the ending period leaves to the next, of the next one's own type: what lapsed of its lots when they ended with
 * it, or when they would have without a pause, up to the cap.
 */
export function rolledOver(drafts: readonly Draft[], { next, terms, lots, end, bill }: Subscription): Micro {
  const coming = end < bill.end ? terms : (next ?? terms);
  const { rolloverCap } = coming;
  if (rolloverCap === null || terms.days !== null) return 0n;
  const { account } = draftOf(drafts, ownType(coming));
  const ended = lots
    .flatMap((id) => account.lots.get(id) ?? [])
    .filter((lot) => lot.expiresAt !== null && lot.expiresAt <= end);
  return smaller(
    rolloverCap,
    ended.reduce((sum, lot) => sum + lot.expiredOnTime, 0n),
  );
}

/** The first period of the next bill. Where its plan counts other periods, they are counted from its start. */
export function nextPeriod(one: Subscription): Subscription {
  const terms = one.next ?? one.terms;
  const { bill } = one;
  const [anchor, index] = terms.unit === one.terms.unit ? [bill.anchor, bill.index + 1] : [bill.end, 1];
  const next = { anchor, index, start: bill.end, end: periodsAfter(anchor, terms.unit, index) };
  const begun: Subscription = {
    ...one,
    terms,
    next: null,
    bill: next,
    status: 'active',
    graceUntil: null,
    isTrial: false,
  };
  const unit = cadence(terms);
  if (unit === terms.unit) return nextPart({ ...begun, anchor, index: index - 1 }, next.start);
  const isInStep = unit === cadence(one.terms) && periodsAfter(one.anchor, unit, one.index) === next.start;
  return nextPart(isInStep ? begun : { ...begun, anchor: next.start, index: 0 }, next.start);
}

/** The period that starts then, of the same bill: it is over when the bill is. */
export function nextPart(one: Subscription, start: number): Subscription {
  const index = one.index + 1;
  const end = periodsAfter(one.anchor, cadence(one.terms), index);
  const period = { index, start, end: Math.min(end, one.bill.end), whole: end - start };
  return { ...one, ...period, isAllocated: false, lots: [] };
}

/** Where the bill is not paid: the period that runs at an instant, with nothing granted for those before it. */
export function passed(late: Subscription, now: number): Subscription {
  let one = late;
  while (isUnpaid(one) && one.end < one.bill.end && one.end <= now) one = nextPart(one, one.end);
  return one;
}

/** When one that does not renew ends: with the last period that is paid. */
export function paidUntil(one: Subscription): number {
  return one.paid.reduce((last) => nextPeriod(last), one).bill.end;
}

function partOf(amount: Micro, { of, whole }: Share): Micro {
  return (amount * BigInt(of)) / BigInt(whole);
}

/** Shares of a limit of whole credits are whole credits. */
function whole(amount: Micro, limit: Micro): Micro {
  return limit % MICRO === 0n ? amount - (amount % MICRO) : amount;
}
