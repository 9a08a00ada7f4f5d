/**
 * Keeps balances in a cache and writes them through after every commit. It does not trust the cache: each value carries
 * the account's version, the time of writing, and a checksum over both, the account and the ledger. It does not ask a
 * failing cache for a while. No decision ever reads from it.
 */
import { CircuitBreaker, type CircuitBreakerConfig } from '../../circuit-breaker.js';
import { type Account, emptyAccount, nextChange } from '../../core/account.js';
import { sha256 } from '../../core/canonical-json.js';
import { dropOldest } from '../../oldest.js';
import type { CacheBackend } from '../../ports/cache.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow, withDeadline } from '../../timers.js';
import type { VersionedAccount } from '../pipeline/account-memory.js';

export interface BalanceCacheConfig {
  readonly backend: CacheBackend;
  readonly ttlMs: number;
  /** The longest time that the cache may delay a call. */
  readonly timeoutMs: number;
  /** When a cache that fails is left alone, and for how long. */
  readonly breaker: CircuitBreakerConfig;
  readonly logger: LoggerLike;
  /** The random id of this database's ledger: two databases may share a cache. */
  readonly ledgerId: () => string;
  /** The database's time in epoch milliseconds, which all its processes share. */
  readonly now: () => number;
  /** A text about an account for readers beside the library, kept for at least 1 ms; null for none. Never throws. */
  readonly published: (account: Account) => { key: string; text: string; ttlMs: number } | null;
}

type Fields = [
  version: number,
  writtenAt: number,
  seq: number,
  /** The instant of the last operation. */
  lastAt: number,
  /** The instant from which the totals are true: later than `lastAt` when credits lapsed or became effective since. */
  from: number,
  balance: number,
  reserved: number,
  debt: number,
  /** The next instant at which time changes the account, by itself or through its subscription. */
  dueAt: number | null,
];

const FIELDS = 9;
const WARNED_MS = 1_000;
const CLOCK_SKEW_MAX_MS = 1_000;
const CLOSE_MAX_MS = 5_000;
const WRITTEN_MAX = 100_000;
const VERIFIED_MAX = 20_000;

const tooLate = () => new Error('The cache did not answer in time.');

export class BalanceCache {
  readonly #config: BalanceCacheConfig;
  readonly #breaker: CircuitBreaker;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  /** Ends each wait on the backend that is under way. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #lastInstant = 0;
  /** The last version of each account that this process wrote. Its readers get nothing older. */
  readonly #written = new Map<string, { version: number; at: number }>();
  /** Texts whose checksums were right, by account: the same text is not checked again. */
  readonly #verified = new Map<string, { readonly text: string; readonly fields: Fields }>();
  /** For an account that is no longer in `#written`, a value from before this instant is not used. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(config: BalanceCacheConfig) {
    this.#config = config;
    this.#breaker = new CircuitBreaker(config.breaker);
  }

  /** The reads so far that found a usable value, found none, or failed. */
  readonly reads = { hit: 0, miss: 0, failure: 0 };

  get isUp(): boolean {
    return this.#breaker.isClosed;
  }

  /** Whether the backend answers now. It is asked even while no reader asks it. */
  async answers(timeoutMs: number): Promise<boolean> {
    if (this.#isClosed) return false;
    const { backend } = this.#config;
    return this.#ask(() => backend.get('health'), timeoutMs).then(
      (answer) => answer === null || typeof answer === 'string',
      () => false,
    );
  }

  /**
   * The totals of an account now, as the cache has them. Null when the cache has no usable value, or when something
   * became due since it was written, or when it is not younger than `maxAgeMs`. Waits `timeoutMs` at most, and never
   * longer than configured.
   */
  async get(creditType: string, userId: string, timeoutMs: number, maxAgeMs: number): Promise<Account | null> {
    if (this.#isClosed || !this.#breaker.admits()) return null;
    const account = emptyAccount(creditType, userId);
    const { backend } = this.#config;
    let text: string | null;
    try {
      const most = Math.min(timeoutMs, this.#config.timeoutMs);
      text = await this.#ask(() => backend.get(this.#keyOf(account.key)), most);
      if (text !== null && typeof text !== 'string') throw new Error('The cache answered neither text nor null.');
    } catch (error) {
      this.reads.failure++;
      this.#failed(error);
      return null;
    }
    this.#succeeded();
    return this.#counted(text === null ? null : this.#usable(account, text, maxAgeMs));
  }

  /** The same at once, from a backend that is the memory of this process; null from any other. */
  peek(creditType: string, userId: string, maxAgeMs: number): Account | null {
    const { backend } = this.#config;
    if (!backend.peek || this.#isClosed || !this.isUp) return null;
    const account = emptyAccount(creditType, userId);
    try {
      const text = backend.peek(this.#keyOf(account.key));
      const found = typeof text === 'string' ? this.#usable(account, text, maxAgeMs) : null;
      // `get` follows a miss, and counts it.
      if (found) this.reads.hit++;
      return found;
    } catch {
      // `get` meets the same, and counts it.
      return null;
    }
  }

  #counted(found: Account | null): Account | null {
    if (found) this.reads.hit++;
    else this.reads.miss++;
    return found;
  }

  /** The account as a text of the cache has it, unless that is damaged, too old, or no longer true. */
  #usable(account: Account, text: string, maxAgeMs: number): Account | null {
    const { backend, ttlMs, now } = this.#config;
    const fields = this.#parse(account.key, text);
    if (!fields) {
      this.#warn({ account: account.key }, 'A cached value was damaged or forged; it is not used');
      this.#ask(() => backend.delete(this.#keyOf(account.key))).catch((error) => this.#failed(error));
      return null;
    }
    const [version, writtenAt, seq, lastAt, from, balance, reserved, debt, dueAt] = fields;
    const instant = now();
    const age = instant - writtenAt;
    const at = Math.max(instant, lastAt);
    if (age >= Math.min(ttlMs, maxAgeMs) || age < -CLOCK_SKEW_MAX_MS || at < from || (dueAt !== null && dueAt <= at))
      return null;
    const own = this.#written.get(account.key);
    if (own ? version < own.version : writtenAt <= this.#notBefore) return null;
    return { ...account, seq, at, balance, reserved, debt, dueAt };
  }

  /** Keeps accounts as this process committed them. Resolves when the cache has them, or its time is over. */
  committed({ states }: { readonly states: readonly VersionedAccount[] }): Promise<void> {
    const at = this.#instant();
    for (const state of states) this.#noteWritten(state, at);
    return this.#put(states, this.#config.ttlMs, at);
  }

  /** Keeps an account that was read at `readAt` of the monotonic clock and advanced from its last operation. */
  filled(state: VersionedAccount, lastAt: number, readAt: number): Promise<void> {
    const age = monotonicNow() - readAt;
    return this.#put([state], this.#config.ttlMs - age, this.#config.now() - age, lastAt);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { backend, logger } = this.#config;
    const closed = (async () => backend.close?.())();
    await withDeadline(closed, CLOSE_MAX_MS, tooLate).catch((err) => {
      logger.warn({ err }, 'The cache could not be closed');
    });
  }

  /** Writes accounts to the cache; never rejects. */
  async #put(states: readonly VersionedAccount[], ttlMs: number, writtenAt: number, lastAt?: number): Promise<void> {
    if (this.#isClosed || ttlMs <= 0 || !this.#breaker.admits()) return;
    const { backend, published } = this.#config;
    const set = (key: string, text: string, version: number, ms: number) =>
      this.#ask(() => backend.set(key, text, { version, ttlMs: Math.ceil(ms) }));
    const sets = states.flatMap(({ account, version }) => {
      const text = this.#textOf(account, version, Math.floor(writtenAt), lastAt);
      const told = published(account);
      return [
        set(this.#keyOf(account.key), text, version, ttlMs),
        ...(told === null ? [] : [set(told.key, told.text, version, Math.min(ttlMs, told.ttlMs))]),
      ];
    });
    const failed = (await Promise.allSettled(sets)).find(({ status }) => status === 'rejected');
    if (failed) this.#failed((failed as PromiseRejectedResult).reason);
    else this.#succeeded();
  }

  /** Now; or, while the host's clock fails, the last instant it gave: nothing may throw after a commit. */
  #instant(): number {
    try {
      this.#lastInstant = this.#config.now();
    } catch {
      // The next decision reports the failing clock to the host.
    }
    return this.#lastInstant;
  }

  /**
   * Calls the backend once. A backend that throws or never answers makes the promise reject in time, and so does the
   * opening of the breaker: nobody waits for a cache that is given up.
   */
  #ask<T>(call: () => T | Promise<T>, timeoutMs = this.#config.timeoutMs): Promise<T> {
    let answer: Promise<T>;
    try {
      answer = Promise.resolve(call());
    } catch (error) {
      answer = Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const end = <V>(settle: (value: V) => void, value: V) => {
        this.#waiting.delete(reject);
        settle(value);
      };
      this.#waiting.add(reject);
      withDeadline(answer, timeoutMs, tooLate).then(
        (value) => end(resolve, value),
        (error: unknown) => end(reject, error),
      );
    });
  }

  #noteWritten({ account: { key }, version }: VersionedAccount, at: number): void {
    const before = this.#written.get(key);
    this.#written.delete(key);
    this.#written.set(key, { version: Math.max(version, before?.version ?? 0), at });
    if (this.#written.size <= WRITTEN_MAX) return;
    const [oldest, { at: writtenAt }] = this.#written.entries().next().value as [string, { at: number }];
    this.#written.delete(oldest);
    this.#notBefore = Math.max(this.#notBefore, writtenAt);
  }

  #failed(err: unknown): void {
    const change = this.#breaker.failed();
    if (change === 'failing') this.#warn({ err }, 'The cache failed; balances come from the database meanwhile');
    if (change !== 'open') return;
    for (const giveUp of this.#waiting) giveUp(new Error('The cache is given up for a while.'));
    const { openMs } = this.#config.breaker;
    this.#config.logger.warn({ err, openMs }, 'The cache failed repeatedly; it is left alone for a while');
  }

  #succeeded(): void {
    if (this.#breaker.succeeded()) this.#config.logger.info({}, 'The cache works again');
  }

  /** Logs one warning a second at most, because a failing cache fails for every call. */
  #warn(what: object, message: string): void {
    if (monotonicNow() - this.#warnedAt < WARNED_MS) return;
    this.#warnedAt = monotonicNow();
    this.#config.logger.warn(what, message);
  }

  #keyOf(account: string): string {
    return `${this.#config.ledgerId()}/${account}`;
  }

  #textOf(account: Account, version: number, writtenAt: number, lastAt = account.at): string {
    const { key, seq, at, balance, reserved, debt } = account;
    const dueAt = nextChange(account);
    const fields: Fields = [version, writtenAt, seq, lastAt, at, balance, reserved, debt, dueAt];
    return JSON.stringify([...fields, this.#checksum(key, fields)]);
  }

  /** The checksum also covers the ledger's id, which the value itself does not contain. */
  #checksum(account: string, fields: Fields): string {
    return sha256(JSON.stringify([this.#config.ledgerId(), account, ...fields])).slice(0, 32);
  }

  #parse(account: string, text: string): Fields | null {
    const known = this.#verified.get(account);
    if (known?.text === text) return known.fields;
    try {
      const values = JSON.parse(text) as unknown[];
      const fields = values.slice(0, FIELDS) as Fields;
      if (values.length !== FIELDS + 1 || values[FIELDS] !== this.#checksum(account, fields)) return null;
      this.#verified.set(account, { text, fields });
      dropOldest(this.#verified, VERIFIED_MAX);
      return fields;
    } catch {
      return null;
    }
  }
}
