/** What the tests of plans share: managers with a clock that the test moves, in memory and on PostgreSQL. */
import pg from 'pg';
import { Temporal } from 'temporal-polyfill';
import { afterAll, describe, expect } from 'vitest';
import {
  type CreditEvent,
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  type DbManager,
  InMemoryDbManager,
  isCreditError,
  type MemorySession,
  type PlanInput,
} from '../../src/index.js';
import { SqlDbManager, type SqlSession } from '../../src/sql.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';
import { type Database, describePostgres } from '../servers/postgres.js';
import { emptyTables } from '../stores/adapters.js';

export type Session = MemorySession | SqlSession;
export type Manager = CreditManagement<Session, 'image'>;
type Options = Partial<CreditManagementOptions<Session, 'image'>>;

export const MONTHLY: PlanInput = {
  ...{ name: 'Pro', creditLimit: 100, price: '19.99', currency: 'USD' },
  billingPeriod: 'monthly',
};

const ignore = () => {};

/** One store, and managers on it as several processes have them. */
export class World {
  readonly clock: TestClock = testClock('2026-01-01T00:00:00Z');
  /** Of the commits of all managers here. */
  readonly events: CreditEvent[] = [];
  readonly #managers: Manager[] = [];

  constructor(
    readonly adapter: () => DbManager<Session>,
    readonly host: DbManager<Session>,
    readonly options: Options = {},
  ) {}

  open(options: Options = {}): Manager {
    const manager = createCreditManagement<Session, 'image'>({
      ...{ db: this.adapter(), clock: this.clock, creditTypes: { image: {} }, temporal: Temporal as never },
      ...{ logger: { debug: ignore, info: ignore, warn: ignore, error: ignore } },
      ...this.options,
      ...options,
    });
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

/** Runs a suite in memory and on PostgreSQL; every world is empty. */
export async function describeBackends(name: string, body: (open: OpenWorld) => void): Promise<void> {
  describe(`${name}, in memory`, () => body(async (options) => memoryWorld(options)));
  await describePostgres(`${name}, on PostgreSQL`, (database) => body(opener(database)));
}

export type OpenWorld = (options?: Options) => Promise<World>;

function opener(database: Database): OpenWorld {
  const opened: { close(): Promise<void> }[] = [];
  let pool: pg.Pool | null = null;
  afterAll(async () => {
    for (const one of opened) await one.close();
    await pool?.end();
  });
  return async (options) => {
    if (!pool) {
      pool = new pg.Pool({ connectionString: database.url, max: 4 });
      pool.on('error', ignore);
    }
    for (const one of opened.splice(0)) await one.close();
    await emptyTables(pool);
    const sql = () => new SqlDbManager({ url: database.url, poolSize: 4 }) as unknown as DbManager<Session>;
    const host = sql();
    const world = new World(sql, host, options);
    await world.open().init();
    await host.init((await import('../../src/models/index.js')).storedModels);
    opened.push(world, host);
    return world;
  };
}

/** The code of the error that a call is refused with, or what it answered. */
export function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => value,
    (error: unknown) => (isCreditError(error) ? error.code : error),
  );
}
