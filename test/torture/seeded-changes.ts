/** Seeded bugs of what is heard of: events of subscriptions, grants, transfers and holds, and reports of jobs. */
import type { SeededBug } from './seeded-bug.js';

const HEARD = 'test/outbox/every-change.test.ts';
const LEVELS = 'test/core/thresholds.test.ts';
const MODEL = 'test/model/regressions.test.ts';
const THREE = { file: MODEL, name: 'three thresholds warn on the way down' };
const PASSING = { file: MODEL, name: 'of a threshold in credits and one in percent that pass one another' };
const IN_MEMORY = 'every change is heard of, in memory';

export const CHANGE_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-w01',
    title: 'a scheduled grant is told when it is added, too',
    file: 'src/core/grants.ts',
    find: '  if (effectiveAt !== null && effectiveAt > draft.account.at) return;\n',
    replace: '',
    also: [{ find: 'reference, effectiveAt }: Pick', replace: 'reference }: Pick' }],
    tests: [{ file: HEARD, name: `${IN_MEMORY} a scheduled grant is told when it takes effect` }],
  },
  {
    id: 'SM-w02',
    title: 'a renewal is told with the instant at which it was written',
    file: 'src/core/seal.ts',
    find: "event.kind === 'subscription' ? new Date(event.at) : entry.at",
    replace: 'entry.at',
    tests: [{ file: HEARD, name: `${IN_MEMORY} periods that granted nothing on the account` }],
  },
  {
    id: 'SM-w03',
    title: 'a transfer is told to the sender alone',
    file: 'src/core/transfer.ts',
    find: "  pushMovement(to, 'credits.transferred', amount, null, names);\n",
    replace: '',
    tests: [{ file: HEARD, name: `${IN_MEMORY} a transfer is told on both accounts` }],
  },
  {
    id: 'SM-w04',
    title: 'steps of reservations are told where nobody asked for them',
    file: 'src/core/draft.ts',
    find: '!draft.context.allEvents && onDemandTypes.has(type)',
    replace: "!draft.context.allEvents && onDemandTypes.has(type) && type !== 'credits.reserved'",
    tests: [{ file: HEARD, name: `${IN_MEMORY} steps of reservations are told where all is told: standard` }],
  },
  {
    id: 'SM-w05',
    title: 'a subscription that the clock ends is told by nothing',
    file: 'src/core/renewal.ts',
    find: "    announce(drafts, 'ended', row);\n",
    replace: '',
    tests: [{ file: HEARD, name: `${IN_MEMORY} a period that is not paid is told` }],
  },
  {
    id: 'SM-w06',
    title: 'a process that does not state it leaves the metadata out',
    file: 'src/engine-wiring.ts',
    find: 'eventMetadata: store.settings.eventMetadata === true',
    replace: 'eventMetadata: stated.eventMetadata === true',
    tests: [{ file: HEARD, name: `${IN_MEMORY} movements carry reason, reference and its kind` }],
  },
  {
    id: 'SM-w07',
    title: 'every run of a job leaves an entry',
    file: 'src/services/jobs/service.ts',
    find: 'if (report.processed > 0) await record',
    replace: 'if (report.processed >= 0) await record',
    tests: [
      { file: 'test/jobs/reports.test.ts', name: 'in memory are entries of the ledger where the job did something' },
    ],
  },
  {
    id: 'SM-w08',
    title: 'a balance counts as restored as soon as it is above the threshold',
    file: 'src/core/thresholds.ts',
    find: 'if (edge.available <= threshold + hysteresis) low.push(threshold);',
    replace: 'if (edge.available <= threshold) low.push(threshold);',
    tests: [
      { file: LEVELS, name: 'in memory with a hysteresis come back beyond it' },
      { file: LEVELS, name: 'any way of the balance tells what the rule says' },
      THREE,
    ],
  },
  {
    id: 'SM-w09',
    title: 'a threshold that is not restored yet warns again',
    file: 'src/core/thresholds.ts',
    find: ' || account.low?.includes(threshold)) continue;\n    draft',
    replace: ') continue;\n    draft',
    tests: [{ file: LEVELS, name: 'in memory with a hysteresis come back beyond it' }, THREE],
  },
  {
    id: 'SM-w30',
    title: 'of several thresholds the highest is told restored first',
    file: 'src/core/thresholds.ts',
    find: 'for (const threshold of crossed.reverse()) {',
    replace: 'for (const threshold of crossed) {',
    tests: [{ file: LEVELS, name: 'in memory are crossed each by itself' }, THREE],
  },
  {
    id: 'SM-w31',
    title: 'a threshold is told restored that was not low, because another one was at its place',
    file: 'src/core/thresholds.ts',
    find: 'const was = unitsOf(account, one) === threshold && earlier.includes(one) ? unitsOf(opened, one) : null;',
    replace: 'const was = earlier.includes(one) ? unitsOf(opened, one) : null;',
    tests: [PASSING],
  },
  {
    id: 'SM-w10',
    title: 'the entries do not keep which thresholds are low',
    file: 'src/core/thresholds.ts',
    find: '  entry.details = { ...entry.details, low };\n',
    replace: '  entry.details = { ...entry.details };\n',
    tests: [
      { file: LEVELS, name: 'in memory with a hysteresis come back beyond it' },
      { file: LEVELS, name: 'any way of the balance tells what the rule says' },
    ],
  },
  {
    id: 'SM-w11',
    title: 'an account is told restored while a higher threshold is still low',
    file: 'src/services/pipeline/outgoing-rows.ts',
    find: "(event.type !== 'credits.balance_restored' || event.data.level > 1)",
    replace: "event.type !== 'credits.balance_restored'",
    tests: [{ file: LEVELS, name: 'each level has a notification' }],
  },
  {
    id: 'SM-w12',
    title: 'a forecast spends nothing of what expires on the way',
    file: 'src/core/forecast.ts',
    find: '      part.free -= taken;\n',
    replace: '',
    tests: [
      { file: 'test/credits/forecast.test.ts', name: 'in memory tells the rates of 7 and of 30 days' },
      { file: 'test/credits/forecast.test.ts', name: 'at any rate, what is spent until the end' },
    ],
  },
];
