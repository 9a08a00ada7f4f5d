/** Seeded bugs of Redis: the cache, the client, the limiters and the breaker. */
import type { SeededBug } from './seeded-bug.js';

const CACHE = 'src/redis/cache.ts';
const CLIENT = 'src/redis/client.ts';
const LIMITER = 'src/redis/rate-limiter.ts';
const BREAKER = 'src/circuit-breaker.ts';
const BALANCES = 'src/services/credits/balance-cache.ts';
const failing = (name: string) => ({ file: 'test/redis/failures.test.ts', name: `with the client of ioredis ${name}` });
const limiting = (name: string) => ({ file: 'test/redis/rate-limiter.test.ts', name });
const breaking = (name: string) => ({ file: 'test/cache/circuit-breaker.test.ts', name });
const own = (name: string) => ({ file: 'test/redis/own-client.test.ts', name });
const late = {
  file: 'test/redis/writers.test.ts',
  name: 'with ioredis: the entry never goes back to an older version',
};

export const REDIS_BUGS: readonly SeededBug[] = [
  {
    id: 'RD-1',
    title: 'the script does not compare versions',
    file: CACHE,
    find: '  if version and version > tonumber(ARGV[1]) then return 0 end\n',
    replace: '',
    tests: [late],
  },
  {
    id: 'RD-2',
    title: 'versions are compared as texts',
    file: CACHE,
    find: 'version > tonumber(ARGV[1])',
    replace: "string.format('%d', version) > ARGV[1]",
    tests: [late],
  },
  {
    id: 'RD-3',
    title: 'an entry has no end',
    file: CACHE,
    find: "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
    replace: "redis.call('SET', KEYS[1], ARGV[2])",
    tests: [failing('leaves no entry without an end')],
  },
  {
    id: 'RD-4',
    title: 'a value of another kind stays where it is',
    file: CACHE,
    find: "local current = redis.pcall('GET', KEYS[1])",
    replace: "local current = redis.call('GET', KEYS[1])",
    tests: [failing('believes no garbage under its keys')],
  },
  {
    id: 'RD-5',
    title: 'a script that Redis lost is not sent again',
    file: CLIENT,
    find: "        if (!String((error as Error)?.message).startsWith('NOSCRIPT')) throw error;\n",
    replace: '        if (error !== null) throw error;\n',
    tests: [failing('sends its script again to a Redis that was restarted or forgot it')],
  },
  {
    id: 'RD-6',
    title: 'a client that is not connected keeps commands for later',
    file: CLIENT,
    find: "    if (!commands.isReady()) throw new Error('The client of Redis is not connected.');\n",
    replace: '',
    tests: [own('a cache whose Redis was never there rejects with plain errors, and closes')],
  },
  {
    id: 'RD-7',
    title: 'the breaker never lets a call through again',
    file: BREAKER,
    find: '    return this.#now() >= this.#pausedUntil;',
    replace: '    return this.#pausedUntil === Number.NEGATIVE_INFINITY;',
    tests: [breaking('a failure is followed by a pause of a second, and then by one call')],
  },
  {
    id: 'RD-8',
    title: 'two probes at once',
    file: BREAKER,
    find: '    this.#isProbing = this.#isFailing;',
    replace: '    this.#isProbing = false;',
    tests: [breaking('a failure is followed by a pause of a second, and then by one call')],
  },
  {
    id: 'RD-9',
    title: 'a late success closes the breaker',
    file: BREAKER,
    find: '    if (!this.isClosed) return false;\n',
    replace: '',
    tests: [breaking('a call that was under way when the pause began and succeeds late closes nothing')],
  },
  {
    id: 'RD-10',
    title: 'the breaker never opens',
    file: BREAKER,
    find: '    this.#isOpen ||= this.#failures.length >= failureThreshold;\n',
    replace: '    this.#isOpen ||= failureThreshold < 0;\n',
    tests: [
      breaking('several within the window open it, and a probe that fails opens it again'),
      failing('goes on while Redis is frozen, and waits for it as often as the threshold says'),
    ],
  },
  {
    id: 'RD-11',
    title: 'calls go on waiting for a cache that is given up',
    file: BALANCES,
    find: "    for (const giveUp of this.#waiting) giveUp(new Error('The cache is given up for a while.'));\n",
    replace: '',
    tests: [
      {
        file: 'test/cache/balance-cache.test.ts',
        name: 'calls that wait on the cache when it is given up stop waiting',
      },
    ],
  },
  {
    id: 'RD-12',
    title: 'the limiter counts for each process',
    file: LIMITER,
    find: '    if (!this.#breaker.admits()) return this.#alone.take(key, rule);',
    replace: '    if (this.#breaker.admits()) return this.#alone.take(key, rule);',
    tests: [limiting('of 1000 calls by 4 processes at once exactly 100 pass')],
  },
  {
    id: 'RD-13',
    title: 'the limiter allows one call more',
    file: LIMITER,
    find: 'if count < limit then',
    replace: 'if count <= limit then',
    tests: [limiting('of 1000 calls by 4 processes at once exactly 100 pass')],
  },
  {
    id: 'RD-14',
    title: 'calls of one microsecond share a name, and one of them does not count',
    file: LIMITER,
    find: 'rule.windowMs * 1000, randomUUID()]',
    replace: 'rule.windowMs * 1000, randomUUID().slice(0, 1)]',
    tests: [limiting('of 1000 calls by 4 processes at once exactly 100 pass')],
  },
  {
    id: 'RD-15',
    title: 'a set of calls has no end',
    file: LIMITER,
    find: "  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))\n",
    replace: '',
    tests: [limiting('has no key without an end, and none is longer than the limit')],
  },
];
