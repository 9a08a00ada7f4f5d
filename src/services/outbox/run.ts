/** One run of the relay: what it may use, when it has to end, and what it reports. */
import type { CreditErrorCode } from '../../errors.js';
import type { OutboxReport } from '../../models/records/outbox.js';
import type { Awaitable } from '../../models/values.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow } from '../../timers.js';
import type { UnitBatch } from './commit-batch.js';

export type { OutboxReport };

export interface OutboxOptions {
  /** Rows read at once, 1–1,000, default 100. */
  readonly batchSize?: number | undefined;
  /** Milliseconds after which no new delivery is begun. */
  readonly maxDurationMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Awaited between batches. */
  readonly onProgress?: ((progress: { readonly processed: number }) => Awaitable<void>) | undefined;
}

export interface RelaySettings {
  /** Refusals of one row after which it is `failed`. */
  readonly maxRefusals: number;
  /** Milliseconds that one delivery may take. */
  readonly timeoutMs: number;
  /** Accounts served at once, by each lane. */
  readonly concurrency: number;
}

const SKIPPED_MAX = 100;

export class OutboxRun<S> {
  /** What its claims are told by. */
  readonly id: string;
  readonly settings: RelaySettings;
  readonly batch: UnitBatch<S>;
  readonly now: () => number;
  readonly logger: LoggerLike;
  readonly counts = { processed: 0, delivered: 0, failed: 0, waiting: 0, deleted: 0 };
  readonly #until: number;
  readonly #skipped: OutboxReport['skipped'][number][] = [];
  #skippedCount = 0;
  readonly #hurried = new Set<() => void>();
  #isEnded = false;
  #wasStopped = false;

  constructor(rest: Pick<OutboxRun<S>, 'id' | 'settings' | 'batch' | 'now' | 'logger'>, maxDurationMs?: number) {
    this.id = rest.id;
    this.settings = rest.settings;
    this.batch = rest.batch;
    this.now = rest.now;
    this.logger = rest.logger;
    this.#until = maxDurationMs === undefined ? Number.POSITIVE_INFINITY : monotonicNow() + maxDurationMs;
  }

  /** Nothing new is begun from here on, and what is being delivered is told to hurry. */
  end(): void {
    this.#isEnded = true;
    for (const hurry of this.#hurried) hurry();
  }

  /** Calls `hurry` once the run has to end; the result takes it back. */
  onEnd(hurry: () => void): () => void {
    if (this.#isEnded) hurry();
    this.#hurried.add(hurry);
    return () => void this.#hurried.delete(hurry);
  }

  /** Whether nothing more may be begun. Asking is telling: a run that was held back here is `stopped`. */
  isOver(): boolean {
    if (this.#isEnded || monotonicNow() >= this.#until) this.#wasStopped = true;
    return this.#wasStopped;
  }

  skip(id: string, code: CreditErrorCode, message: string): void {
    this.#skippedCount++;
    if (this.#skipped.length < SKIPPED_MAX) this.#skipped.push({ id, code, message });
  }

  /** The database did not answer: whatever comes next would only meet the same. */
  broken(id: string, code: CreditErrorCode, message: string): void {
    this.end();
    this.#wasStopped = true;
    this.skip(id, code, message);
  }

  report(): OutboxReport {
    const status = this.#wasStopped ? 'stopped' : 'completed';
    return { status, ...this.counts, skippedCount: this.#skippedCount, skipped: this.#skipped };
  }
}
