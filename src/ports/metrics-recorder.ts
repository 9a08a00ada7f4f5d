/** The port to metrics: where the library tells its figures. */
import type { MetricName } from '../models/metrics.js';
import type { Awaitable } from '../models/values.js';

/** One value of a metric. */
export interface MetricReading {
  /** The metric. */
  readonly name: MetricName;
  /** The values of its labels, in their order. */
  readonly labels: readonly string[];
  /** Of a gauge the value now, of a counter the number so far. */
  readonly value: number;
}

/** A receiver of figures. What it throws is ignored: a failing metric never fails an operation. */
export interface MetricsRecorder {
  /** The accounts that have a series of their own, at most. */
  readonly maxAccounts: number;
  /** Adds to a counter. */
  add(name: MetricName, labels: readonly string[], by?: number): void;
  /** Notes one value of a histogram. */
  observe(name: MetricName, labels: readonly string[], value: number): void;
  /**
   * Asks for readings whenever somebody reads the metrics: gauges as they are, and counters since `read` was given. The
   * function that it answers ends that; counters keep their last readings.
   */
  watch(read: () => Awaitable<readonly MetricReading[]>): () => void;
}
