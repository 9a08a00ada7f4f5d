/** Leases of transactions, which last as long as their callers like. */
import type { SqlLease, SqlSource } from './connection.js';

/**
 * The same connections, but one of them is never handed out, where there are two: a call without a session that a
 * transaction waits for finds it.
 */
export class LongLeases implements SqlSource {
  readonly isShared: boolean;
  readonly connectionsMax: number;
  readonly #source: SqlSource;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(source: SqlSource) {
    this.isShared = source.isShared === true;
    this.connectionsMax = Math.max(1, source.connectionsMax - 1);
    this.#source = source;
    this.#free = this.connectionsMax;
  }

  async lease(giveUp: AbortSignal): Promise<SqlLease> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isTaken = true;
    const leave = () => {
      if (isTaken) this.#next();
      isTaken = false;
    };
    try {
      if (giveUp.aborted) throw new Error('The call was given up.');
      const lease = await this.#source.lease(giveUp);
      return {
        query: (text, values, isKept) => lease.query(text, values, isKept),
        queryAlone: (text, values) => lease.queryAlone(text, values),
        waitForLocks: (lockMs) => lease.waitForLocks(lockMs),
        release() {
          lease.release();
          leave();
        },
        destroy() {
          lease.destroy();
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
