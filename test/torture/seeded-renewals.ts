/** Seeded bugs of renewal by the clock and by payment. */
import type { SeededBug } from './seeded-bug.js';

const CLOCK = 'test/plans/renewal.test.ts';
const PAYMENT = 'test/plans/payment.test.ts';
const clock = (name: string) => ({ file: CLOCK, name: `renewal by the clock, in memory ${name}` });
const payment = (name: string) => ({ file: PAYMENT, name: `renewal by payment, in memory ${name}` });

export const RENEWAL_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-r1',
    title: 'a subscriber has nothing until a job runs: a call does not wait for the renewal',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (!operation.isRenewed && accounts.some(',
    replace: 'if (operation.renewals < 0 && accounts.some(',
    tests: [clock('a call is decided after the renewal'), clock('late periods are granted at their own instants')],
  },
  {
    id: 'SM-r2',
    title: 'a read does not count the renewal that is due',
    file: 'src/services/pipeline/imagined.ts',
    find: 'if (!row || !this.accounts.some(',
    replace: 'if (!row || row.version > 0 || !this.accounts.some(',
    tests: [clock('a balance ahead of now counts the renewals'), clock('a read counts the renewal that is due')],
  },
  {
    id: 'SM-r3',
    title: 'a late period is granted when somebody looks, so debt and rollover depend on who looks when',
    file: 'src/core/renewal.ts',
    find: '    bring(drafts, dueOf(row).getTime());',
    replace: '    bring(drafts, now);',
    tests: [
      clock('late periods are granted at their own instants'),
      { file: 'test/plans/life.test.ts', name: 'a subscription, in memory a renewal repays debt at its own instant' },
    ],
  },
  {
    id: 'SM-r4',
    title: 'what a renewal granted on its way does not lapse in the same operation',
    file: 'src/core/renewal.ts',
    find: 'if (draft.dueChanged) draft.account.dueAt = nextDue(draft.account);',
    replace: '',
    tests: [clock('late periods are granted at their own instants')],
  },
  {
    id: 'SM-r5',
    title: 'only the own account knows when the subscription is due',
    file: 'src/core/subscription-row.ts',
    find: 'each === draft || grantsTo(row, each) ? planDueAt : null',
    replace: 'each === draft ? planDueAt : null',
    tests: [clock('an account of another credit type is renewed')],
  },
  {
    id: 'SM-r6',
    title: 'a renewal that is refused keeps its user from spending',
    file: 'src/services/pipeline/pipeline.ts',
    find: "renewed.includes('refused') || operation.renewals > RENEWALS_MAX",
    replace: 'false',
    tests: [clock('a refused renewal keeps nobody from spending')],
  },
  {
    id: 'SM-r7',
    title: 'a period that nobody paid is granted',
    file: 'src/core/renewal.ts',
    find: "if (!isPaid && termsOfNext(row).renewOn === 'payment') {",
    replace: "if (row.paid === undefined && termsOfNext(row).renewOn === 'payment') {",
    tests: [payment('an unpaid period grants nothing')],
  },
  {
    id: 'SM-r8',
    title: 'the same period is paid once more by another payment',
    file: 'src/core/renewal.ts',
    find: "if (place < paid.length) return { kind: 'nothing' };",
    replace: '',
    tests: [payment('a period is paid once, in whatever order')],
  },
  {
    id: 'SM-r9',
    title: 'a payment pays every period after it',
    file: 'src/core/renewal.ts',
    find: 'row.paid = row.paid.slice(1);',
    replace: 'row.paid = row.paid.slice(0);',
    tests: [payment('an early payment is kept for the period that it is for')],
  },
  {
    id: 'SM-r10',
    title: 'a subscription that waits for a payment can be paused, and goes on unpaid',
    file: 'src/core/subscription-state.ts',
    find: "if (to === 'paused' && before.status === 'past_due') return false;",
    replace: '',
    tests: [payment('it ends when the grace is over')],
  },
  {
    id: 'SM-r11',
    title: 'the report of the expiry says nothing of what it granted',
    file: 'src/services/jobs/service.ts',
    find: 'return sumOf(renewed, {',
    replace: 'return sumOf(NOTHING_MOVED, {',
    tests: [clock('every credit that a job grants, expires or frees')],
  },
  {
    id: 'SM-r12',
    title: 'a change that grants the whole difference late in a period leaves the next one nearly empty',
    file: 'src/core/subscription.ts',
    find: "command.proration === 'full' ? earnedFrom(row) : draft.account.at",
    replace: "command.proration === 'full' ? draft.account.at : draft.account.at",
    tests: [
      {
        file: 'test/plans/changes.test.ts',
        name: 'changes of plans, in memory a change may grant the whole difference at once',
      },
    ],
  },
  {
    id: 'SM-r13',
    title: 'a share of a limit is an odd number of credits',
    file: 'src/core/plan-allowance.ts',
    find: 'const units = most - (most % step);',
    replace: 'const units = most;',
    tests: [
      {
        file: 'test/plans/changes.test.ts',
        name: 'changes of plans, in memory a share of a limit of whole credits is whole',
      },
    ],
  },
  {
    id: 'SM-r14',
    title: 'a read of a user without an account does not count the trial',
    file: 'src/services/credits/accounts-now.ts',
    find: 'return this.withTrial(await this.#present(account, options));',
    replace: 'return this.#present(account, options);',
    tests: [
      {
        file: 'test/credits/trial-reads.test.ts',
        name: 'a trial before the first write, in memory is counted by every read',
      },
    ],
  },
];
