/** Seeded bugs of plans, promo codes and jobs. */
import type { SeededBug } from './seeded-bug.js';

const SUBSCRIPTIONS = 'test/plans/subscriptions.test.ts';
const JOBS = 'test/jobs/jobs.test.ts';

export const PLAN_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-57',
    title: 'createAccount sets options that it does not name back to their defaults',
    file: 'src/core/decide.ts',
    find: 'account.options = { ...account.options, ...command.options };\n  account.created',
    replace: 'account.options = { ...NO_OPTIONS, ...command.options };\n  account.created',
    also: [
      {
        find: 'function createAccount(',
        replace: `const NO_OPTIONS = { overdraftLimit: null, lowCreditThreshold: null, metadata: null };
function createAccount(`,
      },
    ],
    tests: [
      {
        file: 'test/credits/sign-in.test.ts',
        name: 'an account that is created after its first write, in memory keeps the options',
      },
    ],
  },
  {
    id: 'SB-58',
    title: 'switching between plans is granted more than any of them',
    file: 'src/core/plan-allowance.ts',
    find: 'Math.min(wanted, limit - aheadAt(allowance, at))',
    replace: 'Math.min(wanted, limit)',
    tests: [
      { file: 'test/plans/strategies.test.ts', name: 'plans of a week and of a day by turns' },
      { file: 'test/plans/strategies.test.ts', name: 'a monthly plan of 100 that is set again every' },
    ],
  },
  {
    id: 'SB-59',
    title: 'a plan with longer periods that takes over a short one earns its limit in the short one',
    file: 'src/core/subscription.ts',
    find: 'return isAnother ? { lengthMs: LONGEST_MS[cadenceOf(terms)] } : {};',
    replace: 'return {};',
    tests: [{ file: 'test/plans/strategies.test.ts', name: 'a week that takes over a day again and again' }],
  },
  {
    id: 'SB-60',
    title: 'a late job takes away the period that began before its plan was deactivated',
    file: 'src/core/renewal.ts',
    find: 'plan.deactivatedAt !== null && plan.deactivatedAt > at',
    replace: 'plan.deactivatedAt !== null && plan.deactivatedAt < new Date(0)',
    tests: [
      {
        file: 'test/plans/kept-periods.test.ts',
        name: 'periods that nobody takes away, in memory a period that began',
      },
    ],
  },
  {
    id: 'SB-61',
    title: 'a pause loses what would roll over',
    file: 'src/core/period-grants.ts',
    find: 'grant.expiresAt.valueOf() <= row.periodEnd.getTime()',
    replace: 'grant.expiresAt.valueOf() === row.periodEnd.getTime()',
    tests: [
      {
        file: 'test/plans/kept-periods.test.ts',
        name: 'periods that nobody takes away, in memory what is left of a period',
      },
    ],
  },
  {
    id: 'SB-15',
    title: 'a period is counted from the one before it instead of from the anchor',
    file: 'src/core/subscription-periods.ts',
    find: 'addPeriods(anchor, period, number, calendar)',
    replace: 'addPeriods(start, period, 1, calendar)',
    tests: [
      { file: SUBSCRIPTIONS, name: 'periods are counted from the anchor, rolled over to the cap' },
      { file: 'test/plans/life.test.ts', name: 'a subscription, in memory D-S-3: after 95 days without a scheduler' },
    ],
  },
  {
    id: 'SB-16',
    title: 'nothing makes the allocation of a period unique',
    file: 'src/core/renewal.ts',
    find: 'if (!row.isAllocated && row.periodEnd.getTime() > now) {',
    replace: 'if (row.periodEnd.getTime() > now) {',
    also: [
      {
        find: '  let done = 0;\n  passUnpaid',
        replace: '  let done = 0;\n  Object.assign(row, { granted: {}, allowance: null });\n  passUnpaid',
      },
    ],
    tests: [
      { file: SUBSCRIPTIONS, name: 'periods are counted from the anchor, rolled over to the cap' },
      { file: JOBS, name: 'without any lease at all a period is allocated once still' },
    ],
  },
  {
    id: 'SB-17',
    title: 'no fencing: whoever had the lease once goes on, and takes it from its new holder',
    file: 'src/services/jobs/lease.ts',
    find: '    if (this.#version > 0 && (!isOurs || row?.version !== this.#version)) return false;\n',
    replace: '',
    tests: [{ file: JOBS, name: 'SB-17: a job that lost its lease on the way stops, and what it did stays' }],
  },
  {
    id: 'SB-18',
    title: 'claims are counted and then inserted, and nobody guards the count',
    file: 'src/core/promo.ts',
    find: "  draft.sideWrites.push({ model: 'promo', op: 'replace', row });\n",
    replace: '',
    tests: [
      { file: 'test/promos/promos.test.ts', name: 'a limit is never passed, and none of those who come too late' },
    ],
  },
  {
    id: 'SB-71',
    title: 'every start of a process writes the plans of a list once more',
    file: 'src/services/pipeline/define-all.ts',
    find: 'if (fields?.length === 0) throw UNCHANGED;',
    replace: '',
    tests: [
      {
        file: 'test/plans/define.test.ts',
        name: 'plans as code, in memory are made once, and the same list again writes nothing',
      },
    ],
  },
  {
    id: 'SB-16b',
    title: 'what a hold frees after the end of a period rolls over where the job is late',
    file: 'src/core/period-grants.ts',
    find: 'left += grant.expired - (grant.expiredLate ?? 0);',
    replace: 'left += grant.expired;',
    tests: [
      {
        file: 'test/plans/late-rollover.test.ts',
        name: 'of a plan of payments, too, whose period is paid late: true',
      },
    ],
  },
  {
    id: 'SB-16c',
    title: 'an account of a plan that an operation wrote no entry for moves on in time',
    file: 'src/core/decide.ts',
    find: 'if (!last) return untouched(accounts[i] as Account);',
    replace: 'if (!last) return sealDraft(draft);',
    tests: [
      {
        file: 'test/plans/types.test.ts',
        name: 'several credit types, in memory a change for the next period says nothing of the other account',
      },
    ],
  },
  {
    id: 'SM-v08',
    title: 'credits of a period that expired count as used',
    file: 'src/services/plans/period-usage.ts',
    find: 'amount - remaining - expired - revoked',
    replace: 'amount - remaining - revoked - (expired < 0 ? 1 : 0)',
    tests: [{ file: 'test/plans/usage.test.ts', name: 'in memory counts what has expired and what was taken back' }],
  },
];
