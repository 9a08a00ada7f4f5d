/**
 * The `js` blocks of README.md: each is run here, or names the file that runs the same against a server. What stands
 * under "Coming from …" has a test of its own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { runText } from './run-text.js';
import { ROOT } from './source-files.js';

interface Program {
  /** The first line of it that is no import; together they find each block once. */
  readonly line: string;
  /** Files that run the same, where it needs a server or packages that are not here. Without them it is run here. */
  readonly provenBy?: readonly string[];
  /** What comes before it. */
  readonly before?: string;
  /** What comes after it; it returns `result`. */
  readonly after?: string;
  readonly result?: unknown;
}

const MANAGER = `
  import { createCreditManagement } from 'credit-management';
  const manager = createCreditManagement();
  const { credits } = manager;
  await credits.addCredits('user-1', 50);
`;
const CLOSE = 'await manager.close();';
/** No server is asked: nothing connects before the first call. */
const nameOfDatabase = `const result = manager.db.name; ${CLOSE} return result;`;
const balance = `const { balance } = await credits.getUserCreditsInfo('user-1'); ${CLOSE} return balance;`;

const PROGRAMS: readonly Program[] = [
  {
    ...{ line: "const db = new SqlDbManager({ url: 'postgres://app@localhost/shop' });", after: nameOfDatabase },
    result: 'postgres',
  },
  { line: "const db = MongoDbManager.fromClientUri('mongodb://localhost/?", after: nameOfDatabase, result: 'mongodb' },
  { line: 'const manager = createCreditManagementFromEnv();', after: nameOfDatabase, result: 'memory' },
  {
    line: 'const client = await pool.connect(); // with kysely',
    provenBy: ['examples/order-with-pg.ts', 'examples/order-with-kysely.ts'],
  },
  { line: 'await client.withSession((session) =>', provenBy: ['test/db/mongodb/service-hosts.test.ts'] },
  {
    line: "// import { sql } from 'drizzle-orm';",
    provenBy: ['test/backends/library-hosts.ts', 'test/db/postgres/library-sessions.test.ts'],
  },
  {
    line: "const hold = await credits.reserveCredits('user-1', 30, { ttlSeconds: 60,",
    ...{ before: MANAGER, after: `${CLOSE} return [charge.delta, charge.availableAfter];`, result: [-21.5, 28.5] },
  },
  {
    line: 'const answer = await credits.withCredits(',
    before: `${MANAGER} const callModel = async () => ({ text: 'yes', tokens: 12_000 });`,
    ...{ after: balance, result: 46.4 },
  },
  {
    line: "await credits.deductCredits('user-1', 2, { from: { sources: ['promo'] } });",
    before: `${MANAGER} await credits.addCredits('user-1', 5, { source: 'promo' });`,
    ...{ after: `${CLOSE} return [balanceAfter, dryRun.transactions.length, dryRun.events];`, result: [51, 1, []] },
  },
  { line: 'const { subscriptions, promos, jobs } = manager;', before: MANAGER, after: balance, result: 1_100 },
  {
    line: '// `user` from your own table, by the id of the Stripe subscription;',
    before: `
      import { createTestCredits } from 'credit-management/testing';
      const { clock, credits, subscriptions } = createTestCredits({ now: '2030-01-01T00:00:05Z' });
      const pro = { code: 'pro', name: 'Pro', creditLimit: 1000, price: 19, validityDays: 33 };
      await subscriptions.definePlans([{ ...pro, billingPeriod: 'monthly', renewOn: 'payment' }]);
    `,
    after: `
      const lines = (month) => ({ data: [{ period: { start: Date.UTC(2030, month - 1) / 1000 } }] });
      const invoice = (month, billing_reason) => ({ id: 'in_' + month, billing_reason, lines: lines(month) });
      const paid = (month, reason = 'subscription_cycle') =>
        onStripeEvent('u', { id: 'evt_1', type: 'invoice.paid', data: { object: invoice(month, reason) } });
      const seen = [];
      const see = async () => {
        const { status } = await subscriptions.getUserSubscriptionPlan('u');
        seen.push(status, (await credits.getUserCreditsInfo('u')).available);
      };
      for (const _ of [1, 2]) await paid(1, 'subscription_create');
      await credits.deductCredits('u', 900);
      clock.set('2030-02-01T00:30:00Z');
      await see();
      for (const _ of [1, 2]) await paid(2);
      await see();
      await onStripeEvent('u', { id: 'evt_3', type: 'customer.subscription.deleted', data: { object: {} } });
      await see();
      return seen;
    `,
    result: ['past_due', 100, 'active', 1_100, 'cancelled', 1_100],
  },
  { line: 'const stop = new AbortController();', provenBy: ['examples/jobs-with-cron.ts'] },
  { line: "await queue.upsertJobScheduler('allocation',", provenBy: ['examples/jobs-with-bullmq.ts'] },
  { line: "await boss.createQueue('allocation');", provenBy: ['examples/jobs-with-pg-boss.ts'] },
  {
    line: 'const secret = process.env.CREDIT_WEBHOOK_SECRET;',
    before: `
      import { InMemoryDbManager } from 'credit-management';
      const db = new InMemoryDbManager();
      const messages = [];
      const mailQueue = { add: async (type, message) => messages.push([type, message.user_id]) };
    `,
    after: `
      await manager.init();
      const names = (await manager.outbox.listSinks()).map(({ name }) => name);
      await manager.notifications.notifyTransactionError('user-1', 'Card declined', {});
      await manager.close();
      return [names, messages];
    `,
    result: [['shop'], [['transaction_error', 'user-1']]],
  },
  {
    line: "const sink = natsSink({ url: 'nats://localhost:4222', createStreams: true });",
    provenBy: ['test/nats/sink.test.ts'],
  },
  {
    line: "const source = natsSource({ url: 'nats://localhost:4222', createStreams: true });",
    provenBy: ['test/nats/source.test.ts'],
  },
  {
    line: 'async function receive(request) {',
    before: `
      import { createCreditManagement, webhookSink } from 'credit-management';
      const seen = new Set();
      const told = [];
      const offerMore = (available) => told.push(available);
      const send = async (url, init) => {
        for (let i = 0; i < 2; i++) await receive(new Request(url, init));
        return new Response(null, { status: 204 });
      };
    `,
    after: `
      const secret = process.env.CREDIT_WEBHOOK_SECRET;
      const sinks = [webhookSink({ name: 'shop', url: 'https://shop.example/credits', secret, fetch: send })];
      const manager = createCreditManagement({ sinks, defaults: { lowCreditThreshold: 5 } });
      await manager.credits.addCredits('user-1', 10);
      await manager.credits.deductCredits('user-1', 7);
      await manager.jobs.runOutbox();
      ${CLOSE}
      return told;
    `,
    result: [3],
  },
  {
    line: 'const manager = createCreditManagement({\n  payments: {',
    provenBy: ['test/http/webhooks.test.ts', 'test/payments/stripe-conformance.test.ts'],
  },
  {
    line: 'const { credits, payments, clock, ledger } = createTestCredits();',
    ...{ after: 'return [creditsToAdd, balance, ok];', result: [500, 300, true] },
  },
  {
    line: 'await manager.subscriptions.addSubscriptionPlan({\n  ...{ code',
    provenBy: ['test/payments/billed.test.ts'],
  },
  {
    line: 'const { credits, payments, jobs, clock } = createTestCredits();',
    ...{ after: 'return [balance, attempts.map(({ status }) => status)];', result: [590, ['paid']] },
  },
  {
    line: 'const { orders, credits } = manager;',
    before: "import { createCreditManagement } from 'credit-management';\nconst manager = createCreditManagement();",
    ...{ after: `${CLOSE} return balance;`, result: 12 },
  },
  {
    line: 'const authenticate = bearerTokens({',
    before: `${MANAGER}
      const ADMIN_TOKEN_SHA256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';
      const process = { env: { ADMIN_TOKEN_SHA256 } };
      const mounted = [];
      const app = { use: (...given) => mounted.push(...given) };
    `,
    after: `
      const headers = { authorization: 'Bearer secret' };
      const url = 'http://localhost/admin/credits/balance/user-1';
      const answer = await (await api.fetch(new Request(url, { headers }))).json();
      ${CLOSE}
      return [mounted[0], typeof mounted[1], answer.credits];
    `,
    result: ['/billing', 'function', 50],
  },
  { line: 'const merchants = createMerchantApi({', provenBy: ['test/http/merchants.test.ts'] },
  {
    line: 'const registry = new Registry();',
    before: `
      import { createCreditManagement, InMemoryDbManager } from 'credit-management';
      const db = new InMemoryDbManager();
    `,
    after: `
      await metered.credits.addCredits('user-1', 5);
      const text = await registry.metrics();
      await metered.close();
      return text.includes('credits_operations_total{verb="add",outcome="ok"} 1');
    `,
    result: true,
  },
  {
    line: 'const tracer = openTelemetryTracer();',
    before: `
      import { createCreditManagement, InMemoryDbManager } from 'credit-management';
      const db = new InMemoryDbManager();
      const sinks = [];
      const authenticate = () => ({ userId: 'user-1' });
    `,
    after: `
      const answer = await tracedApi.fetch(new Request('http://localhost/credits/balance/user-1'));
      await traced.close();
      return answer.status;
    `,
    result: 200,
  },
  {
    line: 'const spanProcessors = [new BatchSpanProcessor(new OTLPTraceExporter())];',
    provenBy: ['test/serve/tracing.test.ts', 'test/serve/traced-process.mjs'],
  },
  {
    line: 'const authenticate = (request) => userOf(request);',
    before: `${MANAGER}
      import { createRequire } from 'node:module';
      const app = createRequire(process.cwd() + '/package.json')('express')();
      const userOf = (request) => (request.headers['x-test'] ? { userId: request.headers['x-test'] } : null);
      const callModel = async () => ({ text: 'yes', tokens: 1234 });
      await credits.addCredits('user-1', 150);
    `,
    after: `
      const server = app.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const ask = async (path, user) => {
        const headers = user ? { 'x-test': user } : {};
        const url = 'http://127.0.0.1:' + server.address().port + path;
        const answer = await fetch(url, { method: 'POST', headers });
        return [answer.status, answer.headers.get('x-credits-deducted')];
      };
      const answers = [
        await ask('/api/generate'),
        await ask('/api/generate', 'user-2'),
        await ask('/api/generate', 'user-1'),
        await ask('/api/health'),
      ];
      server.closeAllConnections();
      server.close();
      await manager.close();
      return answers;
    `,
    result: [
      [401, null],
      [402, null],
      [200, '0.3702'],
      [404, null],
    ],
  },
  {
    line: 'const usages = await runWithUsageContext(async () => {',
    after: 'return usages;',
    result: [{ model: 'gpt-4o', provider: 'openai', cost: 0.05 }],
  },
  {
    line: "const idempotencyKey = 'order-7';",
    before: `${MANAGER} const missing = []; const offerMore = (amount) => missing.push(amount);`,
    ...{ after: `${CLOSE} return missing;`, result: [450] },
  },
  {
    line: 'const manager = createCreditManagement({ db, cache: new InMemoryCache() });',
    before: "import { InMemoryDbManager } from 'credit-management';\nconst db = new InMemoryDbManager();",
    ...{ after: `const { components } = await manager.health(); ${CLOSE} return components.cache;`, result: 'up' },
  },
  {
    line: 'const client = await createClient({ url: process.env.REDIS_URL }).connect();',
    provenBy: ['test/redis/conformance.test.ts'],
  },
  {
    line: 'const { credits, access } = manager;',
    before: "import { createCreditManagement } from 'credit-management';\nconst manager = createCreditManagement();",
    ...{ after: `${CLOSE} return [status, reason, available, statuses.length];` },
    result: ['enabled', 'Sufficient credits', 3, 2],
  },
  {
    line: 'const wired = createCreditService({ defaults: { trialCredits: 10 } });',
    after: 'return typeof promos.claimPromo;',
    result: 'function',
  },
  {
    line: "const test = createTestCredits({ now: '2030-01-01T00:00:00Z' });",
    before: 'const console = { log: () => {} };',
    after: "const { balance } = await test.credits.getUserCreditsInfo('user-1'); return balance;",
    result: 0,
  },
  {
    line: 'testDbManager({ describe, test }, () => new MyDbManager());',
    provenBy: ['test/db/conformance.test.ts', 'test/backends/json-db-manager.ts'],
  },
];

const guides = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n## Coming from')[0] ?? '';
const blocks = [...guides.matchAll(/^```(?:js|javascript|ts|typescript)\n(.*?)^```$/gms)].map(([, text = '']) => text);
/** The two `ts` blocks are whole examples, which readme.test.ts compares. */
const programs = blocks.filter((text) => !/^console\.log\((`charged|'clean)/m.test(text));
const bare = (text: string) => text.replaceAll(/^import .*\n/gm, '').trimStart();

afterEach(() => vi.unstubAllEnvs());

test('each is listed once, in their order', () => {
  const places = programs.map((text) => PROGRAMS.filter(({ line }) => bare(text).startsWith(line)).length);
  expect(blocks.length - programs.length).toBe(2);
  expect(places).toEqual(PROGRAMS.map(() => 1));
});

describe.each(PROGRAMS.map((program, i) => ({ ...program, text: programs[i] ?? '' })))('$line', (program) => {
  const { text, line, provenBy, before = '', after = '', result } = program;
  test('is JavaScript', () => {
    expect(bare(text).startsWith(line)).toBe(true);
    const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
    const { diagnostics } = ts.transpileModule(text, { compilerOptions: options, reportDiagnostics: true });
    expect(diagnostics).toEqual([]);
  });

  if (provenBy) {
    test('names files that exist', () => {
      expect(provenBy.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    });
    return;
  }
  test('runs', async () => {
    vi.stubEnv('CREDIT_WEBHOOK_SECRET', `whsec_${Buffer.alloc(24, 7).toString('base64')}`);
    for (const name of ['CREDIT_DATABASE_URL', 'CREDIT_MONGO_URI']) vi.stubEnv(name, '');
    const lines = `${before}\n${text}\n${after}`.replaceAll(/^ +(?=import )/gm, '');
    expect(await runText(lines)).toEqual(result);
  });
});
