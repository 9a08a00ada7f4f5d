/** Seeded bugs of the access status: its answer, its age, and who is told of it. */
import type { SeededBug } from './seeded-bug.js';

const SERVICE = 'src/services/credits/access.ts';
const WATCH = 'src/services/credits/access-watch.ts';

const inMemory = (name: string) => ({ file: 'test/access/status.test.ts', name: `access status, in memory ${name}` });
const away = (name: string) => ({ file: 'test/access/status.test.ts', name: `without a database ${name}` });
const watched = (name: string) => ({ file: 'test/access/watch.test.ts', name });

export const ACCESS_BUGS: readonly SeededBug[] = [
  {
    id: 'AS-1',
    title: 'the status goes by the balance, with the credits on hold',
    file: SERVICE,
    find: 'const units = availableOf(account);',
    replace: 'const units = account.balance;',
    tests: [inMemory('is enabled exactly while credits are available')],
  },
  {
    id: 'AS-2',
    title: 'an account that nobody wrote to has its trial',
    file: SERVICE,
    find: 'await accounts.written(userId, { ...options, timeoutMs }, maxAgeMs)',
    replace: 'await accounts.balance(userId, { ...options, timeoutMs })',
    tests: [inMemory('of an account that nobody wrote to is disabled, also where it would have a trial')],
  },
  {
    id: 'AS-3',
    title: 'a status is as old as the balance cache allows',
    file: 'src/services/credits/balance-cache.ts',
    find: 'age >= Math.min(ttlMs, maxAgeMs)',
    replace: 'age >= ttlMs',
    tests: [inMemory('is right after the TTL where the cache lost what was written')],
  },
  {
    id: 'AS-4',
    title: 'the last known status outlives its instant',
    file: SERVICE,
    find: '(last.validUntil === null || last.validUntil.getTime() > this.#parts.now())',
    replace: 'this.#parts.now() > 0',
    tests: [away('the last answer stands with last-known, until the clock changes it')],
  },
  {
    id: 'AS-5',
    title: 'a database that is away is an error of the caller',
    file: SERVICE,
    find: '      if (isCreditError(error, ...TOLD)) throw error;',
    replace: '      if (isCreditError(error)) throw error;',
    tests: [away('everybody is disabled, and the answers are counted')],
  },
  {
    id: 'AS-6',
    title: 'the same status is told again at every look',
    file: WATCH,
    find: '    if (watched.told === status.status) return;',
    replace: '    if (watched.told === null && status.status === null) return;',
    tests: [watched('a commit of this process is told at once, each change once and in order')],
  },
  {
    id: 'AS-7',
    title: 'nobody looks for what other processes and the clock change',
    file: WATCH,
    find: '    this.#schedule();',
    replace: '',
    tests: [watched('a change by another process and one by the clock are told within the TTL')],
  },
  {
    id: 'AS-8',
    title: 'a database that is away disables whoever is watched',
    file: WATCH,
    find: "      if (status.accountStatus !== 'error') {",
    replace: '      if (status !== null) {',
    tests: [watched('a handler that fails, and a database that is away, end nothing')],
  },
  {
    id: 'AS-9',
    title: 'readers in other languages find a status after the clock has changed it',
    file: SERVICE,
    find: 'const left = Math.min(ttlMs, (validUntil?.getTime() ?? Number.POSITIVE_INFINITY) - now());',
    replace: 'const left = ttlMs + 0 * now();',
    tests: [
      {
        file: 'test/redis/status.test.ts',
        name: 'readers in other languages find the status, until time alone changes it',
      },
    ],
  },
  {
    id: 'AS-10',
    title: 'an option that is left out undoes the longest time of an answer',
    file: SERVICE,
    find: '{ ...options, timeoutMs }',
    replace: '{ timeoutMs, ...options }',
    tests: [
      {
        file: 'test/access/status.test.ts',
        name: 'without a database a database that hangs is waited for no longer than the timeout',
      },
    ],
  },
  {
    id: 'AS-11',
    title: 'the memory of the process answers who asks for the newest',
    file: 'src/services/credits/accounts-now.ts',
    find: 'if (!cache || session !== undefined || fresh || signal',
    replace: 'if (!cache || session !== undefined || signal',
    tests: [
      {
        file: 'test/access/status.test.ts',
        name: 'the memory of this process is not asked by who wants the newest, or reads in a transaction',
      },
    ],
  },
  {
    id: 'AS-12',
    title: 'a text of the cache that was right once is right for ever',
    file: 'src/services/credits/balance-cache.ts',
    find: 'if (known?.text === text) return known.fields;',
    replace: 'if (known) return known.fields;',
    tests: [
      {
        file: 'test/cache/reads.test.ts',
        name: 'T-CM-3 the cache follows every mutation: no read after the first reaches the store',
      },
    ],
  },
  {
    id: 'AS-13',
    title: 'who watches is not told that the manager is closed',
    file: WATCH,
    find: '        onEnd?.();',
    replace: '',
    tests: [{ file: 'test/http/status-events.test.ts', name: 'end when the manager is closed' }],
  },
  {
    id: 'AS-14',
    title: 'an old value of the cache hides a change from those who watch',
    file: SERVICE,
    find: 'this.#look(userId, options, 0)',
    replace: 'this.#status(userId, options)',
    tests: [watched('a change by another process is told although the cache of this one has the status from before')],
  },
];
