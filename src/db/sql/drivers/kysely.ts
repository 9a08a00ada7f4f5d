/** A `Kysely` on PostgreSQL as a source of connections. It answers each statement before it takes the next one. */
import type { SqlLease, SqlResult, SqlSource } from '../connection.js';
import type { Timeouts } from '../dialect.js';
import { compiledQuery } from '../host-session.js';
import { postgres } from '../postgres/dialect.js';
import type { DriverSettings, Reached } from './driver.js';
import { GuestConnection } from './guest-connection.js';

/** The members of a `Kysely` on one connection that are used. */
export interface KyselyConnectionLike {
  /** Takes what kysely calls a compiled query. */
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The members of a `Kysely` that are used. */
export interface KyselyLike {
  readonly isTransaction: boolean;
  connection(): { execute<T>(work: (connection: KyselyConnectionLike) => Promise<T>): Promise<T> };
}

/** A Kysely of the host's. `poolSize` says how many connections it has. */
export function openKysely(kysely: KyselyLike, { poolSize, ...timeouts }: DriverSettings): Reached {
  return { dialect: postgres, source: new KyselySource(kysely, poolSize, timeouts) };
}

class KyselySource implements SqlSource {
  readonly connectionsMax: number;
  readonly #kysely: KyselyLike;
  readonly #timeouts: Timeouts;
  readonly #usual: string;

  constructor(kysely: KyselyLike, connectionsMax: number, timeouts: Timeouts) {
    this.connectionsMax = connectionsMax;
    this.#kysely = kysely;
    this.#timeouts = timeouts;
    this.#usual = postgres.settings(timeouts, 'transaction');
  }

  lease(giveUp: AbortSignal): Promise<SqlLease> {
    return new Promise((resolve, reject) => {
      const lend = async (connection: KyselyConnectionLike) => {
        if (giveUp.aborted) throw new Error('The call was given up.');
        const send = (text: string, values: readonly (string | null)[] = []): Promise<SqlResult> =>
          connection.executeQuery(compiledQuery(text, values));
        const guest = new GuestConnection({
          dialect: postgres,
          timeouts: this.#timeouts,
          usual: this.#usual,
          send,
          sendAtOnce: null,
        });
        let running: Promise<unknown> = Promise.resolve();
        const query = async (text: string, values?: readonly (string | null)[]) => {
          // kysely does not tell a commit from the rollback that answers it after a failed statement.
          if (text === 'commit') await guest.query('select 1');
          return guest.query(text, values);
        };
        let release = () => {};
        const released = new Promise<void>((end) => {
          release = end;
        });
        resolve({
          query(text, values) {
            const answer = query(text, values);
            running = answer.catch(() => {});
            return answer;
          },
          queryAlone: send,
          waitForLocks: (lockMs) => guest.waitForLocks(lockMs),
          release,
          destroy: release,
        });
        await released;
        // A statement that nobody waits for any more ends by its timeout, and the host must not meet it.
        await running;
        if (guest.isOpen) await send('rollback');
      };
      this.#kysely.connection().execute(lend).catch(reject);
    });
  }

  /** Closes nothing: the Kysely belongs to the host. */
  async close(): Promise<void> {}
}
