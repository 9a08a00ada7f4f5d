/** The public promise of the outbox: the verbs of an operator, and the options of one run of the relay. */
import type { ReplayOptions } from '../../models/inputs/notifications.js';
import type { OutboxReport, SinkInfo } from '../../models/records/outbox.js';
import type { Awaitable } from '../../models/values.js';

export type { OutboxReport, SinkInfo };

export interface OutboxService {
  /**
   * The sinks that events get rows for, by name. A sink is registered by the first process that brings it.
   *
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example for (const { name, failed } of await manager.outbox.listSinks()) console.log(name, failed);
   */
  listSinks(): Promise<readonly SinkInfo[]>;
  /**
   * Makes rows that were given up pending again, for the next run of the outbox job: events of one sink, or of all
   * sinks and the notifications. They come after events that went on meanwhile; the sequence of the account tells.
   *
   * @returns how many rows. Repeating the call is safe.
   * @throws NOT_FOUND when no sink of this name is registered, INVALID_ARGUMENT; STORAGE_UNAVAILABLE, TIMEOUT: try
   * again.
   * @example await manager.outbox.retryFailed('webhook');
   */
  retryFailed(sink?: string): Promise<{ readonly retried: number }>;
  /**
   * Makes rows of a sink that were sent since an instant pending again, for the next runs of the outbox job: for a
   * receiver that has lost what it took. Rows are kept for seven days. The events have the ids and the bytes that they
   * had, and those of an account come in order; a receiver that still has one knows it by its id.
   *
   * @returns how many rows. Repeating the call sends again what was sent meanwhile.
   * @throws NOT_FOUND when no sink of this name is registered, INVALID_ARGUMENT; STORAGE_UNAVAILABLE, TIMEOUT: try
   * again.
   * @example await manager.outbox.replay('nats', { since: new Date(Date.now() - 3_600_000) });
   */
  replay(sink: string, options: ReplayOptions): Promise<{ readonly replayed: number }>;
  /**
   * Takes a sink off: within a minute no process writes rows for it any more, and the outbox job deletes those there
   * are. Take it out of every process first: one that starts with it registers it again.
   *
   * @returns false when there was none of this name. Repeating the call is safe.
   * @throws STORAGE_UNAVAILABLE, TIMEOUT: try again.
   * @example await manager.outbox.removeSink('the one before');
   */
  removeSink(name: string): Promise<boolean>;
}

export interface OutboxOptions {
  /** Rows read at once, 1–1,000, default 100. */
  readonly batchSize?: number | undefined;
  /** Milliseconds after which no new delivery is begun. */
  readonly maxDurationMs?: number | undefined;
  /** Ends the run between two batches. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited between batches. */
  readonly onProgress?: ((progress: { readonly processed: number }) => Awaitable<void>) | undefined;
}
