/** The commands as they are typed: what they print, what they change, and how they end. */
import { expect, test } from 'vitest';
import { type CliIo, EXIT } from '../../src/cli/command.js';
import { runCli } from '../../src/cli/main.js';
import { mongodbSchema } from '../../src/db/mongodb/schema-text.js';
import { postgresSchema } from '../../src/db/sql/postgres/schema-text.js';
import { createCreditManagement, type EventSink, InMemoryDbManager } from '../../src/index.js';
import type { CreditManagement } from '../../src/services/manager/contract.js';
import { testClock } from '../../src/testing/clock.js';
import { newFile } from '../support/audit-world.js';

/** A database that outlives the managers of single commands. */
class LastingDb extends InMemoryDbManager {
  override async close(): Promise<void> {}
}

function terminal(options: { filePath?: string; isTerminal?: boolean } = {}) {
  const db = new LastingDb();
  const clock = testClock();
  const stop = new AbortController();
  const said = { out: '', err: '' };
  const seen: Readonly<Record<string, string | undefined>>[] = [];
  const io: { -readonly [K in keyof CliIo]: CliIo[K] } = {
    env: { NODE_ENV: 'test', CREDIT_DATABASE_URL: 'postgres://named.by/the-environment' },
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    isTerminal: options.isTerminal ?? false,
    ask: null,
    signal: stop.signal,
  };
  const open = (types: readonly string[] = [], sinks: readonly EventSink[] = [], creditScale?: number) => {
    const creditTypes = Object.fromEntries(types.map((name) => [name, {}]));
    const ledger = options.filePath === undefined ? undefined : { filePath: options.filePath };
    return createCreditManagement({
      db,
      clock,
      creditTypes,
      creditScale,
      ledger,
      sinks,
    }) as unknown as CreditManagement<unknown>;
  };
  /** Runs a command; answers its exit code and what it said. */
  const run = async (line: string, ...more: string[]) => {
    said.out = '';
    said.err = '';
    const program = {
      open: (env: CliIo['env'], types: readonly string[], creditScale?: number) => {
        seen.push(env);
        return open(types, [], creditScale);
      },
      schemas: { postgres: postgresSchema, mongodb: mongodbSchema },
      openapi: () => ({ openapi: '3.1.0' }),
      serve: async () => ({ problems: [] }),
    };
    const code = await runCli([...line.split(' ').filter(Boolean), ...more], io, program);
    return { code, ...said };
  };
  const json = async (line: string, ...more: string[]) => {
    const { code, out, err } = await run(`${line} --json`, ...more);
    return { code, err, value: JSON.parse(out) };
  };
  return { run, json, open, db, clock, seen, stop, io };
}

test('add, deduct and adjust demand an actor and a reason, which the entry keeps', async () => {
  const { run, json, open } = terminal();
  expect(await run('add u 5')).toMatchObject({ code: EXIT.usage, out: '' });
  expect((await run('add u 5 --actor ann')).err).toContain('--reason is needed.');
  const by = ['--actor', 'ann', '--reason', 'a gift'];
  expect(await run('add u 12.5', ...by)).toMatchObject({ code: EXIT.done, err: '' });
  expect((await run('deduct u 2', ...by)).out).toMatch(/deduct {2}-2 {2}balance 10\.5/);
  expect((await run('adjust', ...by, '--', 'u', '-0.5')).out).toContain('balance 10');
  const refused = await run('deduct u 100', ...by);
  expect(refused).toMatchObject({ code: EXIT.failed, out: '' });
  expect(refused.err).toMatch(/^INSUFFICIENT_CREDITS: 100 credits were requested/);
  expect((await json('deduct u 100', ...by)).value.error).toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
  const { items } = await open().credits.getCreditHistory('u');
  expect(items.map(({ actor, reason }) => `${actor} ${reason}`)).toEqual(Array(3).fill('ann a gift'));
  expect((await run('balance u')).out).toBe('balance 10, reserved 0, available 10, debt 0\n');
});

test('a key makes a repeated command a replay', async () => {
  const { json, run } = terminal();
  const line = 'add u 5 --actor ann --reason gift --key k1';
  expect([(await json(line)).value.replayed, (await json(line)).value.replayed]).toEqual([false, true]);
  expect((await run('balance u')).out).toContain('balance 5,');
});

test('history pages, for people and for machines; another credit type is another account', async () => {
  const { run, json } = terminal();
  const by = ['--actor', 'ann', '--reason', 'r'];
  for (const amount of ['1', '2', '3']) await run(`add u ${amount}`, ...by);
  await run('add u 9 --credit-types image --credit-type image', ...by);
  const first = await json('history u --limit 2');
  expect(first.value.items.map(({ delta }: { delta: number }) => delta)).toEqual([3, 2]);
  const next = await run(`history u --limit 2 --cursor ${first.value.nextCursor}`);
  expect(next.out).toMatch(/^\S+ {2}add {2}\+1 {2}balance 1 .*\n$/);
  expect((await run('history u --limit 2')).out).toContain('next page: --cursor');
  expect((await run('balance u --credit-types image --credit-type image')).out).toContain('balance 9,');
  // Once declared, a credit type is known to the database.
  expect((await run('balance u --credit-type image')).out).toContain('balance 9,');
  expect((await run('balance u --credit-type video')).code).toBe(EXIT.failed);
});

test('text that callers stored is printed on one line, its control characters escaped', async () => {
  const { run, json, open } = terminal();
  const description = '\u001b[2Jfine\n2026-01-01  add  +1000\u007f\u009b31m\u202e';
  const shown = '\\u001b[2Jfine\\u000a2026-01-01  add  +1000\\u007f\\u009b31m\\u202e';
  await open().credits.addCredits('u', 5, { description });
  const history = await run('history u');
  expect(history.out).toContain(shown);
  expect(history.out.split('\n')).toHaveLength(2);
  const machine = await run('history u --json');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be printed
  expect(machine.out.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect((await json('history u')).value.items[0]).toMatchObject({ description });
  for (const words of [['balance', '\u001b[2J'], ['dance\u001b[2J'], ['balance', 'u', '--fast\u001b[2J']]) {
    const told = await run('', ...words);
    expect(told.err).not.toContain('\u001b');
  }
});

test('jobs report what they did, and tell by their exit code whether something is left', async () => {
  const { run, json, open, clock, stop } = terminal({ isTerminal: true });
  const { credits, subscriptions } = open();
  await credits.addCredits('u', 5, { expiresAt: new Date(clock.now().getTime() + 1_000) });
  const plan = { name: 'P', creditLimit: 10, price: 0, billingPeriod: 'daily' } as const;
  await subscriptions.setUserSubscriptionPlan('s', await subscriptions.addSubscriptionPlan(plan));
  clock.advance({ days: 1 });
  const expired = await run('expire');
  expect(expired).toMatchObject({ code: EXIT.done });
  expect(expired.out).toMatch(/^expiration: completed, 2 processed, 10 credits granted, 15 credits expired, /);
  expect(expired.err).toContain('expiration: 2');
  clock.advance({ days: 1 });
  const allocated = { job: 'allocation', granted: 10, expired: 10, processed: 1 };
  expect((await json('allocate')).value).toMatchObject(allocated);
  expect((await run('run --once')).code).toBe(EXIT.done);
  expect((await run('allocate --batch-size 0')).code).toBe(EXIT.failed);
  expect((await run('allocate --batch-size ten')).code).toBe(EXIT.usage);
  stop.abort();
  expect((await json('expire')).value.status).toBe('stopped');
  expect((await run('expire')).code).toBe(EXIT.problems);
  expect((await run('run')).code).toBe(EXIT.done);
});

test('run begins its rounds as a cron pattern says, until it is stopped', async () => {
  const { run, open, clock, stop, io } = terminal();
  await open().credits.addCredits('u', 5, { expiresAt: new Date(clock.now().getTime() + 1_000) });
  clock.advance({ days: 1 });
  // Every second; the first round waits for its time as well.
  const running = run('run', '--cron', '* * * * * *', '--zone', 'Asia/Kolkata');
  const out = new Promise<string>((resolve) => (io.out = resolve));
  expect(await out).toMatch(/^expiration: completed, 1 processed, 5 credits expired/);
  stop.abort();
  expect((await running).code).toBe(EXIT.done);
  const wrong = [
    ['--cron', 'never'],
    ['--cron', '* * * * *', '--zone', 'Mars/Olympus'],
    ['--cron', '* * * * *', '--every', '5'],
    ['--zone', 'UTC'],
    ['--every', '0'],
  ];
  for (const flags of wrong) expect([flags, (await run('run', ...flags)).code]).toEqual([flags, EXIT.usage]);
  // A pattern without a next time is done.
  expect((await terminal().run('run', '--cron', '2020-01-01T00:00:00')).code).toBe(EXIT.done);
});

test('ledger: verified, reconciled, and rebuilt only when told so', async () => {
  const filePath = newFile();
  const { run, json } = terminal({ filePath });
  await run('add u 5 --actor ann --reason r');
  expect((await json('ledger verify')).value).toMatchObject({ ok: true, problemCount: 0 });
  expect((await run('ledger verify --user u')).out).toMatch(/^\d+ entries checked, 0 problems\n$/);
  expect((await json('ledger reconcile')).value).toEqual({ added: 0 });
  expect((await run('ledger rebuild')).code).toBe(EXIT.usage);
  expect((await run('ledger rebuild --yes')).out).toMatch(/^\d+ lines written\n$/);
  expect((await terminal().run('ledger rebuild --yes')).err).toContain('CONFIGURATION');
});

test('long work moves a bar on a terminal, clears it at its end, and shows none when piped', async () => {
  const filePath = newFile();
  const seen = terminal({ filePath, isTerminal: true });
  await seen.run('add u 5 --actor ann --reason r');
  const cleared = '\r\u001b[2K';
  const bar = `${cleared}[=${' '.repeat(19)}]`;
  for (const line of ['ledger verify', 'ledger rebuild --yes']) {
    const { err, code } = await seen.run(line);
    expect([code, err.startsWith(bar), err.endsWith(cleared)]).toEqual([EXIT.done, true, true]);
    expect(err).toMatch(/\] \d+ (entries|lines)/);
  }
  seen.io.isTerminal = false;
  for (const line of ['ledger verify', 'ledger rebuild --yes', 'expire']) expect((await seen.run(line)).err).toBe('');
});

test('sinks: listed, sent to again, and taken off only when told so', async () => {
  const { run, json, open } = terminal();
  const manager = open([], [{ name: 'crm', publish: () => Promise.reject(new Error('no')) }]);
  await manager.credits.addCredits('u', 1);
  expect((await run('sinks list')).out).toMatch(/^crm: [1-9] wait, 0 failed\n$/);
  expect((await json('sinks retry')).value).toEqual({ retried: 0 });
  expect((await run('sinks retry --sink nobody')).err).toMatch(/^NOT_FOUND: /);
  expect((await json('sinks replay crm --since 2020-01-01T00:00:00Z')).value).toEqual({ replayed: 0 });
  expect((await run('sinks replay crm --since then')).err).toMatch(/^INVALID_ARGUMENT: .*since/);
  expect((await run('sinks replay crm')).err).toMatch(/since/);
  const asked = await run('sinks remove crm');
  expect(asked).toMatchObject({ code: EXIT.usage, err: expect.stringContaining('out of every process') });
  expect(await run('sinks remove crm --yes')).toMatchObject({ code: EXIT.done, out: 'removed\n' });
  expect((await json('sinks list')).value).toEqual({ sinks: [] });
});

test('doctor names what it looked at', async () => {
  const { run, json, open } = terminal();
  const fresh = [{ ok: true, found: 'memory' }, {}, { found: expect.stringMatching(/^none yet/) }, { what: 'clock' }];
  expect((await json('doctor')).value).toMatchObject({ checks: fresh });
  await open().credits.addCredits('u', 1);
  const used = [{ ok: true, found: 'memory' }, {}, { found: 'as stored' }, { what: 'clock' }, { what: 'health' }];
  expect((await json('doctor')).value).toMatchObject({ checks: used });
  expect((await run('doctor')).out).toContain('tables and indexes: all there');
});

test('without a database nothing is done, unless memory is asked for', async () => {
  const { run, json, seen, io } = terminal();
  io.env = { NODE_ENV: 'test', CREDIT_DATABASE_URL: '', CREDIT_ALLOW_MEMORY: '1' };
  const line = 'add u 5 --actor ann --reason gift';
  for (const command of [line, 'balance u', 'doctor', 'expire', 'ledger verify']) {
    const { code, out, err } = await run(command);
    expect([code, out]).toEqual([EXIT.usage, '']);
    expect(err).toMatch(/^CONFIGURATION: No database: .*--memory.* credit-management \w.* --help says more\.\n$/);
  }
  expect(await json(line)).toMatchObject({ code: EXIT.usage, value: { error: { code: 'CONFIGURATION' } } });
  expect(seen).toEqual([]);
  expect((await run(`${line} --memory`)).code).toBe(EXIT.done);
  expect(seen[0]).toMatchObject({ CREDIT_ALLOW_MEMORY: '1' });
  expect((await run(`${line} --memory --database-url postgres://x`)).code).toBe(EXIT.usage);
});

test('what went wrong is told in one line, which names --help where the command is wrong', async () => {
  const { run } = terminal();
  const wrong = ['add u 5', 'balance', 'balance u --fast', 'dance', 'schema --backend graph', 'run --every 0'];
  for (const line of wrong) {
    const { code, out, err } = await run(line);
    expect([line, code, out]).toEqual([line, EXIT.usage, '']);
    expect(err).toMatch(/^[^\n]*--help[^\n]*\n$/);
  }
  expect((await run('deduct u 5 --actor ann --reason r')).err).toMatch(/^INSUFFICIENT_CREDITS: [^\n]*\n$/);
});

test('flags stand for variables of the environment', async () => {
  const { run, seen } = terminal();
  await run('balance u --database-url postgres://x --mongo-uri mongodb://y --mongo-db d --ledger-file f');
  expect(seen[0]).toEqual({
    ...{ NODE_ENV: 'test', CREDIT_DATABASE_URL: 'postgres://x', CREDIT_MONGO_URI: 'mongodb://y' },
    ...{ CREDIT_MONGO_DB: 'd', CREDIT_LEDGER_FILE: 'f' },
  });
});

test('what is no command is told so, with what there is; help is asked for', async () => {
  const { run, seen } = terminal();
  expect(await run('dance')).toMatchObject({ code: EXIT.usage, out: '' });
  expect((await run('')).out).toContain('ledger verify');
  expect(await run('help')).toMatchObject({ code: EXIT.done, err: '' });
  expect((await run('expire --help')).out).toContain('--batch-size <rows>');
  expect((await run('balance')).err).toContain('balance takes <user>.');
  expect((await run('balance u --fast')).code).toBe(EXIT.usage);
  expect(seen).toEqual([]);
});

test('schema: a backend is needed, and the result goes to the output alone', async () => {
  const { run } = terminal();
  expect(await run('schema')).toMatchObject({ code: EXIT.usage, out: '' });
  expect((await run('schema --backend graph')).code).toBe(EXIT.usage);
  expect((await run('schema --backend sql --dialect oracle')).code).toBe(EXIT.usage);
  const sql = await run('schema --backend sql --dialect postgres --prefix my_');
  expect(sql).toMatchObject({ code: EXIT.done, err: '' });
  expect(sql.out).toContain('create table "public"."my_account"');
  const { out, err } = await run('schema --backend nosql');
  expect(err).toBe('');
  const { credit_entry: entry } = JSON.parse(out);
  expect(entry.validator.$jsonSchema.properties.type.description).toMatch(/^one of add, deduct, expire/);
  expect(entry.indexes).toContainEqual(expect.objectContaining({ name: 'idempotency', unique: true }));
});

test('the program states nothing: scale, trial and thresholds are those of the database', async () => {
  const { run, json, db, clock } = terminal();
  const defaults = { trialCredits: 50, lowCreditThreshold: 40 };
  const app = createCreditManagement({
    db,
    clock,
    creditScale: 2,
    defaults,
    creditTypes: { image: { trialCredits: 4 } },
  });
  await app.init();
  const by = ['--actor', 'ann', '--reason', 'a gift'];
  expect((await run('add u 5.25', ...by)).code).toBe(EXIT.done);
  expect((await json('balance u')).value).toMatchObject({ balance: 55.25 });
  expect((await run('add u 1 --credit-type image', ...by)).code).toBe(EXIT.done);
  expect((await json('balance u --credit-type image')).value).toMatchObject({ balance: 5 });
  expect((await app.health()).differingSettings).toEqual([]);
  await app.close();
});
