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
    find: 'await accounts.written(userId, { timeoutMs, ...options }, ttlMs)',
    replace: 'await accounts.balance(userId, { timeoutMs, ...options })',
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
];
