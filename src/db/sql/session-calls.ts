/** Statements inside transactions that are open already: a host's, or one of our own. */
import { creditError, isCreditError } from '../../errors.js';
import type { CallOptions } from './calls.js';
import type { SqlConnection, SqlResult } from './connection.js';
import type { Dialect, Statement } from './dialect.js';
import { callFailure, hasEnded, notASession, ofAnotherDatabase } from './failures.js';
import { connectionOf, type SqlClientSession, type SqlSession } from './host-session.js';
import type { OwnTransaction } from './own-transaction.js';

const SAVEPOINT = 'credit_management';
/** In a transaction we wait this much longer than the server does: its answer says more than our deadline. */
const GRACE_MS = 250;

type IsKept = (row: unknown) => boolean;

interface WriteOptions {
  readonly isKept: IsKept;
  /** The mark of the host's transaction while the statement runs. The statement looks for it. */
  readonly mark: string | null;
}

/**
 * The last call of each session, by whichever adapter. The calls of a session run one after another, or their
 * savepoints would mix.
 */
const tails = new WeakMap<object, Promise<unknown>>();

export class SessionCalls {
  readonly #dialect: Dialect;
  readonly #timeoutMs: number;
  readonly #isHere: (place: string) => Promise<boolean>;
  /** Our own transactions, while they are open. */
  readonly #own = new WeakMap<object, OwnTransaction>();

  /** @param isHere whether a place is that of the credits, see {@link Dialect.place} */
  constructor(dialect: Dialect, timeoutMs: number, isHere: (place: string) => Promise<boolean>) {
    this.#isHere = isHere;
    this.#dialect = dialect;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Makes the session of a transaction of our own. The host may use it like a client, to write rows that belong to the
   * credits.
   */
  open(transaction: OwnTransaction): SqlClientSession {
    const session: SqlClientSession = {
      query: (text, values) => {
        if (!this.#own.has(session)) throw notASession();
        return transaction.query(text, values as string[] | undefined);
      },
    };
    this.#own.set(session, transaction);
    return session;
  }

  /** Closes a session to further calls. Resolves when the call that is under way has left the connection. */
  async ended(session: SqlClientSession): Promise<void> {
    this.#own.delete(session);
    await tails.get(session);
  }

  isOwn(session: SqlSession): boolean {
    return this.#own.has(session);
  }

  /** Whether a transaction of our own has its connection. */
  hasBegun(session: SqlSession): boolean {
    return this.#own.get(session)?.hasBegun === true;
  }

  /** Reads rows, and may wait for locks. A read that fails leaves a host's transaction as it was. */
  read(session: SqlSession, options: CallOptions, statement: Statement, locks = false): Promise<readonly unknown[]> {
    return this.#turn(session, async () => {
      const own = this.#own.get(session);
      const until = this.#untilOf(options);
      const host = own ? null : connectionOf(session);
      try {
        if (own && locks) await own.query(this.#dialect.waitForLocks(shorter(until - performance.now())));
        if (own) return await send(withDeadline(own, until + GRACE_MS), statement);
        return await this.#asGuest(withDeadline(host as SqlConnection, until + GRACE_MS), until, statement);
      } catch (error) {
        throw this.#isRaw(error, own) ? error : callFailure(this.#dialect, error);
      }
    });
  }

  /** Writes, and undoes a write whose answer `isKept` refuses. Throws the driver's own error. */
  write(session: SqlSession, options: CallOptions, statement: Statement, how: WriteOptions): Promise<unknown> {
    return this.#turn(session, async () => {
      const own = this.#own.get(session);
      const until = this.#untilOf(options);
      const host = own ?? connectionOf(session);
      const [row] = own
        ? await this.#undoable(withDeadline(own, until), (connection) => send(connection, statement), how.isKept)
        : await this.#asGuest(withDeadline(host, until + GRACE_MS), until, statement, how);
      return row;
    });
  }

  /** The error of a write that ended its transaction, as the caller of the session has to see it. */
  failure(session: SqlSession, error: unknown): unknown {
    return this.#isRaw(error, this.#own.get(session)) ? error : callFailure(this.#dialect, error);
  }

  /** A host whose whole transaction has to be done again needs the driver's own error to see that. */
  #isRaw(error: unknown, own: SqlConnection | undefined): boolean {
    return !own && !isCreditError(error) && this.#dialect.asksForRedo(error);
  }

  #untilOf(options: CallOptions): number {
    return performance.now() + (options?.timeoutMs ?? this.#timeoutMs);
  }

  async #turn<T>(session: SqlSession, call: () => Promise<T>): Promise<T> {
    if (typeof session !== 'object' || session === null) throw notASession();
    const turn = (tails.get(session) ?? Promise.resolve()).then(call);
    tails.set(
      session,
      turn.catch(() => {}),
    );
    return turn;
  }

  /**
   * Runs a statement in a host's transaction, behind a savepoint and with the timeouts of this call. The host may end
   * its transaction between any two statements, and the server would commit the next one by itself. The mark prevents
   * that.
   */
  #asGuest(
    connection: SqlConnection,
    until: number,
    statement: Statement,
    { isKept, mark }: Partial<WriteOptions> = {},
  ): Promise<readonly unknown[]> {
    const { setTimeouts } = this.#dialect;
    const guest = async () => {
      const ms = Math.max(1, Math.ceil(until - performance.now()));
      const [theirs] = await send(connection, setTimeouts([String(ms), String(shorter(ms))], mark ?? ''));
      const { statement: whole, lock, place } = theirs as { statement: string; lock: string; place: string };
      if (!(await this.#isHere(place))) throw ofAnotherDatabase();
      const rows = await send(connection, statement);
      await send(connection, setTimeouts([whole, lock], ''));
      return rows;
    };
    return this.#undoable(connection, guest, isKept);
  }

  /**
   * Runs `work` behind a savepoint. After an error, or an answer that is not kept, it goes back to the savepoint.
   * Outside a transaction the savepoint itself fails: that is how a client without `BEGIN` is found.
   */
  async #undoable(
    connection: SqlConnection,
    work: (connection: SqlConnection) => Promise<readonly unknown[]>,
    isKept?: IsKept,
  ): Promise<readonly unknown[]> {
    await connection.query(`savepoint ${SAVEPOINT}`).catch((error: unknown) => {
      throw this.#dialect.isOutsideTransaction(error) ? notASession(error) : error;
    });
    let rows: readonly unknown[] = [];
    let failure: unknown;
    try {
      rows = await work(connection);
    } catch (error) {
      if (this.#dialect.endsTransaction(error)) throw error;
      failure = error;
    }
    const isUndone = failure !== undefined || isKept?.(rows[0]) === false;
    try {
      if (isUndone) await connection.query(`rollback to savepoint ${SAVEPOINT}`);
      await connection.query(`release savepoint ${SAVEPOINT}`);
    } catch (error) {
      if (!this.#dialect.isOutsideTransaction(error)) throw error;
      throw isUndone || !isKept ? notASession(error) : hasEnded(error);
    }
    if (failure !== undefined) throw failure;
    return rows;
  }
}

/** A wait for a lock ends before the call does, because its error says more. */
function shorter(ms: number): number {
  return Math.max(1, Math.floor(ms * 0.8));
}

async function send(connection: SqlConnection, { text, values }: Statement): Promise<readonly unknown[]> {
  const answer: Partial<SqlResult> | null | undefined = await connection.query(text, values);
  if (Array.isArray(answer?.rows)) return answer.rows;
  const expected = 'a query(text, values) that resolves to { rows }';
  throw creditError('INVALID_ARGUMENT', `session is not valid: ${expected}.`, { path: 'session', expected });
}

function withDeadline(connection: SqlConnection, until: number): SqlConnection {
  return {
    async query(text, values) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        const error = new Error('The deadline came before the answer of the database.');
        timer = setTimeout(reject, Math.max(1, until - performance.now()), error);
      });
      try {
        return await Promise.race([connection.query(text, values), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
