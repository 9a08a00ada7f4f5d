/**
 * The driver's sessions of our own, used again and again. A transaction that nobody ended holds its documents on the
 * server for a minute, whatever becomes of the connection. But the server ends it as soon as the same session begins
 * another. So a session whose last transaction may still be open is cleaned before it is given back, and a transaction
 * that is repeated uses the same session. A commit that arrives after that is too old to be applied.
 */
import type { Call } from './deadline.js';
import type { MongoClientLike, MongoDatabaseLike, MongoSession, TransactionSettings } from './driver-types.js';

/** The server ends transactions by itself after this time, unless it was told otherwise. */
const LIFETIME_MS = 60_000;
const CLEAN_EVERY_MS = 100;

const SETTINGS: TransactionSettings = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
  readPreference: 'primary',
};

/** A session in use. */
export interface Lease {
  readonly session: MongoSession;
  /** Whether its last transaction may be open on the server although nobody goes on with it. */
  isDirty: boolean;
}

/** Keeps a session that could be used again, or ends it. */
type Keep = (session: MongoSession) => unknown;

export class Sessions {
  readonly #client: MongoClientLike;
  readonly #db: MongoDatabaseLike;
  readonly #free: MongoSession[] = [];
  #isClosed = false;

  constructor(client: MongoClientLike, db: MongoDatabaseLike) {
    this.#client = client;
    this.#db = db;
  }

  /**
   * Runs `work` with a session. At the deadline it rejects with LATE, and the session stays with `work` until that has
   * stopped as well.
   */
  use<T>(call: Call, work: (lease: Lease) => Promise<T>): Promise<T> {
    return this.#run(call, this.#free.pop() ?? this.#start(), work, (session) => this.#free.push(session));
  }

  /**
   * The same for work that hands the session to a caller. The caller may come back with it at any time, so nobody uses
   * it again.
   */
  lend<T>(call: Call, work: (lease: Lease) => Promise<T>): Promise<T> {
    return this.#run(call, this.#start(), work, (session) => session.endSession());
  }

  #start(): MongoSession {
    return this.#client.startSession({ causalConsistency: false });
  }

  #run<T>(call: Call, session: MongoSession, work: (lease: Lease) => Promise<T>, keep: Keep): Promise<T> {
    const lease: Lease = { session, isDirty: false };
    const working = work(lease);
    const giveBack = () => this.#giveBack(lease, keep);
    working.then(giveBack, giveBack);
    return call.inTime(working);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#free.splice(0).map((session) => session.endSession().catch(() => {})));
  }

  async #giveBack({ session, isDirty }: Lease, keep: Keep): Promise<void> {
    if (isDirty && !(await this.#clean(session))) return;
    const isUseless = this.#isClosed || session.hasEnded;
    await Promise.resolve(isUseless ? session.endSession() : keep(session)).catch(() => {});
  }

  /** Ends a transaction that may be open, by beginning another one. */
  async #clean(session: MongoSession): Promise<boolean> {
    for (const until = performance.now() + LIFETIME_MS; performance.now() < until && !this.#isClosed; ) {
      try {
        if (session.inTransaction()) await session.abortTransaction();
        session.startTransaction(SETTINGS);
        await this.#db.command({ find: 'nothing', filter: {}, limit: 1, singleBatch: true }, { session });
        await session.abortTransaction();
        return true;
      } catch {
        await pause(CLEAN_EVERY_MS);
      }
    }
    await session.endSession().catch(() => {});
    return false;
  }
}

/** Begins a transaction, in place of one that the session may still have. */
export async function begin({ session }: Lease, call: Call): Promise<void> {
  if (session.inTransaction()) await session.abortTransaction();
  call.check();
  session.startTransaction({ ...SETTINGS, maxCommitTimeMS: call.remainingMs });
}

/** Waits, and keeps no process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
