/**
 * Balances in a cache, written through after every commit. The cache is not trusted: a value carries its account, its
 * version, when it was written and a checksum; a failing cache is left alone for a while; no decision ever reads it.
 */
import { type Account, emptyAccount } from '../../core/account.js';
import { sha256 } from '../../core/canonical-json.js';
import type { CacheBackend } from '../../ports/cache.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import type { VersionedAccount } from '../pipeline/account-memory.js';

export interface BalanceCacheConfig {
  readonly backend: CacheBackend;
  readonly ttlMs: number;
  /** What the cache may delay a call by. */
  readonly timeoutMs: number;
  readonly logger: LoggerLike;
  /** Random name of the database: two of them may share a cache. */
  readonly ledgerId: () => string;
  /** Epoch milliseconds of the database, which its processes share. */
  readonly now: () => number;
}

type Fields = [
  version: number,
  writtenAt: number,
  seq: number,
  /** The last operation, and the instant from which on the totals are true: later if the clock brought about more. */
  lastAt: number,
  from: number,
  balance: number,
  reserved: number,
  debt: number,
  dueAt: number | null,
];

const FIELDS = 9;
const SUSPENDED_MS = 1_000;
const CLOCKS_DIFFER_MS = 1_000;
const CLOSE_WITHIN_MS = 5_000;
const MOST_WRITTEN = 100_000;

export class BalanceCache {
  readonly #config: BalanceCacheConfig;
  #suspendedUntil = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #lastInstant = 0;
  /** What this process wrote last, by account: its readers get nothing older. */
  readonly #written = new Map<string, { version: number; at: number }>();
  /** Of accounts no longer in there, nothing written before this instant is used. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(config: BalanceCacheConfig) {
    this.#config = config;
  }

  get isUp(): boolean {
    return monotonicNow() >= this.#suspendedUntil;
  }

  /**
   * Totals of an account at this instant as the cache has them, or null: nothing there, nothing usable, or the clock
   * has brought something about since. Waits `timeoutMs` at most, and never longer than configured.
   */
  async get(creditType: string, userId: string, timeoutMs: number): Promise<Account | null> {
    if (!this.isUp || this.#isClosed) return null;
    const account = emptyAccount(creditType, userId);
    const { backend, ttlMs, now } = this.#config;
    let text: string | null;
    try {
      const most = Math.min(timeoutMs, this.#config.timeoutMs);
      text = await this.#ask(() => backend.get(this.#keyOf(account.key)), most);
      if (text !== null && typeof text !== 'string') throw new Error('The cache answered neither text nor null.');
    } catch (error) {
      this.#suspend(error);
      return null;
    }
    if (text === null) return null;
    const fields = this.#parse(account.key, text);
    if (!fields) {
      this.#warn({ account: account.key }, 'A cache entry is not what was written; it is not used');
      this.#ask(() => backend.delete(this.#keyOf(account.key))).catch((error) => this.#suspend(error));
      return null;
    }
    const [version, writtenAt, seq, lastAt, from, balance, reserved, debt, dueAt] = fields;
    const age = now() - writtenAt;
    const at = Math.max(now(), lastAt);
    if (age >= ttlMs || age < -CLOCKS_DIFFER_MS || at < from || (dueAt !== null && dueAt <= at)) return null;
    const own = this.#written.get(account.key);
    if (own ? version < own.version : writtenAt <= this.#notBefore) return null;
    return { ...account, seq, at, balance, reserved, debt, dueAt };
  }

  /** Keeps accounts as this process committed them; resolves when the cache has them or has had its time. */
  committed({ states }: { readonly states: readonly VersionedAccount[] }): Promise<void> {
    const at = this.#instant();
    for (const state of states) this.#noteWritten(state, at);
    return this.#put(states, this.#config.ttlMs, at);
  }

  /** Keeps an account as it was read at `readAt` of the monotonic clock, advanced since its last operation. */
  filled(state: VersionedAccount, lastAt: number, readAt: number): Promise<void> {
    const age = monotonicNow() - readAt;
    return this.#put([state], this.#config.ttlMs - age, this.#config.now() - age, lastAt);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { backend, logger } = this.#config;
    await this.#ask(async () => backend.close?.(), CLOSE_WITHIN_MS).catch((err) => {
      logger.warn({ err }, 'The cache was not closed');
    });
  }

  /** Never rejects. */
  async #put(states: readonly VersionedAccount[], ttlMs: number, writtenAt: number, lastAt?: number): Promise<void> {
    if (!this.isUp || this.#isClosed || ttlMs <= 0) return;
    const { backend } = this.#config;
    const sets = states.map(({ account, version }) => {
      const text = this.#textOf(account, version, Math.floor(writtenAt), lastAt);
      return this.#ask(() => backend.set(this.#keyOf(account.key), text, { version, ttlMs: Math.ceil(ttlMs) }));
    });
    for (const { status, ...why } of await Promise.allSettled(sets)) {
      if (status === 'rejected') this.#suspend((why as PromiseRejectedResult).reason);
    }
  }

  /** Now, or the last instant before a clock of the host failed: after a commit nothing may throw. */
  #instant(): number {
    try {
      this.#lastInstant = this.#config.now();
    } catch {
      // The next decision tells the host of its clock.
    }
    return this.#lastInstant;
  }

  /** One call of the backend, whatever it throws or does not return. */
  #ask<T>(call: () => T | Promise<T>, timeoutMs = this.#config.timeoutMs): Promise<T> {
    const late = () => new Error('The cache did not answer in time.');
    return withDeadline((async () => call())(), timeoutMs, late);
  }

  #noteWritten({ account: { key }, version }: VersionedAccount, at: number): void {
    const before = this.#written.get(key);
    this.#written.delete(key);
    this.#written.set(key, { version: Math.max(version, before?.version ?? 0), at });
    if (this.#written.size <= MOST_WRITTEN) return;
    const [oldest, { at: writtenAt }] = this.#written.entries().next().value as [string, { at: number }];
    this.#written.delete(oldest);
    this.#notBefore = Math.max(this.#notBefore, writtenAt);
  }

  #suspend(err: unknown): void {
    this.#suspendedUntil = monotonicNow() + SUSPENDED_MS;
    this.#warn({ err }, 'The cache failed; balances are read from the database meanwhile');
  }

  /** Of what goes wrong again and again, one line a second. */
  #warn(what: object, message: string): void {
    if (monotonicNow() - this.#warnedAt < SUSPENDED_MS) return;
    this.#warnedAt = monotonicNow();
    this.#config.logger.warn(what, message);
  }

  #keyOf(account: string): string {
    return `${this.#config.ledgerId()}/${account}`;
  }

  #textOf(account: Account, version: number, writtenAt: number, lastAt = account.at): string {
    const { key, seq, at, balance, reserved, debt, dueAt } = account;
    const fields: Fields = [version, writtenAt, seq, lastAt, at, balance, reserved, debt, dueAt];
    return JSON.stringify([...fields, this.#checksum(key, fields)]);
  }

  /** Of the database's own name too, which the value does not tell. */
  #checksum(account: string, fields: Fields): string {
    return sha256(JSON.stringify([this.#config.ledgerId(), account, ...fields])).slice(0, 32);
  }

  #parse(account: string, text: string): Fields | null {
    try {
      const values = JSON.parse(text) as unknown[];
      const fields = values.slice(0, FIELDS) as Fields;
      return values.length === FIELDS + 1 && values[FIELDS] === this.#checksum(account, fields) ? fields : null;
    } catch {
      return null;
    }
  }
}
