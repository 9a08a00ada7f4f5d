/** Seeded bugs of automatic top-ups: what begins one, the limits, the charge, and what becomes of it. */
import type { SeededBug } from './seeded-bug.js';

const GUARDS = 'src/core/top-up-guards.ts';
const CORE = 'src/core/top-up.ts';
const OUTCOME = 'src/core/top-up-outcome.ts';
const WORK = 'src/services/payments/top-up-work.ts';

const inMemory = (name: string) => ({
  file: 'test/payments/top-up.test.ts',
  name: `automatic top-ups, in memory ${name}`,
});
const outcome = (name: string) => ({
  file: 'test/payments/top-up-outcomes.test.ts',
  name: `outcomes of top-ups, in memory ${name}`,
});
const alone = (name: string) => ({ file: 'test/payments/top-up-edges.test.ts', name });

export const TOP_UP_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-top1',
    title: 'another payment may begin while one is in flight',
    file: GUARDS,
    find: 'if (inFlight) return {',
    replace: "if (inFlight?.paymentId === '') return {",
    tests: [inMemory('credits in flight count as there; what they do not cover waits for them')],
  },
  {
    id: 'SM-top2',
    title: 'credits in flight do not count',
    file: CORE,
    find: 'available + (row.inFlight?.creditsToAdd ?? 0)',
    replace: 'available + 0 * (row.inFlight?.creditsToAdd ?? 0)',
    tests: [inMemory('credits in flight count as there; what they do not cover waits for them')],
  },
  {
    id: 'SM-top3',
    title: 'the purchase that reaches the most money exactly is refused',
    file: GUARDS,
    find: 'if (sum <= maxAmountMinor) return null;',
    replace: 'if (sum < maxAmountMinor) return null;',
    tests: [inMemory('the most money and the most purchases of a window are reached exactly, and no further')],
  },
  {
    id: 'SM-top4',
    title: 'one purchase more than the most is made',
    file: GUARDS,
    find: 'if (over >= 0) return',
    replace: 'if (over > 0) return',
    tests: [inMemory('the most money and the most purchases of a window are reached exactly, and no further')],
  },
  {
    id: 'SM-top5',
    title: 'each decline is tried again after the same time',
    file: GUARDS,
    find: '2 ** Math.max(0, declines - 1)',
    replace: '2 ** Math.min(0, declines - 1)',
    tests: [outcome('declines wait longer each time, then turn it off; to set it again turns it on')],
  },
  {
    id: 'SM-top6',
    title: 'a refund of a top-up leaves it on',
    file: OUTCOME,
    find: 'if (row.isOn && BACK.has(payment.status)',
    replace: "if (row.isOn && payment.status === 'disputed' && BACK.has(payment.status)",
    tests: [outcome('money that goes back turns it off, and buys nothing again')],
  },
  {
    id: 'SM-top7',
    title: 'a charge is repeated when its key may be forgotten',
    file: WORK,
    find: 'if (!row.isOn || isOld) return',
    replace: "if (!row.isOn || (isOld && payment.id === '')) return",
    tests: [outcome('a charge that nobody answers is not repeated when its key may be forgotten')],
  },
  {
    id: 'SM-top8',
    title: 'a payment that had begun is charged although the top-up was turned off',
    file: WORK,
    find: 'if (!row.isOn || isOld) return',
    replace: "if ((!row.isOn && payment.id === '') || isOld) return",
    tests: [outcome('what is turned off is charged no more, also where its payment had begun')],
  },
  {
    id: 'SM-top9',
    title: 'each request for a charge has a reference of its own',
    file: WORK,
    find: '...{ customerId, reference, userId, ...sum,',
    replace: '...{ customerId, reference: payments.engine.newId(), userId, ...sum,',
    tests: [outcome('a provider that answers late, twice or never is charged once, and the credits come once')],
  },
  {
    id: 'SM-top10',
    title: 'every deduction of an account with a top-up reads its row',
    file: CORE,
    find: '  if (available >= below) return true;\n',
    replace: '  if (available >= below) return readTopUp(draft) !== undefined;\n',
    tests: [alone('an account above its threshold reads no row of a top-up')],
  },
  {
    id: 'SM-top11',
    title: 'verify does not look at the rows of top-ups',
    file: 'src/services/ledger/side-rows.ts',
    find: 'return hash === null ? [] :',
    replace: "return hash === null || hash !== '' ? [] :",
    tests: [alone('verify names a top-up whose row was changed, taken away, or made beside the library')],
  },
  {
    id: 'SM-top12',
    title: 'a limit that is over is noticed by the next deduction alone',
    file: CORE,
    find: '    row.dueAt = until === null ? null : new Date(until);\n    if (draft.entries',
    replace: '    row.dueAt = until === null ? null : new Date(until * 2);\n    if (draft.entries',
    tests: [inMemory('a guard that refuses is told once for each fall, and the job buys when it is over')],
  },
];
