/** The commands on records as they are typed: each by itself, in memory and on PostgreSQL. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { askOn } from '../../src/cli/ask.js';
import { type CliIo, EXIT } from '../../src/cli/command.js';
import { runCli } from '../../src/cli/main.js';
import { createCreditManagementFromEnv } from '../../src/env.js';
import { createCreditManagement, InMemoryDbManager, type Row } from '../../src/index.js';
import type { CreditManagement } from '../../src/services/manager/contract.js';
import { testClock } from '../../src/testing/clock.js';
import { describePostgres } from '../backends/postgres.js';
import { QUIET } from '../support/quiet.js';

type Open = (creditTypes: readonly string[], creditScale?: number) => CreditManagement<unknown>;

const BY = ['--actor', 'ann', '--reason', 'asked'];

/** Runs single commands against one database. */
function shell(open: Open, ask: CliIo['ask'] = null) {
  const said = { out: '', err: '' };
  const io: CliIo = {
    ...{ env: { NODE_ENV: 'test', CREDIT_DATABASE_URL: 'postgres://x' }, isTerminal: ask !== null, ask },
    signal: new AbortController().signal,
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  };
  const schemas = { postgres: () => '', mongodb: () => ({}) };
  const run = async (line: string, ...more: string[]) => {
    said.out = '';
    said.err = '';
    const typed = [...line.split(' '), ...more];
    const code = await runCli(typed, io, {
      open: (_, types, scale) => open(types, scale),
      schemas,
      openapi: () => ({}),
      serve: async () => ({ problems: [] }),
    });
    return { code, ...said };
  };
  /** Answers the JSON of a command that must be done. */
  const json = async (line: string, ...more: string[]) => {
    const { code, out, err } = await run(`${line} --json`, ...more);
    expect([line, code, err]).toEqual([line, EXIT.done, '']);
    return JSON.parse(out);
  };
  /** A change: refused without --yes, with the sentence that says it; then made. */
  const confirmed = async (would: string, line: string, ...more: string[]) => {
    const words = [...more, ...BY];
    const asked = await run(line, ...words);
    expect(asked).toMatchObject({ code: EXIT.usage, out: '' });
    expect(asked.err).toContain(would);
    expect(asked.err).toContain('. Add --yes to do it.');
    return json(`${line} --yes`, ...words);
  };
  return { run, json, confirmed };
}

function inMemory(ask: CliIo['ask'] = null) {
  class LastingDb extends InMemoryDbManager {
    override async close(): Promise<void> {}
  }
  const [db, clock] = [new LastingDb(), testClock()];
  const open: Open = (types, creditScale) => {
    const creditTypes = Object.fromEntries(types.map((name) => [name, {}]));
    return createCreditManagement({ db, clock, creditScale, creditTypes, logger: QUIET }) as never;
  };
  return { ...shell(open, ask), open, db };
}

function suite(make: () => ReturnType<typeof shell>) {
  test('accounts: created, changed, shown and listed', async () => {
    const { run, json, confirmed } = make();
    const trial = ['--trial-credits', '50'];
    const made = await confirmed(
      'This would create the account of a1 with {"trialCredits":"50"}.',
      'accounts create a1',
      ...trial,
    );
    expect(made).toMatchObject({ userId: 'a1', balance: 50 });
    const options = ['--overdraft-limit', '7.5', '--low-credit-thresholds', '20,10%', '--metadata', '{"team":"x"}'];
    await confirmed('This would change the account of a1 to', 'accounts change a1', ...options);
    expect(await json('accounts show a1')).toMatchObject({
      ...{ userId: 'a1', balance: 50, available: 50, lifetimeAdded: 50, metadata: { team: 'x' } },
      ownOptions: { overdraftLimit: 7.5, lowCreditThresholds: [20, '10%'] },
    });
    const nothing = ['--overdraft-limit', 'default', '--low-credit-thresholds', ''];
    await json('accounts change a1 --yes', ...nothing, ...BY);
    expect((await json('accounts show a1')).ownOptions).toEqual({ lowCreditThresholds: [] });
    expect((await run('accounts show a1')).out).toMatch(/^userId {8,}a1$/m);
    await json('accounts create a2 --yes', ...trial, ...BY);
    const { items, nextCursor } = await json('accounts list --limit 1 --order oldest');
    expect(items).toMatchObject([{ userId: 'a1' }]);
    expect((await json(`accounts list --order oldest --cursor ${nextCursor}`)).items).toMatchObject([{ userId: 'a2' }]);
    expect((await json('accounts list --max-available 49')).items).toEqual([]);
    const table = await run('accounts list --order oldest --limit 1');
    const [header, row, next] = table.out.split('\n');
    expect([header, row]).toEqual([
      'userId  creditType  balance  reserved  available  debt',
      'a1      credits     50       0         50         0',
    ]);
    expect(next).toMatch(/^next page: --cursor \S+$/);
    expect(await run('accounts show nobody')).toMatchObject({
      ...{ code: EXIT.failed, out: '', err: 'NOT_FOUND: There is no account nobody.\n' },
    });
  });

  test('grants: given with terms, listed, and shown with what drew on them', async () => {
    const { run, json, confirmed } = make();
    const terms = ['--source', 'purchase', '--priority', '3', '--payment-id', 'pay-1', '--reference', 'order-1'];
    const ends = ['--expires-at', '2999-01-01T00:00:00Z', '--description', 'ten'];
    await confirmed('This would give g1 10 credits.', 'grants create g1 10', ...terms, ...ends);
    await json('grants create g1 5 --plan-id gold --yes', ...BY);
    await run('deduct g1 4', ...BY);
    const { items } = await json('grants list g1');
    expect(items).toMatchObject([
      { source: 'purchase', amount: 10, remaining: 6, priority: 3, paymentId: 'pay-1', reference: 'order-1' },
      { source: 'other', planId: 'gold', remaining: 5, expiresAt: null },
    ]);
    expect((await json('grants list g1 --payment-id pay-1')).items).toHaveLength(1);
    expect((await json('grants list g1 --source trial')).items).toEqual([]);
    await run('deduct g1 6', ...BY);
    expect((await json('grants list g1')).items).toHaveLength(1);
    const [gold] = (await json('grants list g1')).items;
    const tried = await json(`grants end ${gold.id} --amount 2 --dry-run`, ...BY);
    expect(tried).toMatchObject({ delta: -2, dryRun: { transactions: [{ type: 'reverse', balanceAfter: 3 }] } });
    const change = ['--expires-at', '2999-01-01T00:00:00Z', '--priority', '7'];
    await confirmed(`This would change the terms of the grant ${gold.id}.`, `grants change ${gold.id}`, ...change);
    expect((await json('grants list g1')).items).toMatchObject([{ remaining: 5, priority: 7 }]);
    await json(`grants change ${gold.id} --expires-at never --yes`, ...BY);
    const taking = `This would take back 2 credits of the grant ${gold.id}.`;
    await confirmed(taking, `grants end ${gold.id} --amount 2`);
    expect((await json('grants list g1')).items).toMatchObject([{ remaining: 3, priority: 7, expiresAt: null }]);
    expect((await json('grants list g1 --include-closed --plan-id gold')).items).toHaveLength(1);
    const used = await json(`grants show ${items[0].id} --order oldest`);
    expect(used.items).toMatchObject([
      { type: 'deduct', amount: 4 },
      { type: 'deduct', amount: 6 },
    ]);
    expect((await run(`grants show ${items[0].id}`)).out).toMatch(/^transactionId +type +amount +at\n\S+ +deduct +6 /);
    expect(await run('grants create g1 5 --yes --actor ann')).toMatchObject({ code: EXIT.usage });
    expect(await run('grants create g1 0 --yes', ...BY)).toMatchObject({ code: EXIT.failed });
    expect(await run('grants create g1 5 --priority high --yes', ...BY)).toMatchObject({ code: EXIT.usage });
    expect(await run('grants create g1 5 --metadata {', ...BY)).toMatchObject({ code: EXIT.usage });
  });

  test('holds: made, prolonged, committed, ended, listed and shown', async () => {
    const { run, json, confirmed } = make();
    await run('add h1 50', ...BY);
    const would = 'This would put 20 credits of h1 on hold.';
    const hold = await confirmed(would, 'holds create h1 20', '--plan-id', 'gold', '--ttl-seconds', '60');
    expect((await json('holds list h1')).items).toMatchObject([{ id: hold.id, planId: 'gold', remaining: 20 }]);
    expect((await json('holds list h1 --plan-id silver')).items).toEqual([]);
    const later = await json(`holds change ${hold.id} --ttl-seconds 600`, ...BY);
    expect(Date.parse(later.expiresAt)).toBeGreaterThan(Date.parse(hold.expiresAt));
    expect((await run(`holds change ${hold.id}`, ...BY)).err).toContain('--ttl-seconds is needed.');
    const part = ['--amount', '5', '--final', 'no'];
    const charge = 'This would charge h1 5 credits, with 20 on hold.';
    expect(await confirmed(charge, `holds commit ${hold.id}`, ...part)).toMatchObject({ delta: -5 });
    const back = 'This would give 15 credits on hold back to h1; the hold is active.';
    expect(await confirmed(back, `holds end ${hold.id}`)).toMatchObject({ remaining: 0 });
    expect(await json(`holds show ${hold.id}`)).toMatchObject({ committed: 5, released: 15 });
    expect((await run('holds list h1')).out).toMatch(/^id +amount +remaining .*\n$/);
    expect((await run('holds end nothing', ...BY)).err).toBe('NOT_FOUND: There is no hold nothing.\n');
    expect((await run(`holds commit ${hold.id} --final maybe --yes`, ...BY)).code).toBe(EXIT.usage);
    expect((await json('holds expire')).job).toBe('reservation_expiry');
    expect((await json('balance h1')).available).toBe(45);
  });

  test('plans: made, changed, ended, resumed, deleted, listed and shown', async () => {
    const { run, json, confirmed } = make();
    const fields = '--name Gold --credit-limit 100 --price 19.99 --currency EUR --billing-period monthly'.split(' ');
    const plan = await json('plans create --code gold --trial-days 3', ...fields, ...BY);
    expect(plan).toMatchObject({ code: 'gold', creditLimit: 100, price: 19.99, trialDays: 3 });
    expect((await run('plans create --name Gold', ...BY)).err).toContain('--credit-limit is needed.');
    const changed = ['--credit-limit', '150', '--description', 'more', '--also-grants', '[]'];
    expect(await json('plans change gold', ...changed, ...BY)).toMatchObject({ creditLimit: 150, description: 'more' });
    expect(await json(`plans show ${plan.id}`)).toMatchObject({ name: 'Gold', creditLimit: 150, price: 19.99 });
    const would = `This would stop offering and renewing the plan Gold (${plan.id}).`;
    expect(await confirmed(would, 'plans end gold')).toMatchObject({ isActive: false });
    expect((await json('plans list --active-only yes')).items).toEqual([]);
    expect(await json('plans resume gold', ...BY)).toMatchObject({ isActive: true });
    expect((await run('plans list')).out).toMatch(
      /^id +code +name .*\n\S+ +gold +Gold +150 +credits +monthly +19\.99 +EUR +true\n$/,
    );
    const gone = await confirmed(`This would delete the plan Gold (${plan.id}).`, 'plans delete gold');
    expect(gone).toEqual({ deleted: true });
    for (const line of ['plans show gold', 'plans end gold', 'plans change gold --name x']) {
      const words = line.startsWith('plans show') ? [] : BY;
      expect((await run(line, ...words)).err).toBe('NOT_FOUND: There is no plan gold.\n');
    }
  });

  test('subscriptions: made, changed, paused, resumed, paid, ended, listed and shown', async () => {
    const { run, json, confirmed } = make();
    const plan = (code: string, limit: string, ...more: string[]) =>
      json(`plans create --code ${code} --name ${code} --credit-limit ${limit}`, '--price', '0', ...more, ...BY);
    const small = await plan('small', '10', '--billing-period', 'monthly');
    const large = await plan('large', '30', '--billing-period', 'monthly');
    await plan('paid', '5', '--billing-period', 'monthly', '--renew-on', 'payment');
    const would = 'This would put s1 on the plan small, in place of any other.';
    expect(await confirmed(would, 'subscriptions create s1 small')).toMatchObject({ planId: small.id });
    const more = 'This would grant s1 20 credits now;';
    const upgrade = ['subscriptions change s1 large --proration full', ...BY] as const;
    expect((await run(...upgrade)).err).toContain(more);
    expect((await json('balance s1')).balance).toBe(10);
    expect(await json(`${upgrade[0]} --yes`, ...BY)).toMatchObject({ planId: large.id });
    expect(await json('subscriptions show s1')).toMatchObject({ status: 'active', usage: [{ granted: 30 }] });
    expect(await confirmed('', 'subscriptions pause s1')).toMatchObject({ status: 'paused' });
    expect(await confirmed('', 'subscriptions resume s1')).toMatchObject({ status: 'active' });
    expect((await run('subscriptions end s1', ...BY)).err).toMatch(
      /end the renewal of the subscription of s1 \(large,/,
    );
    expect(await json('subscriptions end s1 --yes', ...BY)).toMatchObject({ autoRenew: false });
    expect((await run('subscriptions end s1 --when now', ...BY)).err).toMatch(/would end now the subscription of s1/);
    expect(await json('subscriptions end s1 --when now --yes', ...BY)).toMatchObject({ status: 'cancelled' });
    expect((await json('subscriptions history s1')).items.length).toBeGreaterThan(4);
    await json('subscriptions create s2 paid --auto-renew yes --yes', ...BY);
    const paid = await confirmed('', 'subscriptions renew s2', '--payment-id', 'p1');
    expect(paid).toMatchObject({ paidAhead: ['p1'] });
    expect((await run('subscriptions renew s2 --payment-id p1 --key k', ...BY)).code).toBe(EXIT.usage);
    expect((await json('subscriptions list --plan-id paid --status active')).items).toMatchObject([{ userId: 's2' }]);
    expect((await json('subscriptions list --due-before 2000-01-01')).items).toEqual([]);
    expect((await run('subscriptions list --status active')).out).toMatch(
      /^userId +planId .*\ns2 +p-\S+ +paid +active /,
    );
    expect((await run('subscriptions show nobody')).err).toBe('NOT_FOUND: There is no subscription nobody.\n');
    expect((await run('subscriptions pause nobody', ...BY)).err).toContain('NOT_FOUND');
  });

  test('promos: made, changed, ended, listed and shown, with their claims', async () => {
    const { run, json, confirmed } = make();
    const made = await json('promos create welcome --credits 5 --max-uses 2 --valid-until 2999-01-01T00:00:00Z', ...BY);
    expect(made).toMatchObject({ code: 'WELCOME', credits: 5, maxUses: 2, isActive: true });
    expect((await run('promos create other', ...BY)).err).toContain('--credits is needed.');
    const days = ['--max-uses-per-day', '3', '--max-uses-per-user-per-day', 'any', '--validity-days', '30'];
    const referral = ['--referrer-id', 'ann', '--referrer-credits', '2.5'];
    expect(await json('promos create ann-1 --credits 1', ...days, ...referral, ...BY)).toMatchObject({
      ...{ maxUsesPerDay: 3, maxUsesPerUserPerDay: null, validityDays: 30, referrerId: 'ann', referrerCredits: 2.5 },
    });
    const unlimited = ['--max-uses-per-day', 'any', '--validity-days', 'never'];
    expect(await json('promos change ann-1', ...unlimited, ...BY)).toMatchObject({
      ...{ maxUsesPerDay: null, validityDays: null, referrerId: 'ann' },
    });
    expect((await json('promos list --referrer-id ann')).items).toMatchObject([{ code: 'ANN-1' }]);
    await json('promos end ann-1 --yes', ...BY);
    const changed = ['--max-uses', 'any', '--valid-until', 'never', '--target-type', 'specific_users'];
    const named = await json('promos change welcome --target-user-ids u1,u2', ...changed, ...BY);
    expect(named).toMatchObject({ maxUses: null, validUntil: null, targetUserIds: ['u1', 'u2'] });
    expect(await json('promos show Welcome')).toMatchObject({ code: 'WELCOME', totalClaims: 0 });
    expect((await run('promos list')).out).toMatch(/^code +credits .*\nWELCOME +5 +credits +0 +- /);
    const would = 'This would switch WELCOME off, which was claimed 0 times.';
    expect(await confirmed(would, 'promos end welcome')).toMatchObject({ isActive: false });
    expect((await json('promos list')).items).toEqual([]);
    expect((await json('promos list --active-only no')).items).toHaveLength(2);
    expect((await json('promos claims --code welcome')).items).toEqual([]);
    expect((await run('promos show nothing')).err).toBe('NOT_FOUND: There is no promo nothing.\n');
  });
}

describe('in memory', () => suite(() => inMemory()));

await describePostgres('on PostgreSQL', (database) => {
  const open: Open = (names, creditScale) => {
    const creditTypes = Object.fromEntries(names.map((name) => [name, {}]));
    const env = { CREDIT_DATABASE_URL: database.url };
    return createCreditManagementFromEnv({ creditScale, creditTypes, logger: QUIET }, env);
  };
  suite(() => shell(open));
});

test('stored text cannot leave its cell', async () => {
  const { run, open } = inMemory();
  const manager = open([]);
  await manager.subscriptions.addSubscriptionPlan({
    ...{ name: 'A\n\u001b[2Jforged', creditLimit: 1, price: 0, billingPeriod: 'monthly', code: 'a' },
    metadata: { note: '\u202e' },
  });
  const list = await run('plans list');
  expect(list.out).toContain('A\\u000a\\u001b[2Jforged  1 ');
  expect(list.out.split('\n')).toHaveLength(3);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be printed
  expect((await run('plans show a')).out.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u202e]/);
  expect((await run('plans end a', ...BY)).err).toContain('the plan A\\u000a\\u001b[2Jforged (p-');
});

test('another credit type is another account', async () => {
  const { run, json } = inMemory();
  const image = ['--credit-types', 'image', '--credit-type', 'image'];
  await json('grants create u 3 --yes', ...image, ...BY);
  expect((await json('accounts show u', ...image)).balance).toBe(3);
  expect((await run('accounts show u')).code).toBe(EXIT.failed);
  const key = ['--key', 'k', '--yes', ...image, ...BY];
  expect((await json('holds create u 1', ...key)).replayed).toBe(false);
  expect((await json('holds create u 1', ...key)).replayed).toBe(true);
});

test('a row that cannot be read is named, and the exit code tells', async () => {
  const { run, open, db } = inMemory();
  const manager = open([]);
  await manager.credits.addCredits('u', 1);
  await manager.credits.addCredits('v', 1);
  const [row] = (await db.getMany('account', ['credits/u'])) as [Row];
  const { version } = row;
  const broken = { ...row, version: version + 1, state: 'gone' };
  const change = { op: 'replace', model: 'account', row: broken, expectedVersion: version };
  expect(await db.commit([[change as never]])).toEqual([{ status: 'committed' }]);
  const list = await run('accounts list');
  expect(list.code).toBe(EXIT.problems);
  expect(list.out).toMatch(/\nv .*\ncannot be read: \S+ \w+: .*\n$/);
});

test('a group alone names its commands, and --help after it lists them', async () => {
  const { run } = inMemory();
  expect((await run('holds')).err).toMatch(/^There is no command holds\. There are .*holds list.*\n$/);
  const { code, out } = await run('promos --help');
  expect([code, out.includes('promos end <code>'), out.includes('plans end')]).toEqual([EXIT.done, true, false]);
});

describe('a person at a terminal', () => {
  const asking = (answer: boolean) => {
    const asked: string[] = [];
    const ask = async (sentence: string) => {
      asked.push(sentence);
      return answer;
    };
    return { ...inMemory(ask), asked };
  };

  test('is asked before a change of credits, and nothing is changed without a yes', async () => {
    const { run, json, asked } = asking(false);
    const no = { code: EXIT.failed, out: '', err: 'ABORTED: Nothing was changed.\n' };
    expect(await run('grants create g1 5', ...BY)).toEqual(no);
    expect(await run('add u 5', ...BY)).toEqual(no);
    expect(await run('sinks remove shop')).toEqual(no);
    expect(await run('ledger rebuild')).toEqual(no);
    const [grant, add, ...others] = asked;
    expect(grant).toMatch(/^This would /);
    expect(add).toBe('This would add 5 for u.');
    expect(others).toHaveLength(2);
    expect(await json('accounts list')).toMatchObject({ items: [] });
  });

  test('is asked once, and after a yes the change is made', async () => {
    const { json, asked } = asking(true);
    expect(await json('grants create g1 5', ...BY)).toMatchObject({ balanceAfter: 5 });
    expect(await json('deduct g1 2', ...BY)).toMatchObject({ balanceAfter: 3 });
    expect(asked).toHaveLength(2);
  });

  test('is not asked where the command has --yes, or changes nothing', async () => {
    const { json, asked } = asking(false);
    expect(await json('grants create g1 5 --yes', ...BY)).toMatchObject({ balanceAfter: 5 });
    expect(await json('add g1 5 --yes', ...BY)).toMatchObject({ balanceAfter: 10 });
    await json('grants list g1');
    expect(asked).toEqual([]);
  });

  test.each([
    ['y\n', true],
    ['Yes\n', true],
    [' yes \n', true],
    ['\n', false],
    ['n\n', false],
    ['yesterday\n', false],
    ['', false],
  ])('who types %j says %s', async (typed, answer) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const asked = askOn({ input, output, signal: new AbortController().signal }, 'This would end it.');
    input.end(typed);
    expect(await asked).toBe(answer);
    expect(String(output.read())).toBe('This would end it. Do it? [y/N] ');
  });

  test('who leaves by a signal has said no', async () => {
    const [input, output, stop] = [new PassThrough(), new PassThrough(), new AbortController()];
    const asked = askOn({ input, output, signal: stop.signal }, 'This would end it.');
    stop.abort();
    expect(await asked).toBe(false);
  });
});
