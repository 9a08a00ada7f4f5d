/** Services by hand: each works on one credit service, all share its one pipeline, and wrong wiring is told. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type CreditService,
  createCreditManagement,
  createCreditService,
  createExpirationService,
  createLedgerService,
  createNotificationService,
  createPromoService,
  createSubscriptionService,
  creditManagementOf,
  type DbManager,
  InMemoryDbManager,
  InMemoryNotificationQueue,
  LedgerLogger,
  type LedgerSink,
  type MemorySession,
} from '../../src/index.js';
import { testClock } from '../../src/testing/clock.js';

const ignore = () => {};
const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const makers = {
  ...{ createSubscriptionService, createExpirationService, createNotificationService, createPromoService },
  ...{ createLedgerService, creditManagementOf },
};
const PLAN = { name: 'Pro', creditLimit: 100, price: 9, currency: 'USD', billingPeriod: 'monthly' } as const;

/** A database that answers later than it is asked, and counts what it was asked. */
class Counting extends InMemoryDbManager {
  readonly outcomes: Record<string, number> = {};
  inits = 0;

  constructor() {
    super({ suspend: () => new Promise((resolve) => setImmediate(resolve)) });
  }

  override init: InMemoryDbManager['init'] = async (models) => {
    this.inits++;
    return super.init(models);
  };

  override commit: InMemoryDbManager['commit'] = async (units, options) => {
    const outcomes = await super.commit(units, options);
    for (const { status } of outcomes) this.outcomes[status] = (this.outcomes[status] ?? 0) + 1;
    return outcomes;
  };
}

describe('each service works by hand', () => {
  const clock = testClock('2030-01-01T00:00:00Z');
  const queue = new InMemoryNotificationQueue();
  const defaults = { lowCreditThreshold: 50 };
  const open = () => createCreditService({ clock, queue, defaults, logger: QUIET, temporal: Temporal as never });

  test('subscriptions, with a plan in a time zone, and their expiry and allocation', async () => {
    const credits = open();
    const subscriptions = createSubscriptionService(credits);
    const expiration = createExpirationService(credits);
    const plan = await subscriptions.addSubscriptionPlan({ ...PLAN, timeZone: 'Asia/Kolkata', validityDays: 7 });
    const subscription = await subscriptions.setUserSubscriptionPlan('u', plan, { allocate: false });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(0);
    expect(await expiration.allocateSubscriptionCredits(subscription)).toEqual({
      granted: 100,
      alreadyAllocated: false,
    });
    expect((await credits.getUserCreditsInfo('u')).balance).toBe(100);
    clock.advance({ days: 8 });
    expect(await expiration.checkCreditExpiration('u')).toBe(100);
    expect((await createLedgerService(credits).verify()).problems).toEqual([]);
  });

  test('promos and notifications', async () => {
    const credits = open();
    const promos = createPromoService(credits);
    await promos.createPromo({ code: 'hello', credits: 20 });
    expect(await promos.claimPromo('u', 'HELLO')).toMatchObject({ success: true, creditsAwarded: 20 });
    expect(await createNotificationService(credits).notifyLowCredits('u')).toBe(true);
    expect(queue.messages).toMatchObject([{ type: 'low_credits', user_id: 'u' }]);
    const { items } = await createLedgerService(credits).list({ userId: 'u' });
    expect(items).toMatchObject([{ type: 'add', amount: 20 }]);
  });

  test('what is around a credit service ends with it', async () => {
    const credits = open();
    const manager = creditManagementOf(credits);
    expect(manager.credits).toBe(credits);
    expect(createPromoService(credits)).toBe(manager.promos);
    expect(await manager.health()).toMatchObject({ status: 'healthy' });
    await manager.close();
    await expect(credits.addCredits('u', 1)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(createPromoService(credits).getPromo('HELLO')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('on the services of a manager, of every credit type', async () => {
    const manager = createCreditManagement({ creditTypes: { image: {} } });
    expect(createSubscriptionService(manager.credits)).toBe(manager.subscriptions);
    expect(createLedgerService(manager.creditType('image'))).toBe(manager.ledger);
  });
});

describe('one pipeline', () => {
  /** Everybody writes to one account at once; the services are made on the credit services given. */
  async function rush(credits: readonly CreditService<MemorySession>[]): Promise<void> {
    const at = (i: number) => credits[i % credits.length] as CreditService<MemorySession>;
    await createPromoService(at(0)).createPromo({ code: 'ALL', credits: 1, maxUsesPerUser: 100 });
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => [
        at(i).addCredits('u', 1),
        createPromoService(at(i + 1)).claimPromo('u', 'ALL'),
        createSubscriptionService(at(i + 1)).startCycle('u', { amount: 1 }),
        createExpirationService(at(i + 1)).checkCreditExpiration('u'),
      ]).flat(),
    );
    expect((await at(0).getUserCreditsInfo('u', { fresh: true })).balance).toBe(30);
  }

  test('services on one credit service never meet each other in the database', async () => {
    const db = new Counting();
    await rush([createCreditService({ db, logger: QUIET })]);
    expect(db.inits).toBe(1);
    expect(Object.keys(db.outcomes)).toEqual(['committed']);
  });

  test('on two of them they do, as two processes do, and nothing is lost', async () => {
    const db = new Counting();
    await rush([createCreditService({ db, logger: QUIET }), createCreditService({ db, logger: QUIET })]);
    expect(db.inits).toBe(2);
    expect(db.outcomes.conflict).toBeGreaterThan(0);
  });
});

describe('wrong wiring', () => {
  const db = new InMemoryDbManager();
  const credits = createCreditService({ db });
  const wrong: readonly [what: string, given: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['options', { db }],
    ['a database', db],
    ['a manager', createCreditManagement({ db })],
    ['a copy of a service', { ...credits }],
    ['a text', 'credits'],
  ];

  test.each(Object.entries(makers))('%s wants a credit service', (name, make) => {
    for (const [what, given] of wrong) {
      const text = expect.stringMatching(new RegExp(`^${name} .*createCreditService`));
      const refused = expect.objectContaining({ code: 'CONFIGURATION', message: text });
      expect(() => make(given as never), what).toThrow(refused);
    }
  });

  test('what belongs to the credit service is not taken in silence elsewhere', () => {
    const make = createNotificationService as (...given: readonly unknown[]) => unknown;
    const refused = expect.objectContaining({
      code: 'CONFIGURATION',
      message: expect.stringContaining('queue, temporal and ledger go to createCreditService'),
    });
    expect(() => make(credits, { queue: new InMemoryNotificationQueue() })).toThrow(refused);
    expect(make(credits, undefined)).toBe(creditManagementOf(credits).notifications);
  });
});

/** A sink that keeps lines in an array, as a host may have one. */
function arraySink(): LedgerSink & { lines: string[]; isClosed: boolean } {
  const sink = {
    ...{ path: 'array:', lines: [] as string[], isClosed: false },
    append: (lines: readonly string[]) => {
      sink.lines.push(...lines);
      return null;
    },
    ...{ ready: async () => {}, flush: async () => {}, watch: ignore, identity: async () => 'one' },
    async *read(offset: number) {
      yield Buffer.from(sink.lines.join('')).subarray(offset);
    },
    async replace(lines: AsyncIterable<readonly string[]>) {
      const all: string[] = [];
      for await (const some of lines) all.push(...some);
      sink.lines = all;
      return 'array:old';
    },
    health: () => ({ state: 'up', lag: 0 }) as const,
    close: async () => {
      sink.isClosed = true;
    },
  };
  return sink;
}

describe('a ledger sink', () => {
  test('of the host gets a line an entry, is verified, repaired, rebuilt and closed', async () => {
    const sink = arraySink();
    const credits = createCreditService({ ledger: { sink }, logger: QUIET });
    const transaction = await credits.addCredits('u', 5);
    await credits.deductCredits('u', 9).catch(ignore);
    const ledger = createLedgerService(credits);
    expect(await ledger.verify()).toMatchObject({ ok: true, file: { lines: 3, foreign: 0, torn: 0 } });
    expect(sink.lines.map((line) => JSON.parse(line).id)).toContain(transaction.id);
    const lost = sink.lines.splice(1, 1);
    expect((await ledger.verify()).problems).toMatchObject([{ kind: 'file_missing' }]);
    expect(await ledger.reconcile()).toEqual({ added: 1 });
    expect(sink.lines).toEqual(expect.arrayContaining(lost));
    expect(await ledger.rebuildFile()).toMatchObject({ replaced: 'array:old' });
    expect((await ledger.verify()).problems).toEqual([]);
    expect((await creditManagementOf(credits).health()).ledgerFile).toEqual({ state: 'up', lag: 0 });
    await creditManagementOf(credits).close();
    expect(sink.isClosed).toBe(true);
  });

  test('LedgerLogger writes the file that its path names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'by-hand-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const filePath = pathToFileURL(join(folder, 'logs', 'credits.jsonl'));
    const credits = createCreditService({ ledger: { sink: new LedgerLogger({ filePath, fsync: 'always' }) } });
    const { id } = await credits.addCredits('u', 5);
    const lines = (await readFile(filePath, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).id)).toContain(id);
    await creditManagementOf(credits).close();
  });

  test('that breaks its promise fails no call, and is told of', async () => {
    const broken: Partial<LedgerSink>[] = [
      {
        append: () => {
          throw new Error('thrown');
        },
      },
      { append: () => Promise.reject(new Error('rejected')) },
      { append: () => undefined as never },
      {
        health: () => {
          throw new Error('thrown');
        },
      },
    ];
    for (const [i, wrong] of broken.entries()) {
      const told: unknown[] = [];
      const logger = { ...QUIET, error: (about: object) => void told.push((about as { err: Error }).err.message) };
      const sink = { ...arraySink(), ...wrong };
      const credits = createCreditService({ ledger: { sink }, logger });
      expect((await credits.addCredits('u', 5)).balanceAfter).toBe(5);
      const { status } = await creditManagementOf(credits).health();
      expect([status, told[0]]).toEqual(
        [
          ['healthy', 'thrown'],
          ['healthy', 'rejected'],
          ['healthy', undefined],
          ['degraded', 'thrown'],
        ][i],
      );
    }
  });

  test.each<[object, string]>([
    [{ sink: {} }, 'new LedgerLogger({ filePath })'],
    [{ sink: 'ledger.jsonl' }, 'new LedgerLogger({ filePath })'],
    [{ sink: arraySink(), filePath: 'ledger.jsonl' }, 'a file or a sink, not both'],
    [{ sink: arraySink(), fsync: 'always' }, 'no fsync beside a sink'],
  ])('%# is a CONFIGURATION error that says what to do', (ledger, text) => {
    const refused = expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining(text) });
    expect(() => createCreditService({ ledger })).toThrow(refused);
  });

  test.each([undefined, {}, { filePath: '' }, { filePath: 5 }, { filePath: new URL('https://a.test/') }])(
    'no LedgerLogger of %j',
    (options) => {
      const refused = expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining('filePath') });
      expect(() => new LedgerLogger(options as never)).toThrow(refused);
    },
  );

  test('no LedgerLogger of another fsync', () => {
    const refused = expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining('fsync') });
    expect(() => new LedgerLogger({ filePath: 'a', fsync: 'sometimes' as never })).toThrow(refused);
  });
});

// The session of a service is that of its database, in types too.
test('a service made by hand takes sessions of its database', async () => {
  const db: DbManager<MemorySession> & Pick<InMemoryDbManager, 'transaction'> = new InMemoryDbManager();
  const credits = createCreditService({ db });
  const subscriptions = createSubscriptionService(credits);
  const plan = await subscriptions.addSubscriptionPlan(PLAN);
  await db.transaction((session) => subscriptions.setUserSubscriptionPlan('u', plan, { session }));
  expect((await credits.getUserCreditsInfo('u', { fresh: true })).balance).toBe(100);
});
