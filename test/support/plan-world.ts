/** What the tests of plans share: managers with a clock that the test moves, on every backend. */
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { Temporal } from 'temporal-polyfill';
import { afterAll, describe, expect } from 'vitest';
import { MongoDbManager, type MongoSession } from '../../src/entries/mongodb.js';
import { SqlDbManager, type SqlSession } from '../../src/entries/sql.js';
import {
  type CreditEvent,
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  type DbManager,
  InMemoryDbManager,
  type MemorySession,
  type PlanInput,
} from '../../src/index.js';
import { storedModels } from '../../src/models/stored-models.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';
import { emptyCollections, emptyTables } from '../backends/adapters.js';
import { describeMongo } from '../backends/mongo.js';
import { databaseOf } from '../backends/mongo-uri.js';
import { type Database, describePostgres } from '../backends/postgres.js';
import { checkedManager } from './checked-manager.js';
import { PATIENT_MS } from './pace.js';
import { QUIET } from './quiet.js';

export type Session = MemorySession | SqlSession | MongoSession;
export type Manager = CreditManagement<Session, 'image'>;
/** Runs something in a transaction of a host. */
type Hosted = <T>(run: (session: Session) => Promise<T>) => Promise<T>;
type Options = Partial<CreditManagementOptions<Session, 'image'>>;

export const MONTHLY: PlanInput = {
  ...{ name: 'Pro', creditLimit: 100, price: '19.99', currency: 'USD' },
  billingPeriod: 'monthly',
};

/** One store, and managers on it as several processes have them. */
export class World {
  readonly clock: TestClock = testClock('2026-01-01T00:00:00Z');
  /** Of the commits of all managers here. */
  readonly events: CreditEvent[] = [];
  readonly #managers: Manager[] = [];

  constructor(
    readonly adapter: () => DbManager<Session>,
    /** An adapter of the test's own; `begin` is its transaction, where the host has no other. */
    readonly host: DbManager<Session>,
    readonly options: Options = {},
    readonly hosted?: Hosted,
  ) {}

  open(options: Options = {}): Manager {
    const manager = checkedManager(
      createCreditManagement<DbManager<Session>, 'image'>({
        ...{ db: this.adapter(), clock: this.clock, creditTypes: { image: {} }, temporal: Temporal as never },
        ...{ logger: QUIET, timeoutMs: PATIENT_MS },
        ...this.options,
        ...options,
      }),
    );
    manager.on('*', (event) => {
      this.events.push(event);
    });
    this.#managers.push(manager);
    return manager;
  }

  get manager(): Manager {
    return this.#managers[0] ?? this.open();
  }

  /** A transaction of the host's own. */
  begin<T>(run: (session: Session) => Promise<T>): Promise<T> {
    if (this.hosted) return this.hosted(run);
    return (this.host.transaction as NonNullable<DbManager<Session>['transaction']>)(run);
  }

  /** The host changes its mind. */
  async rolledBack(run: (session: Session) => Promise<unknown>): Promise<void> {
    const undone = new Error('undone');
    const work = this.begin(async (session) => {
      await run(session);
      throw undone;
    });
    expect(await work.catch((error: unknown) => error)).toBe(undone);
  }

  async balance(userId: string, type: 'credits' | 'image' = 'credits'): Promise<number> {
    return (await this.manager.creditType(type).getUserCreditsInfo(userId, { fresh: true })).balance;
  }

  count(type: CreditEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  async expectSound(): Promise<void> {
    expect((await this.manager.ledger.verify()).problems).toEqual([]);
  }

  async close(): Promise<void> {
    for (const manager of this.#managers) await manager.close();
  }
}

export function memoryWorld(options: Options = {}): World {
  const db = new InMemoryDbManager() as unknown as DbManager<Session>;
  return new World(() => db, db, options);
}

/** Runs a suite in memory, on PostgreSQL and on MongoDB; every world is empty. */
export async function describeBackends(name: string, body: Suite): Promise<void> {
  describe(`${name}, in memory`, () => body(async (options) => memoryWorld(options), true));
  await describePostgres(`${name}, on PostgreSQL`, (database) => body(opener(postgresPlace, database), false));
  await describeMongo(`${name}, on MongoDB`, (database) => body(opener(mongoPlace, database), false));
}

export type OpenWorld = (options?: Options) => Promise<World>;

type Suite = (open: OpenWorld, isMemory: boolean) => void;

/** A database of a suite: the adapters of its managers, the host's transactions, and what empties and leaves it. */
interface Place {
  adapter(): DbManager<Session>;
  readonly hosted?: Hosted;
  empty(): Promise<void>;
  close(): Promise<void>;
}

function opener(openPlace: (database: Database) => Place, database: Database): OpenWorld {
  const opened: { close(): Promise<void> }[] = [];
  let place: Place | null = null;
  afterAll(async () => {
    for (const one of opened) await one.close();
    await place?.close();
  });
  return async (options) => {
    place ??= openPlace(database);
    const { adapter, hosted, empty } = place;
    for (const one of opened.splice(0)) await one.close();
    await empty();
    const host = adapter();
    const world = new World(adapter, host, options, hosted);
    await world.open().init();
    await host.init(storedModels);
    opened.push(world, host);
    return world;
  };
}

function postgresPlace({ url }: Database): Place {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  return {
    adapter: () => new SqlDbManager({ url, poolSize: 4 }) as unknown as DbManager<Session>,
    empty: () => emptyTables(pool),
    close: () => pool.end(),
  };
}

function mongoPlace({ url }: Database): Place {
  const client = new MongoClient(url);
  const dbName = databaseOf(url);
  return {
    adapter: () => new MongoDbManager({ client, dbName }) as unknown as DbManager<Session>,
    hosted: (run) => client.withSession((session) => session.withTransaction(() => run(session))),
    empty: () => emptyCollections(client, dbName),
    close: () => client.close(),
  };
}
