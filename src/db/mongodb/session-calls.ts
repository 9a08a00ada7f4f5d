/**
 * Calls inside transactions that are open already: a host's, or one of our own. MongoDB has no savepoints: a command
 * that the server refuses ends the whole transaction. So a unit is looked at before it is written, and one that does
 * not fit is not sent at all.
 */
import { creditError, isCreditError } from '../../errors.js';
import type { UnitOutcome } from '../../ports/db-manager.js';
import { LOCK_FIELD, type StoredCollection } from './collection.js';
import { type Call, LATE, sleep, within } from './deadline.js';
import type { MongoClientLike, MongoDatabaseLike, MongoSession } from './driver-types.js';
import { callFailure, isTransient, meaningOf, notASession, WriteError } from './failures.js';
import { endOfTransaction, type HostDatabase, hostDatabase } from './host-database.js';
import { begin, type Lease } from './session-pool.js';
import { writeSeen } from './unit-writer.js';
import type { DocumentUnit } from './units.js';

type Options = { readonly timeoutMs?: number | undefined } | undefined;

/** A transaction of our own, while it is open. */
interface Own {
  readonly lease: Lease;
  readonly call: Call;
  /** Whether the transaction has not done anything yet. */
  isFresh: boolean;
}

const WAIT_MS = 2;
const WAIT_MAX_MS = 30;
const GRACE_MS = 250;
const ABORT_MAX_MS = 1_000;

/** The last call of each session, by whichever adapter: they run one after another, as drivers demand. */
const tails = new WeakMap<object, Promise<unknown>>();

export class SessionCalls {
  readonly #client: MongoClientLike;
  readonly #db: MongoDatabaseLike;
  readonly #timeoutMs: number;
  readonly #own = new WeakMap<MongoSession, Own>();
  /** Sessions of our own, also when their transaction is over: a host's session is never one of them. */
  readonly #ours = new WeakSet<MongoSession>();

  constructor(client: MongoClientLike, db: MongoDatabaseLike, timeoutMs: number) {
    this.#client = client;
    this.#db = db;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs `run` with the session of a transaction of our own, which is accepted until it ends. */
  async open<T>(lease: Lease, call: Call, run: (session: MongoSession) => Promise<T>): Promise<T> {
    const { session } = lease;
    this.#own.set(session, { lease, call, isFresh: true });
    this.#ours.add(session);
    try {
      return await call.inTime(run(session));
    } finally {
      this.#own.delete(session);
      // The driver does one thing at a time in a session.
      await tails.get(session);
    }
  }

  /** Checks that the session is one, and does nothing else. */
  check(session: MongoSession): void {
    if (!this.#own.has(session)) this.#checkHost(session);
  }

  read<T>(session: MongoSession, options: Options, work: () => Promise<T>): Promise<T> {
    return this.#turn(session, options, work);
  }

  /** Changes documents so that nobody else can until the transaction ends. */
  lock(session: MongoSession, options: Options, collection: StoredCollection, keys: readonly string[]): Promise<void> {
    return this.#turn(session, options, async (call, own, db) => {
      const wasFresh = own?.isFresh === true;
      for (let wait = WAIT_MS; ; wait = Math.min(WAIT_MAX_MS, wait * 2)) {
        try {
          await this.#lock(db, session, collection, keys);
          return;
        } catch (error) {
          // A transaction of our own that has done nothing yet may begin again until it gets its lock. In all other
          // cases the owner of the transaction decides.
          if (!own || !wasFresh || meaningOf(error) !== 'contended') throw error;
          await sleep(wait / 2 + (wait / 2) * jitter());
          if (call.isOver || own.call.isOver) throw error;
          await begin(own.lease, own.call);
        }
      }
    });
  }

  /** Writes one unit. Nothing of a refused unit was sent, and the transaction goes on. */
  write(session: MongoSession, options: Options, units: readonly DocumentUnit[]): Promise<UnitOutcome[]> {
    return this.#turn(session, options, async (_call, _own, db) => {
      try {
        const outcomes = await writeSeen(db, { session }, units, true);
        return units.map((unit) => outcomes.get(unit) as UnitOutcome);
      } catch (error) {
        const [first] = units[0]?.changes ?? [];
        if (first && 'spoil' in db) await db.spoil(first.collection.name, error);
        // A refusal that nobody could foresee has ended the transaction. This question makes the server say so, by its
        // own error.
        if (error instanceof WriteError && meaningOf(error) === 'taken') await this.#ask(db, session);
        throw error;
      }
    });
  }

  /** Ends the transaction with the server's own error that tells the host to do it again. */
  redo(session: MongoSession, collection: StoredCollection): Promise<never> {
    return this.#turn(session, undefined, async (_, own, db) => {
      if (own) throw creditError('CONTENTION', 'A document is not in the snapshot. Begin again.', { attempts: 1 });
      // The next question gets the server's own error.
      await db.command(endOfTransaction(collection.name), { session });
      await this.#ask(db, session);
      throw creditError('CONTENTION', 'The transaction has to be done again.', { attempts: 1 });
    });
  }

  async #ask(db: MongoDatabaseLike, session: MongoSession): Promise<void> {
    await db.command({ find: 'nothing', filter: {}, limit: 1, singleBatch: true }, { session });
  }

  async #lock(
    db: MongoDatabaseLike,
    session: MongoSession,
    { name }: StoredCollection,
    keys: readonly string[],
  ): Promise<void> {
    const updates = [{ q: { _id: { $in: [...keys] } }, u: { $inc: { [LOCK_FIELD]: 1n } }, multi: true }];
    const { writeErrors } = (await db.command({ update: name, updates }, { session })) as {
      writeErrors?: readonly ConstructorParameters<typeof WriteError>[0][];
    };
    if (writeErrors?.[0]) throw new WriteError(writeErrors[0]);
  }

  /**
   * Runs the calls of a session one after another, each until its deadline. The next one waits for work still under
   * way.
   */
  async #turn<T>(
    session: MongoSession,
    options: Options,
    work: (call: Call, own: Own | undefined, db: MongoDatabaseLike | HostDatabase) => Promise<T>,
  ): Promise<T> {
    this.check(session);
    const before = tails.get(session) ?? Promise.resolve();
    let own: Own | undefined;
    let host: HostDatabase | undefined;
    try {
      return await within(options, this.#timeoutMs, (call) => {
        const turn = before.then(async () => {
          // The transaction may have ended while the call was waiting.
          own = this.#own.get(session);
          if (!own) this.#checkHost(session);
          call.check();
          if (own) return work(call, own, this.#db);
          host = hostDatabase(this.#db, session, call);
          return work(call, own, host);
        });
        tails.set(
          session,
          turn.then(
            () => this.#used(session),
            () => this.#used(session),
          ),
        );
        return turn;
      });
    } catch (error) {
      if (error === LATE) {
        // Work under way stops before its next command, and takes back what it can, before the host goes on.
        if (!own) await this.#stopped(session, host);
        throw creditError('TIMEOUT', 'The transaction did not answer in time.', this.#limit(options));
      }
      // The host's own retry of a transaction knows the driver's errors alone.
      if (!own && !isCreditError(error) && isTransient(error)) throw error;
      throw callFailure(error);
    }
  }

  /**
   * Waits until work that is late has stopped. Work that does not stop in time must not leave half of a unit for a host
   * that takes no notice of the error and commits.
   */
  async #stopped(session: MongoSession, host: HostDatabase | undefined): Promise<void> {
    const stopped = (tails.get(session) ?? Promise.resolve()).then(() => true);
    const hasStopped = await Promise.race([stopped, sleep(GRACE_MS).then(() => false)]);
    if (!hasStopped) await Promise.race([host?.abort(), sleep(ABORT_MAX_MS)]);
  }

  #used(session: MongoSession): void {
    const own = this.#own.get(session);
    if (own) own.isFresh = false;
  }

  #limit(options: Options): { timeoutMs: number } {
    return { timeoutMs: options?.timeoutMs ?? this.#timeoutMs };
  }

  #checkHost(session: MongoSession): void {
    if (typeof session !== 'object' || session === null || this.#ours.has(session)) throw notASession();
    const { hasEnded, inTransaction, client } = session as Partial<MongoSession> & { client?: unknown };
    if (typeof inTransaction !== 'function' || hasEnded === true) throw notASession();
    if (client !== this.#client || inTransaction.call(session) !== true) throw notASession();
  }
}

function jitter(): number {
  return (performance.now() * 1_000) % 1;
}
