/** Seeded bugs of renewal by the clock and by payment. */
import type { SeededBug } from './seeded-bug.js';

const CLOCK = 'test/plans/renewal.test.ts';
const PAYMENT = 'test/plans/payment.test.ts';
const WAITS = 'test/plans/renewal-waits.test.ts';
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
    file: 'src/core/subscription-periods.ts',
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
    title: 'a call is refused for want of credits because one read before its renewal failed',
    file: 'src/services/pipeline/renewals.ts',
    find: 'const error = storageError(cause);',
    replace: 'const error = cause;',
    tests: [{ file: WAITS, name: 'a call waits for the next attempt' }],
  },
  {
    id: 'SM-r13',
    title: 'a renewal whose read never ends keeps every later call of its user',
    file: 'src/services/pipeline/renewals.ts',
    find: 'await withDeadline(reading, rest(), () => LATE)',
    replace: 'await (reading && withDeadline ? reading : LATE && null)',
    tests: [{ file: WAITS, name: 'a renewal whose read never ends' }],
  },
  {
    id: 'SM-r14',
    title: 'a transfer is decided without a renewal that failed, because the other one is refused',
    file: 'src/services/pipeline/pipeline.ts',
    find: "if (!renewed.includes('failed')) {",
    replace: "if (!renewed.includes('failed') || renewed.includes('refused')) {",
    tests: [{ file: WAITS, name: 'a transfer waits for the renewal' }],
  },
  {
    id: 'SM-r15',
    title: 'a renewal that is sent while the manager closes keeps the process as long as its call may take',
    file: 'src/services/pipeline/deadlines.ts',
    find: '    this.#latest = at;',
    replace: '',
    tests: [{ file: WAITS, name: 'close waits for a renewal' }],
  },
];
