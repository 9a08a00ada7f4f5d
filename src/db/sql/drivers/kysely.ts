/**
 * A `Kysely` on PostgreSQL as a source of connections. The host uses them as well, so each has the settings of the
 * library only while a call has it.
 */
import type { SqlLease, SqlResult, SqlSource } from '../connection.js';
import { compiledQuery } from '../host-session.js';
import { postgres } from '../postgres/dialect.js';
import type { DriverSettings, Reached } from './driver.js';

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
  const { setUp, tidyUp } = postgres;
  return { dialect: postgres, source: new KyselySource(kysely, poolSize, setUp(timeouts), tidyUp) };
}

class KyselySource implements SqlSource {
  readonly connectionsMax: number;
  readonly #kysely: KyselyLike;
  readonly #setUp: string;
  readonly #tidyUp: string;

  constructor(kysely: KyselyLike, connectionsMax: number, setUp: string, tidyUp: string) {
    this.connectionsMax = connectionsMax;
    this.#kysely = kysely;
    this.#setUp = setUp;
    this.#tidyUp = tidyUp;
  }

  lease(giveUp: AbortSignal): Promise<SqlLease> {
    return new Promise((resolve, reject) => {
      const lend = async (connection: KyselyConnectionLike) => {
        if (giveUp.aborted) throw new Error('The call was given up.');
        const send = (text: string, values: readonly (string | null)[] = []): Promise<SqlResult> =>
          connection.executeQuery(compiledQuery(text, values));
        await send(this.#setUp);
        let running: Promise<unknown> = Promise.resolve();
        let isOpen = false;
        const query = async (text: string, values?: readonly (string | null)[]) => {
          // kysely does not tell a commit from the rollback that answers it after a failed statement.
          if (text === 'commit') await send('select 1');
          if (text.startsWith('begin')) isOpen = true;
          const answer = await send(text, values);
          if (text === 'commit' || text === 'rollback') isOpen = false;
          return answer;
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
          release,
          destroy: release,
        });
        await released;
        // A statement that nobody waits for any more ends by its timeout, and the host must not meet it.
        await running;
        if (isOpen) await send('rollback');
        await send(this.#tidyUp);
      };
      this.#kysely.connection().execute(lend).catch(reject);
    });
  }

  /** Closes nothing: the Kysely belongs to the host. */
  async close(): Promise<void> {}
}
