/** Seeded bugs of plans: grants more often than bills, changes to a lower limit, credits frozen by a pause. */
import type { SeededBug } from './seeded-bug.js';

const CADENCE = 'test/plans/cadence.test.ts';
const DOWNGRADE = 'test/plans/downgrade.test.ts';
const downgrade = (name: string) => ({ file: DOWNGRADE, name: `changes to a lower limit, in memory ${name}` });
const freeze = (name: string) => ({ file: 'test/plans/freeze.test.ts', name: `frozen credits, in memory ${name}` });
const terms = (name: string) => ({
  file: 'test/plans/renewal-terms.test.ts',
  name: `terms of renewals, in memory ${name}`,
});
const cadence = (name: string) => ({ file: CADENCE, name: `allocation periods, in memory ${name}` });

export const PLANS_REST_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-al1',
    title: 'a week goes on over the end of the month that is billed',
    file: 'src/core/subscription-periods.ts',
    find: '    if (isCut) row.periodEnd = at(billing.end);',
    replace: '',
    tests: [cadence('weeks of a month are whole ones')],
  },
  {
    id: 'SM-al2',
    title: 'the days between the last week and the end of the month are granted a whole limit',
    file: 'src/core/subscription-periods.ts',
    find: 'share: { ms: end - start, ofMs: lengthMs }',
    replace: 'share: { ms: lengthMs, ofMs: lengthMs }',
    tests: [cadence('weeks of a month are whole ones')],
  },
  {
    id: 'SM-al3',
    title: 'the months of a first year that nobody paid are granted',
    file: 'src/core/subscription-state.ts',
    find: '  if (isUnpaid(row)) return new Date(billingOf(row).end);',
    replace: '',
    tests: [cadence('a first year that is not paid yet')],
  },
  {
    id: 'SM-dg1',
    title: 'a change to a lower limit takes effect at once',
    file: 'src/services/plans/subscriptions.ts',
    find: "when: when ?? (isNow ? ('now' as const) : null),",
    replace: "when: when ?? (isNow ? ('now' as const) : ('now' as const)),",
    tests: [downgrade('take effect at the end of the period')],
  },
  {
    id: 'SM-dg2',
    title: 'limits of periods of different lengths are compared as they are',
    file: 'src/core/plan-allowance.ts',
    find: 'BigInt(limit.creditLimit) * BigInt(before) < BigInt(other.creditLimit) * BigInt(own)',
    replace: 'limit.creditLimit * before < other.creditLimit * before + own * 0',
    tests: [downgrade('are told by the rate')],
  },
  {
    id: 'SM-fz1',
    title: 'frozen credits get the ends back that they had, and lapse for the time of the pause',
    file: 'src/core/freeze.ts',
    find: 'end + now - pausedAt.getTime()',
    replace: 'Math.max(end, now + 1)',
    tests: [freeze('have no end while the subscription is paused'), freeze('get their ends back however')],
  },
  {
    id: 'SM-fz2',
    title: 'frozen credits that are sent to another user never lapse there',
    file: 'src/core/transfer.ts',
    find: 'return row && thawedEnd(row, id, account.at);',
    replace: 'return row && null;',
    tests: [freeze('are sent to others with the time that they had left')],
  },
  {
    id: 'SM-fz3',
    title: 'a replay does not know the end that an entry gave a grant',
    file: 'src/core/replay.ts',
    find: 'Object.assign(grant, { expiresAt, priority, rowVersion: grant.rowVersion + 1 });',
    replace: 'Object.assign(grant, { priority, rowVersion: grant.rowVersion + 1 });',
    tests: [freeze('have no end while the subscription is paused')],
  },
  {
    id: 'SM-fz4',
    title: 'a cancellation in a pause leaves credits that never lapse',
    file: 'src/core/subscription.ts',
    find: 'const unthawed = leavesPause ? thawGrants(drafts, before) : null;',
    replace: "const unthawed = command.to !== 'resumed' ? null : thawGrants(drafts, before);",
    tests: [freeze('get their ends back however')],
  },
  {
    id: 'SM-at1',
    title: 'a period that was due before the change is granted on the new terms, where it is written late',
    file: 'src/core/renewal.ts',
    find: 'findLast(({ from }) => from <= end)',
    replace: 'findLast(({ from }) => from <= end || end > 0)',
    tests: [terms('are those that a subscription began with')],
  },
  {
    id: 'SM-at2',
    title: 'terms of renewals reach subscriptions that began later',
    file: 'src/core/renewal.ts',
    find: 'if (!latest || (latest.version ?? 1) <= (termsOfNext(row).version ?? 1)) return;',
    replace: 'if (!latest) return;',
    tests: [terms('are those that a subscription began with')],
  },
  {
    id: 'SM-gr1',
    title: 'a grace that was set for one payment is that of every later one',
    file: 'src/core/subscription-periods.ts',
    find: '  row.graceUntil = null;\n',
    replace: '',
    tests: [{ file: 'test/plans/grace.test.ts', name: 'a grace that the host sets, in memory ends the subscription' }],
  },
];
