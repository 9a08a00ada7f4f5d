import { describe, expect, test } from 'vitest';
import { createTestCredits, sequenceIds, testClock } from '../../src/entries/testing.js';
import { type CreditEvent, createCreditManagement, InMemoryDbManager } from '../../src/index.js';
import { defaultLogger } from '../../src/services/manager/default-logger.js';
import { uuidv7Source } from '../../src/services/manager/ids.js';
import { hostTime } from '../../src/services/store/time-source.js';
import { checkedManager } from '../support/checked-manager.js';
import { QUIET } from '../support/quiet.js';

const sink = (name: string) => ({ name, publish: async () => {} });

describe('set-up', () => {
  test.each([
    [{ creditScale: 7 }, 'creditScale'],
    [{ creditTypes: { 'Bad Name': {} } }, 'creditTypes'],
    [{ creditTypes: { constructor: {} } }, 'creditTypes'],
    [{ defaults: { trialCredits: -1 } }, '-1'],
    [{ defaults: { lowCreditThreshold: '20 %' as '20%' } }, 'lowCreditThreshold'],
    [{ limits: { openGrants: 0 } }, 'limits.openGrants'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs'],
    [{ sinks: [sink('Bad Sink')] }, 'sinks'],
    [{ clocks: null } as object, 'clocks'],
    [{ creditTypes: { 'Bad Name': {} } }, '[a-z][a-z0-9_]{0,31}'],
    [{ db: {} as never }, 'new SqlDbManager({ pool })'],
    [{ db: { connect() {}, query() {}, end() {} } as never }, 'new SqlDbManager({ pool })'],
    [{ logger: { error() {} } as never }, 'debug, info, warn and error'],
    [{ clock: {} as never }, 'now'],
    [{ queue: {} as never }, 'enqueue'],
    [{ cache: {} as never }, 'get, set and delete'],
    [{ sinks: [{ name: 'a' } as never] }, 'publish()'],
    [null as never, 'options'],
    ['postgres://localhost' as never, 'options'],
  ])('%j is a CONFIGURATION error that names %s', (options, name) => {
    const make = () => checkedManager(createCreditManagement(options));
    expect(make).toThrowError(
      expect.objectContaining({ code: 'CONFIGURATION', message: expect.stringContaining(name) }),
    );
  });

  test('the scale is fixed when a database is first used, and kept with a ledger id', async () => {
    const db = new InMemoryDbManager();
    await createCreditManagement({ db, creditScale: 2 }).credits.addCredits('u', '0.25');
    const other = checkedManager(createCreditManagement({ db }));
    await expect(other.credits.addCredits('u', 1)).rejects.toMatchObject({ code: 'CONFIGURATION' });
    await expect(other.init()).rejects.toMatchObject({ code: 'CONFIGURATION' });
    const again = checkedManager(createCreditManagement({ db, creditScale: 2 }));
    await again.init();
    expect((await again.credits.getUserCreditsInfo('u')).balance).toBe(0.25);
    const system = { index: 'history', anyOf: { field: 'type', values: ['system'] }, limit: 5 };
    const { rows } = await db.find('entry', system);
    expect(rows).toMatchObject([{ eventType: 'system', message: 'Ledger created', details: { creditScale: 2 } }]);
  });

  test('several managers may start at once on one empty database', async () => {
    const db = new InMemoryDbManager({ suspend: () => new Promise((resolve) => setImmediate(resolve)) });
    const managers = Array.from({ length: 4 }, () =>
      checkedManager(createCreditManagement({ db, sinks: [sink('one')] })),
    );
    await Promise.all(managers.map((manager) => manager.credits.addCredits('u', 1)));
    expect((await managers[0]?.credits.getUserCreditsInfo('u'))?.balance).toBe(4);
    const entries = await db.count('entry', { index: 'history', anyOf: { field: 'type', values: ['system'] } });
    expect(entries).toBe(1);
  });

  test('an undeclared credit type is refused; declared ones have balances and defaults of their own', async () => {
    const manager = checkedManager(createCreditManagement({ creditTypes: { image: { trialCredits: 3 } } }));
    expect(() => manager.creditType('video' as 'image')).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    await manager.credits.addCredits('u', 1);
    await manager.creditType('image').addCredits('u', 1);
    expect((await manager.credits.getUserCreditsInfo('u')).balance).toBe(1);
    expect(await manager.creditType('image').getUserCreditsInfo('u')).toMatchObject({
      balance: 4,
      creditType: 'image',
    });
    expect(manager.creditType('credits')).toBe(manager.credits);
  });

  test('health and close', async () => {
    const manager = checkedManager(createCreditManagement());
    expect(await manager.health()).toEqual({
      status: 'healthy',
      components: { database: 'up', ledgerFile: 'disabled', cache: 'disabled', messaging: 'disabled' },
      isDatabaseOlder: false,
      ledgerFile: null,
      differingSettings: [],
      undelivered: [],
      sinkProblems: [],
      sourceProblems: [],
      unavailableStatuses: 0,
    });
    await manager[Symbol.asyncDispose]();
    await manager.close();
    await expect(manager.credits.addCredits('u', 1)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(manager.credits.getUserCreditsInfo('u')).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(manager.init()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await manager.health()).toMatchObject({ status: 'unhealthy', components: { database: 'down' } });
  });
});

describe('what a manager is asked for by name', () => {
  const manager = checkedManager(createCreditManagement());
  const odd = [5n, Symbol('s'), Object.create(null), { toJSON: () => expect.unreachable() }];

  test.each(odd)('no type of events and no credit type: %#', (name) => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => manager.on(name as never, () => {})).toThrow(refused);
    expect(() => manager.creditType(name as never)).toThrow(refused);
  });

  test('a misspelt event, and a handler that is none', () => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' });
    expect(() => manager.on('credits.recharge' as never, () => {})).toThrow(refused);
    expect(() => manager.on('*', undefined as never)).toThrow(refused);
  });

  test('job options with a getter that throws', async () => {
    const options = {
      get withinDays(): number {
        throw new Error('no');
      },
    };
    await expect(manager.jobs.runExpiringNotifications(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test.each([...odd, null, 5])('no name of a sink: %#', async (name) => {
    const refused = { code: 'INVALID_ARGUMENT' };
    await expect(manager.outbox.removeSink(name as never)).rejects.toMatchObject(refused);
    await expect(manager.outbox.retryFailed(name as never)).rejects.toMatchObject(refused);
  });
});

describe('events', () => {
  test('without a sink no row is written; with sinks one row an event and sink, in the same commit', async () => {
    const db = new InMemoryDbManager();
    const plain = checkedManager(createCreditManagement({ db }));
    await plain.credits.addCredits('u', 1);
    expect(await db.count('outbox', { index: 'sent' })).toBe(0);
    const manager = checkedManager(createCreditManagement({ db, sinks: [sink('a'), sink('b')] }));
    const tx = await manager.credits.addCredits('u', 5, { correlationId: 'c', reference: 'order-1' });
    const { rows } = await db.find('outbox', { index: 'queue', equals: { sink: 'a', status: 'pending' }, limit: 9 });
    expect(rows).toMatchObject([
      {
        id: `e-${tx.id}.0@a`,
        account: 'credits/u',
        sequence: 2,
        type: 'credits.recharged',
        payload: {
          correlationId: 'c',
          data: { amount: 5, balance: 6, transactionId: tx.id, reference: 'order-1', source: 'other' },
        },
      },
    ]);
    expect(JSON.parse(JSON.stringify(rows[0]?.payload))).toEqual(rows[0]?.payload);
    expect(await db.count('outbox', { index: 'queue', equals: { sink: 'b', status: 'pending' } })).toBe(1);
    const late = checkedManager(createCreditManagement({ db }));
    await late.credits.addCredits('u', 1);
    expect(await db.count('outbox', { index: 'queue', equals: { sink: 'b', status: 'pending' } })).toBe(2);
  });

  test("events: 'all' is a setting of the database: deductions and expiries too", async () => {
    const db = new InMemoryDbManager();
    await createCreditManagement({ db }).init();
    await createCreditManagement({ db, events: 'all' }).init();
    const manager = checkedManager(createCreditManagement({ db }));
    const types: string[] = [];
    manager.on('credits.deducted', (event) => {
      types.push(event.type);
    });
    await manager.credits.addCredits('u', 5);
    await manager.credits.deductCredits('u', 1);
    expect(types).toEqual(['credits.deducted']);
  });

  test('a handler that throws or rejects is reported and harms nothing; the result of on() removes it', async () => {
    const errors: unknown[] = [];
    const manager = checkedManager(
      createCreditManagement({ logger: { ...QUIET, error: (entry: object) => errors.push(entry) } }),
    );
    const seen: CreditEvent[] = [];
    manager.on('*', () => {
      throw new Error('sync');
    });
    manager.on('*', async () => {
      throw new Error('async');
    });
    const off = manager.on('credits.recharged', (event) => {
      seen.push(event);
    });
    await manager.credits.addCredits('u', 1);
    off();
    await manager.credits.addCredits('u', 1);
    expect(seen).toHaveLength(1);
    expect(errors.length).toBeGreaterThanOrEqual(6);
  });
});

describe('time and ids', () => {
  test('a clock of the host is used as it is, and must be valid', async () => {
    expect(hostTime({ now: () => new Date(5) }).now()).toBe(5);
    expect(hostTime({ now: () => new Date(5) }).refresh()).toBe(null);
    expect(() => hostTime({ now: () => new Date(Number.NaN) }).now()).toThrowError(/clock/);
    const stopped = new Error('the clock has stopped');
    const throws = () => {
      throw stopped;
    };
    for (const now of [() => new Date(Number.NaN), throws]) {
      const broken = checkedManager(createCreditManagement({ clock: { now } }));
      const error = await broken.credits.addCredits('u', 1).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: 'CONFIGURATION' });
      expect((error as Error).cause).toBe(now === throws ? stopped : undefined);
    }
  });

  const broken = () => {
    throw new Error('no');
  };
  test.each([() => 5, () => '', () => 'a\nb', () => 'x'.repeat(201), () => ({}), broken])(
    'ids that are none are CONFIGURATION: %s',
    async (ids) => {
      const manager = checkedManager(createCreditManagement({ ids: ids as () => string }));
      await expect(manager.credits.addCredits('u', 1)).rejects.toMatchObject({ code: 'CONFIGURATION' });
    },
  );

  test('ids are UUIDv7, unique and sorted, also within a millisecond', () => {
    const next = uuidv7Source();
    const ids = Array.from({ length: 20_000 }, next);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('the default logger is QUIET and redacts', () => {
    const logger = defaultLogger();
    expect(() => logger.debug({ secret: 'x' }, 'not shown')).not.toThrow();
  });
});

describe('the test kit', () => {
  test('advance writes what falls due, in order, and moves the clock', async () => {
    const kit = checkedManager(createTestCredits({ now: '2030-01-01T00:00:00Z' }));
    await kit.credits.addCredits('u', 5, { expiresAt: '2030-01-02T00:00:00Z' });
    await kit.credits.addCredits('v', 5, { effectiveAt: '2030-01-03T00:00:00Z' });
    await kit.advance({ days: 3, hours: 1, minutes: 1, seconds: 1 });
    expect(kit.clock.now().toISOString()).toBe('2030-01-04T01:01:01.000Z');
    expect((await kit.credits.getCreditHistory('v')).items[0]).toMatchObject({ type: 'activate', delta: 5 });
    expect(kit.events.at(-1)).toMatchObject({ type: 'credits.plugin_status_changed', userId: 'v' });
    expect(kit.events.map((event) => event.occurredAt).sort()).toEqual(kit.events.map((event) => event.occurredAt));
  });

  test('sessions of any database pass on request, and are refused otherwise', async () => {
    const session = { mongo: true } as never;
    const any = checkedManager(createTestCredits({ session: 'accept-any' }));
    await any.credits.addCredits('u', 5, { session });
    expect((await any.credits.getUserCreditsInfo('u', { session })).balance).toBe(5);
    const own = checkedManager(createTestCredits());
    await expect(own.credits.addCredits('u', 5, { session })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a duration that is none is INVALID_ARGUMENT, and the clock stays', async () => {
    const { advance, clock } = checkedManager(createTestCredits());
    const before = clock.now();
    for (const by of [undefined, { day: 1 }, { days: '1' }, { days: Number.NaN }]) {
      await expect(advance(by as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(() => clock.advance(by as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(clock.now()).toEqual(before);
  });

  test('clock and ids', () => {
    const clock = testClock('2030-01-01T00:00:00Z');
    clock.set('2031-01-01T00:00:00Z');
    expect(clock.now().getUTCFullYear()).toBe(2031);
    expect(() => testClock('tomorrow')).toThrowError(/now/);
    const ids = sequenceIds('x');
    expect([ids(), ids()]).toEqual(['x-000001', 'x-000002']);
  });

  test('a commit that fails is told as it is', async () => {
    const { credits, failNext } = checkedManager(createTestCredits());
    await credits.addCredits('u', 5);
    failNext('before_commit');
    await expect(credits.deductCredits('u', 1)).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      outcome: 'not_applied',
      retryable: true,
    });
    expect((await credits.deductCredits('u', 1)).balanceAfter).toBe(4);
  });
});
