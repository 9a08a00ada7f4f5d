/** Seeded bugs of what can be read of accounts, grants and their use. */
import type { SeededBug } from './seeded-bug.js';

const TOTALS = 'test/core/totals.test.ts';
const LIFETIME = 'test/credits/lifetime.test.ts';

export const READ_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-r17-01',
    title: 'what a reversal gives back stays spent',
    file: 'src/core/totals.ts',
    find: 'return delta < 0 ? totals : { added, spent: sum(spent, -delta), rechargedAt };',
    replace: 'return totals;',
    tests: [{ file: TOTALS, name: 'counts deductions, debt and captures, less what reversals gave back' }],
  },
  {
    id: 'SM-r17-02',
    title: 'totals beyond the safe integers are added as floats',
    file: 'src/core/totals.ts',
    find: 'if (Number.isSafeInteger(safe)) return safe;',
    replace: 'if (!Number.isNaN(safe)) return safe;',
    tests: [{ file: TOTALS, name: 'a sum beyond the safe integers is exact, there and back' }],
  },
  {
    id: 'SM-r17-03',
    title: 'totals that an older version left behind are believed',
    file: 'src/core/rows.ts',
    find: 'if (totals?.seq !== seq) return null;',
    replace: 'if (totals === undefined) return null;',
    tests: [{ file: LIFETIME, name: 'in memory totals that an older version has left behind are counted again' }],
  },
  {
    id: 'SM-r17-04',
    title: 'verify does not look at the totals',
    file: 'src/services/ledger/account-audit.ts',
    find: 'const totals = row.state.totals === undefined ? null : replayed.totals;',
    replace: `const { seq: _, ...kept } = row.state.totals ?? { seq: 0 };
      const totals = row.state.totals ? (kept as typeof replayed.totals) : null;`,
    tests: [{ file: LIFETIME, name: 'in memory a total that is off by one unit is found' }],
  },
  {
    id: 'SM-r17-05',
    title: 'an account that is written while it is filled in is counted from the start, on top of what was counted',
    file: 'src/services/credits/lifetime.ts',
    find: 'if (entry.seq > from.seq && entry.seq <= last) totals',
    replace: 'if (entry.seq > 0) totals',
    tests: [{ file: LIFETIME, name: 'in memory an account that is written while it is filled in is counted on' }],
  },
  {
    id: 'SM-r17-06',
    title: 'a walk that was stopped counts as one that came to its end',
    file: 'src/services/jobs/sweep.ts',
    find: "if (!(await this.#along(walk, lease))) return this.#report('stopped');",
    replace: `if (!(await this.#along(walk, lease))) {
          await walk.done?.();
          return this.#report('stopped');
        }`,
    tests: [{ file: LIFETIME, name: 'in memory filling in goes on where it was stopped' }],
  },
];
