/** The types fit what hosts write: one variable for two databases, a field for a service, metadata of an interface. */
import pg from 'pg';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { type SqlClientSession, SqlDbManager, type SqlSession } from '../../src/entries/sql.js';
import {
  type CreditManagement,
  type CreditService,
  createCreditManagement,
  createCreditService,
  type DbManager,
  InMemoryDbManager,
  type MemorySession,
  type Metadata,
} from '../../src/index.js';
import { QUIET } from '../support/quiet.js';

/** A URL in production, none in a test. */
const url = process.env.A_VARIABLE_THAT_NOBODY_SETS;

interface Order {
  readonly id: string;
  readonly lines: readonly { readonly sku: string; readonly amount: number }[];
  readonly note?: string;
}
const order: Order = { id: 'order-7', lines: [{ sku: 'a', amount: 2 }] };

/** A class of a host, which knows nothing of the database that its service is on. */
class Shop {
  constructor(
    readonly credits: CreditService,
    readonly manager?: CreditManagement,
  ) {}

  charge(session: unknown) {
    return this.credits.deductCredits('ada', 5, { session, metadata: order });
  }
}

describe('one variable for two databases', () => {
  test('makes a manager, which takes the sessions of both', async () => {
    const db = url ? new SqlDbManager({ url }) : new InMemoryDbManager();
    const manager = createCreditManagement({ db, logger: QUIET, creditTypes: { image: {} } });
    expectTypeOf(manager).toEqualTypeOf<CreditManagement<SqlSession | MemorySession, 'image'>>();
    expectTypeOf(createCreditService<typeof db>).returns.toEqualTypeOf<CreditService<SqlSession | MemorySession>>();
    expect((await manager.credits.addCredits('ada', 5)).balanceAfter).toBe(5);
    await manager.close();
  });

  test('may be declared as a DbManager', async () => {
    const db: DbManager = url ? new SqlDbManager({ url }) : new InMemoryDbManager();
    const manager = createCreditManagement({ db, logger: QUIET });
    expect((await manager.creditType('credits').addCredits('ada', 5)).balanceAfter).toBe(5);
    await manager.close();
  });

  test('and one database alone gives its own sessions, the in-memory one where there is none', () => {
    expectTypeOf(createCreditManagement()).toEqualTypeOf<CreditManagement<MemorySession>>();
    expectTypeOf(createCreditManagement({ db: new SqlDbManager({ pool: new pg.Pool() }) })).toEqualTypeOf<
      CreditManagement<SqlSession>
    >();
    const other = { db: new InMemoryDbManager() as unknown as DbManager<{ readonly id: number }> };
    expectTypeOf(createCreditManagement(other)).toEqualTypeOf<CreditManagement<{ readonly id: number }>>();
    // @ts-expect-error a pool is no database
    expect(() => createCreditManagement({ db: new pg.Pool() })).toThrow('db');
    // @ts-expect-error a misspelt option
    expect(() => createCreditManagement({ db: new InMemoryDbManager(), timeOutMs: 5 })).toThrow('timeOutMs');
  });
});

describe('a field typed CreditService', () => {
  test('holds the service of any database, and its calls take a session', async () => {
    const db = new InMemoryDbManager();
    const manager = createCreditManagement({ db, logger: QUIET });
    const shop = new Shop(manager.credits, manager);
    await shop.credits.addCredits('ada', 20);
    await db.transaction((session) => shop.charge(session));
    expect((await shop.credits.getUserCreditsInfo('ada')).balance).toBe(15);
    await manager.close();
    const client = {} as SqlClientSession;
    const call = (credits: CreditService<SqlSession>) => credits.addCredits('ada', 1, { session: client });
    expectTypeOf(call).parameter(0).toExtend<CreditService>();
    expectTypeOf<CreditManagement<SqlSession, 'image'>>().toExtend<CreditManagement<unknown, 'image'>>();
  });

  test('of one database it takes the sessions of that one alone', async () => {
    const { credits, close } = createCreditManagement({ logger: QUIET });
    // @ts-expect-error a client of PostgreSQL is no session of the in-memory database
    const wrong = credits.addCredits('ada', 1, { session: { query: async () => ({ rows: [] }) } });
    await expect(wrong).rejects.toThrow('session');
    await close();
  });
});

describe('metadata', () => {
  test('takes the value of an interface, and gives it back', async () => {
    const { credits, close } = createCreditManagement({ logger: QUIET });
    const { metadata } = await credits.addCredits('ada', 20, { metadata: order });
    expect(metadata).toEqual(order);
    await close();
  });

  test('takes no array, map, date, function or text', () => {
    expectTypeOf<Order>().toExtend<Metadata>();
    expectTypeOf<{ readonly a: readonly [1, { readonly b: null }] }>().toExtend<Metadata>();
    expectTypeOf<readonly string[]>().not.toExtend<Metadata>();
    expectTypeOf<Map<string, string>>().not.toExtend<Metadata>();
    expectTypeOf<Date>().not.toExtend<Metadata>();
    expectTypeOf<() => void>().not.toExtend<Metadata>();
    expectTypeOf<string>().not.toExtend<Metadata>();
  });
});
