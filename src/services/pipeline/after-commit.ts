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
  /** By type, each handler and the way to call it. */
  readonly #handlers = new Map<string, Map<Handler, Handler>>();

  constructor(followers: readonly Follower[], logger: LoggerLike) {
    this.#followers = followers;
    this.#logger = logger;
  }

  /** Adds a handler for one type, or `'*'` for all, which gets copies of events; the result removes it. */
  on(type: CreditEventType | '*', handler: Handler): () => void {
    return this.#add(type, handler, (event) => handler(structuredClone(event)));
  }

  /** Adds a handler of the library's own, which changes no event. */
  follow(type: CreditEventType, handler: Handler): void {
    this.#add(type, handler, handler);
  }

  #add(type: string, handler: Handler, call: Handler): () => void {
    const handlers = this.#handlers.get(type) ?? new Map();
    this.#handlers.set(type, handlers.set(handler, call));
    return () => {
      handlers.delete(handler);
    };
  }

  /** Null, or a promise that the callers of this commit wait for; it never rejects. */
  committed(decided: Decided): Promise<unknown> | null {
    let waiting: Promise<unknown> | null = null;
    for (const follower of this.#followers) {
      const following = follower.committed(decided);
      if (following !== null) waiting = waiting ? Promise.all([waiting, following]) : following;
    }
    for (const event of decided.events) {
      if (this.#handlers.has(event.type) || this.#handlers.has('*')) this.tell(event.make());
    }
    return waiting;
  }

  /** Calls the handlers of an event that was committed. */
  tell(event: CreditEvent): void {
    for (const type of [event.type, '*']) {
      for (const call of this.#handlers.get(type)?.values() ?? []) this.#call(call, event);
    }
  }

  #call(handler: Handler, event: CreditEvent): void {
    const failed = (err: unknown) =>
      this.#logger.error({ err, type: event.type, id: event.id }, 'Event handler failed');
    try {
      Promise.resolve(handler(event)).catch(failed);
    } catch (err) {
      failed(err);
    }
  }
}
