/** The grants of one period of a subscription, on the accounts of their credit types. */
import { isoText } from '../models/iso-text.js';
import type { PlanTerms } from '../models/plan.js';
import type { Allowance, SubscriptionRow } from '../models/subscription.js';
import { type Refusal, refuse } from './decision.js';
import { type Draft, lapse, makeGrant, pushMovement, repayDebt, writeEntry } from './draft.js';
import { checkRoom, PLAIN_TERMS, termsOf } from './grants.js';
import { openAllowance, takeAllowance } from './plan-allowance.js';
import { ROLLOVER } from './rollover.js';
import { partOf, type Share } from './share.js';
import { cadenceOf, creditTypesOf, isWithinBilling, lengthOf, termsOfNext } from './subscription-state.js';
import { notePurchase } from './thresholds.js';

type Units = Readonly<Record<string, number>>;
type Allowances = Readonly<Record<string, Allowance>>;

export interface Period {
  /** The units that were granted before and count against this period, by credit type. */
  readonly granted: Units;
  /** The part of each limit that is granted. */
  readonly share: Share;
  readonly expiresAt: number;
  /** The instant at which the units are granted, however late a job is. */
  readonly at: number;
  /** How long it takes to earn a whole limit. */
  readonly lengthMs: number;
  /** Units of the plan's own credit type that the period before left over. */
  readonly rolled: number;
}

export type Allocated =
  | Refusal
  | {
      readonly granted: Units;
      /** The ids of the period's grants, by credit type. */
      readonly grantIds: Readonly<Record<string, readonly string[]>>;
      readonly allowance: Allowances;
      readonly isAny: boolean;
    };

/**
 * Grants each credit type its limit less the units granted before. Units that roll over go into a grant of their own.
 */
export function allocate(drafts: readonly Draft[], row: SubscriptionRow, period: Period): Allocated {
  const { terms, id, periodStart } = row;
  const granted: Record<string, number> = { ...period.granted };
  const grantIds: Record<string, readonly string[]> = { ...row.lots };
  const allowance: Record<string, Allowance> = { ...row.allowance };
  let isAny = false;
  const rate = { period: cadenceOf(terms), ms: period.lengthMs };
  const reference = `${id}/${isoText(periodStart)}`;
  const common = { sourceId: id, start: periodStart.getTime(), expiresAt: period.expiresAt, planId: terms.planId };
  for (const [i, { creditType, creditLimit }] of terms.grants.entries()) {
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    if (!draft) return planChanged();
    const rest = Math.max(0, creditLimit - (granted[creditType] ?? 0));
    const opened = openAllowance(allowance[creditType], { ...rate, units: creditLimit }, period.at);
    const step = stepOf(terms, creditLimit, draft);
    const taken = takeAllowance(opened, { limit: creditLimit, step }, period.at, partOf(rest, period.share));
    const amount = taken.units;
    allowance[creditType] = taken.allowance;
    const ids = [...(row.lots[creditType] ?? [])];
    grantIds[creditType] = ids;
    if (amount > 0) {
      const description = `Subscription allocation for plan ${terms.name}`;
      const grant = grantPeriod(draft, { ...common, amount, reference, description });
      if ('kind' in grant) return grant;
      ids.push(grant.id);
    }
    if (rest > 0) {
      // A granted share counts as the whole limit: asking again within the period grants nothing more.
      granted[creditType] = creditLimit;
      isAny = true;
    }
    if (i === 0 && period.rolled > 0) {
      const description = `Rolled over into the next period of plan ${terms.name}`;
      const rollover = { amount: period.rolled, reference: `${reference}${ROLLOVER}`, description };
      const grant = grantPeriod(draft, { ...common, ...rollover });
      if ('kind' in grant) return grant;
      ids.push(grant.id);
    }
  }
  return { granted, grantIds, allowance, isAny };
}

/** The units that a share of a limit is a multiple of: a whole credit, where the limit is and the plan says nothing. */
export function stepOf({ creditDecimals }: PlanTerms, limit: number, { context: { scale } }: Draft): number {
  const isWhole = limit % 10 ** scale === 0;
  return 10 ** (scale - (creditDecimals ?? (isWhole ? 0 : scale)));
}

type Counted = Pick<SubscriptionRow, 'granted' | 'grantedUntil' | 'carried' | 'carriedUntil'>;

/**
 * The units that count against a period which starts at `start`, and the part of them that an earlier period was
 * granted.
 */
export function countedAt({ granted, grantedUntil, carried, carriedUntil }: SubscriptionRow, start: Date): Counted {
  const isCarried = carriedUntil !== null && carriedUntil > start;
  if (grantedUntil === null || grantedUntil <= start) {
    // A credit type that the ended period granted nothing of still counts until the period before it would have ended.
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
 * Grants the credits that an earlier period kept from the current one. They are due when that earlier period would have
 * ended, in proportion to the time that the current period still goes on. So a switch late in a period does not leave
 * the next one empty, and no way of switching is granted more than the limit a period.
 */
export function grantCarried(
  drafts: readonly Draft[],
  row: SubscriptionRow,
  expiresAt: number,
): Refusal | Pick<SubscriptionRow, 'granted' | 'grantedUntil' | 'lots' | 'carried' | 'carriedUntil' | 'allowance'> {
  const { id, terms, periodStart, periodEnd, carried, carriedUntil } = row;
  const granted: Record<string, number> = { ...less(row.granted, carried) };
  const grantIds = { ...row.lots };
  const allowance: Record<string, Allowance> = { ...row.allowance };
  const start = (carriedUntil as Date).getTime();
  const end = periodEnd.getTime();
  const share = { ms: end - start, ofMs: lengthOf(row) };
  const reference = `${id}/${isoText(periodStart)}/rest`;
  const description = `Subscription allocation for plan ${terms.name}`;
  const rate = { period: cadenceOf(terms), ms: share.ofMs };
  for (const { creditType, creditLimit } of terms.grants) {
    const due = partOf(Math.min(creditLimit, carried[creditType] ?? 0), share);
    if (due === 0 || expiresAt <= start) continue;
    const opened = allowance[creditType] ?? openAllowance(undefined, { ...rate, units: creditLimit }, start);
    const step = stepOf(terms, creditLimit, drafts[0] as Draft);
    const taken = takeAllowance(opened, { limit: creditLimit, step }, start, due);
    allowance[creditType] = taken.allowance;
    const amount = taken.units;
    if (amount === 0) continue;
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    if (!draft) return planChanged();
    const rest = { sourceId: id, start, expiresAt, planId: terms.planId, amount, reference, description };
    const grant = grantPeriod(draft, rest);
    if ('kind' in grant) return grant;
    granted[creditType] = (granted[creditType] ?? 0) + amount;
    grantIds[creditType] = [...(grantIds[creditType] ?? []), grant.id];
  }
  return { granted, grantedUntil: periodEnd, lots: grantIds, carried: {}, carriedUntil: null, allowance };
}

function less(all: Units, part: Units): Units {
  return Object.fromEntries(
    Object.entries(all).map(([creditType, units]) => [creditType, units - (part[creditType] ?? 0)]),
  );
}

/**
 * The units that the ending period leaves to the next one, of the plan's own credit type: those of its grants that
 * lapsed at its end, or before it where a pause moved the end, up to the cap. Undefined while rows have to be read. The
 * result is the same however late the job is.
 */
export function rolledOver(drafts: readonly Draft[], row: SubscriptionRow): number | undefined {
  const { rolloverCap, grants } = isWithinBilling(row) ? row.terms : termsOfNext(row);
  const creditType = grants[0]?.creditType ?? '';
  if (rolloverCap === null || row.terms.validityDays !== null) return 0;
  const draft = drafts.find(({ account }) => account.creditType === creditType);
  const { facts } = (drafts[0] as Draft).context;
  let left = 0;
  let isPending = false;
  for (const id of row.lots[creditType] ?? []) {
    const grant = draft?.account.grants.find((open) => open.id === id) ?? facts.row('grant', id);
    if (grant === undefined) isPending = true;
    else if (grant?.expiresAt != null && grant.expiresAt.valueOf() <= row.periodEnd.getTime())
      left += grant.expired - (grant.expiredLate ?? 0);
  }
  return isPending ? undefined : Math.min(rolloverCap, left);
}

/** Refuses to decide on fewer accounts than a subscription grants to: it has changed since they were chosen. */
export function withoutAccount(drafts: readonly Draft[], row: SubscriptionRow | null): Refusal | null {
  const types = row ? creditTypesOf(row) : [];
  const hasAccount = (creditType: string) => drafts.some(({ account }) => account.creditType === creditType);
  return types.every(hasAccount) ? null : planChanged();
}

/** Refuses to decide on fewer accounts than the plans grant to. */
export function planChanged(): Refusal {
  return refuse('CONTENTION', 'The plan changed meanwhile. Try again.', { attempts: 1 });
}

/** A grant for a period of a subscription or a cycle. */
export interface PeriodGrant {
  /** The subscription or cycle. */
  readonly sourceId: string;
  readonly start: number;
  readonly expiresAt: number;
  readonly amount: number;
  readonly planId: string | null;
  readonly reference: string;
  readonly description: string | null;
}

/** Makes a grant for a period. A grant whose end has passed lapses in the same operation and repays no debt. */
export function grantPeriod(draft: Draft, given: PeriodGrant): Refusal | { id: string } {
  const { account } = draft;
  const { sourceId, start, expiresAt, amount, planId, reference, description } = given;
  const hasLapsed = expiresAt <= account.at;
  const refusal = hasLapsed ? null : checkRoom(draft, amount, 1);
  if (refusal) return refusal;
  const terms = { ...PLAIN_TERMS, source: 'subscription', effectiveAt: start, expiresAt, planId, reference } as const;
  const grant = makeGrant(draft, amount, terms);
  notePurchase(account, grant);
  if (hasLapsed) account.balance += amount;
  const repaid = hasLapsed ? [] : repayDebt(draft);
  const fields = { amount, delta: amount, repaid, grantId: grant.id, details: { grant: termsOf(grant) } };
  const entry = writeEntry(draft, 'add', fields);
  if (description !== null) entry.description = description;
  const more = { subscriptionId: sourceId, periodStart: isoText(new Date(start)) };
  pushMovement(draft, 'subscription.allocated', amount, reference, more, draft.entries.length - 1);
  if (hasLapsed) lapse(draft, grant.id, amount);
  return grant;
}
