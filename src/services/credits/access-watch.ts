/** Tells whoever watches accounts when their access status changes: by the commits of this process, and by looking. */
import { creditError } from '../../errors.js';
import { type AccessOptions, type WatchOptions, watchSchema } from '../../models/inputs/access.js';
import { userIdsSchema } from '../../models/inputs/credits.js';
import type { AccessInfo } from '../../models/records/access.js';
import type { LoggerLike } from '../../ports/logger.js';
import { clearTimeout, monotonicNow, setTimeout } from '../../timers.js';
import { notValid, parse, parseOptions } from '../input/parse.js';
import type { AccessService } from './access-contract.js';

type Handler = Parameters<AccessService['watch']>[1];

interface Watched {
  readonly handler: Handler;
  /** The status that the handler knows; null before the first. */
  told: AccessInfo['status'] | null;
}

type Watcher = readonly (readonly [userId: string, watched: Watched])[];

export interface WatchParts {
  readonly statusOf: (userId: string, options: AccessOptions) => Promise<AccessInfo>;
  readonly ttlMs: number;
  readonly logger: LoggerLike;
  readonly now: () => number;
  readonly isClosed: () => boolean;
}

/** A look for a change by the clock comes at least this much after the last one. */
const SOONEST_MS = 10;
const LOOKS_AT_ONCE = 100;

export class AccessWatch {
  readonly #parts: WatchParts;
  readonly #watched = new Map<string, Set<Watched>>();
  /** Those who watch, with what tells them that nothing more will come. */
  readonly #watchers = new Map<Watcher, WatchOptions['onEnd']>();
  /** The looks at an account follow one another, so that an older answer never comes after a newer one. */
  readonly #looking = new Map<string, Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When the timer ends, of the monotonic clock. */
  #timerAt = Number.POSITIVE_INFINITY;
  /** The earliest instant at which the clock may change a status that was told. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  add(userIds: readonly string[], handler: Handler, given?: WatchOptions): () => void {
    const users = new Set(parse(userIdsSchema, userIds, 'userIds'));
    if (typeof handler !== 'function') throw notValid('handler', 'a function');
    const { onEnd } = parseOptions(watchSchema, given);
    if (this.#parts.isClosed()) throw creditError('CLOSED', 'The credit manager is closed.', {});
    const mine: Watcher = [...users].map((userId) => [userId, { handler, told: null } as Watched] as const);
    this.#watchers.set(mine, onEnd);
    for (const [userId, watched] of mine) {
      const others = this.#watched.get(userId) ?? new Set();
      this.#watched.set(userId, others.add(watched));
      void this.look(userId, { fresh: true });
    }
    return () => this.#remove(mine);
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    for (const [userId, watched] of watcher) {
      const others = this.#watched.get(userId);
      others?.delete(watched);
      if (others?.size === 0) this.#watched.delete(userId);
    }
    if (this.#watched.size === 0) this.#stopTimer();
  }

  /** Looks at an account, if somebody watches it; never rejects. */
  look(userId: string, options: AccessOptions): Promise<void> {
    if (!this.#watched.has(userId)) return Promise.resolve();
    const before = this.#looking.get(userId) ?? Promise.resolve();
    const looking = before.then(() => this.#lookNow(userId, options));
    this.#looking.set(userId, looking);
    void looking.then(() => {
      if (this.#looking.get(userId) === looking) this.#looking.delete(userId);
    });
    return looking;
  }

  /** Tells those who watch that nothing more will come. */
  close(): void {
    for (const [watcher, onEnd] of [...this.#watchers]) {
      this.#remove(watcher);
      try {
        onEnd?.();
      } catch (err) {
        this.#parts.logger.error({ err }, 'A watcher failed');
      }
    }
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  async #lookNow(userId: string, options: AccessOptions): Promise<void> {
    try {
      const status = await this.#parts.statusOf(userId, options);
      // A database that is away says nothing about the account.
      if (status.accountStatus !== 'error') {
        this.#dueAt = Math.min(this.#dueAt, status.validUntil?.getTime() ?? Number.POSITIVE_INFINITY);
        for (const watched of this.#watched.get(userId) ?? []) this.#tell(watched, status);
      }
    } catch (err) {
      if (!this.#parts.isClosed())
        this.#parts.logger.error({ err }, 'The status of a watched account could not be read');
    }
    this.#schedule();
  }

  #tell(watched: Watched, status: AccessInfo): void {
    if (watched.told === status.status) return;
    watched.told = status.status;
    const failed = (err: unknown) => this.#parts.logger.error({ err, userId: status.userId }, 'A watcher failed');
    try {
      Promise.resolve(watched.handler({ ...status })).catch(failed);
    } catch (err) {
      failed(err);
    }
  }

  /** One timer for all: after the TTL, or when the clock changes the first of them. No look in between delays it. */
  #schedule(): void {
    if (this.#watched.size === 0 || this.#parts.isClosed()) return;
    const untilDue = Math.max(SOONEST_MS, this.#dueAt - this.#parts.now());
    const at = monotonicNow() + Math.min(this.#parts.ttlMs, untilDue);
    if (at >= this.#timerAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => void this.#lookAtAll(), at - monotonicNow());
    this.#timer.unref?.();
  }

  async #lookAtAll(): Promise<void> {
    this.#stopTimer();
    const users = [...this.#watched.keys()];
    for (let from = 0; from < users.length; from += LOOKS_AT_ONCE) {
      await Promise.all(users.slice(from, from + LOOKS_AT_ONCE).map((userId) => this.look(userId, {})));
    }
  }
}
