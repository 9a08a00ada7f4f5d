/** Seeded bugs of the way from a commit to a receiver: the relay. */
import type { SeededBug } from './seeded-bug.js';

const RELAY = 'test/outbox/relay.test.ts';

export const EVENT_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-27',
    title: 'the relay goes on behind the highest sequence it has seen',
    file: 'src/services/outbox/lanes.ts',
    find: '  return { rows: page.rows, isLast: page.nextCursor === null };',
    replace: `  const from = cursors.get(tables) ?? -1;
  const rows = page.rows.filter(({ sequence }) => sequence > from);
  if (rows.length > 0) cursors.set(tables, Math.max(...rows.map(({ sequence }) => sequence)));
  return { rows, isLast: page.nextCursor === null };`,
    also: [
      {
        find: 'const TIMEOUT_MS = 10_000;',
        replace: 'const TIMEOUT_MS = 10_000;\nconst cursors = new WeakMap<object, number>();',
      },
    ],
    tests: [{ file: RELAY, name: 'the relay, in memory an event that commits late, with a small sequence' }],
  },
  {
    id: 'SB-27b',
    title: 'any row can be claimed, not only the head of an account',
    file: 'src/services/outbox/delivery.ts',
    find: '  const head = rows[0] as DeliveryRow;\n',
    replace: `  const free = given.findIndex((row) => isFree(row, run));
  const rows = given.slice(Math.max(0, free));
  const head = rows[0] as DeliveryRow;
`,
    also: [{ find: 'lane: Lane, rows: readonly DeliveryRow[]', replace: 'lane: Lane, given: readonly DeliveryRow[]' }],
    tests: [{ file: RELAY, name: 'the relay, in memory an event that is refused again and again is failed' }],
  },
  {
    id: 'SB-28',
    title: 'an event is marked as sent before the sink has answered',
    file: 'src/services/outbox/delivery.ts',
    find: 'const result = await attempt(lane, row, run);',
    replace: "void attempt(lane, row, run);\n    const result = { kind: 'sent' } as const satisfies Result;",
    tests: [
      { file: RELAY, name: 'the relay, in memory killed after publishing, before marking' },
      { file: RELAY, name: 'the relay, in memory a sink that is away fails nothing' },
    ],
  },
  {
    id: 'SB-28d',
    title: 'events behind one that was not taken are delivered before it',
    file: 'src/services/outbox/delivery.ts',
    find: "    if (last.status === 'pending') break;\n",
    replace: '',
    tests: [{ file: RELAY, name: 'the relay, in memory a sink that is away fails nothing' }],
  },
  {
    id: 'SB-28e',
    title: 'a receiver that cannot be reached is tried all the same',
    file: 'src/services/outbox/relay.ts',
    find: 'while (!run.isOver() && (await this.#isReady(lane))) {',
    replace: 'while (!run.isOver()) {',
    also: [{ find: 'if (run.isOver() || !(await this.#isReady(lane))) return;', replace: 'if (run.isOver()) return;' }],
    tests: [
      {
        file: 'test/nats/failures.test.ts',
        name: 'a sink whose server is frozen tries few events, and goes on when it thaws',
      },
    ],
  },
  {
    id: 'SB-28b',
    title: 'a sink that is not reached counts towards failed',
    file: 'src/services/outbox/attempt.ts',
    find: "row.attempts + (result.kind === 'refused' ? 1 : 0)",
    replace: 'row.attempts + 1',
    tests: [{ file: RELAY, name: 'the relay, in memory a sink that is away fails nothing' }],
  },
  {
    id: 'SB-28c',
    title: 'a row that was sent is marked without its version: a claim that was lost still counts',
    file: 'src/services/outbox/delivery.ts',
    find: "  if (outcome.status === 'committed') return true;",
    replace: "  if (outcome.status === 'committed' || outcome.status === 'conflict') return true;",
    tests: [{ file: RELAY, name: 'the relay, in memory a claimant that lost its claim may answer late' }],
  },
  {
    id: 'SM-v01',
    title: 'rows are written for a sink whatever types it wants',
    file: 'src/services/pipeline/change-set.ts',
    find: 'types === null || types.has(sealed.type)',
    replace: 'types === null || types.size > 0',
    tests: [{ file: 'test/outbox/types.test.ts', name: 'in memory gets rows for these alone, from every process' }],
  },
  {
    id: 'SM-v02',
    title: 'the first list of types of a sink stays for ever',
    file: 'src/services/store/sink-registry.ts',
    find: ' && a.types?.join() === b.types?.join();',
    replace: ';',
    tests: [{ file: 'test/outbox/types.test.ts', name: 'in memory has the list of the process that started last' }],
  },
  {
    id: 'SM-v03',
    title: 'a webhook that was signed at any time before now is accepted',
    file: 'src/sinks/verify-webhook.ts',
    find: '!(Math.abs(age) <= toleranceSeconds)',
    replace: '!(age >= -toleranceSeconds)',
    tests: [{ file: 'test/sinks/verify-webhook.test.ts', name: 'accepts a time within the tolerance on both sides' }],
  },
  {
    id: 'SM-v04',
    title: 'a webhook is accepted without a signature that fits',
    file: 'src/sinks/verify-webhook.ts',
    find: 'signature.length === expected.length && timingSafeEqual(signature, expected)',
    replace: 'expected.subarray(0, signature.length).equals(signature)',
    tests: [{ file: 'test/sinks/verify-webhook.test.ts', name: 'refuses a signature that begins right' }],
  },
  {
    id: 'SM-v05',
    title: 'a scheduled purchase is what percentages are of before it can be spent',
    file: 'src/core/thresholds.ts',
    find: 'grant.effectiveAt > account.at || ',
    replace: '',
    tests: [{ file: 'test/core/accounts.test.ts', name: 'a percentage is of the last purchase, from the instant' }],
  },
];
