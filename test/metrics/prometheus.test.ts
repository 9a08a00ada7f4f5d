/** The figures of managers in a registry of prom-client: exact, few, and no danger to any operation. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Counter, Registry } from 'prom-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { prometheusMetrics } from '../../src/entries/metrics.js';
import { createCreditManagement, InMemoryCache, InMemoryDbManager } from '../../src/index.js';
import { METRICS } from '../../src/models/metrics.js';
import { isOnPath } from '../backends/own-program.js';
import { amount } from '../support/amounts.js';
import { QUIET } from '../support/quiet.js';

/** The values of the exposition, by what stands before them: `name{label="value"}`. */
async function read(registry: Registry): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

function measured(options: object = {}, registry = new Registry()) {
  const metrics = prometheusMetrics({ registry });
  const manager = createCreditManagement({ logger: QUIET, metrics, ...options });
  onTestFinished(() => manager.close());
  return { registry, manager, credits: manager.credits, read: () => read(registry) };
}

const ended = (call: Promise<unknown>) => call.catch(() => {});

describe('counters', () => {
  test('of 1,000 operations, 100 of them repeated and 100 refused, are exact', async () => {
    const { credits, read } = measured();
    const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    const of = (i: number) => users[i % users.length] as string;
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    await Promise.all(
      numbers.map((i) => credits.addCredits(of(i), 100, { idempotencyKey: `add-${i}`, metadata: metadata(i) })),
    );
    await Promise.all(numbers.slice(0, 100).map((i) => credits.addCredits(of(i), 100, again(i))));
    await Promise.all(numbers.map((i) => credits.deductCredits(of(i), 1)));
    await Promise.all(numbers.slice(0, 100).map((i) => ended(credits.deductCredits(of(i), 1_000_000))));
    const holds = await Promise.all(numbers.map((i) => credits.reserveCredits(of(i), 2)));
    await Promise.all(holds.slice(0, 150).map(({ id }) => credits.commitReservedCredits(id)));
    await Promise.all(holds.slice(150).map(({ id }) => credits.unreserveCredits(id)));
    await Promise.all(numbers.slice(0, 100).map((i) => credits.adjustCredits(of(i), 1, { actor: 'a', reason: 'r' })));
    const values = await read();
    const operations = [...values].filter(([key]) => key.startsWith('credits_operations_total'));
    expect(Object.fromEntries(operations)).toEqual({
      'credits_operations_total{verb="add",outcome="ok"}': 200,
      'credits_operations_total{verb="deduct",outcome="ok"}': 200,
      'credits_operations_total{verb="deduct",outcome="INSUFFICIENT_CREDITS"}': 100,
      'credits_operations_total{verb="reserve",outcome="ok"}': 200,
      'credits_operations_total{verb="commit_reserved",outcome="ok"}': 150,
      'credits_operations_total{verb="release_reserved",outcome="ok"}': 50,
      'credits_operations_total{verb="adjust",outcome="ok"}': 100,
    });
    expect(values.get('credits_transaction_processing_seconds_count{verb="deduct"}')).toBe(300);
    expect(values.get('credits_transaction_processing_seconds_bucket{le="+Inf",verb="add"}')).toBe(200);
    const transactions = [...values].filter(([key]) => key.startsWith('credits_transactions_total'));
    expect(Object.fromEntries(transactions)).toEqual({
      'credits_transactions_total{type="add",reference_type="order_paid"}': 100,
      // Adjustments that add are additions.
      'credits_transactions_total{type="add",reference_type="none"}': 200,
      'credits_transactions_total{type="deduct",reference_type="none"}': 200,
      'credits_transactions_total{type="reserve",reference_type="none"}': 200,
      'credits_transactions_total{type="commit_reserved",reference_type="none"}': 150,
      'credits_transactions_total{type="release_reserved",reference_type="none"}': 50,
    });
    expect(values.get('credits_operations_waiting')).toBe(0);
    expect(values.get('credits_accounts_remembered')).toBe(20);
    const committed = [...values].filter(([key]) => key.startsWith('credits_commit_group_size_sum'));
    // Every operation that wrote something, refusals included.
    expect(committed).toEqual([['credits_commit_group_size_sum', 1_000]]);

    function metadata(i: number) {
      return { reference_type: i % 2 === 0 ? 'order_paid' : `of a user ${i}` };
    }
    function again(i: number) {
      return { idempotencyKey: `add-${i}`, metadata: metadata(i) };
    }
  });

  test('tell of calls that ended by their deadline, too', async () => {
    const db = new InMemoryDbManager();
    const { credits, read } = measured({ db });
    await credits.addCredits('u', 1);
    db.getMany = () => new Promise(() => {});
    await expect(credits.addCredits('other', 1, { timeoutMs: 20 })).rejects.toThrow('waited 20 ms');
    const values = await read();
    expect(values.get('credits_operations_total{verb="add",outcome="TIMEOUT"}')).toBe(1);
    expect(values.get('credits_transaction_processing_seconds_count{verb="add"}')).toBe(2);
  });

  test('tell what the cache, access and events did', async () => {
    const taken: string[] = [];
    const sink = { name: 'one', publish: async ({ type }: { type: string }) => void taken.push(type) };
    const { manager, credits, read } = measured({ cache: new InMemoryCache(), sinks: [sink] });
    await credits.addCredits('u', 5);
    await credits.getUserCreditsInfo('u');
    await credits.getUserCreditsInfo('nobody');
    await manager.access.getStatus('u');
    await manager.access.getStatus('nobody');
    await manager.jobs.runOutbox();
    const values = await read();
    expect(values.get('credits_cache_reads_total{result="hit"}')).toBeGreaterThan(0);
    expect(values.get('credits_cache_reads_total{result="miss"}')).toBeGreaterThan(0);
    expect(values.get('credits_plugin_status_checks_total{status="enabled"}')).toBe(1);
    expect(values.get('credits_plugin_status_checks_total{status="disabled"}')).toBe(1);
    expect(values.get('credits_plugin_status{status="enabled"}')).toBe(1);
    expect(values.get('credits_outbox_pending{sink="one"}')).toBe(0);
    for (const type of new Set(taken)) {
      const count = taken.filter((one) => one === type).length;
      expect(values.get(`credits_events_published_total{event_type="${type}"}`)).toBe(count);
    }
    expect(taken.length).toBeGreaterThan(0);
    expect(values.get('credits_job_seconds_count{job="outbox"}')).toBe(1);
  });

  test('of managers on one registry are added up, and stay when one is closed', async () => {
    const { registry, credits, manager } = measured();
    const other = measured({}, registry);
    await credits.addCredits('u', 1);
    await other.credits.addCredits('u', 1);
    await manager.access.getStatus('u');
    await other.manager.access.getStatus('u');
    await manager.close();
    await other.manager.access.getStatus('u');
    const values = await read(registry);
    expect(values.get('credits_operations_total{verb="add",outcome="ok"}')).toBe(2);
    expect(values.get('credits_plugin_status_checks_total{status="enabled"}')).toBe(3);
    expect(values.get('credits_accounts_remembered')).toBe(1);
  });
});

test('of many merchants no more than so many have a series of their own, and the rest is counted', async () => {
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry, maxAccounts: 1_000 });
  const manager = createCreditManagement({ logger: QUIET, metrics });
  onTestFinished(() => manager.close());
  const accounts = amount('CREDIT_METRIC_ACCOUNTS');
  for (let from = 0; from < accounts; from += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => manager.credits.addCredits(`shop-${from + i}`, from + i + 1)),
    );
  }
  const values = await read(registry);
  const series = [...values].filter(([key]) => key.startsWith('credits_balance_total'));
  expect(series.length).toBe(1_000);
  expect(values.get('credits_balance_total{merchant_id="shop-7"}')).toBe(8);
  expect(values.get('credits_balance_left_out_total')).toBe(accounts - 1_000);
  expect(values.get('credits_balance_updated_total')).toBe(accounts);
});

describe('a recorder', () => {
  test('that throws fails no operation, and is told of once', async () => {
    const told: string[] = [];
    const broken = () => {
      throw new Error('broken');
    };
    const manager = createCreditManagement({
      logger: { ...QUIET, error: (_, text) => void told.push(text ?? '') },
      metrics: { maxAccounts: 1, counter: broken, histogram: broken, watch: broken },
    });
    expect((await manager.credits.addCredits('u', 5)).balanceAfter).toBe(5);
    await manager.credits.deductCredits('u', 5);
    await manager.jobs.runExpiration();
    await manager.inbox.receive({ subject: 'evt.merchant.created', body: '{' });
    await manager.close();
    expect(told).toEqual(['Metrics failed; operations go on without them']);
  });

  test('is not made on something else than a registry, nor beside metrics of others with its names', () => {
    expect(() => prometheusMetrics({ registry: {} as never })).toThrow('no Registry');
    expect(() => prometheusMetrics({ registry: new Registry(), maxAccounts: -1 })).toThrow('maxAccounts');
    const registry = new Registry();
    const taken = new Counter({ name: 'http_requests_total', help: 'theirs', registers: [registry] });
    expect(() => prometheusMetrics({ registry })).toThrow('http_requests_total');
    taken.inc();
    const own = new Registry();
    prometheusMetrics({ registry: own, maxAccounts: 5 });
    expect(() => prometheusMetrics({ registry: own, maxAccounts: 6 })).toThrow('maxAccounts 5');
  });
});

test('README.md has each metric', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    const named = labels.length > 0 ? labels.map((label) => `\`${label}\``).join(', ') : 'none';
    return `| \`${name}\` | ${type} | ${named} | ${help} |`;
  });
  expect(readme).toContain(`\n${rows.join('\n')}\n`);
});

test('each metric is printed with its help and type, and a user name that would break a line is escaped', async () => {
  const { credits, registry } = measured();
  await credits.addCredits('a"b\\c', 5);
  const text = await registry.metrics();
  for (const [name, { type }] of Object.entries(METRICS)) expect(text).toContain(`# TYPE ${name} ${type}`);
  expect(text).toContain('credits_balance_total{merchant_id="a\\"b\\\\c"} 5');
});

test.skipIf(!isOnPath('promtool'))('promtool finds nothing wrong with the exposition (needs promtool)', async () => {
  const { credits, registry } = measured();
  await credits.addCredits('u', 5);
  const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await registry.metrics(),
    encoding: 'utf8',
  });
  // 3: it can be read, and one name is not as the linter has them. That name is the merchant service's.
  expect([status, stderr.trim()]).toEqual([
    3,
    'credits_balance_total non-counter metrics should not have "_total" suffix',
  ]);
});
