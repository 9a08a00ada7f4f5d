/**
 * Statements of the library on a connection that others use as well. What they need to be set is set for their own
 * transaction alone: also behind a pooler, nobody else meets it.
 */
import type { SqlResult } from '../connection.js';
import type { Dialect, Timeouts } from '../dialect.js';

type Send = (text: string, values?: readonly (string | null)[], isKept?: boolean) => Promise<SqlResult>;

/** Sends settings and a statement as one transaction, in one piece. */
export type SendAtOnce = (settings: string, ...statement: Parameters<Send>) => Promise<SqlResult>;

interface Guest {
  readonly dialect: Dialect;
  readonly timeouts: Timeouts;
  /** The settings with these timeouts. */
  readonly usual: string;
  readonly send: Send;
  /** Null where the driver sends one statement after another; that takes three round trips. */
  readonly sendAtOnce: SendAtOnce | null;
}

export class GuestConnection {
  readonly #guest: Guest;
  #settings: string;
  #isOpen = false;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.#settings = guest.usual;
  }

  /** Whether a transaction is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  waitForLocks(lockMs: number): void {
    const { dialect, timeouts } = this.#guest;
    this.#settings = dialect.settings({ ...timeouts, lockMs }, 'transaction');
  }

  query(...statement: Parameters<Send>): Promise<SqlResult> {
    const { dialect, sendAtOnce } = this.#guest;
    const [text] = statement;
    if (text.startsWith(dialect.opening)) return this.#begin(text.slice(dialect.opening.length));
    if (this.#isOpen) return this.#within(...statement);
    if (sendAtOnce) return sendAtOnce(this.#settings, ...statement);
    return this.#inTransaction(...statement);
  }

  /** Sends a statement of the transaction that is open. */
  async #within(...statement: Parameters<Send>): Promise<SqlResult> {
    const answer = await this.#guest.send(...statement);
    if (statement[0] === 'commit' || statement[0] === 'rollback') this.#isOpen = false;
    return answer;
  }

  async #inTransaction(...statement: Parameters<Send>): Promise<SqlResult> {
    const { send } = this.#guest;
    await this.#begin();
    try {
      const answer = await send(...statement);
      await this.query('commit');
      return answer;
    } catch (error) {
      await this.query('rollback').catch(() => {});
      throw error;
    }
  }

  #begin(more = ''): Promise<SqlResult> {
    this.#isOpen = true;
    return this.#guest.send(`${this.#guest.dialect.opening}; ${this.#settings}${more}`);
  }
}
