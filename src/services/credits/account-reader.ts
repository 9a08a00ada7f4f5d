/** Reads accounts from the database, never from the pipeline's memory. Reads of one tick share a query. */
import type { AccountRow } from '../../models/account.js';
import type { StoreOptions } from '../../ports/db-manager.js';
import { setImmediate } from '../../timers.js';
import { type VersionedAccount, versionedAccount } from '../pipeline/account-memory.js';
import type { Tables } from '../store/tables.js';

const KEYS_PER_READ = 500;

type Waiting = { resolve: (account: VersionedAccount | null) => void; reject: (error: unknown) => void };

export class AccountReader<S> {
  #waiting = new Map<string, Waiting[]>();
  #scheduled = false;
  /** The longest timeout among the waiting reads. */
  #timeoutMs = 0;

  constructor(readonly tables: Tables<S>) {}

  /** The account; null when nobody ever wrote to it. It is empty while no operation on it was applied. */
  read(key: string, options: StoreOptions<S>): Promise<VersionedAccount | null> {
    if (options.session !== undefined || options.fresh) return this.readNow(key, options);
    return new Promise((resolve, reject) => {
      const others = this.#waiting.get(key);
      if (others) others.push({ resolve, reject });
      else this.#waiting.set(key, [{ resolve, reject }]);
      this.#timeoutMs = Math.max(this.#timeoutMs, options.timeoutMs ?? 0);
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Reads the account by a query of its own. */
  async readNow(key: string, options: StoreOptions<S>): Promise<VersionedAccount | null> {
    const row = await this.tables.get('account', key, options);
    return row && versionedAccount(row);
  }

  #flush(): void {
    const waiting = [...this.#waiting];
    const timeoutMs = this.#timeoutMs;
    this.#waiting = new Map();
    this.#scheduled = false;
    this.#timeoutMs = 0;
    for (let from = 0; from < waiting.length; from += KEYS_PER_READ) {
      void this.#readPart(waiting.slice(from, from + KEYS_PER_READ), timeoutMs);
    }
  }

  async #readPart(part: readonly [string, Waiting[]][], timeoutMs: number): Promise<void> {
    try {
      const keys = part.map(([key]) => key);
      const rows = await this.tables.getMany('account', keys, { timeoutMs });
      for (const [i, [, readers]] of part.entries()) answer(rows[i] ?? null, readers);
    } catch (error) {
      for (const [, readers] of part) for (const reader of readers) reader.reject(error);
    }
  }
}

/** Answers the readers of one row. When the row is not a valid account, only its own readers get the error. */
function answer(row: AccountRow | null, readers: readonly Waiting[]): void {
  try {
    const account = row && versionedAccount(row);
    for (const { resolve } of readers) resolve(account);
  } catch (error) {
    for (const { reject } of readers) reject(error);
  }
}
