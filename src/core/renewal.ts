/** Renewal: the periods of a subscription that have begun are granted, in order. */
import type { PlanRow } from '../models/plan.js';
import type { CommandOf } from './command.js';
import { PENDING, type Verdict } from './decision.js';
import type { Draft } from './draft.js';
import { rolledOver } from './period-grants.js';
import { allocatePeriod, begin, grantRest, isRestDue } from './subscription-periods.js';
import { bumped, finish, withoutTemporal } from './subscription-row.js';

/** How many missed periods one operation makes up for; the others stay due. */
const PERIODS_MAX = 100;

/**
 * Allocates what is due: the current period where that was not done, then every period that has begun since, in order.
 */
export function renew(drafts: readonly Draft[], command: CommandOf<'renew'>): Verdict {
  const [draft] = drafts as [Draft];
  const { facts } = draft.context;
  const before = facts.row('subscription', draft.account.userId);
  const plan = before && facts.row('plan', before.pending?.planId ?? before.planId);
  if (before === undefined || plan === undefined) return PENDING;
  const isRunning = before?.status === 'active' || before?.status === 'trialing';
  if (!before || before.id !== command.subscriptionId || !isRunning) return { kind: 'nothing' };
  const unready = withoutTemporal(draft, before.terms) ?? (before.pending && withoutTemporal(draft, before.pending));
  if (unready) return unready;
  const row = bumped(draft, before);
  const now = draft.account.at;
  let done = 0;
  if (!row.isAllocated && row.periodEnd.getTime() > now) {
    const verdict = allocatePeriod(drafts, row);
    if (verdict) return verdict;
    done++;
  }
  if (isRestDue(draft, row)) {
    const verdict = grantRest(drafts, row);
    if (verdict) return verdict;
    done++;
  }
  for (; row.periodEnd.getTime() <= now && done < PERIODS_MAX; done++) {
    if (!row.autoRenew || !wasOffered(plan, row.periodEnd)) {
      Object.assign(row, { status: 'ended', validUntil: row.periodEnd, pending: null });
      return finish(drafts, row, 'User subscription ended');
    }
    const rolled = rolledOver(drafts, row);
    if (rolled === undefined) return PENDING;
    begin(row, draft, row.periodEnd.getTime());
    const verdict = allocatePeriod(drafts, row, { rolled }) ?? grantRest(drafts, row);
    if (verdict) return verdict;
  }
  return done === 0 ? { kind: 'nothing' } : finish(drafts, row, 'Subscription credits allocated');
}

/** Whether a plan was active at an instant that has passed: a job that is late takes no period away. */
function wasOffered(plan: PlanRow | null, at: Date): boolean {
  return plan !== null && (plan.isActive || (plan.deactivatedAt !== null && plan.deactivatedAt > at));
}
