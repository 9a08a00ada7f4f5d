/** Bugs of metered work (cost that nobody is charged for, work that runs twice) and of grants that are taken back. */
import type { SeededBug } from './seeded-bug.js';

const FILE = 'test/credits/metered-work.test.ts';

export const METERING_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-m1',
    title: 'a settlement by cap leaves out the debt that the limit allows',
    file: 'src/core/debit.ts',
    find: 'const owed = Math.min(amount - taken, Math.max(0, limit - account.debt));',
    replace: 'const owed = 0;',
    tests: [{ file: FILE, name: 'funds 12, limit 2, metered 15: 1 is missing, the rest is charged' }],
  },
  {
    id: 'SM-m2',
    title: 'a shortfall leaves no error entry',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (shortfall) record(operation, shortfall, pass);',
    replace: 'if (!shortfall) return;',
    tests: [{ file: FILE, name: 'funds 12, limit 2, metered 15: 1 is missing, the rest is charged' }],
  },
  {
    id: 'SM-m3',
    title: 'a repeated key runs the work again on a hold that has ended',
    file: 'src/services/credits/meter.ts',
    find: "if (hold.status === 'active' && resume) return;",
    replace: 'if (resume) return;',
    tests: [{ file: FILE, name: 'a hold that was settled is refused before the work runs' }],
  },
  {
    id: 'SM-m4',
    title: 'two calls with one key both run the work',
    file: 'src/services/credits/meter.ts',
    find: 'if (reservation.replayed) await checkRepeated(reservation, resume);',
    replace: 'if (reservation.replayed && resume) await checkRepeated(reservation, resume);',
    tests: [{ file: FILE, name: 'of many calls at once one runs the work' }],
  },
  {
    id: 'SM-m5',
    title: 'a hold is prolonged once only',
    file: 'src/services/credits/kept-hold.ts',
    find: 'if (!isStopped) wait(next);',
    replace: '',
    tests: [{ file: FILE, name: 'is prolonged at half of its time to live, until it is settled' }],
  },
  {
    id: 'SM-m6',
    title: 'above a late hold the more generous of both options decides',
    file: 'src/core/holds.ts',
    find: "const CHARGE_RULES = ['charge', 'cap', 'overdraft'] as const",
    replace: "const CHARGE_RULES = ['overdraft', 'cap', 'charge'] as const",
    tests: [
      { file: FILE, name: 'late and above the hold the stricter of cap and charge decides: INSUFFICIENT_CREDITS' },
    ],
  },
  {
    id: 'SM-m7',
    title: 'voiding a grant takes credits on hold, too',
    file: 'src/core/reverse.ts',
    find: 'Math.min(freePart(grant), Math.max(0, most))',
    replace: 'Math.min(grant.remaining, Math.max(0, most))',
    tests: [
      {
        file: 'test/credits/void-grant.test.ts',
        name: 'credits on hold stay on hold, and what is taken back is none of the reversal any more',
      },
    ],
  },
  {
    id: 'SM-m8',
    title: 'voiding a scheduled grant takes from the balance',
    file: 'src/core/reverse.ts',
    find: 'if (!isScheduled) account.balance -= amount;',
    replace: 'account.balance -= amount;',
    tests: [{ file: 'test/credits/void-grant.test.ts', name: 'a scheduled grant shrinks before it takes effect' }],
  },
];
