/** Seeded bugs of what can be read of accounts, grants and their use. */
import type { SeededBug } from './seeded-bug.js';

const TOTALS = 'test/core/totals.test.ts';
const LIFETIME = 'test/credits/lifetime.test.ts';
const FINDING = 'test/credits/finding.test.ts';
const EXPLAINED = 'test/credits/explanations.test.ts';

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
    find: 'const isKnown = stored?.seq === row.seq;',
    replace: 'const isKnown = false;',
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
  {
    id: 'SM-r17-07',
    title: 'the payment of a grant is lost by its row',
    file: 'src/core/rows.ts',
    find: 'paymentId: grant.paymentId ?? null,',
    replace: 'paymentId: null,',
    tests: [{ file: FINDING, name: 'in memory grants by reference, payment, source and plan, open ones or all' }],
  },
  {
    id: 'SM-r17-08',
    title: 'a replay forgets the payment',
    file: 'src/core/replay.ts',
    find: 'const paid = terms.paymentId != null && { paymentId: terms.paymentId };',
    replace: 'const paid = {};',
    tests: [{ file: FINDING, name: 'in memory a grant and its transaction show the payment and the reference' }],
  },
  {
    id: 'SM-r17-09',
    title: 'two calls that differ in the payment alone are one',
    file: 'src/services/pipeline/same-input.ts',
    find: '    given.paymentId === (stored.paymentId ?? null) &&\n',
    replace: '',
    tests: [{ file: 'test/models/kept-fields.test.ts', name: 'paymentId: tells two calls apart' }],
  },
  {
    id: 'SM-r17-10',
    title: 'a request is looked for on every account',
    file: 'src/services/credits/history.ts',
    find: "      anyOf: { field: 'account', values: [account] },\n",
    replace: '',
    also: [{ find: '    entry.account === account &&\n', replace: '' }],
    tests: [{ file: FINDING, name: 'in memory transactions by reference, source and request' }],
  },
  {
    id: 'SM-r17-11',
    title: 'a page of chosen rows goes on behind the last row that was read, not behind the last one shown',
    file: 'src/services/pipeline/row-reads.ts',
    find: 'cursors.cursorOf(cursorAt(model, query, rows.at(-1)))',
    replace: 'cursors.cursorOf(cursorAt(model, query, row))',
    tests: [{ file: FINDING, name: 'in memory grants by reference, payment, source and plan, open ones or all' }],
  },
  {
    id: 'SM-r17-12',
    title: 'a subscription that is over is listed as active',
    file: 'src/services/plans/subscriptions.ts',
    find: 'const view = toSubscription(row, now);',
    replace: 'const view = toSubscription(row, 0);',
    tests: [{ file: 'test/plans/listing.test.ts', name: 'in memory choose by plan, status and due instant' }],
  },
  {
    id: 'SM-r17-13',
    title: 'a draw is explained by what the account has now',
    file: 'src/services/credits/explanations.ts',
    find: 'if (entry.seq > 0 && entry.seq < seq) replay.apply(entry);',
    replace: 'if (entry.seq > 0) replay.apply(entry);',
    also: [{ find: "range: { field: 'at', lte: at } };", replace: '...(!at && {}) };' }],
    tests: [{ file: EXPLAINED, name: 'in memory of a deduction name each grant, and the key that put it before' }],
  },
  {
    id: 'SM-r17-14',
    title: 'what a reversal gave back to a grant counts as taken',
    file: 'src/services/credits/explanations.ts',
    find: "const isGivenBack = type === 'reinstate' || ((type === 'reverse' || type === 'claw_back') && delta > 0);",
    replace: "const isGivenBack = type === 'reinstate';",
    tests: [{ file: EXPLAINED, name: 'in memory of a grant list what was spent, sent, repaid, taken back' }],
  },
  {
    id: 'SM-r17-15',
    title: 'a balance is grouped with credits that are not in effect yet',
    file: 'src/core/breakdown.ts',
    find: 'const grants = account.grants.filter(({ effectiveAt }) => effectiveAt <= account.at);',
    replace: 'const { grants } = account;',
    tests: [{ file: EXPLAINED, name: 'in memory of a balance group it by expiry, source and period' }],
  },
];
