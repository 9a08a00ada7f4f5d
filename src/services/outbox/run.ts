/** One run of the relay: its settings, its end, and its report. */
import type { CreditErrorCode } from '../../errors.js';
import type { LoggerLike } from '../../ports/logger.js';
import { monotonicNow } from '../../timers.js';
import type { UnitBatch } from './commit-batch.js';
import type { OutboxReport } from './contract.js';

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
  /** Names the run in its claims. */
  readonly id: string;
  readonly settings: RelaySettings;
  readonly batch: UnitBatch<S>;
  readonly now: () => number;
  readonly logger: LoggerLike;
  /** By the type of event: how many of them sinks have taken. */
  readonly published: Map<string, number>;
  readonly counts = { processed: 0, delivered: 0, failed: 0, waiting: 0, deleted: 0 };
  readonly #until: number;
  readonly #skipped: OutboxReport['skipped'][number][] = [];
  #skippedCount = 0;
  readonly #hurried = new Set<() => void>();
  #isEnded = false;
  #wasStopped = false;

  constructor(
    rest: Pick<OutboxRun<S>, 'id' | 'settings' | 'batch' | 'now' | 'logger' | 'published'>,
    maxDurationMs?: number,
  ) {
    this.id = rest.id;
    this.settings = rest.settings;
    this.batch = rest.batch;
    this.now = rest.now;
    this.logger = rest.logger;
    this.published = rest.published;
    this.#until = maxDurationMs === undefined ? Number.POSITIVE_INFINITY : monotonicNow() + maxDurationMs;
  }

  /** Begins nothing more, and tells the deliveries under way to hurry. */
  end(): void {
    this.#isEnded = true;
    for (const hurry of this.#hurried) hurry();
  }

  /** Calls `hurry` once the run has to end. The function that it returns takes that back. */
  onEnd(hurry: () => void): () => void {
    if (this.#isEnded) hurry();
    this.#hurried.add(hurry);
    return () => void this.#hurried.delete(hurry);
  }

  /** Whether nothing more may be begun. A run that was once answered yes reports that it was `stopped`. */
  isOver(): boolean {
    if (this.#isEnded || monotonicNow() >= this.#until) this.#wasStopped = true;
    return this.#wasStopped;
  }

  skip(id: string, code: CreditErrorCode, message: string): void {
    this.#skippedCount++;
    if (this.#skipped.length < SKIPPED_MAX) this.#skipped.push({ id, code, message });
  }

  /** Ends the run because the database did not answer: whatever comes next would only meet the same. */
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
