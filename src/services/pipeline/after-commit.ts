/**
 * Tells the followers of a commit in this process: the ledger file, the cache, and callbacks of `manager.on`. A failing
 * follower is reported; it never throws and undoes nothing.
 */
import type { CreditEvent, CreditEventType } from '../../models/events.js';
import type { Awaitable } from '../../models/values.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { Decided } from './group.js';

type Handler = (event: CreditEvent) => Awaitable<void>;

/** A follower hears of every commit of accounts, in commit order. */
export interface Follower {
  /** Null, or a promise that the callers of this commit wait for. Neither the call nor the promise may fail. */
  committed(decided: Decided): Promise<unknown> | null;
}

export class AfterCommit {
  readonly #followers: readonly Follower[];
  readonly #logger: LoggerLike;
  readonly #handlers = new Map<string, Set<Handler>>();
  /** The library's own handlers. They change no event, so all of them get the same one. */
  readonly #own = new Map<string, Handler>();

  constructor(followers: readonly Follower[], logger: LoggerLike) {
    this.#followers = followers;
    this.#logger = logger;
  }

  /** Adds a handler for one type, or `'*'` for all; the result removes it. */
  on(type: CreditEventType | '*', handler: Handler): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => {
      handlers.delete(handler);
    };
  }

  /** Sets the library's own handler for one type. */
  follow(type: CreditEventType, handler: Handler): void {
    this.#own.set(type, handler);
  }

  #hears(type: CreditEventType): boolean {
    return this.#own.has(type) || this.#handlers.has(type) || this.#handlers.has('*');
  }

  /** Null, or a promise that the callers of this commit wait for; it never rejects. */
  committed(decided: Decided): Promise<unknown> | null {
    let waiting: Promise<unknown> | null = null;
    for (const follower of this.#followers) {
      const following = follower.committed(decided);
      if (following !== null) waiting = waiting ? Promise.all([waiting, following]) : following;
    }
    for (const event of decided.events) if (this.#hears(event.type)) this.tell(event.make());
    return waiting;
  }

  /** Calls the handlers of an event that was committed. */
  tell(event: CreditEvent): void {
    const own = this.#own.get(event.type);
    if (own !== undefined) this.#call(event, () => own(event));
    if (this.#handlers.size === 0) return;
    for (const type of [event.type, '*']) {
      for (const handler of this.#handlers.get(type) ?? []) {
        this.#call(event, () => handler(structuredClone(event)));
      }
    }
  }

  #call(event: CreditEvent, run: () => Awaitable<void>): void {
    const failed = (err: unknown) =>
      this.#logger.error({ err, type: event.type, id: event.id }, 'Event handler failed');
    try {
      Promise.resolve(run()).catch(failed);
    } catch (err) {
      failed(err);
    }
  }
}
