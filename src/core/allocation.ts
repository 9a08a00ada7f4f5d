/** The grants of one period of a subscription, on the accounts of their credit types. */
import type { SubscriptionRow } from '../models/subscription.js';
import type { GrantTerms, Refusal } from './command.js';
import { refuse } from './command.js';
import { type Draft, lapse, makeGrant, pushMovement, repayDebt, writeEntry } from './draft.js';
import { checkRoom, PLAIN_TERMS, termsOf } from './grants.js';

type Units = Readonly<Record<string, number>>;

export interface Period {
  /** What was granted before and counts against this period, by credit type. */
  readonly granted: Units;
  /** The part of each limit that is granted. */
  readonly share: number;
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
  for (const [i, { creditType, creditLimit }] of terms.grants.entries()) {
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    if (!draft) return refuse('CONTENTION', 'The plan changed meanwhile. Try again.', { attempts: 1 });
    const rest = Math.max(0, creditLimit - (granted[creditType] ?? 0));
    const amount = Math.floor(rest * period.share);
    const ids = [...(row.lots[creditType] ?? [])];
    lots[creditType] = ids;
    if (amount > 0) {
      const description = `Subscription allocation for plan ${terms.name}`;
      const grant = grantFor(draft, row, amount, period.expiresAt, reference, description);
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
      const grant = grantFor(draft, row, period.rolled, period.expiresAt, `${reference}/rollover`, description);
      if ('kind' in grant) return grant;
      ids.push(grant.id);
    }
  }
  return { granted, lots, isAny };
}

/**
 * What the period that ends leaves to the next, of the plan's own credit type: what lapsed of its lots at its end, up
 * to the cap; undefined while rows have to be read.
 */
export function rolledOver(drafts: readonly Draft[], row: SubscriptionRow): number | undefined {
  const { rolloverCap, grants } = row.pending ?? row.terms;
  const creditType = grants[0]?.creditType ?? '';
  if (rolloverCap === null) return 0;
  const draft = drafts.find(({ account }) => account.creditType === creditType);
  let left = 0;
  let isPending = false;
  for (const id of row.lots[creditType] ?? []) {
    const lot = draft?.account.grants.find((grant) => grant.id === id) ?? draft?.context.facts.grant(id);
    if (lot === undefined) isPending = true;
    else if (lot?.expiresAt?.valueOf() === row.periodEnd.getTime()) left += lot.expired;
  }
  return isPending ? undefined : Math.min(rolloverCap, left);
}

/** One lot of a period. What would have lapsed by now is granted and lapses in one go, and repays nothing. */
function grantFor(
  draft: Draft,
  { terms, periodStart, id }: SubscriptionRow,
  amount: number,
  expiresAt: number,
  reference: string,
  description: string,
): Refusal | { id: string } {
  const { account } = draft;
  const hasLapsed = expiresAt <= account.at;
  const refusal = hasLapsed ? null : checkRoom(draft, amount, 1);
  if (refusal) return refusal;
  const effectiveAt = periodStart.getTime();
  const grantTerms: GrantTerms = {
    ...{ ...PLAIN_TERMS, source: 'subscription', effectiveAt, expiresAt },
    ...{ planId: terms.planId, reference },
  };
  const grant = makeGrant(draft, amount, grantTerms);
  if (hasLapsed) account.balance += amount;
  const repaid = hasLapsed ? [] : repayDebt(draft);
  const fields = { amount, delta: amount, repaid, grantId: grant.id, details: { grant: termsOf(grant) } };
  writeEntry(draft, 'add', fields).description = description;
  const more = { subscriptionId: id, periodStart: periodStart.toISOString() };
  pushMovement(draft, 'subscription.allocated', amount, reference, more, draft.entries.length - 1);
  if (hasLapsed) lapse(draft, grant.id, amount);
  return grant;
}
