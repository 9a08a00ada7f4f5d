/** Seeded bugs of plans that grant more often than they are billed. */
import type { SeededBug } from './seeded-bug.js';

const CADENCE = 'test/plans/cadence.test.ts';
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
];
