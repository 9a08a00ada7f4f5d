/** Seeded bugs of the edges: what callers type, what time does at an instant, what the audit and the jobs look at. */
import type { SeededBug } from './seeded-bug.js';

const BESIDE = 'test/ledger/audit-beside.test.ts';
const OWN = 'test/input/own-properties.test.ts';

export const EDGE_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-e01',
    title: 'the command line prints stored text as it is, escape sequences too',
    file: 'src/cli/main.ts',
    find: "lines().map(printable).join('\\n')",
    replace: "lines().join('\\n')",
    tests: [
      {
        file: 'test/cli/commands.test.ts',
        name: 'text that callers stored is printed on one line, its control characters escaped',
      },
    ],
  },
  {
    id: 'SM-e02',
    title: 'a promo code is made upper-case before it is checked',
    file: 'src/models/inputs/promos.ts',
    find: '.transform((code) => code.trim())',
    replace: '.transform((code) => code.trim().toUpperCase())',
    tests: [{ file: 'test/promos/promos.test.ts', name: 'a text that is no code claims none: it is judged before' }],
  },
  {
    id: 'SM-e03',
    title: 'options are read with what they inherit',
    file: 'src/services/input/parse.ts',
    find: 'schema.safeParse(ownFields(schema, value))',
    replace: 'schema.safeParse(value)',
    tests: [
      { file: OWN, name: 'an option that is inherited was not given' },
      { file: OWN, name: 'a manager takes no option from a prototype' },
    ],
  },
  {
    id: 'SM-e03b',
    title: 'an entry is hashed with what its metadata inherits',
    file: 'src/core/entry-line.ts',
    find: "return Object.keys(value).length === 0 ? '' : start + JSON.stringify(sortKeys(value));",
    replace: "for (const _ in value) return start + JSON.stringify(sortKeys(value));\n  return '';",
    tests: [{ file: OWN, name: 'what Object.prototype holds is no part of an entry' }],
  },
  {
    id: 'SM-e04',
    title: 'a cursor is taken by any list whose index fits',
    file: 'src/services/input/page.ts',
    find: 'if (!cursor.startsWith(this.#list)) throw badCursor();',
    replace: '',
    tests: [
      { file: 'test/input/cursors.test.ts', name: 'a cursor goes on in the list that handed it out' },
      { file: 'test/input/cursors.test.ts', name: 'the walk over all users goes on with its own window of days alone' },
    ],
  },
  {
    id: 'SM-e05',
    title: 'the audit does not compare the counter of a promo code',
    file: 'src/services/ledger/verify.ts',
    find: '    await checkCounters(tools, counters, walk.claims);\n',
    replace: '',
    tests: [{ file: BESIDE, name: 'beside the chain, in memory a change of a subscription, a cycle' }],
  },
  {
    id: 'SM-e05b',
    title: 'the audit does not compare the row of a subscription',
    file: 'src/services/ledger/side-rows.ts',
    find: '(row: SubscriptionRow | CycleRow) => rowHash(row) === hash;',
    replace: '(row: SubscriptionRow | CycleRow) => rowHash(row) === hash || true;',
    tests: [{ file: BESIDE, name: 'beside the chain, in memory a change of a subscription, a cycle' }],
  },
  {
    id: 'SM-e06',
    title: 'the audit does not count error entries',
    file: 'src/services/ledger/refusal-audit.ts',
    find: 'if (found === counted) return;',
    replace: 'return;',
    tests: [{ file: BESIDE, name: 'beside the chain, in memory an error entry that is gone is missed' }],
  },
  {
    id: 'SM-e07',
    title: 'a job counts a due row of which nothing comes as processed, on every run',
    file: 'src/services/jobs/service.ts',
    find: 'if (row?.version !== version) return;',
    replace: 'if (row || !row) return;',
    tests: [{ file: 'test/jobs/unreadable.test.ts', name: 'so are subscriptions and cycles' }],
  },
  {
    id: 'SM-e07b',
    title: 'an account is taken as it is stored, whatever its numbers are',
    file: 'src/core/rows.ts',
    find: 'if (!grants.every(isGrant) || !holds.every(isHold)) {',
    replace: 'if (grants.length < 0) {',
    tests: [{ file: 'test/jobs/unreadable.test.ts', name: 'accounts that cannot be read are skipped by every run' }],
  },
  {
    id: 'SM-e08',
    title: 'a refused transfer moves the version of the receiver',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'applied ? group.states : group.states.slice(0, 1)',
    replace: 'group.states',
    tests: [
      {
        file: 'test/credits/refused-transfers.test.ts',
        name: 'a refused transfer, in memory leaves the row of the receiver as it is',
      },
    ],
  },
  {
    id: 'SM-e08b',
    title: 'a transfer is refused by a remembered receiver, which no commit checks',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'const isChecked = recorded && group.states.length === 1;',
    replace: 'const isChecked = recorded;',
    tests: [
      {
        file: 'test/credits/refused-transfers.test.ts',
        name: 'a refused transfer, in memory is not refused by a receiver as it was',
      },
    ],
  },
  {
    id: 'SM-e09',
    title: 'the balance before a crossing is that before the last instant that changed what is available',
    file: 'src/core/thresholds.ts',
    find: `  draft.judgedBalance = account.balance;
  if (before === after) return;
`,
    replace: `  if (before === after) return;
  draft.judgedBalance = account.balance;
`,
    tests: [
      { file: 'test/core/crossings.test.ts', name: 'the balance before a crossing is that of the instant before' },
    ],
  },
  {
    id: 'SM-e10',
    title: 'credits that become effective as a threshold is set are restored',
    file: 'src/core/thresholds.ts',
    find: ' && wasLowBy(draft, threshold, before);',
    replace: ';',
    tests: [
      {
        file: 'test/core/crossings.test.ts',
        name: 'a threshold that is set as credits become effective restores nothing',
      },
    ],
  },
  {
    id: 'SM-e11',
    title: 'a day that a zone skips is a period of its own',
    file: 'src/core/subscription-periods.ts',
    find: 'while (end <= start) {',
    replace: 'for (let once = 0; once < 1; once++) {',
    tests: [
      {
        file: 'test/plans/skipped-day.test.ts',
        name: 'a zone that skips a day, in memory begins each period once, with { validityDays: 3 }',
      },
    ],
  },
  {
    id: 'SM-e12',
    title: 'what a newer version keeps in the state of an account is dropped',
    file: 'src/core/rows.ts',
    find: 'return unknown === null ? state : { ...state, ...unknown };',
    replace: 'void unknown;\n  return state;',
    tests: [
      { file: 'test/core/state-keys.test.ts', name: 'of a newer version, in memory parts of the state of an account' },
    ],
  },
  {
    id: 'SM-e13',
    title: 'a day in a period is a midnight somewhere else',
    file: 'src/models/inputs/values.ts',
    find: 'T00:00:00Z` : value',
    replace: 'T00:00:00+01:00` : value',
    tests: [{ file: 'test/credits/bounds.test.ts', name: 'a day in from and to is its midnight in UTC' }],
  },
  {
    id: 'SM-e14',
    title: 'a threshold above 100 % is taken',
    file: 'src/models/inputs/credits.ts',
    find: 'Number(whole) > 100',
    replace: 'Number(whole) > 1_000',
    tests: [{ file: 'test/credits/bounds.test.ts', name: 'a percentage that is refused is told why' }],
  },
  {
    id: 'SM-e15',
    title: 'the ledger is written through a link that takes the path of its file',
    file: 'src/ledger/append-file.ts',
    find: '(this.#isLink ? 0 : O_NOFOLLOW)',
    replace: '(this.#isLink ? O_NOFOLLOW : 0)',
    tests: [
      { file: 'test/ledger/file-links.test.ts', name: 'a path that becomes a link while the process runs' },
      { file: 'test/ledger/file-links.test.ts', name: 'a path that was a link before the first write' },
    ],
  },
  {
    id: 'SM-e16',
    title: 'a database that is older than its ledger file starts as if nothing had happened',
    file: 'src/services/ledger/file-age.ts',
    find: 'last.filter(({ hash }, i) => rows[i]?.hash !== hash)',
    replace: 'last.filter(() => false)',
    tests: [{ file: 'test/ledger/file-age.test.ts', name: 'in memory a database that lost commits is told' }],
  },
  {
    id: 'SM-e21',
    title: 'a document of MongoDB is replaced whole, with what a newer version keeps in it',
    file: 'src/db/mongodb/write-commands.ts',
    find: 'change.collection.updateTo(change.document, change.unchanged)',
    replace: 'change.document',
    tests: [
      { file: 'test/db/mongodb/units.test.ts', name: 'units become one command a collection and kind of change' },
    ],
  },
  {
    id: 'SM-e22',
    title: 'a keyed expireCredits that finds nothing due keeps no key',
    file: 'src/core/decide.ts',
    find: 'draft.call.scopedKey !== null && draft.account.seq > 0',
    replace: 'draft.account.seq < 0',
    tests: [
      { file: 'test/model/regressions.test.ts', name: 'no more: a keyed expireCredits with nothing due kept no' },
    ],
  },
];
