/** Credits that do not lapse while their subscription is paused: their grants have no end until it goes on. */
import type { SubscriptionRow } from '../models/subscription.js';
import { PENDING, type Verdict } from './decision.js';
import { type Draft, grantIndex } from './draft.js';
import { updateTerms } from './grants.js';
import type { Row } from './subscription-row.js';

/** Takes the end from what the running period granted, also of grants that are used up: a reversal may refill them. */
export function freezeGrants(drafts: readonly Draft[], row: Row): Verdict {
  const frozen: Record<string, number> = {};
  for (const [draft, id] of lotsOf(drafts, row)) {
    const grant = grantOf(draft, id);
    if (!grant) return PENDING;
    const end = grant.expiresAt?.valueOf() ?? 0;
    if (end <= draft.account.at) continue;
    frozen[id] = end;
    updateTerms(draft, grant, { expiresAt: null });
  }
  row.frozen = frozen;
  return null;
}

/** Gives frozen grants their ends back, later by the time of the pause. An end that somebody gave meanwhile stays. */
export function thawGrants(drafts: readonly Draft[], row: SubscriptionRow): Verdict {
  for (const [draft, id] of lotsOf(drafts, row)) {
    const expiresAt = thawedEnd(row, id, draft.account.at);
    if (expiresAt === null) continue;
    const grant = grantOf(draft, id);
    if (!grant) return PENDING;
    if (grant.expiresAt === null) updateTerms(draft, grant, { expiresAt });
  }
  return null;
}

/** The end of a frozen grant if the subscription went on now; null for a grant that is not frozen. */
export function thawedEnd({ frozen, pausedAt }: SubscriptionRow, grantId: string, now: number): number | null {
  const end = frozen?.[grantId];
  return end === undefined || pausedAt === null ? null : end + now - pausedAt.getTime();
}

/** The grants of the running period, of the types that the plan grants: a decision has the accounts of these. */
function lotsOf(drafts: readonly Draft[], { terms, lots }: SubscriptionRow): [Draft, string][] {
  return terms.grants.flatMap(({ creditType }) => {
    const draft = drafts.find(({ account }) => account.creditType === creditType);
    return draft ? (lots[creditType] ?? []).map((id): [Draft, string] => [draft, id]) : [];
  });
}

function grantOf(draft: Draft, id: string) {
  return draft.account.grants[grantIndex(draft, id)] ?? draft.context.facts.row('grant', id);
}
