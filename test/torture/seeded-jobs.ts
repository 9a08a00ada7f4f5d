/** Seeded bugs of what runs beside the calls: jobs, timers, the clock, the outbox of an operator, and their ends. */
import type { SeededBug } from './seeded-bug.js';

const IDLE = 'test/outbox/idle.test.ts';
const TAKEN_OFF = 'test/outbox/taken-off.test.ts';
const RESUMED = 'test/pipeline/resumed.test.ts';
const THROTTLE = 'test/jobs/throttle.test.ts';
const SIGNALS = 'test/pipeline/signals.test.ts';
const TIME = 'test/store/time-source.test.ts';
const UNANSWERED = 'test/outbox/unanswered.test.ts';
const PROMO_REFUSALS = 'test/promos/refusals.test.ts';
const SINK_FAILING = 'test/ledger/sink-failing.test.ts';

export const JOB_BUGS: readonly SeededBug[] = [
  {
    id: 'SM-j01',
    title: 'two counts are started together and awaited one after the other',
    file: 'src/services/outbox/service.ts',
    find: 'const [pending, failed, oldestPendingAt] = await Promise.all([',
    replace: 'const counts = [',
    also: [
      {
        find: '            oldestPending(store, name, timeoutMs),\n          ]);',
        replace: `            oldestPending(store, name, timeoutMs),
          ] as const;
          const [pending, failed, oldestPendingAt] = [await counts[0], await counts[1], await counts[2]];`,
      },
    ],
    tests: [{ file: UNANSWERED, name: 'a list of sinks whose counts all fail rejects once' }],
  },
  {
    id: 'SM-j02',
    title: 'nobody waits for what a ledger sink answers to an append',
    file: 'src/services/ledger/service.ts',
    find: 'await Promise.all([sink.append(lines), sink.flush()]);',
    replace: 'void sink.append(lines);\n      await sink.flush();',
    tests: [{ file: SINK_FAILING, name: 'a sink that rejects what it is to append fails the reconciliation' }],
  },
  {
    id: 'SM-j03',
    title: 'a ledger sink that throws at once throws in a turn of its own',
    file: 'src/services/ledger/mirror.ts',
    find: '(async () => sink.ready())()',
    replace: 'sink.ready()',
    tests: [{ file: SINK_FAILING, name: 'a required sink that throws where it should reject' }],
  },
  {
    id: 'SM-j04',
    title: 'a transaction that throws at once leaves its deadline alone',
    file: 'src/db/sql/transaction.ts',
    find: '(async () => run(session))()',
    replace: 'run(session)',
    tests: [
      { file: 'test/db/postgres/connections.test.ts', name: 'a transaction that throws at once, and whose rollback' },
    ],
  },
  {
    id: 'SM-j05',
    title: 'a detail of a refusal takes the place of its code',
    file: 'src/services/pipeline/refusal-entry.ts',
    find: 'return Object.assign({}, details as JsonObject, { code });',
    replace:
      'return { code, ...Object.fromEntries(Object.entries(details).map(([k, v]) => [k.replace("promoC", "c"), v])) };',
    tests: [
      { file: PROMO_REFUSALS, name: "a refused claim keeps the error's code in entry and notification" },
      { file: PROMO_REFUSALS, name: 'a claim of SPRING whose refusal was written and not answered' },
    ],
  },
  {
    id: 'SM-j06',
    title: 'until the database has told its time, that of this machine is used',
    file: 'src/services/store/time-source.ts',
    find: '    if (measured === null) throw unknownTime();',
    replace: '    if (measured === null) return wall();',
    also: [
      {
        find: 'if (cause !== LATE || ++late === LATE_ANSWERS_MAX) throw unknownTime(cause);',
        replace: 'if (cause !== LATE || ++late === LATE_ANSWERS_MAX) return;',
      },
    ],
    tests: [
      { file: TIME, name: 'is unknown until the database has told it' },
      { file: TIME, name: 'a first ping that fails lapses no credits on a machine whose clock is a day ahead' },
    ],
  },
  {
    id: 'SM-j07',
    title: 'after a sleep the time from before it goes on',
    file: 'src/services/store/time-source.ts',
    find: 'const known = measured !== null && !hasSlept(measured) ? measured : null;',
    replace: 'const known = measured;',
    tests: [{ file: TIME, name: 'that the machine has slept through is not used' }],
  },
  {
    id: 'SM-j08',
    title: 'the report of a job needs the time of the database',
    file: 'src/services/jobs/sweep.ts',
    find: 'this.#startedAt = engine.nowForReports();',
    replace: 'this.#startedAt = engine.now();',
    tests: [{ file: TIME, name: 'jobs whose first calls of the database fail report it, and throw nothing' }],
  },
  {
    id: 'SM-j09',
    title: 'a process that was idle learns the sinks beside its first event',
    file: 'src/services/store/sink-registry.ts',
    find: 'return age > KNOWN_MAX_MS ? this.#learning : null;',
    replace: 'return null;',
    tests: [{ file: IDLE, name: 'in memory for 65 seconds writes its first event for a sink' }],
  },
  {
    id: 'SM-j10',
    title: 'what waits for a sink that was taken off is deleted whatever has become of the sink',
    file: 'src/services/outbox/retention.ts',
    find: 'await tables.writeOne([guard.change, ...page.changes], ',
    replace: 'await tables.writeOne(page.changes, ',
    tests: [{ file: TAKEN_OFF, name: 'retention deletes no new event of a sink that is registered again' }],
  },
  {
    id: 'SM-j11',
    title: 'the row of a sink that another process wrote first is taken for the same row',
    file: 'src/services/store/sink-registry.ts',
    find: '      await sleep(randomInt(1, 20));',
    replace: '      return true;',
    tests: [{ file: TAKEN_OFF, name: 'a sink is registered although another process takes it off' }],
  },
  {
    id: 'SM-j12',
    title: 'runs of start() keep their reports to themselves',
    file: 'src/services/jobs/background.ts',
    find: 'if (this.#stop.signal.aborted || skippedCount === 0) return;',
    replace: 'if (this.#stop.signal.aborted || skippedCount >= 0) return;',
    tests: [{ file: 'test/jobs/background.test.ts', name: 'a run that skips or stops is told to the log' }],
  },
  {
    id: 'SM-j13',
    title: 'nobody looks whether a relay delivers what waits',
    file: 'src/services/outbox/forgotten-relay.ts',
    find: 'now - known.since >= NEVER_RUN_AFTER_MS',
    replace: 'now < known.since',
    tests: [{ file: IDLE, name: 'is told once to the log, and in health' }],
  },
  {
    id: 'SM-j14',
    title: 'keys of the library are judged by what ids of a host usually look like',
    file: 'src/services/pipeline/engine.ts',
    find: 'this.#config.ownIds ? isOwnId(id) : UUID.test(id)',
    replace: '(this.#config.ownIds ? /^[A-Za-z0-9_-]{1,64}$/ : UUID).test(id)',
    tests: [{ file: RESUMED, name: "taken where the host's ids have slashes, dots and spaces" }],
  },
  {
    id: 'SM-j15',
    title: 'a refused retry under a key of the library does not hold up the first commit',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (!recorded && !operation.uncertain && !operation.resumes) return',
    replace: 'if (!recorded && !operation.uncertain) return',
    tests: [
      { file: RESUMED, name: 'keeps the first commit from landing, although nothing is written of this refusal' },
    ],
  },
  {
    id: 'SM-j16',
    title: 'nor does one that finds nothing to do',
    file: 'src/services/pipeline/decide-group.ts',
    find: 'if (operation.uncertain || operation.resumes) pass.fenced = true;',
    replace: 'if (operation.uncertain) pass.fenced = true;',
    tests: [{ file: RESUMED, name: 'keeps it from landing where the retry finds nothing to do' }],
  },
  {
    id: 'SM-j17',
    title: 'the refusal of a plan or promo code is not written under the id of its operation',
    file: 'src/services/pipeline/definition-call.ts',
    find: 'if (mayLand && isOwn && isFinal(refusal)) await',
    replace: 'if (mayLand && !isOwn && isFinal(refusal)) await',
    tests: [{ file: RESUMED, name: 'keeps the deletion of a plan from landing when the plan has got a subscriber' }],
  },
  {
    id: 'SM-j18',
    title: 'a sweep begins every row of a page at once',
    file: 'src/services/jobs/throttle.ts',
    find: 'while (this.#underWay > 0 && this.#weight + weight > this.#limit) {',
    replace: 'while (this.#weight + weight < 0) {',
    tests: [
      { file: THROTTLE, name: 'never weighs more than the limit, but for one piece alone' },
      { file: THROTTLE, name: 'a sweep skips no account on a database that would need longer than a deadline' },
    ],
  },
  {
    id: 'SM-j19',
    title: 'every account counts the same in what is read at once',
    file: 'src/services/jobs/throttle.ts',
    find: "('state' in row ? partsOf(changingOf(row)) : 0)",
    replace: "('state' in row && row.version < 0 ? partsOf(changingOf(row)) : 0)",
    tests: [{ file: THROTTLE, name: 'is weighed by grants, holds and draws' }],
  },
  {
    id: 'SM-j20',
    title: 'remembered accounts are counted, whatever they hold',
    file: 'src/services/pipeline/account-memory.ts',
    find: 'isOverBytes && size > 1',
    replace: 'this.#bytes < 0',
    tests: [
      { file: 'test/pipeline/account-memory.test.ts', name: 'accounts are remembered up to a number, and fewer' },
    ],
  },
  {
    id: 'SM-j21',
    title: 'a crossing by the clock that this very call wrote counts as told before',
    file: 'src/services/notifications/low-credits.ts',
    find: 'return operationId !== null && low.id ===',
    replace: 'return operationId === low.id && low.id ===',
    tests: [
      { file: 'test/notifications/notifications.test.ts', name: 'in memory by hand, low is sent once a crossing' },
    ],
  },
  {
    id: 'SM-j22',
    title: 'a fraction of a millisecond is taken as a time-out',
    file: 'src/sinks/webhook.ts',
    find: '!Number.isInteger(timeoutMs) ||',
    replace: '!Number.isFinite(timeoutMs) ||',
    tests: [{ file: 'test/sinks/webhook.test.ts', name: '{"timeoutMs":1500.5} is a CONFIGURATION error' }],
  },
  {
    id: 'SM-j23',
    title: 'every call listens to its signal by itself',
    file: 'src/services/pipeline/abort-listeners.ts',
    find: 'heard.get(signal) ?? listenTo(signal)',
    replace: 'listenTo(signal)',
    tests: [{ file: SIGNALS, name: 'mutations, 40 at once on one signal, share a listener' }],
  },
  {
    id: 'SM-j24',
    title: 'the signal of a meter follows the signal of the caller for ever',
    file: 'src/services/credits/meter.ts',
    find: '    const forget = outer && onAbort(outer, abort);',
    replace: "    const forget = () => {};\n    outer?.addEventListener('abort', abort);",
    tests: [{ file: SIGNALS, name: 'meters, 40 at once on one signal, share a listener' }],
  },
];
