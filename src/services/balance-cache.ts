/**
 * Balances in a cache, written through after every commit. The cache is not trusted: every value carries its account,
 * its version and a checksum, a failing cache is left alone for a while, and no decision ever reads it.
 */
import { type Account, emptyAccount } from '../core/account.js';
import { sha256 } from '../core/canonical.js';
import type { CacheBackend } from '../ports/cache.js';
import type { LoggerLike } from '../ports/logger.js';
import type { VersionedAccount } from './state-memory.js';
import { monotonicNow, withDeadline } from './timers.js';

export interface BalanceCacheConfig {
  readonly backend: CacheBackend;
  readonly ttlMs: number;
  /** What a cache may delay a call by. */
  readonly timeoutMs: number;
  readonly logger: LoggerLike;
  /** Random name of the database: two of them may share a cache. */
  readonly ledgerId: () => string;
}

/** An account without grants and holds: enough for its balance until `dueAt`. */
export type CachedAccount = VersionedAccount;

type Fields = [version: number, at: number, balance: number, reserved: number, debt: number, dueAt: number | null];

const SUSPENDED_MS = 1_000;
const MOST_FLOORS = 10_000;

export class BalanceCache {
  readonly #config: BalanceCacheConfig;
  #suspendedUntil = 0;
  /** Versions that this process wrote and the cache may not have: older values are not for its readers. */
  readonly #floors = new Map<string, number>();

  constructor(config: BalanceCacheConfig) {
    this.#config = config;
  }

  get isUp(): boolean {
    return monotonicNow() >= this.#suspendedUntil;
  }

  /** The account as the cache has it at `now`, or null: nothing there, nothing usable, or the clock has moved on. */
  async get(creditType: string, userId: string, now: number): Promise<CachedAccount | null> {
    if (!this.isUp) return null;
    const account = emptyAccount(creditType, userId);
    const { backend, timeoutMs, logger } = this.#config;
    let text: string | null;
    try {
      text = await withDeadline(backend.get(this.#keyOf(account.key)), timeoutMs, tooSlow);
    } catch (error) {
      this.#suspend(error);
      return null;
    }
    if (text === null) return null;
    const fields = this.#parse(account.key, text);
    if (!fields) {
      logger.warn({ account: account.key }, 'A cache entry is not what was written; it is not used');
      backend.delete(this.#keyOf(account.key)).catch((error) => this.#suspend(error));
      return null;
    }
    const [version, at, balance, reserved, debt, dueAt] = fields;
    if (version < (this.#floors.get(account.key) ?? 0) || (dueAt !== null && dueAt <= now)) return null;
    return { account: { ...account, at, balance, reserved, debt, dueAt }, version };
  }

  /** Keeps accounts as they were committed or read; resolves, always, when the cache has them or has had its time. */
  async put(states: readonly VersionedAccount[], readAt = monotonicNow()): Promise<void> {
    const { backend, ttlMs, timeoutMs } = this.#config;
    const left = ttlMs - (monotonicNow() - readAt);
    if (left <= 0) return;
    try {
      if (!this.isUp) throw SUSPENDED;
      const sets = states.map(({ account, version }) =>
        backend.set(this.#keyOf(account.key), this.#textOf(account, version), { version, ttlMs: left }),
      );
      await withDeadline(Promise.all(sets), timeoutMs, tooSlow);
      for (const { account, version } of states) {
        if ((this.#floors.get(account.key) ?? Number.POSITIVE_INFINITY) <= version) this.#floors.delete(account.key);
      }
    } catch (error) {
      for (const state of states) this.#raiseFloor(state);
      if (error !== SUSPENDED) this.#suspend(error);
    }
  }

  async close(): Promise<void> {
    await this.#config.backend.close?.();
  }

  #raiseFloor({ account: { key }, version }: VersionedAccount): void {
    const floor = Math.max(version, this.#floors.get(key) ?? 0);
    this.#floors.delete(key);
    this.#floors.set(key, floor);
    if (this.#floors.size > MOST_FLOORS) this.#floors.delete(this.#floors.keys().next().value as string);
  }

  #suspend(err: unknown): void {
    if (this.isUp) this.#config.logger.warn({ err }, 'The cache failed; balances are read from the database meanwhile');
    this.#suspendedUntil = monotonicNow() + SUSPENDED_MS;
  }

  #keyOf(account: string): string {
    return `${this.#config.ledgerId()}/${account}`;
  }

  #textOf({ key, at, balance, reserved, debt, dueAt }: Account, version: number): string {
    const fields: Fields = [version, at, balance, reserved, debt, dueAt];
    return JSON.stringify([...fields, this.#checksum(key, fields)]);
  }

  /** Of the database's own name too, which the cache's other users do not know from the value. */
  #checksum(account: string, fields: Fields): string {
    return sha256(JSON.stringify([this.#config.ledgerId(), account, ...fields])).slice(0, 32);
  }

  #parse(account: string, text: string): Fields | null {
    try {
      const values = JSON.parse(text) as unknown[];
      const fields = values.slice(0, 6) as Fields;
      return values.length === 7 && values[6] === this.#checksum(account, fields) ? fields : null;
    } catch {
      return null;
    }
  }
}

const SUSPENDED = new Error('suspended');

function tooSlow(): Error {
  return new Error('The cache did not answer in time.');
}
