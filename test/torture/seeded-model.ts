/** Seeded bugs of renewal by payment, and of credits that depend on who looks when, that the property model finds. */
import type { SeededBug } from './seeded-bug.js';

const edge = (name: string) => ({ file: 'test/model/regressions.test.ts', name });
const looks = (name: string) => ({ file: 'test/model/properties-looks.test.ts', name });
const payment = (name: string) => ({
  file: 'test/plans/payment.test.ts',
  name: `renewal by payment, in memory ${name}`,
});

export const MODEL_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-mp1',
    title: 'a renewal of a cancelled subscription leaves its paid period paid, so that it never ends',
    file: 'src/core/renewal.ts',
    find: 'if (wasPaid) row.paid = row.paid?.slice(1) ?? null;',
    replace: 'if (wasPaid && row.autoRenew) row.paid = row.paid?.slice(1) ?? null;',
    tests: [edge('a subscription that is cancelled at its end goes on to the end of the last period')],
  },
  {
    id: 'SM-mp2',
    title: "the grace is counted from the period's start",
    file: 'src/core/subscription-state.ts',
    find: 'return new Date(periodEnd.getTime() + graceDays * DAY_MS);',
    replace: 'return new Date(Math.max(periodEnd.getTime(), periodStart.getTime() + graceDays * DAY_MS));',
    tests: [edge('the grace is counted from the end of the period')],
  },
  {
    id: 'SM-mp3',
    title: 'a cancellation ends with the current period though later ones are paid',
    file: 'src/core/subscription.ts',
    find: 'Object.assign(row, { autoRenew: false, validUntil: paidUntil(draft, row) });',
    replace: 'Object.assign(row, { autoRenew: false, validUntil: row.periodEnd });',
    tests: [edge('a subscription that is cancelled at its end goes on to the end of the last period')],
  },
  {
    id: 'SM-mp4',
    title: 'a period that is paid already is paid once more by a payment near its end',
    file: 'src/core/renewal.ts',
    find: 'if (instant - start < next - instant) return place - 1;',
    replace: 'if (instant - start < 60_000) return place - 1;',
    tests: [edge('a period is paid once, whichever payment names it')],
  },
  {
    id: 'SM-mp5',
    title: 'after a pause, a cancelled subscription ends before its last paid period',
    file: 'src/core/subscription.ts',
    find: 'if (row.validUntil !== null) row.validUntil = paidUntil(draft, row);',
    replace: 'if (row.validUntil !== null) row.validUntil = row.periodEnd;',
    tests: [edge('a pause moves the periods that are paid, and their end where it was cancelled')],
  },
  {
    id: 'SM-mp6',
    title: 'a payment grants a current period of a plan that renews by the clock',
    file: 'src/core/subscription-state.ts',
    find: "return !isAllocated && !isTrial && terms.renewOn === 'payment';",
    replace: 'return !isAllocated && !isTrial && terms !== null;',
    tests: [
      edge('the period that waits for its payment is told from the next one'),
      payment('a payment is for a period of the plan that waits for it'),
    ],
  },
  {
    id: 'SM-mp7',
    title: 'a later period is paid before the current one',
    file: 'src/core/renewal.ts',
    find: 'if (place > paid.length || isWaiting) {',
    replace: 'if (place > paid.length) {',
    tests: [
      edge('a current period that was set without its credits is the first to be paid'),
      payment('a later period is not paid before the current one'),
    ],
  },
  {
    id: 'SM-mp8',
    title: 'late periods are granted at the instant of whoever looks',
    file: 'src/core/renewal.ts',
    find: '    bring(drafts, dueOf(row).getTime());',
    replace: '    bring(drafts, now);',
    tests: [looks('periods of a plan of payments'), looks('periods by the clock under a hold')],
  },
  {
    id: 'SM-mp9',
    title: 'a late renewal earns its limit from the instant of whoever looks',
    file: 'src/core/subscription-periods.ts',
    find: 'rolled: 0, at: start, lengthMs, ...given };',
    replace: 'rolled: 0, at: Math.max(start, draft.context.now), lengthMs, ...given };',
    tests: [looks('a plan that is set again and changed')],
  },
];
