/** What follows a commit in this process: callbacks of `manager.on`. Their failures are reported, never thrown. */
import type { CreditEvent, CreditEventType } from '../models/events.js';
import type { Awaitable } from '../models/values.js';
import type { LoggerLike } from '../ports/logger.js';
import type { Plan } from './group.js';

export type EventHandler<K extends CreditEventType> = (event: CreditEvent<K>) => Awaitable<void>;
type AnyHandler = (event: CreditEvent) => Awaitable<void>;

export class AfterCommit {
  readonly #handlers = new Map<string, Set<AnyHandler>>();

  constructor(readonly logger: LoggerLike) {}

  /** Adds a handler for one type, or `'*'` for all; the result removes it. */
  on(type: CreditEventType | '*', handler: AnyHandler): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => {
      handlers.delete(handler);
    };
  }

  committed(plan: Plan): void {
    if (this.#handlers.size === 0) return;
    for (const event of plan.events) {
      for (const type of [event.type, '*']) {
        for (const handler of this.#handlers.get(type) ?? []) this.#call(handler, event);
      }
    }
  }

  #call(handler: AnyHandler, event: CreditEvent): void {
    const failed = (err: unknown) => this.logger.error({ err, type: event.type, id: event.id }, 'Event handler failed');
    try {
      Promise.resolve(handler(structuredClone(event))).catch(failed);
    } catch (err) {
      failed(err);
    }
  }
}
