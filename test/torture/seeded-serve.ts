/** Seeded bugs of the service: its configuration, its end, its health and its metrics. */
import type { SeededBug } from './seeded-bug.js';

const SETTINGS = 'test/serve/settings.test.ts';
const SERVICE = 'test/serve/service.test.ts';
const METRICS = 'test/metrics/prometheus.test.ts';
const CONFIG = 'test/cli/config.test.ts';
const exact = { file: METRICS, name: 'of 1,000 operations, 100 of them repeated and 100 refused, are exact' };

export const SERVE_BUGS: readonly SeededBug[] = [
  {
    id: 'SV-01',
    title: 'the first problem of the configuration hides the others',
    file: 'src/config/read.ts',
    find: 'return { settings: found, problems: [...problems, ...problemsTogether(env, found, upTo)] };',
    replace: 'return { settings: found, problems: problems.slice(0, 1) };',
    tests: [{ file: SETTINGS, name: 'is told of as a whole' }],
  },
  {
    id: 'SV-02',
    title: 'a service without anybody who tells who asks starts',
    file: 'src/serve/settings.ts',
    find: 'authenticate: isOpen ? anybody : null',
    replace: 'authenticate: anybody',
    tests: [{ file: SETTINGS, name: '{"CREDIT_API_ADMIN_TOKENS":""} is refused' }],
  },
  {
    id: 'SV-03',
    title: 'metrics are open to everybody on the port of the API',
    file: 'src/serve/listener.ts',
    find: 'if (isAllowed) return printMetrics(metrics, response);',
    replace: 'if (isAllowed || who === null) return printMetrics(metrics, response);',
    tests: [{ file: SERVICE, name: 'has metrics for administrators, by the template of the route' }],
  },
  {
    id: 'SV-04',
    title: 'a service that closes leaves requests under way without an answer',
    file: 'src/serve/service.ts',
    find: 'await listener.drain(DRAIN_MS);',
    replace: 'server.closeAllConnections();',
    tests: [{ file: SERVICE, name: 'answers what it has begun before it closes, and nothing after that' }],
  },
  {
    id: 'SV-05',
    title: 'a repetition of a key is counted as an operation',
    file: 'src/measures.ts',
    find: 'if (!failure && operation.answer?.replayed) return;',
    replace: '',
    tests: [exact],
  },
  {
    id: 'SV-06',
    title: 'a reference type of a user becomes a label',
    file: 'src/measures.ts',
    find: "typeof reference === 'string' && REFERENCES.has(reference) ? reference : 'none'",
    replace: "typeof reference === 'string' ? reference : 'none'",
    tests: [exact],
  },
  {
    id: 'SV-07',
    title: 'every account gets a series of its own',
    file: 'src/measures.ts',
    find: 'if (this.#balances.size < maxAccounts || this.#balances.has(userId))',
    replace: 'if (maxAccounts >= 0)',
    tests: [
      {
        file: METRICS,
        name: 'of many merchants no more than so many have a series of their own, and the rest is counted',
      },
    ],
  },
  {
    id: 'SV-08',
    title: 'the counters of a closed manager are lost',
    file: 'src/metrics/prometheus.ts',
    find: 'if (!this.#watched.delete(watched)) return;',
    replace: 'if (this.#watched.delete(watched)) return;',
    tests: [{ file: METRICS, name: 'of managers on one registry are added up, and stay when one is closed' }],
  },
  {
    id: 'SV-09',
    title: 'a secret is printed with the configuration',
    file: 'src/cli/config.ts',
    find: "isSecret ? '(set, not shown)' : source.values[variable]",
    replace: 'source.values[variable]',
    tests: [{ file: CONFIG, name: 'tells each value and where it comes from: flag, environment, file, default' }],
  },
  {
    id: 'SV-10',
    title: 'migrate --check makes the tables',
    file: 'src/cli/migrate.ts',
    find: 'if (isCheck) await db.ping();',
    replace: 'if (isCheck) await (await call.open()).init();',
    tests: [{ file: CONFIG, name: 'makes what is missing, from four at once, and --check makes nothing' }],
  },
];
