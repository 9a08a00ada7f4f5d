/** Seeded bugs of what follows a commit: the ledger file and the cache. */
import type { SeededBug } from './seeded-bug.js';

const CONTENT = 'test/ledger/file-content.test.ts';
const DISK = 'test/ledger/file-disk.test.ts';
const TAILS = 'test/ledger/file-tails.test.ts';

export const LEDGER_BUGS: readonly SeededBug[] = [
  {
    id: 'SB-24',
    title: 'the ledger line is written before the commit',
    file: 'src/services/pipeline/pipeline.ts',
    find: 'for (const group of next) markSent(group);',
    replace: `for (const group of next) {
        markSent(group);
        if (group.decided) void this.#config.committed(group.decided);
      }`,
    also: [{ find: 'committed: config.committed,', replace: 'committed: () => null,' }],
    tests: [
      { file: CONTENT, name: 'replays, reads and invalid input write no line' },
      { file: CONTENT, name: 'every kind of entry, refusals and acts of the library too' },
    ],
  },
  {
    id: 'SB-25',
    title: 'an error of the ledger file is swallowed, and its lines with it',
    file: 'src/ledger/ledger-file.ts',
    find: 'this.#failed(error);\n    } finally {',
    replace: 'this.#finish(this.#pending.length);\n    } finally {',
    tests: [{ file: DISK, name: 'a path that is a directory is waited for' }],
  },
  {
    id: 'SB-25b',
    title: 'an error of syncing the ledger file is swallowed',
    file: 'src/ledger/ledger-file.ts',
    find: 'this.#exclusive(() => this.#file.sync()).catch((error) => this.#failed(error));',
    replace: 'this.#exclusive(() => this.#file.sync()).catch(() => {});',
    tests: [{ file: 'test/ledger/file-fsync.test.ts', name: "a failed sync of 'interval' is told" }],
  },
  {
    id: 'SB-26',
    title: 'a torn last line is not closed off',
    file: 'src/ledger/append-file.ts',
    find: 'if (last.bytesRead === 0 || last.buffer[0] === NEWLINE[0]) return false;',
    replace: 'if (last.bytesRead <= 1) return false;',
    tests: [{ file: TAILS, name: 'when the next process writes: true a last line torn at every byte' }],
  },
  {
    id: 'SB-33',
    title: 'the cache is written inside a transaction and not invalidated when that rolls back',
    file: 'src/services/credits/service.ts',
    find: '  const verbs = new Verbs(engine, creditType);\n',
    replace: `  const verbs = new Verbs(engine, creditType);
  const run = verbs.run.bind(verbs);
  verbs.run = async (verb) => {
    const answer = await run(verb);
    const { session } = verb.options;
    const { key } = verbs.account(verb.userId);
    const row = session === undefined ? null : await engine.store.get('account', key, { session });
    if (row) await cache?.committed({ states: [versionedAccount(row)] });
    return answer;
  };
`,
    also: [
      {
        find: "import type { Engine } from '../pipeline/engine.js';\n",
        replace: `import { versionedAccount } from '../pipeline/account-memory.js';
import type { Engine } from '../pipeline/engine.js';
`,
      },
    ],
    tests: [
      {
        file: 'test/cache/host-transactions.test.ts',
        name: 'a rollback: the cache was asked nothing, and repeated reads say what was before',
      },
    ],
  },
  {
    id: 'SB-33b',
    title: 'what the cache could not take is not invalidated: the older value is read',
    file: 'src/services/credits/balance-cache.ts',
    find: 'for (const state of states) this.#noteWritten(state, at);',
    replace: '',
    tests: [
      {
        file: 'test/cache/failing.test.ts',
        name: 'a cache that rejects only when it is set: what this process wrote is read',
      },
    ],
  },
  {
    id: 'SB-33c',
    title: 'an older balance replaces a newer one in the cache',
    file: 'src/cache/memory.ts',
    find: 'if (current && current.version > version) return;',
    replace: '',
    tests: [{ file: 'test/cache/conformance.test.ts', name: 'InMemoryCache versions an older version never replaces' }],
  },
];
