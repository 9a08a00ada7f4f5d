/** README.md's tables of options, variables and flags name everything that there is, and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/main.js';
import { readVariables } from '../../src/config/read.js';
import { notesOf, variableNames } from '../../src/config/variables.js';
import { jwt } from '../../src/entries/http.js';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { razorpayProvider } from '../../src/entries/razorpay.js';
import { SqlDbManager } from '../../src/entries/sql.js';
import { stripeProvider } from '../../src/entries/stripe.js';
import { createCreditManagementFromEnv } from '../../src/env.js';
import { creditError } from '../../src/errors.js';
import { createCreditManagement, InMemoryCache, type LoggerLike, webhookSink } from '../../src/index.js';
import { rangeOf, readConfiguration, type Setting } from './configuration-tables.js';
import { exportedOptionTypes, optionsOf, variablesOf } from './declared-options.js';
import { ROOT, sourceFiles } from './source-files.js';

const src = sourceFiles('src');
const tables = readConfiguration(readFileSync(join(ROOT, 'README.md'), 'utf8'));
const rowsOf = (title: string): readonly Setting[] => tables.get(title) ?? [];
const namesOf = (title: string) => rowsOf(title).map(({ name }) => name);

/** Parts of the options of a manager. */
const PARTS = [
  'AdminApiOptions',
  'ApiOptions',
  'CreditsApiOptions',
  'MerchantApiOptions',
  'WebhookApiOptions',
  'AccessSettings',
  'AccountDefaults',
  'CacheOptions',
  'DeductionOptions',
  'LedgerFileOptions',
  'LedgerOptions',
  'OrderSettings',
  'OutboxSettings',
];
/** The types that each table is about. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  createCreditManagement: ['CreditManagementOptions'],
  SqlDbManager: ['SqlOptions'],
  MongoDbManager: ['MongoOptions'],
  InMemoryDbManager: ['InMemoryDbManager'],
  InMemoryCache: ['InMemoryCacheOptions'],
  RedisCache: ['RedisOptions', 'RedisQueueOptions'],
  InMemoryRateLimiter: ['InMemoryRateLimiterOptions'],
  limitRate: ['RateLimitOptions'],
  webhookSink: ['WebhookSinkOptions'],
  prometheusMetrics: ['PrometheusOptions'],
  openTelemetryTracer: ['OpenTelemetryOptions'],
  natsSink: ['NatsSinkOptions'],
  natsSource: ['NatsSourceOptions'],
  razorpayProvider: ['RazorpayOptions'],
  stripeProvider: ['StripeOptions'],
  createCreditsApi: ['createUserApi', 'createAdminApi', 'createCreditsApi', 'createMerchantApi'],
  creditDeduction: ['DeductionSettings', 'UserSource', 'UsageSource'],
  jwt: ['JwtOptions'],
  'manager.start': ['StartOptions'],
  'manager.jobs': ['JobOptions', 'Jobs'],
};
/** Options of a single call: their docstrings tell of them. */
const OF_A_CALL = [
  ...[
    'AccessOptions',
    'CountOptions',
    'WatchOptions',
    'ReplayOptions',
    'AuditTrailOptions',
    'DeadLetterOptions',
    'DeadLetterReplayOptions',
    'HandlerOptions',
    'MessageCallOptions',
    'AddOptions',
    'CallOptions',
    'CancelOptions',
    'CommitOptions',
    'CreditErrorOptions',
    'CycleOptions',
    'DeductAfterServiceOptions',
    'DeductOptions',
    'DefineOptions',
    'ExpiringOptions',
  ],
  ...['HistoryOptions', 'ListOptions', 'MeterOptions', 'MutationOptions', 'NotifyOptions', 'OutboxOptions'],
  ...[
    'ReadOptions',
    'GraceOptions',
    'PauseOptions',
    'RenewOptions',
    'ReserveOptions',
    'VoidOptions',
    'SetPlanOptions',
    'StoreOptions',
    'SpanOptions',
    'UpdatePlanOptions',
    'UpgradeOptions',
    'VerifyOptions',
  ],
  'FakeProviderOptions',
  'GrantListOptions',
  'HoldListOptions',
  'SubscriptionListOptions',
  'OrderCallOptions',
  'TransactionPageOptions',
  'UsageOptions',
  'VerifyWebhookOptions',
  'RenewOptions',
];

/** What a client of MongoDB is given, by the library; and what stands in a table under another name. */
const NOT_OURS = [
  ...['CommandSettings', 'CountSettings', 'DatabaseSettings', 'ReadSettings', 'TransactionSettings'].flatMap((name) => [
    name,
    `Mongo${name}`,
  ]),
  ...['DriverOptions', 'TestCreditsOptions'],
];

describe('options', () => {
  test.each(Object.entries(TABLES))('%s', (title, types) => {
    const declared = types.flatMap((type) => optionsOf(type));
    expect(declared.length).toBeGreaterThan(0);
    expect(namesOf(title).sort()).toEqual([...new Set(declared)].sort());
  });

  test('createTestCredits', () => {
    const known = optionsOf('CreditManagementOptions');
    const own = optionsOf('createTestCredits').filter((name) => !known.includes(name));
    expect(namesOf('createTestCredits').sort()).toEqual(own.sort());
  });

  test('no exported type of options is forgotten', () => {
    const known = [...Object.values(TABLES).flat(), ...PARTS, ...OF_A_CALL, ...NOT_OURS];
    expect(exportedOptionTypes(src).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('variables of the environment', () => {
  test('are told as their schema says', () => {
    const told = rowsOf('Environment variables').map(({ name, cells: { default: usual, values, meaning } }) => ({
      ...{ name, usual, values, meaning },
    }));
    const noted = variableNames.map((name) => {
      const { usual, values, meaning } = notesOf(name);
      return { name, usual, values, meaning };
    });
    expect(told).toEqual(noted);
  });

  test('are read, each of them, and no other one is', () => {
    const code = new Map([...src].filter(([path]) => path !== 'src/config/variables.ts'));
    const all = [...code.values()].join('\n');
    expect(variableNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(all))).toEqual([]);
    const isVariable = (name: string) => /^[A-Z][A-Z0-9_]*[A-Z0-9]$/.test(name);
    expect(variablesOf(code).filter((name) => isVariable(name) && !variableNames.includes(name as never))).toEqual([]);
  });
});

describe('flags of the command line', () => {
  const help = async (...typed: string[]): Promise<string> => {
    let out = '';
    const io = { env: {}, out: (text: string) => (out += text), err: () => {}, isTerminal: false, ask: null };
    const program = { open: () => createCreditManagement(), schemas: { postgres: () => '', mongodb: () => ({}) } };
    await runCli([...typed, '--help'], { ...io, signal: new AbortController().signal }, program as never);
    return out;
  };
  const flagsIn = (text: string) => [...text.matchAll(/^ {2}(--[\w-]+(?: <[^>]+>)?) /gm)].map(([, flag = '']) => flag);

  test('each with its commands', async () => {
    const whole = await help();
    const common = flagsIn(whole);
    const commands = [...whole.matchAll(/^ {2}([a-z]+(?: [a-z]+)?)(?: <| {2})/gm)].map(([, name = '']) => name);
    expect(commands.length).toBeGreaterThan(15);
    const found = new Map(common.map((flag): [string, string[]] => [flag, ['all']]));
    for (const command of commands) {
      for (const flag of flagsIn(await help(...command.split(' ')))) {
        if (!common.includes(flag)) found.set(flag, [...(found.get(flag) ?? []), command]);
      }
    }
    const told = rowsOf('Command line').map(({ name, cells }) => [
      name,
      cells.commands?.replaceAll('`', '').split(', '),
    ]);
    expect(new Map(told.map(([flag, names]) => [flag, [...(names ?? [])].sort()]))).toEqual(
      new Map([...found].map(([flag, names]) => [flag, names.sort()])),
    );
  });
});

describe('ranges', () => {
  const quiet: LoggerLike = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const uri = 'mongodb://localhost';
  const webhook = { name: 'x', url: 'https://x.example', secret: `whsec_${Buffer.alloc(24).toString('base64')}` };
  const keys = { keyId: 'k', keySecret: 's', secretKey: 's', webhookSecret: 'x'.repeat(16) };
  const manager = createCreditManagement();
  /** Takes a value for an option, or throws. */
  const takers: Readonly<Record<string, (name: string, value: number) => unknown>> = {
    createCreditManagement: (name, value) => {
      const [group = '', member] = name.split('.');
      const rest = group === 'cache' ? { backend: new InMemoryCache() } : {};
      return createCreditManagement({ [group]: member ? { ...rest, [member]: value } : value });
    },
    SqlDbManager: (name, value) => new SqlDbManager({ url: 'postgres://localhost/x', [name]: value }),
    MongoDbManager: (name, value) => new MongoDbManager({ uri, [name]: value }),
    InMemoryCache: (name, value) => new InMemoryCache({ [name]: value }),
    webhookSink: (name, value) => webhookSink({ ...webhook, [name]: value }),
    razorpayProvider: (name, value) => razorpayProvider({ ...keys, [name]: value }),
    stripeProvider: (name, value) => stripeProvider({ ...keys, [name]: value }),
    jwt: (name, value) => jwt({ issuer: 'i', audience: 'a', algorithms: ['RS256'], jwks: {}, [name]: value }),
    'manager.start': async (name, value) => {
      const own = createCreditManagement();
      try {
        own.start({ [name]: value });
      } finally {
        await own.close();
      }
    },
    'manager.jobs': (name, value) => manager.jobs.runExpiringNotifications({ [name]: value }),
    'Environment variables': (name, value) => {
      const env = { CREDIT_MONGO_URI: uri, REDIS_URL: 'redis://localhost', [name]: String(value) };
      const { problems } = readVariables(env, 'service');
      if (problems.length > 0) throw creditError('CONFIGURATION', 'No service.', { problems: [...problems] });
      return createCreditManagementFromEnv({ logger: quiet }, env);
    },
  };
  const ranges = Object.entries(takers).flatMap(([title, take]) =>
    rowsOf(title).flatMap(({ name, cells }) => {
      const range = rangeOf(cells.values ?? '');
      return range ? [{ title, name, take, ...range }] : [];
    }),
  );
  const codeOf = async (run: () => unknown): Promise<string> => {
    try {
      await run();
      return 'taken';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test('there are many', () => {
    expect(ranges.length).toBeGreaterThan(25);
  });

  test.each(ranges)('$title $name: $min–$max', async ({ name, take, min, max }) => {
    const refused = expect.stringMatching(/^(CONFIGURATION|INVALID_ARGUMENT)$/);
    expect(await codeOf(() => take(name, min))).toBe('taken');
    expect(await codeOf(() => take(name, min - (Number.isInteger(min) ? 1 : 0.01)))).toEqual(refused);
    if (max === Number.POSITIVE_INFINITY) return;
    expect(await codeOf(() => take(name, max))).toBe('taken');
    expect(await codeOf(() => take(name, max + 1))).toEqual(refused);
  });
});
