/** The grants of one period of a subscription, on the accounts of their credit types. */
import type { SubscriptionRow } from '../models/subscription.js';
import { type Refusal, refuse } from './decision.js';
import { type Draft, lapse, makeGrant, pushMovement, repayDebt, writeEntry } from './draft.js';
import { checkRoom, PLAIN_TERMS, termsOf } from './grants.js';

type Units = Readonly<Record<string, number>>;

/** A part of a whole in milliseconds: as a fraction of its own it would not be exact. */
export interface Share {
  readonly ms: number;
  readonly ofMs: number;
}

export const ALL: Share = { ms: 1, ofMs: 1 };

export interface Period {
  /** What was granted before and counts against this period, by credit type. */
  readonly granted: Units;
  /** The part of each limit that is granted. */
  readonly share: Share;
  readonly expiresAt: number;
  /** Units of the plan's own credit type that the period before left over. */
  readonly rolled: number;
}

export type PeriodGrants =
  | Refusal
  | {
      readonly granted: Units;
      readonly lots: Readonly<Record<string, readonly string[]>>;
      readonly isAny: boolean;
    };

/** Grants each credit type its limit less what was granted before, and what rolls over as a lot of its own. */
export function allocate(drafts: readonly Draft[], row: SubscriptionRow, period: Period): PeriodGrants {
  const { terms, id, periodStart } = row;
  const granted: Record<string, number> = { ...period.granted };
  const lots: Record<string, readonly string[]> = { ...row.lots };
  let isAny = false;
  const reference = `${id}/${periodStart.toISOString()}`;
  const lot = { sourceId: id, start: periodStart.getTime(), expiresAt: period.expiresAt, planId: terms.planId };
  for (const [i, { creditType, creditLimit }] of terms.grants.entries()) {
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    if (!draft) return planChanged();
    const rest = Math.max(0, creditLimit - (granted[creditType] ?? 0));
    const amount = partOf(rest, period.share);
    const ids = [...(row.lots[creditType] ?? [])];
    lots[creditType] = ids;
    if (amount > 0) {
      const description = `Subscription allocation for plan ${terms.name}`;
      const grant = grantPeriod(draft, { ...lot, amount, reference, description });
      if ('kind' in grant) return grant;
      ids.push(grant.id);
    }
    if (rest > 0) {
      // A share of the limit counts as all of it: asking again within the period is worth nothing more.
      granted[creditType] = creditLimit;
      isAny = true;
    }
    if (i === 0 && period.rolled > 0) {
      const description = `Rolled over into the next period of plan ${terms.name}`;
      const rollover = { amount: period.rolled, reference: `${reference}/rollover`, description };
      const grant = grantPeriod(draft, { ...lot, ...rollover });
      if ('kind' in grant) return grant;
      ids.push(grant.id);
    }
  }
  return { granted, lots, isAny };
}

type Counted = Pick<SubscriptionRow, 'granted' | 'grantedUntil' | 'carried' | 'carriedUntil'>;

/** What counts against a period that starts at `start`, and the part of it that an earlier period was granted. */
export function countedAt({ granted, grantedUntil, carried, carriedUntil }: SubscriptionRow, start: Date): Counted {
  const isCarried = carriedUntil !== null && carriedUntil > start;
  if (grantedUntil === null || grantedUntil <= start) {
    // A type that the ended period granted nothing of counts for as long as the one before it would have gone on.
    const isKept = ([creditType, units]: [string, number]) => units > 0 && units === granted[creditType];
    const kept = isCarried ? Object.entries(carried).filter(isKept) : [];
    if (kept.length === 0) return { granted: {}, grantedUntil, carried: {}, carriedUntil: null };
    const all = Object.fromEntries(kept);
    return { granted: all, grantedUntil: carriedUntil, carried: all, carriedUntil };
  }
  if (isCarried) return { granted, grantedUntil, carried, carriedUntil };
  const rest = carriedUntil === null ? granted : less(granted, carried);
  return { granted: rest, grantedUntil, carried: rest, carriedUntil: grantedUntil };
}

/**
 * Grants what an earlier period kept from this one, once that one would have ended: as much of it as this one still
 * goes on. So a switch late in a period does not leave the next one empty, and no way of switching is granted more than
 * the limit a period.
 */
export function grantCarried(
  drafts: readonly Draft[],
  row: SubscriptionRow,
  expiresAt: number,
): Refusal | Pick<SubscriptionRow, 'granted' | 'grantedUntil' | 'lots' | 'carried' | 'carriedUntil'> {
  const { id, terms, periodStart, periodEnd, carried, carriedUntil } = row;
  const granted: Record<string, number> = { ...less(row.granted, carried) };
  const lots = { ...row.lots };
  const start = (carriedUntil as Date).getTime();
  const end = periodEnd.getTime();
  const share = { ms: end - start, ofMs: end - periodStart.getTime() };
  const reference = `${id}/${periodStart.toISOString()}/rest`;
  const description = `Subscription allocation for plan ${terms.name}`;
  for (const { creditType, creditLimit } of terms.grants) {
    const amount = partOf(Math.min(creditLimit, carried[creditType] ?? 0), share);
    if (amount === 0 || expiresAt <= start) continue;
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    if (!draft) return planChanged();
    const lot = { sourceId: id, start, expiresAt, planId: terms.planId, amount, reference, description };
    const grant = grantPeriod(draft, lot);
    if ('kind' in grant) return grant;
    granted[creditType] = (granted[creditType] ?? 0) + amount;
    lots[creditType] = [...(lots[creditType] ?? []), grant.id];
  }
  return { granted, grantedUntil: periodEnd, lots, carried: {}, carriedUntil: null };
}

/** Whole units, rounded down. */
function partOf(units: number, { ms, ofMs }: Share): number {
  return ms === ofMs ? units : Number((BigInt(units) * BigInt(ms)) / BigInt(ofMs));
}

function less(all: Units, part: Units): Units {
  return Object.fromEntries(
    Object.entries(all).map(([creditType, units]) => [creditType, units - (part[creditType] ?? 0)]),
  );
}

/**
 * What the period that ends leaves to the next, of the plan's own credit type: what lapsed of its lots at its end, up
 * to the cap; undefined while rows have to be read. However late the job is, it is the same.
 */
export function rolledOver(drafts: readonly Draft[], row: SubscriptionRow): number | undefined {
  const { rolloverCap, grants } = row.pending ?? row.terms;
  const creditType = grants[0]?.creditType ?? '';
  if (rolloverCap === null) return 0;
  const draft = drafts.find(({ account }) => account.creditType === creditType);
  const { facts } = (drafts[0] as Draft).context;
  let left = 0;
  let isPending = false;
  for (const id of row.lots[creditType] ?? []) {
    const lot = draft?.account.grants.find((grant) => grant.id === id) ?? facts.row('grant', id);
    if (lot === undefined) isPending = true;
    else if (lot?.expiresAt?.valueOf() === row.periodEnd.getTime()) left += lot.expired - (lot.expiredLate ?? 0);
  }
  return isPending ? undefined : Math.min(rolloverCap, left);
}

function planChanged(): Refusal {
  return refuse('CONTENTION', 'The plan changed meanwhile. Try again.', { attempts: 1 });
}

/** A lot for a period of a subscription or a cycle. */
export interface PeriodLot {
  /** The subscription or cycle. */
  readonly sourceId: string;
  readonly start: number;
  readonly expiresAt: number;
  readonly amount: number;
  readonly planId: string | null;
  readonly reference: string;
  readonly description: string | null;
}

/** Grants one lot. What would have lapsed by now is granted and lapses in one go, and repays nothing. */
export function grantPeriod(draft: Draft, lot: PeriodLot): Refusal | { id: string } {
  const { account } = draft;
  const { sourceId, start, expiresAt, amount, planId, reference, description } = lot;
  const hasLapsed = expiresAt <= account.at;
  const refusal = hasLapsed ? null : checkRoom(draft, amount, 1);
  if (refusal) return refusal;
  const terms = { ...PLAIN_TERMS, source: 'subscription', effectiveAt: start, expiresAt, planId, reference } as const;
  const grant = makeGrant(draft, amount, terms);
  if (hasLapsed) account.balance += amount;
  const repaid = hasLapsed ? [] : repayDebt(draft);
  const fields = { amount, delta: amount, repaid, grantId: grant.id, details: { grant: termsOf(grant) } };
  const entry = writeEntry(draft, 'add', fields);
  if (description !== null) entry.description = description;
  const more = { subscriptionId: sourceId, periodStart: new Date(start).toISOString() };
  pushMovement(draft, 'subscription.allocated', amount, reference, more, draft.entries.length - 1);
  if (hasLapsed) lapse(draft, grant.id, amount);
  return grant;
}
