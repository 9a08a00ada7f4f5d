/** What the cache tests share: a store that counts, a cache that does as it is told, managers on both. */
import { expect } from 'vitest';
import { testClock } from '../../src/entries/testing.js';
import {
  type CacheBackend,
  type CreditManagementOptions,
  type CreditService,
  createCreditManagement,
  type DbManager,
  InMemoryCache,
  InMemoryDbManager,
  type MemorySession,
} from '../../src/index.js';

export const START = Date.UTC(2030, 0, 1);
export const inSeconds = (seconds: number) => new Date(START + seconds * 1000);

/** The in-memory database, counting what is asked of it. */
export class CountingDb extends InMemoryDbManager {
  reads: string[] = [];
  commits = 0;
  /** Commits are applied without an answer, and nothing can be read afterwards. */
  losing = false;
  /** Called with each read of accounts; what it answers is waited for after the rows were read. */
  afterRead: (keys: readonly string[]) => Promise<void> | undefined = () => undefined;

  override async getMany(...args: Parameters<InMemoryDbManager['getMany']>) {
    const [model, keys] = args;
    if (this.losing) throw new Error('The test made this read fail.');
    this.reads.push(`getMany ${model}`);
    const rows = await super.getMany(...args);
    if (model === 'account') await this.afterRead(keys);
    return rows;
  }

  override find(...args: Parameters<InMemoryDbManager['find']>) {
    this.reads.push(`find ${args[0]}`);
    return super.find(...args);
  }

  override count(...args: Parameters<InMemoryDbManager['count']>) {
    this.reads.push(`count ${args[0]}`);
    return super.count(...args);
  }

  override async commit(...args: Parameters<InMemoryDbManager['commit']>) {
    this.commits++;
    const outcomes = await super.commit(...args);
    if (!this.losing) return outcomes;
    return outcomes.map(() => ({ status: 'unknown', cause: new Error('The test lost the answer.') }) as const);
  }
}

export interface Kept {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly ttlMs: number;
}

/** A cache that works until a test says otherwise, and remembers what was asked of it. */
export class TestCache implements CacheBackend {
  calls: ('get' | 'set' | 'delete' | 'close')[] = [];
  readonly sets: Kept[] = [];
  onGet: (key: string, read: () => Promise<string | null>) => Promise<string | null> = (_, read) => read();
  onSet: (kept: Kept, write: () => Promise<void>) => Promise<void> = (_, write) => write();
  onDelete: (key: string, remove: () => Promise<void>) => Promise<void> = (_, remove) => remove();
  onClose: () => Promise<void> = async () => {};

  constructor(private inner: CacheBackend = new InMemoryCache()) {}

  forget(): void {
    this.inner = new InMemoryCache();
  }

  get(key: string): Promise<string | null> {
    // The look of manager.health() is no use of the cache.
    if (key !== 'health') this.calls.push('get');
    return this.onGet(key, () => this.inner.get(key));
  }

  set(key: string, value: string, { version, ttlMs }: { version: number; ttlMs: number }): Promise<void> {
    this.calls.push('set');
    const kept = { key, value, version, ttlMs };
    this.sets.push(kept);
    return this.onSet(kept, () => this.inner.set(key, value, { version, ttlMs }));
  }

  delete(key: string): Promise<void> {
    this.calls.push('delete');
    return this.onDelete(key, () => this.inner.delete(key));
  }

  close(): Promise<void> {
    this.calls.push('close');
    return this.onClose();
  }

  /** Every verb does the same from here on. */
  always(does: () => Promise<never>): void {
    this.onGet = does;
    this.onSet = does;
    this.onDelete = does;
  }

  work(): void {
    this.onGet = (_, read) => read();
    this.onSet = (_, write) => write();
    this.onDelete = (_, remove) => remove();
  }
}

export type Manager = ReturnType<ReturnType<typeof bench>['open']>;
type Options = CreditManagementOptions<MemorySession, 'image'>;

/** A counting store, a cache, a clock that stands still, and a manager; `open` makes another process. */
export function bench(options: Options & { ttlSeconds?: number; cacheTimeoutMs?: number } = {}) {
  const { ttlSeconds, cacheTimeoutMs: timeoutMs, ...rest } = options;
  const db = new CountingDb();
  const clock = testClock(new Date(START));
  const cache = new TestCache();
  const warnings: string[] = [];
  const note = (_: object, message = '') => void warnings.push(message);
  const logger = { debug() {}, info() {}, warn: note, error: note };
  const open = (more: Options = {}) =>
    createCreditManagement<DbManager<MemorySession>, 'image'>({
      ...{ db, clock, logger, creditTypes: { image: {} }, cache: { backend: cache, ttlSeconds, timeoutMs } },
      ...rest,
      ...more,
    });
  const manager = open();
  return { db, clock, cache, warnings, open, manager, credits: manager.credits };
}

/** What a call answers, having asked nothing of the store. */
export async function quietly<T>(db: CountingDb, call: () => Promise<T>): Promise<T> {
  const before = db.reads.length;
  const answer = await call();
  expect(db.reads.slice(before), 'reads of the store').toEqual([]);
  return answer;
}

/** How often a call reads from the store. */
export async function readsOf(db: CountingDb, call: () => Promise<unknown>): Promise<number> {
  const before = db.reads.length;
  await call();
  return db.reads.length - before;
}

export async function numbersOf(credits: CreditService<MemorySession>, user = 'u'): Promise<readonly number[]> {
  const { balance, reserved, available } = await credits.getUserCreditsInfo(user);
  return [balance, reserved, available];
}
