/** What the tests of the services on MongoDB share: a store that is emptied, managers, hosts, and dumps. */
import { type ClientSession, Long, MongoClient, type MongoClientOptions } from 'mongodb';
import { MongoDbManager } from '../../src/entries/mongodb.js';
import { type CreditManagementOptions, createCreditManagement, type DbManager } from '../../src/index.js';
import { PATIENT_MS } from '../support/pace.js';
import { QUIET } from '../support/quiet.js';
import { collectionsOf, emptyCollections } from './adapters.js';
import {
  type Host,
  type HostedAdapter,
  type HostedStore,
  type HostTransaction,
  type Manager,
  rolledBack,
} from './hosted.js';
import { describeMongo } from './mongo.js';
import { databaseOf } from './mongo-uri.js';

export const HOSTS = ['withTransaction', 'by hand'] as const;

export class MongoStore implements HostedStore {
  readonly client: MongoClient;
  readonly dbName: string;
  readonly #managers: Manager[] = [];
  /** Runs of `withTransaction` callbacks, the repeated ones too. */
  runs = 0;

  constructor(url: string, options: MongoClientOptions = {}) {
    this.client = new MongoClient(url, options);
    this.dbName = databaseOf(url);
  }

  get database() {
    return this.client.db(this.dbName);
  }

  open(options: CreditManagementOptions<unknown> = {}): Manager {
    const db = new MongoDbManager({ client: this.client, dbName: this.dbName });
    const manager = createCreditManagement<DbManager<unknown>>({
      db: db as never,
      logger: QUIET,
      timeoutMs: PATIENT_MS,
      ...options,
    });
    this.#managers.push(manager);
    return manager;
  }

  host(kind: string = HOSTS[0]): Host {
    return async (work) => {
      const session = this.client.startSession();
      const inside = (): HostTransaction => ({
        session,
        order: (id) => this.database.collection<{ _id: string }>('shop_order').insertOne({ _id: id }, { session }),
      });
      try {
        if (kind === 'by hand') return await byHand(session, () => work(inside()));
        return await session.withTransaction(() => {
          this.runs++;
          return work(inside());
        });
      } finally {
        await session.endSession();
      }
    };
  }

  rolledBack(host: Host, work: (host: HostTransaction) => Promise<unknown>): Promise<void> {
    return rolledBack(host, work);
  }

  async orders(): Promise<string[]> {
    const found = await this.database.collection('shop_order').find().sort({ _id: 1 }).toArray();
    return found.map(({ _id }) => String(_id));
  }

  damage(entryId: string): Promise<unknown> {
    const entries = this.database.collection<{ _id: string }>('credit_entry');
    return entries.updateOne({ _id: entryId }, { $inc: { delta: Long.fromNumber(1) } });
  }

  async dump(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (const name of await collectionsOf(this.client, this.dbName)) {
      for (const { _lock, ...row } of await this.database.collection(name).find().sort({ _id: 1 }).toArray()) {
        if (name !== 'credit_account' || row.visible || row.seq !== 0) lines.push(`${name} ${JSON.stringify(row)}`);
      }
    }
    return lines;
  }

  async close(): Promise<void> {
    for (const manager of this.#managers) await manager.close();
    await this.client.close();
  }
}

/** As a host does that repeats what the driver tells it to repeat. */
async function byHand<T>(session: ClientSession, work: () => Promise<T>): Promise<T> {
  for (;;) {
    session.startTransaction();
    try {
      const answer = await work();
      await session.commitTransaction();
      return answer;
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction();
      const { hasErrorLabel } = error as { hasErrorLabel?: (label: string) => boolean };
      if (hasErrorLabel?.call(error, 'TransientTransactionError') !== true) throw error;
    }
  }
}

/** Runs a test on an empty store. */
export async function withStore(
  url: string,
  body: (store: MongoStore) => Promise<void>,
  options: MongoClientOptions = {},
): Promise<void> {
  const store = new MongoStore(url, options);
  try {
    await emptyCollections(store.client, store.dbName, '');
    await body(store);
  } finally {
    await store.close();
  }
}

export const MONGODB_HOSTS: HostedAdapter = {
  title: 'MongoDB',
  hosts: HOSTS,
  describeDatabase: describeMongo,
  withStore,
};
