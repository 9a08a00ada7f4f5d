/** A metric and its series, in the form in which a registry of prom-client prints one. */
import type { MetricNotes } from '../models/metrics.js';

/** One line of the exposition. */
interface Line {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface Series {
  readonly labels: readonly string[];
  value: number;
  /** Of a histogram: how many values each bucket got, and the number and sum of all. */
  readonly buckets: number[];
  count: number;
}

/** Gives the values of gauges, and of counters that somebody else keeps, before the metric is printed. */
export type Refresh = () => Promise<void>;

export class Family {
  readonly aggregator = 'sum';
  readonly #series = new Map<string, Series>();

  constructor(
    readonly name: string,
    readonly notes: MetricNotes,
    private readonly refresh: Refresh,
  ) {}

  get help(): string {
    return this.notes.help;
  }

  get type(): string {
    return this.notes.type;
  }

  counter(labels: readonly string[]): (by: number) => void {
    const series = this.#of(labels);
    return (by) => {
      series.value += by;
    };
  }

  set(labels: readonly string[], value: number): void {
    this.#of(labels).value = value;
  }

  histogram(labels: readonly string[]): (value: number) => void {
    const series = this.#of(labels);
    const bounds = this.notes.buckets ?? [];
    return (value) => {
      let bucket = 0;
      while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
      series.buckets[bucket] = (series.buckets[bucket] as number) + 1;
      series.count++;
      series.value += value;
    };
  }

  /** Called by the registry, for tests. Who has a series goes on with it. */
  reset(): void {
    for (const series of this.#series.values()) {
      series.value = 0;
      series.count = 0;
      series.buckets.fill(0);
    }
  }

  /** Forgets all series. */
  clear(): void {
    this.#series.clear();
  }

  /** Called by the registry when somebody reads the metrics. */
  async get() {
    await this.refresh();
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values: this.lines() };
  }

  lines(): Line[] {
    const all = [...this.#series.values()];
    if (this.notes.type === 'histogram') return all.flatMap((series) => this.#histogram(series));
    return all.map(({ labels, value }) => ({ labels: this.#named(labels), value }));
  }

  #histogram({ labels, buckets, count, value }: Series): Line[] {
    const named = this.#named(labels);
    let below = 0;
    const lines = [...(this.notes.buckets ?? []), '+Inf'].map((le, i) => {
      below += buckets[i] ?? 0;
      return { metricName: `${this.name}_bucket`, labels: { le, ...named }, value: below };
    });
    return [
      ...lines,
      { metricName: `${this.name}_sum`, labels: named, value },
      { metricName: `${this.name}_count`, labels: named, value: count },
    ];
  }

  #named(labels: readonly string[]): Record<string, string> {
    return Object.fromEntries(this.notes.labels.map((name, i) => [name, labels[i] ?? '']));
  }

  #of(labels: readonly string[]): Series {
    const key = labels.join('\u0000');
    let series = this.#series.get(key);
    if (!series) {
      const buckets = new Array<number>((this.notes.buckets?.length ?? 0) + 1).fill(0);
      series = { labels, value: 0, buckets, count: 0 };
      this.#series.set(key, series);
    }
    return series;
  }
}
