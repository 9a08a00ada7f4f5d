/** The MongoDB adapter: every call of the port as commands of the driver. */
import type {
  DbManager,
  FindQuery,
  Row,
  StoredModel,
  StoreOptions,
  Unit,
  UnitOutcome,
} from '../../ports/db-manager.js';
import { outcomesOf, pageOf, rowsByKey } from '../kit/answers.js';
import { checkOpen, madeFor } from '../kit/failures.js';
import { checkAlone } from '../kit/units.js';
import { StoredCollection } from './collection.js';
import { type Connection, connectionOf } from './connection.js';
import { ContendedDocuments } from './contended-documents.js';
import { Call, within } from './deadline.js';
import type { Document, MongoDatabaseLike, MongoSession, ReadSettings } from './driver-types.js';
import { callFailure, storageFailure } from './failures.js';
import { checkTransactions, lacking, migrate } from './migrate.js';
import { type MongoOptions, type Opened, openOptions } from './options.js';
import { findOf } from './query.js';
import { inTransaction, type Progress, transactionFailure } from './transaction.js';
import { UnitWriter } from './unit-writer.js';
import { type DocumentUnit, translated } from './units.js';

type Options = StoreOptions<MongoSession> | undefined;

/**
 * The largest batch. A page and one document more fit into it, so that there is no second batch to ask for; for a long
 * list the driver asks for more.
 */
const BATCH_MAX = 2_000;

/**
 * Credits in MongoDB (a replica set or a sharded cluster, 5.0 and newer; a replica set of one node is enough). Many
 * operations share one transaction and one durable commit, and with `session` a call joins a transaction of yours: a
 * `ClientSession` of the same client, inside `withTransaction`.
 *
 * The collections are `credit_account`, `credit_entry` and so on, made by `init`. Read them as you like, and never
 * write to them. Construction opens nothing.
 *
 * @param options a `client` of yours; see {@link MongoOptions} for the defaults.
 * @throws CONFIGURATION when the options do not go together.
 * @example
 * const db = new MongoDbManager({ client: new MongoClient('mongodb://localhost/?replicaSet=rs0') });
 * const manager = createCreditManagement({ db });
 * await manager.credits.addCredits('user-1', 100);
 */
export class MongoDbManager implements DbManager<MongoSession> {
  readonly name = 'mongodb';
  readonly limits = { operationsPerCommit: 512 };
  readonly #opened: Opened;
  readonly #contended = new ContendedDocuments();
  #connection: Connection | null = null;
  #collections: ReadonlyMap<string, StoredCollection> = new Map();
  #closing: Promise<void> | null = null;

  constructor(options: MongoOptions) {
    this.#opened = openOptions(options);
  }

  /**
   * The same with a URI: `new MongoDbManager({ uri, … })`. It makes a client of its own, which `close()` closes.
   *
   * @param options the name of the database, or options.
   * @throws CONFIGURATION for options that do not go together; at the first call when `mongodb` is not installed.
   * @example const db = MongoDbManager.fromClientUri('mongodb://localhost/?replicaSet=rs0', 'shop');
   */
  static fromClientUri(uri: string, options: string | Omit<MongoOptions, 'client' | 'uri'> = {}): MongoDbManager {
    return new MongoDbManager({ ...(typeof options === 'string' ? { dbName: options } : options), uri });
  }

  async init(models: readonly StoredModel[]): Promise<{ now: Date }> {
    this.#enter(undefined);
    const { prefix, initTimeoutMs } = this.#opened;
    const collections = models.map((model) => new StoredCollection(model, prefix));
    try {
      return await within({ timeoutMs: initTimeoutMs }, initTimeoutMs, async () => {
        const { db } = await this.#connect();
        const hello = (await db.command({ hello: 1 })) as Document & { localTime: Date };
        checkTransactions(hello);
        await migrate(db, collections);
        this.#collections = new Map([
          ...this.#collections,
          ...collections.map((each) => [each.model.name, each] as const),
        ]);
        return { now: hello.localTime };
      });
    } catch (error) {
      throw storageFailure(error);
    }
  }

  async lacking(models: readonly StoredModel[]): Promise<readonly string[]> {
    this.#enter(undefined);
    const { prefix, timeoutMs } = this.#opened;
    const collections = models.map((model) => new StoredCollection(model, prefix));
    try {
      return await within({ timeoutMs }, timeoutMs, async () => lacking((await this.#connect()).db, collections));
    } catch (error) {
      throw storageFailure(error);
    }
  }

  async getMany(
    model: string,
    keys: readonly string[],
    options?: StoreOptions<MongoSession> & { readonly lock?: boolean },
  ): Promise<readonly (Row | null)[]> {
    this.#enter(options);
    const collection = this.#collection(model);
    if (options?.session !== undefined && options.lock === true && keys.length > 0) {
      const { calls } = await this.#connect();
      await calls.lock(options.session, options, collection, keys);
    }
    const filter = { _id: { $in: [...new Set(keys)] } };
    const found = await this.#find(collection, options, () => ({ filter, limit: keys.length }));
    return rowsByKey(keys, found, collection);
  }

  async find(
    model: string,
    query: FindQuery,
    options?: StoreOptions<MongoSession>,
  ): Promise<{ rows: readonly Row[]; nextCursor: string | null }> {
    this.#enter(options);
    const collection = this.#collection(model);
    const found = await this.#find(collection, options, () => {
      const { filter, sort, hint } = findOf(collection, query);
      // One document more than the page holds, so that one knows whether there is another page.
      const settings: ReadSettings = hint === null ? { sort, allowDiskUse: true } : { sort, hint };
      return { filter, limit: query.limit + 1, settings };
    });
    return pageOf(collection.model, query, found);
  }

  async count(
    model: string,
    query: Omit<FindQuery, 'limit' | 'after'>,
    options?: StoreOptions<MongoSession>,
  ): Promise<number> {
    this.#enter(options);
    const collection = this.#collection(model);
    return this.#read(options, async (db, settings) => {
      const { filter, hint } = findOf(collection, query);
      return db.collection(collection.name).countDocuments(filter, hint === null ? settings : { ...settings, hint });
    });
  }

  async commit(
    units: readonly Unit[],
    options?: StoreOptions<MongoSession> & { readonly handOver?: boolean },
  ): Promise<readonly UnitOutcome[]> {
    this.#enter(options);
    const { sent, settled } = translated(units, (model) => this.#collection(model));
    const answers =
      options?.session === undefined
        ? await this.#write(sent, options)
        : await this.#writeWithin(options.session, sent, options);
    return outcomesOf(
      settled,
      sent.map(({ place }) => place),
      answers,
    );
  }

  async transaction<T>(run: (session: MongoSession) => Promise<T>, options?: StoreOptions<never>): Promise<T> {
    this.#enter(options);
    const progress: Progress = { isCommitting: false };
    const thrown: { error?: unknown } = {};
    const timeoutMs = options?.timeoutMs ?? this.#opened.timeoutMs;
    try {
      return await within(options, timeoutMs, async (call) => {
        const { sessions, calls } = await this.#connect();
        const body = (session: MongoSession) =>
          run(session).catch((error: unknown) => {
            thrown.error = error;
            throw error;
          });
        return sessions.lend(call, (own) => inTransaction(own, call, progress, () => calls.open(own, call, body)));
      });
    } catch (error) {
      if ('error' in thrown && thrown.error === error) throw error;
      throw transactionFailure(error, progress, timeoutMs);
    }
  }

  async redo(session: MongoSession): Promise<never> {
    const { calls } = await this.#connect();
    const [collection] = this.#collections.values();
    return calls.redo(session, collection as StoredCollection);
  }

  async ping(options?: StoreOptions<MongoSession>): Promise<{ now: Date }> {
    this.#enter(options);
    // The server's clock is the same inside a transaction, and `hello` cannot be asked there.
    if (options?.session !== undefined) (await this.#connect()).calls.check(options.session);
    return this.#timed(options, async (_, { db }) => {
      const { localTime } = (await db.command({ hello: 1 })) as { localTime: Date };
      return { now: localTime };
    });
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#connection) return;
    const { client, sessions } = this.#connection;
    await sessions.close();
    if (this.#opened.ownsClient) await client.close().catch(() => {});
  }

  #enter(options: Options): void {
    checkOpen(options, this.#closing !== null);
  }

  #collection(model: string): StoredCollection {
    return madeFor(this.#collections, model);
  }

  async #connect(): Promise<Connection> {
    const client = await this.#opened.open();
    this.#connection ??= connectionOf(client, this.#opened);
    return this.#connection;
  }

  async #find(
    collection: StoredCollection,
    options: Options,
    make: () => { filter: Document; limit: number; settings?: ReadSettings },
  ): Promise<Row[]> {
    const documents = await this.#read(options, async (db, settings) => {
      const { filter, limit, settings: own } = make();
      if (limit === 0) return [];
      const batchSize = Math.min(limit + 1, BATCH_MAX);
      return db
        .collection(collection.name)
        .find(filter, { ...settings, ...own, limit, batchSize })
        .toArray();
    });
    return documents.map((document) => collection.toRow(document as Document));
  }

  /** Reads outside of a transaction, or in the one of the session. */
  async #read<T>(options: Options, read: (db: MongoDatabaseLike, settings: ReadSettings) => Promise<T>): Promise<T> {
    const { session } = options ?? {};
    if (session !== undefined) {
      const { calls, db } = await this.#connect();
      return calls.read(session, options, () => read(db, { session }));
    }
    const level = options?.fresh === true ? 'linearizable' : 'majority';
    return this.#timed(options, (call, { db }) =>
      read(db, { readConcern: { level }, maxTimeMS: call.remainingMs, signal: call.signal }),
    );
  }

  async #timed<T>(options: Options, work: (call: Call, connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await within(options, this.#opened.timeoutMs, async (call) => work(call, await this.#connect()));
    } catch (error) {
      throw callFailure(error);
    }
  }

  async #write(units: readonly DocumentUnit[], options: Options): Promise<readonly UnitOutcome[]> {
    if (units.length === 0) return [];
    const { db, sessions } = await this.#connect().catch((error) => {
      throw storageFailure(error);
    });
    const call = new Call(options?.timeoutMs ?? this.#opened.timeoutMs);
    const writer = new UnitWriter(db, call, this.#contended);
    try {
      await sessions.use(call, (lease) => writer.write(lease, units));
      return writer.outcomes(units, null);
    } catch (error) {
      // This runs at the deadline too. It answers what is known by then, and whether a commit was sent.
      return writer.outcomes(units, error);
    } finally {
      call.end();
    }
  }

  /** Writes one unit in a transaction that is open already. A unit that is not committed leaves nothing there. */
  async #writeWithin(
    session: MongoSession,
    units: readonly DocumentUnit[],
    options: Options,
  ): Promise<readonly UnitOutcome[]> {
    checkAlone(units);
    const { calls } = await this.#connect();
    return calls.write(session, options, units);
  }
}
