/** A meter: a hold, and the cost that is recorded against it. */
import type { MeterOptions } from '../../models/inputs/credits.js';
import type { LlmUsage } from '../../models/inputs/usage.js';
import type { Applied } from '../../models/records/applied.js';
import type { Reservation } from '../../models/records/reservation.js';
import type { Transaction } from '../../models/records/transaction.js';
import type { Metadata } from '../../models/values.js';

export type { LlmUsage, MeterOptions };

export interface Meter extends AsyncDisposable {
  /** The hold that the work is charged to. */
  readonly reservation: Applied<Reservation>;
  /** Aborts with the caller's signal. */
  readonly signal: AbortSignal;
  /** Credits recorded so far, summed exactly and rounded up once. */
  readonly total: number;
  /**
   * Records cost: finite, ≥ 0, any number of decimals. Throws `INVALID_AMOUNT` otherwise, `INVALID_ARGUMENT` once
   * settled.
   */
  add(credits: number, metadata?: Metadata): void;
  /** Records the cost of a model call. The settlement's metadata lists the call as long as it fits. */
  addUsage(usage: LlmUsage): void;
  /** Passes a stream through, and settles when it ends, fails or is cancelled. */
  stream<T>(
    source: ReadableStream<T> | AsyncIterable<T>,
    onChunk?: (chunk: T, meter: Meter) => void,
  ): ReadableStream<T>;
  /** Charges the total and frees the rest in one commit; null when nothing was recorded. Repeating it is safe. */
  settle(): Promise<Applied<Transaction> | null>;
  /** Frees everything. Repeating it is safe; after `settle` it does nothing. */
  release(): Promise<void>;
}
