/** One store, several instances of the library on it, a clock that the test moves; on every backend. */
import { MongoClient } from 'mongodb';
import { describe } from 'vitest';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import {
  type CreditEvent,
  CreditEventSchema,
  type CreditManagement,
  type CreditManagementOptions,
  createCreditManagement,
  type DbManager,
  type Delivery,
  type EventSink,
  InMemoryDbManager,
} from '../../src/index.js';
import type { NotificationRow } from '../../src/models/notification.js';
import type { OutboxRow } from '../../src/models/outbox.js';
import { type TestClock, testClock } from '../../src/testing/clock.js';
import { emptyCollections, emptyTables } from '../backends/adapters.js';
import { describeMongo } from '../backends/mongo.js';
import { databaseOf } from '../backends/mongo-uri.js';
import { describePostgres } from '../backends/postgres.js';
import { type Host, Store } from '../backends/postgres-store.js';
import { checked, checkedManager } from './checked-manager.js';
import { PATIENT_MS } from './pace.js';
import { QUIET } from './quiet.js';

export type Manager = CreditManagement<unknown, 'image'>;
type Options = Omit<CreditManagementOptions<unknown, 'image'>, 'db' | 'clock'>;

export interface World {
  readonly clock: TestClock;
  readonly db: Pick<DbManager<unknown>, 'find' | 'getMany' | 'count'>;
  /** One more instance, as another process has it. */
  open(options?: Options): Manager;
  /** A transaction of the host; what it throws rolls back. */
  readonly host: <T>(work: (session: unknown) => Promise<T>) => Promise<T>;
}

type WithWorld = (body: (world: World) => Promise<void>) => Promise<void>;

/** Registers the same tests for every backend. */
export async function onEveryBackend(name: string, body: (withWorld: WithWorld, isMemory: boolean) => void) {
  describe(`${name}, in memory`, () => body(inMemory, true));
  await describePostgres(`${name}, on PostgreSQL`, (database) => body((run) => onPostgres(database.url, run), false));
  await describeMongo(`${name}, on MongoDB`, (database) => body((run) => onMongo(database.url, run), false));
}

async function inMemory(body: (world: World) => Promise<void>): Promise<void> {
  const db = new InMemoryDbManager({ suspend: () => new Promise((resolve) => setImmediate(resolve)) });
  const open = () => db as unknown as DbManager<unknown>;
  await play(open, (work) => db.transaction((session) => work(session)), body);
}

async function onPostgres(url: string, body: (world: World) => Promise<void>): Promise<void> {
  const store = new Store(url, { poolSize: 4 });
  try {
    await emptyTables(store.pool);
    const host: Host = store.host();
    const open = () => store.adapter() as unknown as DbManager<unknown>;
    await play(open, (work) => host(({ session }) => work(session)), body);
  } finally {
    await store.close();
  }
}

async function onMongo(url: string, body: (world: World) => Promise<void>): Promise<void> {
  const client = new MongoClient(url);
  const dbName = databaseOf(url);
  try {
    await emptyCollections(client, dbName);
    const open = () => new MongoDbManager({ client, dbName }) as unknown as DbManager<unknown>;
    const host: World['host'] = (work) => client.withSession((session) => session.withTransaction(() => work(session)));
    await play(open, host, body);
  } finally {
    await client.close();
  }
}

async function play(db: () => DbManager<unknown>, host: World['host'], body: (world: World) => Promise<void>) {
  const clock = testClock('2030-01-01T00:00:00Z');
  const managers: Manager[] = [];
  const first = db();
  const open = (options: Options = {}): Manager => {
    const on = managers.length === 0 ? first : db();
    const creditTypes = { image: { lowCreditThreshold: 2 } };
    const given = { logger: QUIET, timeoutMs: PATIENT_MS, creditTypes, ...options };
    const manager = checkedManager(createCreditManagement<DbManager<unknown>, 'image'>({ ...given, db: on, clock }));
    managers.push(manager);
    return manager;
  };
  try {
    await body({ clock, db: first, open, host });
  } finally {
    await Promise.all(managers.map((manager) => manager.close()));
  }
}

/** A sink that writes down what it is given, as text; `answer` decides what becomes of it. */
export class Recorder implements EventSink {
  readonly received: { id: string; userId: string; sequence: number; type: string; bytes: string }[] = [];
  answer: (event: CreditEvent) => Promise<Delivery> = async () => {};
  closed = 0;

  constructor(readonly name = 'sink') {}

  async publish(event: CreditEvent): Promise<Delivery> {
    const { id, userId, sequence, type } = checked(this.name, CreditEventSchema, event);
    this.received.push({ id, userId, sequence, type, bytes: JSON.stringify(event) });
    return this.answer(event);
  }

  async close(): Promise<void> {
    this.closed++;
  }

  ids(userId?: string): string[] {
    return this.received.filter((event) => userId === undefined || event.userId === userId).map(({ id }) => id);
  }
}

export async function outboxRows(world: World, sink = 'sink'): Promise<readonly OutboxRow[]> {
  const all: OutboxRow[] = [];
  for (const status of ['pending', 'sent', 'failed']) {
    const { rows } = await world.db.find('outbox', { index: 'queue', equals: { sink, status }, limit: 5_000 });
    all.push(...(rows as unknown as OutboxRow[]));
  }
  return all.sort((a, b) => (a.account < b.account ? -1 : a.account > b.account ? 1 : orderOf(a) - orderOf(b)));
}

export async function notificationRows(world: World): Promise<readonly NotificationRow[]> {
  const { rows } = await world.db.find('notification', { index: 'account', limit: 1_000 });
  return rows as unknown as NotificationRow[];
}

const orderOf = ({ sequence, place }: OutboxRow) => sequence * 10_000 + place;

/** The ids of a user's events in the order in which they happened. */
export async function idsOf(world: World, userId: string, sink?: string): Promise<string[]> {
  return (await outboxRows(world, sink)).filter((row) => row.userId === userId).map((row) => row.eventId);
}

export const statuses = (rows: readonly { status: string }[]) => rows.map(({ status }) => status);
