/**
 * PGlite as a source of connections. It is one connection, which the host uses as well: a call waits while the host is
 * inside a transaction, and is refused (`CONTENTION`) when that does not end by the call's deadline.
 */
import type { SqlLease, SqlResult, SqlSource } from '../connection.js';
import { postgres } from '../postgres/dialect.js';
import { sqlState } from '../postgres/errors.js';
import type { Reached } from './driver.js';

/** The members of a PGlite transaction that are used. */
export interface PgliteTransactionLike {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  exec(text: string): Promise<unknown>;
  rollback(): Promise<void>;
}

/** The members of a `PGlite` that are used. */
export interface PgliteLike {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  transaction(work: (transaction: PgliteTransactionLike) => Promise<void>): Promise<unknown>;
}

const PROBE = 'credit_management_probe';
const LOOK_AGAIN_MS = 5;

/** A transaction of PGlite that is open until it is told to end. */
interface Held {
  readonly transaction: PgliteTransactionLike;
  /** Ends it, and resolves when that is done. */
  end(how: 'commit' | 'rollback'): Promise<void>;
}

/** A PGlite of the host's; it has neither a pool nor timeouts to be set. */
export function openPglite(db: PgliteLike): Reached {
  return { dialect: postgres, source: new PgliteSource(db) };
}

class PgliteSource implements SqlSource {
  readonly isShared = true;
  readonly connectionsMax = 1;
  readonly #db: PgliteLike;

  constructor(db: PgliteLike) {
    this.#db = db;
  }

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    await this.#untilFree(giveUp);
    // This is the turn of the lease's first statement: nothing can come between.
    let held: Held | null = await this.#hold(giveUp);
    let isOurs = false;
    let isOver = false;
    const end = async (how: 'commit' | 'rollback'): Promise<SqlResult> => {
      const ending = held;
      held = null;
      isOurs = false;
      await ending?.end(how);
      return { rows: [], command: how.toUpperCase() };
    };
    const stop = (): void => {
      isOver = true;
      end('rollback').catch(() => {});
    };
    const query: SqlLease['query'] = async (text, values) => {
      if (isOver) throw new Error('The connection is no longer ours.');
      if (isOurs && (text === 'commit' || text === 'rollback')) return end(text);
      held ??= await this.#hold(giveUp);
      if (text.startsWith('begin')) {
        isOurs = true;
        return { rows: [] };
      }
      try {
        const answer = await held.transaction.query(text, values as unknown[]);
        if (!isOurs) await end('commit');
        return { rows: answer.rows };
      } catch (error) {
        if (!isOurs) await end('rollback');
        throw error;
      }
    };
    return {
      query,
      queryAlone: query,
      // Nobody else has a connection, and with it a lock.
      waitForLocks() {},
      release: stop,
      destroy: stop,
    };
  }

  /** Closes nothing: the PGlite belongs to the host, and stays open. */
  async close(): Promise<void> {}

  /** Waits while somebody has begun a transaction by hand: a savepoint succeeds inside one, and nowhere else. */
  async #untilFree(giveUp: AbortSignal): Promise<void> {
    while (!giveUp.aborted) {
      try {
        await this.#db.query(`savepoint ${PROBE}`);
      } catch (error) {
        if (sqlState(error) === '25P01') return;
        if (sqlState(error) !== '25P02') throw error;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        continue;
      }
      await this.#db.query(`release savepoint ${PROBE}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  /** Opens a transaction when the host has none. */
  #hold(giveUp: AbortSignal): Promise<Held> {
    return new Promise((resolve, reject) => {
      const done = this.#db.transaction(async (transaction) => {
        // Nobody waits for this lease any more.
        if (giveUp.aborted) throw new Error('The call was given up.');
        let end: (how: 'commit' | 'rollback') => void = () => {};
        const ended = new Promise<'commit' | 'rollback'>((tell) => (end = tell));
        resolve({
          transaction,
          end: async (how) => {
            end(how);
            await done;
          },
        });
        if ((await ended) === 'rollback') await transaction.rollback();
      });
      done.catch(reject);
    });
  }
}
