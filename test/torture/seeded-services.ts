/** Seeded bugs of the way from a call to its commit: storage, conflicts, lost answers, deadlines, keys. */
import type { SeededBug } from './seeded-bug.js';

const READS = 'test/credits/reads.test.ts';
const BATCHES = 'test/pipeline/group-commit.test.ts';
const ACCEPTANCE = 'test/credits/acceptance.test.ts';
const SESSIONS = 'test/pipeline/host-sessions.test.ts';
const CONTENTION = 'test/pipeline/contention.test.ts';
const DEADLINE = 'test/pipeline/deadline.test.ts';
const UNCERTAIN = 'test/pipeline/uncertain.test.ts';
const REMEMBERED = 'test/pipeline/remembered-state.test.ts';
const CONFORMANCE = 'test/db/conformance.test.ts';

export const SERVICE_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-63',
    title: 'a process that starts erases the settings that it does not state',
    file: 'src/services/store/settings-record.ts',
    find: 'types[name] = { ...types[name], ...stated };',
    replace: 'types[name] = { ...stated };',
    tests: [
      {
        file: 'test/manager/stored-settings.test.ts',
        name: 'settings of a database, in memory what a process states is stored',
      },
    ],
  },
  {
    id: 'SB-64',
    title: 'a running process never learns what others state',
    file: 'src/services/store/store.ts',
    find: '    this.sinks.watch((options) => this.#record.learn(options));\n',
    replace: '',
    tests: [
      {
        file: 'test/manager/stored-settings.test.ts',
        name: 'settings of a database, in memory running processes learn within a minute',
      },
    ],
  },
  {
    id: 'SB-62',
    title: 'a remembered state is compared by a counter, which two histories share',
    file: 'src/services/pipeline/account-memory.ts',
    find: '+ refusals) % STEP_MAX;',
    replace: '+ refusals) % (STEP_MAX / STEP_MAX);',
    tests: [
      {
        file: 'test/pipeline/lost-commits.test.ts',
        name: 'a database that loses commits, in memory nothing later is overwritten by a process that remembers 2',
      },
    ],
  },
  {
    id: 'SB-02',
    title: 'the balance is the running total of the newest entry, whatever lapsed since',
    file: 'src/services/credits/balances.ts',
    find: 'if (at >= account.at) {',
    replace: 'if (account.seq === 0) {',
    tests: [{ file: READS, name: 'at any instant: what had taken effect by then, and what will be' }],
  },
  {
    id: 'SB-02b',
    title: 'entries are ordered by timestamp alone',
    file: 'src/models/entry.ts',
    find: "{ name: 'history', fields: ['account', 'at', 'seq'], unique: false }",
    replace: "{ name: 'history', fields: ['account', 'at'], unique: false }",
    tests: [{ file: SESSIONS, name: 'that commits has every effect, with a sound chain' }],
  },
  {
    id: 'SB-03',
    title: 'the transaction wrapper is a no-op: writes are there at once and stay',
    file: 'src/db/memory/manager.ts',
    find: 'if (staged) staged.writes.push({ table, key, row });\n      else table.put(key, row);',
    replace: 'table.put(key, row);',
    tests: [
      { file: ACCEPTANCE, name: 'CR-7 manual commit and rollback' },
      { file: CONFORMANCE, name: 'InMemoryDbManager transactions a throw in run undoes everything' },
    ],
  },
  {
    id: 'SB-04',
    title: 'keys are looked up without a unique index',
    file: 'src/models/entry.ts',
    find: "{ name: 'idempotency', fields: ['scopedKey'], unique: true }",
    replace: "{ name: 'idempotency', fields: ['scopedKey'], unique: false }",
    tests: [
      { file: ACCEPTANCE, name: 'T-MS-1, T-MS-2 a grant with an external reference happens once, with one event' },
      { file: 'test/pipeline/races.test.ts', name: '2 processes one key 200 times: one effect' },
    ],
  },
  {
    id: 'SB-09',
    title: 'the outcome of a commit is ignored: a conflict counts as committed',
    file: 'src/services/pipeline/outcomes.ts',
    find: "if (outcome.status === 'committed') {",
    replace: "if (outcome.status === 'committed' || outcome.status === 'conflict') {",
    tests: [
      { file: CONTENTION, name: 'decides on what the winner left: a refusal is never from a remembered state' },
      { file: CONTENTION, name: "'with transactions' 1 conflicts or locks in a row end in one effect" },
    ],
  },
  {
    id: 'SB-09b',
    title: 'the adapter does not look whether a conditional write matched',
    file: 'src/db/memory/manager.ts',
    find: 'current?.version === change.expectedVersion',
    replace: 'current !== undefined',
    tests: [
      { file: CONFORMANCE, name: 'InMemoryDbManager races of 50 replaces at one version exactly one commits' },
      { file: CONTENTION, name: 'decides on what the winner left: a refusal is never from a remembered state' },
    ],
  },
  {
    id: 'SB-10',
    title: 'what expires is decided on a remembered state, which may be stale',
    file: 'src/services/pipeline/decide-group.ts',
    find: "return group.fresh ? 'decided' : 'stale';",
    replace: "return 'decided';",
    tests: [{ file: REMEMBERED, name: 'expireCredits sees a lot that another process added and the clock took since' }],
  },
  {
    id: 'SB-10b',
    title: 'an expiry decided on a stale state stands: its version is not checked',
    file: 'src/services/pipeline/outcomes.ts',
    find: "if (outcome.status === 'committed') {",
    replace: `const sweeps = group.operations.every(({ command }) => command.type === 'expire');
    if (outcome.status === 'committed' || (sweeps && outcome.status === 'conflict')) {`,
    tests: [
      {
        file: 'test/pipeline/walk.test.ts',
        name: "'expireCredits' keeps its promise when any one call fails on the way to a lock and under it",
      },
    ],
  },
  {
    id: 'SB-10c',
    title: 'what expires is read before the account is its own',
    file: 'src/services/credits/spending.ts',
    find: "const { entry } = answered(\n        await verbs.run({\n          operation: 'expire',",
    replace: `const { session } = options;
      const rows = await engine.read(options, (timeoutMs) =>
        engine.store.db.getMany('account', [verbs.account(user).key], { session, timeoutMs }),
      );
      if (!((rows[0]?.dueAt ?? Number.NaN) <= (options.asOf ?? engine.now()))) return 0;
      const { entry } = answered(
        await verbs.run({
          operation: 'expire',`,
    tests: [
      { file: 'test/model/regressions.test.ts', name: 'a keyed expireCredits was not replayed once nothing was due' },
      { file: 'test/pipeline/batches.test.ts', name: 'is looked up before anything that has nothing to do' },
    ],
  },
  {
    id: 'SB-29',
    title: 'a commit without an answer is reported as a failure, and its key is free again',
    file: 'src/services/pipeline/outcomes.ts',
    find: '          operation.uncertain = true;\n',
    replace: '          this.#refuse(operation, storageError(outcome.cause));\n',
    tests: [
      { file: UNCERTAIN, name: 'is answered by its own entry when others wrote in between' },
      { file: BATCHES, name: 'is found by its own id, answered once, and never applied twice' },
    ],
  },
  {
    id: 'SB-29b',
    title: 'a commit that hangs at the deadline is reported as never sent',
    file: 'src/services/pipeline/operation.ts',
    find: "if (operation.uncertain || operation.state === 'sent') return unknownError(operation);",
    replace: 'if (operation.uncertain) return unknownError(operation);',
    tests: [{ file: DEADLINE, name: 'a commit that hangs is OUTCOME_UNKNOWN with a safe key (given: my-key)' }],
  },
  {
    id: 'SB-30',
    title: 'what a commit inside our own transaction answers is not checked',
    file: 'src/services/pipeline/transactions.ts',
    find: "      if (outcome.status !== 'committed') throw new RolledBack(outcome);\n",
    replace: '',
    tests: [{ file: CONTENTION, name: "'with transactions' 3 conflicts or locks in a row end in one effect" }],
  },
  {
    id: 'SB-30b',
    title: 'what a commit inside the transaction of a host answers is not checked',
    file: 'src/services/pipeline/transactions.ts',
    find: "    if (outcome.status !== 'committed') throw hostError(outcome);\n",
    replace: '',
    tests: [{ file: REMEMBERED, name: 'a commit that meets another writer inside a host transaction is refused' }],
  },
  {
    id: 'SB-31',
    title: 'after an unknown commit the body runs again under a new id',
    file: 'src/services/pipeline/outcomes.ts',
    find: '          operation.uncertain = true;\n',
    replace: "          Object.assign(operation.call, { operationId: operation.call.operationId + '-again' });\n",
    tests: [
      { file: BATCHES, name: 'is found by its own id, answered once, and never applied twice' },
      { file: UNCERTAIN, name: 'is answered by its own entry when others wrote in between' },
    ],
  },
  {
    id: 'SB-32',
    title: 'no deadline: a call waits for a lock as long as it is held',
    file: 'src/db/memory/manager.ts',
    find: 'if (timeoutMs !== Number.POSITIVE_INFINITY) timer',
    replace: 'if (timeoutMs < 0) timer',
    tests: [
      {
        file: CONFORMANCE,
        name: 'InMemoryDbManager locks a lock that does not come within timeoutMs rejects with an error of the library',
      },
    ],
  },
  {
    id: 'SB-32b',
    title: 'no deadline for the call: each of its steps may take that long',
    file: 'src/services/pipeline/engine.ts',
    find: 'timeoutMs: Math.max(1, until - monotonicNow()) });',
    replace: 'timeoutMs: Math.max(1, timeoutMs) });',
    tests: [{ file: DEADLINE, name: 'one deadline holds for all that a verb on a hold has to ask' }],
  },
  {
    id: 'SB-32c',
    title: 'no deadline: a commit that hangs keeps its account for ever',
    file: 'src/services/store/tables.ts',
    find: 'return await withDeadline(committing, timeoutMs, () => LATE);',
    replace: 'return await committing;',
    tests: [{ file: DEADLINE, name: 'a commit that hangs is OUTCOME_UNKNOWN with a safe key (given: my-key)' }],
  },
  {
    id: 'SB-37',
    title: 'a stored replay is shared between users: the key is unique by operation alone',
    file: 'src/models/entry.ts',
    find: `/\${account.length}/\${account}/`,
    replace: '/',
    tests: [{ file: BATCHES, name: 'a key of another account, operation or credit type is another key' }],
  },
  {
    id: 'SB-40',
    title: 'the text of a driver error reaches the caller',
    file: 'src/services/store/storage-error.ts',
    find: "databaseFailed('The database could not answer', cause)",
    replace: "databaseFailed('The database could not answer: ' + (cause as Error)?.message, cause)",
    tests: [
      { file: 'test/pipeline/batches.test.ts', name: 'a unit that the database rejects says nothing of the driver' },
    ],
  },
  {
    id: 'SM-home',
    title: 'callers who share a failure get one error, with the stack of the batch',
    file: 'src/services/pipeline/operation.ts',
    find: 'throw ledHome(settled.error, answered);',
    replace: 'throw settled.error;',
    tests: [
      { file: 'test/manager/led-home.test.ts', name: 'callers who share a failure of the database get a stack each' },
      {
        file: 'test/manager/led-home.test.ts',
        name: 'a refused deductCredits has the frame of the host who awaits it',
      },
    ],
  },
  {
    id: 'SM-doctor',
    title: 'doctor opens the manager, whatever is missing',
    file: 'src/cli/doctor.ts',
    find: '    if (isComplete)\n',
    replace: '    if (isComplete !== undefined)\n',
    tests: [{ file: 'test/cli/doctor.test.ts', name: 'leaves an empty database empty' }],
  },
  {
    id: 'SM-a',
    title: 'the remembered state is not dropped after a conflict',
    file: 'src/services/pipeline/outcomes.ts',
    find: '    for (const key of group.keys) this.#tools.memory.drop(key);\n    let conflicts = 0;\n',
    replace: '    let conflicts = 0;\n',
    also: [
      {
        find: "    if (outcome.status !== 'duplicate') for (const key of group.keys) this.#tools.memory.drop(key);\n",
        replace: '',
      },
    ],
    tests: [
      { file: REMEMBERED, name: 'without transactions: what another process wrote is read after the first conflict' },
      { file: REMEMBERED, name: 'with transactions: one conflict costs one more commit, and no lock' },
    ],
  },
  {
    id: 'SM-b',
    title: 'an op_ key is not looked up in its own batch',
    file: 'src/services/pipeline/earlier-outcome.ts',
    find: 'const row = changes.entry(call.operationId) ?? facts',
    replace: 'const row = facts',
    tests: [{ file: REMEMBERED, name: 'retries with one op_ key that share a batch are one change' }],
  },
  {
    id: 'SM-c',
    title: 'a refusal that leaves no entry is answered from a remembered state, which may be stale',
    file: 'src/services/pipeline/decide-group.ts',
    find: "if (!isChecked && !group.fresh) return 'stale';",
    replace: '',
    tests: [{ file: REMEMBERED, name: 'AMOUNT_TOO_LARGE is not refused by a balance that another process lowered' }],
  },
  {
    id: 'SB-12d',
    title: 'a queue leaves its list while it is announced, and its successor with it',
    file: 'src/services/pipeline/document-queues.ts',
    find: 'else if (!queue.isReady) this.#queues.delete(key);',
    replace: 'else this.#queues.delete(key);',
    tests: [
      {
        file: 'test/pipeline/group-commit.test.ts',
        name: 'transfers that fill batches leave no trace of their queues, with 1 lanes',
      },
    ],
  },
  {
    id: 'SM-v06',
    title: 'a usage summary counts what was written since it read the account',
    file: 'src/services/credits/usage.ts',
    find: 'if (entry.seq <= stored.seq) take(entry);',
    replace: 'take(entry);',
    tests: [
      { file: 'test/credits/usage.test.ts', name: 'a usage summary shows no entry that is newer than the account' },
    ],
  },
  {
    id: 'SM-v07',
    title: 'the parts of a charge are rounded up one by one',
    file: 'src/services/credits/usage-sums.ts',
    find: 'if (!fits(costs, cost)) continue;',
    replace: 'if (!fits(costs, Math.ceil(cost * 10 ** this.scale) / 10 ** this.scale)) continue;',
    tests: [{ file: 'test/credits/usage.test.ts', name: 'in memory by model: what was recorded' }],
  },
];
