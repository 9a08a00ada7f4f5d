/** Reads of accounts; those that wait in one tick share one query. Never answered from the pipeline's memory. */
import { accountFromRow } from '../../core/account.js';
import type { AccountRow } from '../../models/account.js';
import type { DbManager, StoreOptions } from '../../ports/db-manager.js';
import { setImmediate } from '../../timers.js';
import type { VersionedAccount } from '../pipeline/account-memory.js';

const KEYS_PER_READ = 500;

type Waiting = { resolve: (account: VersionedAccount | null) => void; reject: (error: unknown) => void };

export class AccountReader<S> {
  #waiting = new Map<string, Waiting[]>();
  #scheduled = false;
  /** The longest time any of the waiting allows. */
  #timeoutMs = 0;

  constructor(readonly db: DbManager<S>) {}

  /** The account, empty while it has had no applied operation; null when nobody ever wrote to it. */
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

  /** The same by a query of its own. */
  async readNow(key: string, options: StoreOptions<S>): Promise<VersionedAccount | null> {
    const [row] = await this.db.getMany('account', [key], options);
    return stateOf(row as unknown as AccountRow | null);
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
      const rows = await this.db.getMany('account', keys, { timeoutMs });
      for (const [i, [, readers]] of part.entries()) {
        const account = stateOf(rows[i] as unknown as AccountRow | null);
        for (const reader of readers) reader.resolve(account);
      }
    } catch (error) {
      for (const [, readers] of part) for (const reader of readers) reader.reject(error);
    }
  }
}

function stateOf(row: AccountRow | null): VersionedAccount | null {
  return row && { account: accountFromRow(row), version: row.version };
}
