/**
 * What follows a commit in this process: the lines of the ledger file, the cache, callbacks of `manager.on`. Their
 * failures are reported, never thrown, and undo nothing.
 */
import type { CreditEvent, CreditEventType } from '../../models/events.js';
import type { Awaitable } from '../../models/values.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { BalanceCache } from '../credits/balance-cache.js';
import type { LedgerMirror } from '../ledger/mirror.js';
import type { Plan } from './decide-group.js';

export type EventHandler<K extends CreditEventType> = (event: CreditEvent<K>) => Awaitable<void>;
type AnyHandler = (event: CreditEvent) => Awaitable<void>;

export interface AfterCommitConfig {
  readonly logger: LoggerLike;
  readonly mirror: LedgerMirror | null;
  readonly cache: BalanceCache | null;
}

export class AfterCommit {
  readonly #config: AfterCommitConfig;
  readonly #handlers = new Map<string, Set<AnyHandler>>();

  constructor(config: AfterCommitConfig) {
    this.#config = config;
  }

  /** Adds a handler for one type, or `'*'` for all; the result removes it. */
  on(type: CreditEventType | '*', handler: AnyHandler): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => {
      handlers.delete(handler);
    };
  }

  /** Null, or a promise that the answers of this commit wait for; it never rejects. */
  committed(plan: Plan): Promise<unknown> | null {
    const { mirror, cache } = this.#config;
    const filed = plan.entries.length > 0 ? (mirror?.append(plan.entries) ?? null) : null;
    const cached = cache?.committed(plan.states) ?? null;
    if (this.#handlers.size > 0) for (const event of plan.events) this.#tell(event);
    return filed && cached ? Promise.all([filed, cached]) : (filed ?? cached);
  }

  #tell(event: CreditEvent): void {
    for (const type of [event.type, '*']) {
      for (const handler of this.#handlers.get(type) ?? []) this.#call(handler, event);
    }
  }

  #call(handler: AnyHandler, event: CreditEvent): void {
    const { logger } = this.#config;
    const failed = (err: unknown) => logger.error({ err, type: event.type, id: event.id }, 'Event handler failed');
    try {
      Promise.resolve(handler(structuredClone(event))).catch(failed);
    } catch (err) {
      failed(err);
    }
  }
}
