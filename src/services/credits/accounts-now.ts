/** Reads accounts and advances them to the instant of the read. Nothing is written. */
import { type Account, emptyAccount, nextChange } from '../../core/account.js';
import { advanced, dueDraft, withTrial } from '../../core/advance.js';
import type { Context } from '../../core/decision.js';
import { accountKey } from '../../models/account.js';
import type { EntryRow } from '../../models/entry.js';
import type { ReadOptions } from '../../models/inputs/credits.js';
import type { FindQuery, StoreOptions } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import type { VersionedAccount } from '../pipeline/account-memory.js';
import type { Engine } from '../pipeline/engine.js';
import { isPlanDue } from '../pipeline/renewals.js';
import { AccountReader } from './account-reader.js';
import type { BalanceCache } from './balance-cache.js';

export interface AccountsNowParts<S> {
  readonly engine: Engine<S>;
  readonly creditType: string;
  readonly context: () => Context;
  readonly cache: BalanceCache | null;
}

export class AccountsNow<S> {
  readonly #parts: AccountsNowParts<S>;
  readonly #reader: AccountReader<S>;

  constructor(parts: AccountsNowParts<S>) {
    this.#parts = parts;
    this.#reader = new AccountReader<S>(parts.engine.store);
  }

  get context(): Context {
    return this.#parts.context();
  }

  /** The account as it is now. */
  async now(userId: string, options: ReadOptions<S>): Promise<Account> {
    const rest = this.#parts.engine.startDeadline(options);
    return this.present(await this.stored(userId, options), rest());
  }

  /** The account as its last commit left it. */
  async stored(userId: string, options: ReadOptions<S>): Promise<Account> {
    return (await this.#state(userId, options)).account;
  }

  /** The stored account, and the entries that time has brought about since and nothing has written yet. */
  async withDue(userId: string, options: ReadOptions<S>): Promise<{ stored: Account; due: readonly EntryRow[] }> {
    const { engine } = this.#parts;
    const rest = engine.startDeadline(options);
    const stored = await this.stored(userId, rest());
    const now = Math.max(engine.now(), stored.at);
    if (!isPlanDue(stored, now)) return { stored, due: dueDraft(stored, now, this.context).entries };
    const { session, fresh, ...call } = rest();
    const account = engine.account(stored.creditType, userId);
    const renewed = await engine.read({ session, ...call }, (timeoutMs) =>
      engine.renewedAt(account, now, { session, fresh, timeoutMs }),
    );
    const written = renewed.entries.filter((entry) => entry.account === account.key);
    return { stored: renewed.stored, due: [...written, ...dueDraft(renewed.account, now, this.context).entries] };
  }

  /** The stored account by a query of its own, for a caller that is already inside a read. */
  async storedAtOnce(userId: string, options: StoreOptions<S>): Promise<Account> {
    const found = await this.#reader.readNow(this.#keyOf(userId), options);
    return found?.account ?? this.#empty(userId);
  }

  /** The totals of an account, from the cache if there is one. */
  async balance(userId: string, options: ReadOptions<S>): Promise<Account> {
    return this.withTrial(await this.written(userId, options));
  }

  /**
   * The totals of an account as its commits made them, without the trial of one that has none; from the cache where it
   * has a value that is younger than `maxAgeMs`; with 0 from the database.
   */
  async written(userId: string, options: ReadOptions<S>, maxAgeMs = Number.POSITIVE_INFINITY): Promise<Account> {
    const { engine, creditType, cache } = this.#parts;
    const known = this.peek(userId, options, maxAgeMs);
    if (known) return known;
    const rest = engine.startDeadline(options);
    if (!cache || maxAgeMs === 0 || options.session !== undefined || options.fresh) {
      return this.#present(await this.stored(userId, rest()), rest());
    }
    // The cache gets half of the call's time at most: the database may need the rest.
    const ask = (timeoutMs: number) => cache.get(creditType, userId, timeoutMs / 2, maxAgeMs);
    const { timeoutMs } = rest();
    const isPlain = options.signal === undefined && engine.store.isReady && timeoutMs !== undefined;
    const cached = await (isPlain ? ask(timeoutMs) : engine.read(options, ask));
    if (cached) return cached;
    const readAt = monotonicNow();
    const { account: stored, version } = await this.#state(userId, rest());
    const account = await this.#present(stored, rest());
    // A renewal that nobody has written yet depends on the plan, which may change without a version of the account.
    if (!isPlanDue(stored, account.at)) {
      const dueAt = nextChange(stored);
      const isAsStored = dueAt === null || dueAt > account.at;
      const from = isAsStored ? { ...account, at: stored.at } : account;
      void cache.filled({ account: from, version }, stored.at, readAt);
    }
    return account;
  }

  /** How many accounts somebody wrote to, and how many of those had nothing available after their last operation. */
  counts({ signal, timeoutMs }: Pick<ReadOptions<S>, 'signal' | 'timeoutMs'>): Promise<[number, number]> {
    const { engine, creditType } = this.#parts;
    const all = { creditType, visible: true };
    const count = (query: Pick<FindQuery, 'index' | 'equals'>) => (timeoutMs: number) =>
      engine.store.count('account', query, { timeoutMs });
    return Promise.all([
      engine.read({ signal, timeoutMs }, count({ index: 'created', equals: all })),
      engine.read({ signal, timeoutMs }, count({ index: 'magnitude', equals: { ...all, magnitude: 0 } })),
    ]);
  }

  /** The totals of an account at once, where the cache is the memory of this process and has them. */
  peek(userId: string, { session, fresh, signal }: ReadOptions<S>, maxAgeMs: number): Account | null {
    const { engine, creditType, cache } = this.#parts;
    if (!cache || session !== undefined || fresh || signal?.aborted || !engine.store.isReady) return null;
    return cache.peek(creditType, userId, maxAgeMs);
  }

  /** A stored account, advanced to now, but never to before its last operation. One without a write has its trial. */
  async present(account: Account, options: ReadOptions<S>): Promise<Account> {
    return this.withTrial(await this.#present(account, options));
  }

  /** An account at an instant that is not past, with the trial grant that its first write would make. */
  withTrial(account: Account): Account {
    return withTrial(account, account.at, this.context);
  }

  async #present(account: Account, { session, fresh, ...options }: ReadOptions<S>): Promise<Account> {
    const { engine } = this.#parts;
    const now = Math.max(engine.now(), account.at);
    if (!isPlanDue(account, now)) return advanced(account, now, this.context);
    return engine.read({ session, ...options }, (timeoutMs) => this.at(account, now, { session, fresh, timeoutMs }));
  }

  /** A stored account at an instant that is not before its last operation, with the renewals that are due by then. */
  async at(account: Account, now: number, options: StoreOptions<S>): Promise<Account> {
    if (!isPlanDue(account, now)) return advanced(account, now, this.context);
    const renewed = await this.#parts.engine.renewedAt(account, now, options);
    return advanced(renewed.account, Math.max(now, renewed.account.at), this.context);
  }

  /** The stored account; version 0 when nobody ever wrote to it. */
  #state(userId: string, { session, fresh, ...options }: ReadOptions<S>): Promise<VersionedAccount> {
    return this.#parts.engine.read({ session, ...options }, async (timeoutMs) => {
      const found = await this.#reader.read(this.#keyOf(userId), { session, fresh, timeoutMs });
      return found ?? { account: this.#empty(userId), version: 0 };
    });
  }

  #empty(userId: string): Account {
    return emptyAccount(this.#parts.creditType, userId);
  }

  #keyOf(userId: string): string {
    return accountKey(this.#parts.creditType, userId);
  }
}
