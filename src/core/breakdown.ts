/** An account's credits in effect, grouped: by their end, by their source, and by the period that granted them. */
import type { OpenGrant } from '../models/account.js';
import type { GrantSource } from '../models/enums.js';
import type { Account } from './account.js';
import { recurringCycleId, referenceOf } from './cycle.js';

/** Units of one group; `remaining` includes `held`. */
interface Parts {
  readonly remaining: number;
  readonly held: number;
  readonly granted: number;
}

export interface Breakdown {
  readonly byExpiry: readonly (Parts & { readonly expiresAt: number | null })[];
  readonly bySource: readonly (Parts & { readonly source: GrantSource })[];
  readonly byCycle: readonly (Parts & Period & { readonly expiresAt: number | null })[];
}

/** The cycle or the subscription that granted credits, and the period that they are of. */
interface Period {
  readonly cycleId: string;
  readonly start: number;
}

export function breakdownOf(account: Account): Breakdown {
  const grants = account.grants.filter(({ effectiveAt }) => effectiveAt <= account.at);
  const byExpiry = grouped(grants, ({ expiresAt }) => ({ expiresAt }));
  return {
    byExpiry: byExpiry.sort((a, b) => (a.expiresAt ?? Number.MAX_VALUE) - (b.expiresAt ?? Number.MAX_VALUE)),
    bySource: grouped(grants, ({ source }) => ({ source })).sort((a, b) => (a.source < b.source ? -1 : 1)),
    byCycle: grouped(grants, (grant) => {
      const period = periodOf(grant, account);
      return period && { ...period, expiresAt: grant.expiresAt };
    }).sort((a, b) => a.start - b.start),
  };
}

/** The grants of one group together. Those without a group are left out. */
function grouped<G extends object>(grants: readonly OpenGrant[], groupOf: (grant: OpenGrant) => G | null) {
  const groups = new Map<string, G & Parts>();
  for (const grant of grants) {
    const group = groupOf(grant);
    if (group === null) continue;
    const key = JSON.stringify(group);
    const { remaining = 0, held = 0, granted = 0 } = groups.get(key) ?? {};
    const parts = {
      remaining: remaining + grant.remaining,
      held: held + grant.held,
      granted: granted + grant.amount,
    };
    groups.set(key, Object.assign({}, group, parts));
  }
  return [...groups.values()];
}

/** The reference of a period's grant: cycle or subscription, the start, and for a part of it a further word. */
const OF_PERIOD = /^(.+)\/(\d{4}-\d\d-\d\dT[\d:.]+Z)(?:\/\w+)?$/s;

/** Null for a grant of no cycle and no subscription. */
function periodOf({ source, reference }: OpenGrant, { creditType, userId }: Account): Period | null {
  const [, id, start] = (source === 'subscription' && OF_PERIOD.exec(reference ?? '')) || [];
  if (id === undefined || start === undefined) return null;
  // A long user id is cut off in the reference of a recurring cycle.
  const recurring = recurringCycleId(creditType, userId);
  return { cycleId: id === referenceOf(recurring) ? recurring : id, start: Date.parse(start) };
}
