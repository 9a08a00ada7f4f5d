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
  /** A series of a counter: the function adds to it. It is asked for once, and called often. */
  counter(name: MetricName, labels: readonly string[]): (by: number) => void;
  /** A series of a histogram: the function notes one value. */
  histogram(name: MetricName, labels: readonly string[]): (value: number) => void;
  /**
   * Asks for readings whenever somebody reads the metrics: gauges as they are, and counters since `read` was given. The
   * function that it answers ends that; counters keep their last readings.
   */
  watch(read: () => Awaitable<readonly MetricReading[]>): () => void;
}
