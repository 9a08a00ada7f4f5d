/** credit-management/env: which database the environment names, and what is refused rather than replaced by memory. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createCreditManagementFromEnv } from '../../src/env.js';
import { InMemoryCache, InMemoryDbManager, isCreditError, LedgerLogger, type LoggerLike } from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';

function listening(): { logger: LoggerLike; warnings: string[] } {
  const warnings: string[] = [];
  const silent = () => {};
  return {
    warnings,
    logger: { debug: silent, info: silent, error: silent, warn: (_, text) => warnings.push(text ?? '') },
  };
}

function problemOf(env: Record<string, string>, options: object = {}): string {
  try {
    createCreditManagementFromEnv({ logger: listening().logger, ...options }, env);
  } catch (error) {
    if (isCreditError(error, 'CONFIGURATION')) return error.details.problems.join();
    throw error;
  }
  return 'none';
}

describe('without a URL', () => {
  test('credits are kept in memory, with one warning', async () => {
    const { logger, warnings } = listening();
    const manager = createCreditManagementFromEnv({ logger }, {});
    expect((await manager.credits.addCredits('u', 5)).balanceAfter).toBe(5);
    expect(manager.db).toBeInstanceOf(InMemoryDbManager);
    expect(warnings).toEqual([expect.stringContaining('Neither CREDIT_DATABASE_URL nor CREDIT_MONGO_URI is set')]);
  });

  test('CREDIT_LEDGER_FILE names the ledger file, unless the options name a file or have a sink', async () => {
    const env = { CREDIT_LEDGER_FILE: join(tmpdir(), 'of-the-environment.jsonl') };
    const sink = new LedgerLogger({ filePath: join(tmpdir(), 'of-the-host.jsonl') });
    const { logger } = listening();
    const [of, own] = [undefined, { sink }].map((ledger) => createCreditManagementFromEnv({ logger, ledger }, env));
    expect(await Promise.all([of?.health(), own?.health()])).toMatchObject([
      { components: { ledgerFile: 'up' } },
      { components: { ledgerFile: 'up' } },
    ]);
    expect(problemOf(env, { ledger: { sink } })).toBe('none');
  });

  test('production is refused unless memory is allowed by name', () => {
    expect(problemOf({ NODE_ENV: 'production' })).toContain('CREDIT_ALLOW_MEMORY=1');
    expect(problemOf({ NODE_ENV: 'production', CREDIT_DATABASE_URL: '' })).toContain('CREDIT_DATABASE_URL');
    expect(problemOf({ NODE_ENV: 'production', CREDIT_ALLOW_MEMORY: 'yes' })).toContain('CREDIT_DATABASE_URL');
    expect(problemOf({ NODE_ENV: 'production', CREDIT_ALLOW_MEMORY: '1' })).toBe('none');
  });
});

describe('with a URL', () => {
  test('it is never replaced by memory, and its password is told to nobody', () => {
    expect(problemOf({ CREDIT_DATABASE_URL: 'mysql://root:secret@h/x' })).toBe(
      'CREDIT_DATABASE_URL does not begin with postgres://',
    );
    expect(problemOf({ CREDIT_DATABASE_URL: 'postgres://h/x', CREDIT_DATABASE_POOL_SIZE: '0' })).toContain('POOL_SIZE');
    expect(problemOf({ CREDIT_DATABASE_URL: 'postgres://h/x', CREDIT_DATABASE_PREFIX: 'a;b' })).not.toBe('none');
  });

  test('a URI of MongoDB is never replaced by memory either', () => {
    const uri = 'mongodb://u:secret@h/x';
    expect(problemOf({ CREDIT_MONGO_URI: 'mongo://root:secret@h/x' })).toBe(
      'CREDIT_MONGO_URI does not begin with mongodb://',
    );
    expect(problemOf({ CREDIT_MONGO_URI: uri, CREDIT_DATABASE_POOL_SIZE: '0' })).toContain('POOL_SIZE');
    expect(problemOf({ CREDIT_MONGO_URI: uri, CREDIT_MONGO_DB: 'a b' })).not.toBe('none');
    expect(problemOf({ CREDIT_MONGO_URI: uri, CREDIT_MONGO_DB: 'shop' })).toBe('none');
  });

  test('two databases are refused, whoever names them', () => {
    const two = problemOf({ CREDIT_DATABASE_URL: 'postgres://h/x' }, { db: new InMemoryDbManager() });
    expect(two).toContain('the option db is not allowed here');
    const both = problemOf({ CREDIT_DATABASE_URL: 'postgres://h/x', CREDIT_MONGO_URI: 'mongodb://h/x' });
    expect(both).toBe('CREDIT_DATABASE_URL and CREDIT_MONGO_URI are both set; credits live in one database');
  });

  test.each([
    ['postgres', { CREDIT_DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x' }],
    ['mongodb', { CREDIT_MONGO_URI: 'mongodb://u:secret@127.0.0.1:1/x' }],
  ] as const)('%s: nothing is opened before the first call, which says that nobody answers', async (name, env) => {
    const manager = createCreditManagementFromEnv({ logger: listening().logger, timeoutMs: 2_000 }, env);
    expect(manager.db.name).toBe(name);
    const error: unknown = await manager.credits.addCredits('u', 5).catch((reason) => reason);
    expect(isCreditError(error, 'STORAGE_UNAVAILABLE', 'TIMEOUT')).toBe(true);
    expect(String((error as Error).message)).not.toContain('secret');
    await manager.close();
  });
});

test('CREDIT_LEDGER_FILE names the ledger file, which an option overrides', async () => {
  const { logger } = listening();
  const fromEnv = join(tmpdir(), 'from-env', 'ledger.jsonl');
  const manager = createCreditManagementFromEnv({ logger }, { CREDIT_LEDGER_FILE: fromEnv });
  expect((await manager.health()).components).toMatchObject({ ledgerFile: 'up' });
  const without = createCreditManagementFromEnv({ logger }, {});
  expect((await without.health()).components).toMatchObject({ ledgerFile: 'disabled' });
});

describe('payment providers', () => {
  const razorpay = { RAZORPAY_KEY_ID: 'rzp_test_1', RAZORPAY_KEY_SECRET: 's', RAZORPAY_WEBHOOK_SECRET: 'w'.repeat(20) };
  const stripe = { STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: `whsec_${'w'.repeat(20)}` };

  test('are registered where the environment has their keys, and their pages are those of the host', async () => {
    const { logger } = listening();
    expect(createCreditManagementFromEnv({ logger }, {}).payments.listProviders()).toEqual([]);
    const env = { ...razorpay, ...stripe, APP_BASE_URL: 'https://shop.example.com/' };
    const { payments } = createCreditManagementFromEnv({ logger }, env);
    expect(payments.listProviders()).toEqual(['razorpay', 'stripe']);
    const away = {
      userId: 'u',
      amount: 5,
      currency: 'INR',
      provider: 'stripe',
      callbackUrl: 'https://else.example.com/',
    };
    await expect(payments.createPaymentLink(away)).rejects.toThrow('a page of https://shop.example.com');
  });

  test('a key without its webhook secret is refused, and so is half a key, and the misspelt name', () => {
    expect(problemOf({ ...razorpay, RAZORPAY_WEBHOOK_SECRET: '' })).toBe('RAZORPAY_WEBHOOK_SECRET is not set');
    expect(problemOf({ ...razorpay, RAZORPAY_KEY_SECRET: '' })).toBe('RAZORPAY_KEY_SECRET is not set');
    expect(problemOf({ RAZORPAY_WEBHOOK_SECRET: 'w'.repeat(20) })).toBe('RAZORPAY_KEY_ID is not set');
    expect(problemOf({ ...stripe, STRIPE_WEBHOOK_SECRET: '' })).toBe('STRIPE_WEBHOOK_SECRET is not set');
    expect(problemOf({ STRIPE_WEBHOOK_SECRET: 'whsec_x' })).toBe('STRIPE_SECRET_KEY is not set');
    expect(problemOf({ ...razorpay, RAZORPAY_WEBHOOK_SECRET: 'short' })).toContain('at least 16 characters');
    expect(problemOf({ RAZERPAY_TEST_KEY: 'k' })).toContain('RAZORPAY_KEY_ID');
  });
});

describe('REDIS_URL', () => {
  const REDIS_URL = 'redis://u:secret@127.0.0.1:1';

  test('gives a cache in Redis, and a Redis that is not there fails no call', async () => {
    const { logger, warnings } = listening();
    const manager = createCreditManagementFromEnv({ logger }, { REDIS_URL, CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1' });
    expect((await manager.credits.addCredits('u', 5)).balanceAfter).toBe(5);
    expect(await manager.credits.getUserCreditsInfo('u')).toMatchObject({ balance: 5 });
    expect(await manager.health()).toMatchObject({ status: 'degraded', components: { cache: 'down' } });
    expect(warnings.join()).toContain('it is left alone for a while');
    expect(warnings.join()).not.toContain('secret');
    await manager.close();
  });

  test('gives way to the cache of the options, and without it there is none', async () => {
    const { logger } = listening();
    const own = createCreditManagementFromEnv({ logger, cache: new InMemoryCache() }, { REDIS_URL });
    const none = createCreditManagementFromEnv({ logger }, { REDIS_URL: '', CACHE_TTL_SECONDS: '30' });
    await own.credits.addCredits('u', 5);
    expect((await own.health()).components.cache).toBe('up');
    expect((await none.health()).components.cache).toBe('disabled');
    await Promise.all([own.close(), none.close()]);
  });

  test('is refused where it is none, and so is a setting beside it, by its name', () => {
    expect(problemOf({ REDIS_URL: 'http://u:secret@h' })).toBe(
      'REDIS_URL is no URL that begins with redis:// or rediss://',
    );
    const names = ['CACHE_TTL_SECONDS', 'CIRCUIT_BREAKER_WINDOW_SECONDS', 'CIRCUIT_BREAKER_TIMEOUT_SECONDS'];
    for (const name of [...names, 'CIRCUIT_BREAKER_FAILURE_THRESHOLD']) {
      for (const value of ['0', '-1', '1.5', 'x', '604801']) {
        expect(problemOf({ REDIS_URL, [name]: value })).toContain(`${name} is not a whole number from 1 to`);
      }
      expect(problemOf({ REDIS_URL, [name]: '7' })).toBe('none');
      expect(problemOf({ REDIS_URL, [name]: '' })).toBe('none');
    }
  });
});

describe('settings of accounts', () => {
  const env = { TRIAL_CREDITS: '100', LOW_BALANCE_THRESHOLD_PERCENT: '20', PLUGIN_STATUS_CACHE_TTL: '7' };

  test('give the trial and the low-credit threshold, unless the options have their own', async () => {
    const { logger } = listening();
    const manager = createCreditManagementFromEnv({ logger }, env);
    await manager.credits.deductCredits('u', 1);
    expect(await manager.credits.getAccount('u')).toMatchObject({
      ...{ lifetimeAdded: 100, options: { lowCreditThresholds: ['20%'] } },
    });
    const own = createCreditManagementFromEnv({ logger, defaults: { trialCredits: 5 } }, env);
    await own.credits.deductCredits('u', 1);
    expect(await own.credits.getAccount('u')).toMatchObject({
      ...{ lifetimeAdded: 5, options: { lowCreditThresholds: ['20%'] } },
    });
    await Promise.all([manager.close(), own.close()]);
  });

  test('bound the age of a status', async () => {
    const { logger } = listening();
    const clock = testClock('2030-01-01T00:00:00Z');
    const inner = new InMemoryCache();
    const stale = { get: (key: string) => inner.get(key), set: inner.set.bind(inner), delete: async () => {} };
    const manager = createCreditManagementFromEnv({ logger, clock, cache: stale }, env);
    await manager.credits.addCredits('u', 5);
    let reads = 0;
    stale.get = async (key) => {
      reads++;
      return inner.get(key);
    };
    clock.advance({ seconds: 6 });
    await manager.access.getStatus('u');
    stale.set = async () => {
      reads += 100;
    };
    await manager.access.getStatus('u');
    expect(reads).toBe(2);
    clock.advance({ seconds: 1 });
    await manager.access.getStatus('u');
    // Too old: read from the database, and written to the cache anew.
    expect(reads).toBe(103);
    await manager.close();
  });

  test.each([
    ['TRIAL_CREDITS', ['-1', 'many', '1e3', '0.1234567']],
    ['LOW_BALANCE_THRESHOLD_PERCENT', ['0', '101', '20%', '1.5']],
    ['PLUGIN_STATUS_CACHE_TTL', ['0', '3601', 'x']],
  ])('%s that is none is refused by its name', (name, values) => {
    for (const value of values) expect(problemOf({ [name]: value })).toContain(name);
  });
});

describe('settings of orders', () => {
  const order = { userId: 'shop', orderId: '1', total: 2000 };

  test('say what an order earns, unless the options have their own', async () => {
    const { logger } = listening();
    const env = { ORDER_CREDIT_PERCENTAGE: '0.02', ORDER_CREDIT_FIXED_AMOUNT: '0', ORDER_CREDIT_MINIMUM: '7' };
    const manager = createCreditManagementFromEnv({ logger }, env);
    expect(await manager.orders.orderPaid(order)).toMatchObject({ creditsAdded: 40 });
    expect(await manager.orders.orderPaid({ ...order, orderId: '2', total: 1 })).toMatchObject({ creditsAdded: 7 });
    const own = createCreditManagementFromEnv({ logger, orders: { percentage: 1 } }, env);
    expect(await own.orders.orderPaid(order)).toMatchObject({ creditsAdded: 2000 });
    const off = createCreditManagementFromEnv({ logger }, { ORDER_CREDIT_ENABLED: 'false' });
    expect(await off.orders.orderPaid(order)).toBe(null);
    await Promise.all([manager.close(), own.close(), off.close()]);
  });

  test('that are none are refused', () => {
    expect(problemOf({ ORDER_CREDIT_ENABLED: 'yes' })).toContain('ORDER_CREDIT_ENABLED');
    expect(problemOf({ ORDER_CREDIT_MINIMUM: '-1' })).not.toBe('none');
    expect(problemOf({ BILLING_CREDITS_PER_UNIT: '0' })).not.toBe('none');
  });
});
