/** Seeded bugs of the decisions: amounts, order of burning, expiry, holds, and what callers may hand in. */
import type { SeededBug } from './seeded-bug.js';

const AMOUNTS = 'test/core/amounts.test.ts';
const TIME = 'test/core/time.test.ts';
const HOLDS = 'test/core/holds.test.ts';
const REGRESSIONS = 'test/model/regressions.test.ts';
const ACCEPTANCE = 'test/credits/acceptance.test.ts';
const CORPUS = 'test/input/corpus.test.ts';

export const CORE_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-01',
    title: 'float arithmetic: an amount is kept as the multiplication leaves it',
    file: 'src/core/amounts.ts',
    find: 'const units = Math.round(value * factor);',
    replace: 'const units = value * factor;',
    tests: [
      { file: AMOUNTS, name: 'parsing 0.30000000000000004 is INVALID_AMOUNT' },
      { file: AMOUNTS, name: 'every amount survives units and back, as number and as text' },
    ],
  },
  {
    id: 'SB-01b',
    title: 'float arithmetic: metered costs are summed as floats',
    file: 'src/core/amounts.ts',
    find: 'for (const cost of costs) sum.add(cost);',
    replace: 'sum.add(costs.reduce((a, b) => a + b, 0));',
    tests: [{ file: AMOUNTS, name: 'a sum is exact and rounded once' }],
  },
  {
    id: 'SB-07',
    title: 'commit does not check the state of the hold',
    file: 'src/core/holds.ts',
    find: "if (row.status !== 'expired' || command.ifExpired === 'reject' || row.lateCharge) return notActive(row);",
    replace: 'if (row.lateCharge) return notActive(row);',
    tests: [
      { file: HOLDS, name: 'the same final call again repeats its answer, another one is refused' },
      { file: HOLDS, name: 'is expired without any sweep: commit, release and extend are refused' },
    ],
  },
  {
    id: 'SB-08',
    title: 'release returns credit without its lots',
    file: 'src/core/holds.ts',
    find: 'const lapsed = freeDraws(draft, next.draws);',
    replace: 'const lapsed: readonly Draw[] = [];',
    tests: [
      { file: TIME, name: 'what is released while a lot is alive repays debt in the same entry' },
      { file: REGRESSIONS, name: 'rule 14: of a freed hold one part lapses and the other repays debt' },
    ],
  },
  {
    id: 'SB-11',
    title: 'expiry clamps the balance at 0 and records the full amount',
    file: 'src/core/draft.ts',
    find: 'draft.account.balance -= part;',
    replace: 'draft.account.balance = Math.max(0, draft.account.balance - part);',
    tests: [{ file: TIME, name: 'a lot that lapses under a hold, then release with debt' }],
  },
  {
    id: 'SB-12',
    title: 'a grant is still spendable at expiresAt: <= instead of <',
    file: 'src/core/burn-down.ts',
    find: 'now < grant.expiresAt',
    replace: 'now <= grant.expiresAt',
    tests: [
      { file: REGRESSIONS, name: 'rule 14: a part freed in the very instant its lot ends lapses and repays no debt' },
    ],
  },
  {
    id: 'SB-12b',
    title: 'what is due at this very instant is not due yet: < instead of <=',
    file: 'src/core/advance.ts',
    find: 'account.dueAt !== null && account.dueAt <= now',
    replace: 'account.dueAt !== null && account.dueAt < now',
    tests: [{ file: TIME, name: 'expiry is half-open: spendable one unit of time before, lapsed at the instant' }],
  },
  {
    id: 'SB-12c',
    title: 'what a hold frees at expiresAt of its lot stays: < instead of <=',
    file: 'src/core/advance.ts',
    find: 'grant.expiresAt <= draft.account.at) lapsed.push',
    replace: 'grant.expiresAt < draft.account.at) lapsed.push',
    tests: [{ file: TIME, name: 'at one instant holds expire first, then grants lapse' }],
  },
  {
    id: 'SB-13',
    title: 'burn order without expiry',
    file: 'src/core/burn-down.ts',
    find: '    endOf(a) - endOf(b) ||\n',
    replace: '',
    tests: [
      { file: 'test/core/accounts.test.ts', name: 'burn-down order sooner expiry first' },
      { file: ACCEPTANCE, name: 'A-10 expiring within 10 days' },
    ],
  },
  {
    id: 'SB-14',
    title: 'a sweep is needed for expiry to bite',
    file: 'src/core/decide.ts',
    find: '    advance(draft, from);\n',
    replace: "    if (command.type === 'expire') advance(draft, from);\n    else draft.account.at = now;\n",
    tests: [
      { file: TIME, name: 'expiry is half-open: spendable one unit of time before, lapsed at the instant' },
      { file: HOLDS, name: 'is expired without any sweep: commit, release and extend are refused' },
    ],
  },
  {
    id: 'SB-14b',
    title: 'a sweep is needed for reads to show what has lapsed',
    file: 'src/core/advance.ts',
    find: 'if (account.dueAt === null || account.dueAt > now) return now',
    replace: 'if (account.dueAt !== undefined) return now',
    tests: [
      { file: TIME, name: 'a read computes what is due and changes nothing' },
      { file: 'test/credits/reads.test.ts', name: 'nothing due is written by reading' },
    ],
  },
  {
    id: 'SB-34',
    title: 'the amount of a hold is taken from the object the caller passes',
    file: 'src/services/credits/reservations.ts',
    find: 'const amount = options.amount === undefined ? null : verbs.units(options.amount, { zero: final });',
    replace: `const asked = options.amount ?? (ref as { amount?: number }).amount;
      const amount = asked === undefined ? null : verbs.units(asked, { zero: final });`,
    tests: [
      { file: ACCEPTANCE, name: 'D-11 only the id of a hold is taken from the caller' },
      { file: CORPUS, name: 'B-100 a hold object with another' },
    ],
  },
  {
    id: 'SB-38',
    title: 'metadata is merged by Object.assign instead of copied key by key',
    file: 'src/models/inputs/values.ts',
    find: 'const copy = copyJson(value, 1, budget);',
    replace: 'const copy = Object.assign({}, value) as Json;',
    tests: [
      { file: CORPUS, name: 'B-066 constructor is INVALID_ARGUMENT' },
      { file: 'test/input/copies.test.ts', name: 'arguments changed right after the call make no difference' },
    ],
  },
  {
    id: 'SB-38b',
    title: 'metadata may name a prototype',
    file: 'src/models/inputs/values.ts',
    find: 'if (FORBIDDEN_KEYS.has(key)) throw',
    replace: "if (key === '') throw",
    tests: [{ file: CORPUS, name: 'B-065 __proto__ further down' }],
  },
  {
    id: 'SB-39',
    title: 'the limit of a page is not capped',
    file: 'src/models/inputs/credits.ts',
    find: "limit: z.number().int().min(1).max(100, { error: 'a whole number from 1 to 100' }).optional(),",
    replace: 'limit: z.number().int().min(1).optional(),',
    tests: [{ file: CORPUS, name: 'B-113 limit 101 is INVALID_ARGUMENT' }],
  },
];
