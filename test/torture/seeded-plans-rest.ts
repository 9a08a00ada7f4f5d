/** Seeded bugs of plans that grant more often than they are billed, and of changes to a lower limit. */
import type { SeededBug } from './seeded-bug.js';

const CADENCE = 'test/plans/cadence.test.ts';
const DOWNGRADE = 'test/plans/downgrade.test.ts';
const downgrade = (name: string) => ({ file: DOWNGRADE, name: `changes to a lower limit, in memory ${name}` });
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
];
