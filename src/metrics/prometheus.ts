/** Tells the library's figures to a registry of prom-client. */
import { creditError } from '../errors.js';
import { METRICS, type MetricName } from '../models/metrics.js';
import type { Awaitable } from '../models/values.js';
import type { MetricReading, MetricsRecorder } from '../ports/metrics-recorder.js';
import { monotonicNow } from '../timers.js';
import { Family } from './family.js';

/** The members of a `Registry` of `prom-client` (15) that are used. The host's own satisfies it. */
export interface RegistryLike {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
}

export interface PrometheusOptions {
  /** A `Registry` of the package `prom-client`; its `register` is one. */
  readonly registry: RegistryLike;
  /** The accounts that have a series of `credits_balance_total`, 0–100,000; default 1,000. The rest is counted. */
  readonly maxAccounts?: number | undefined;
}

const MAX_ACCOUNTS = 1_000;
/** One look at the readings serves all metrics of one exposition. */
const SHARED_MS = 50;

/** By registry, so that several managers share the metrics of one. */
const recorders = new WeakMap<RegistryLike, PrometheusMetrics>();

/**
 * Registers the library's metrics with a registry of prom-client, for the option `metrics` of a manager. Several
 * managers may share one registry: their counters are added up. To count costs an operation about a microsecond's
 * tenth; gauges are read when somebody reads the metrics. Numbers of rows in the database are up to a minute old.
 *
 * @throws CONFIGURATION where `registry` is none, and where it has a metric of one of our names that is not ours.
 * @example
 * import { Registry } from 'prom-client';
 *
 * const registry = new Registry();
 * const manager = createCreditManagement({ db, metrics: prometheusMetrics({ registry }) });
 * app.get('/metrics', async (_, res) => res.type(registry.contentType).send(await registry.metrics()));
 */
export function prometheusMetrics(options: PrometheusOptions): MetricsRecorder {
  const { registry, maxAccounts = MAX_ACCOUNTS } = options ?? {};
  if (typeof registry?.registerMetric !== 'function' || typeof registry.getSingleMetric !== 'function') {
    throw wrong('registry is no Registry of prom-client');
  }
  if (!Number.isSafeInteger(maxAccounts) || maxAccounts < 0 || maxAccounts > 100_000) {
    throw wrong('maxAccounts is not a whole number from 0 to 100,000');
  }
  const known = recorders.get(registry);
  if (known && known.maxAccounts === maxAccounts) return known;
  if (known) throw wrong(`the registry has our metrics with maxAccounts ${known.maxAccounts}`);
  const recorder = new PrometheusMetrics(registry, maxAccounts);
  recorders.set(registry, recorder);
  return recorder;
}

/** The readings of one manager. */
interface Watched {
  readonly read: () => Awaitable<readonly MetricReading[]>;
  /** The last readings of its counters, by series. */
  readonly counted: Map<string, number>;
}

class PrometheusMetrics implements MetricsRecorder {
  readonly #families = new Map<MetricName, Family>();
  readonly #watched = new Set<Watched>();
  #refreshed: { readonly at: number; readonly done: Promise<void> } | null = null;

  constructor(
    registry: RegistryLike,
    readonly maxAccounts: number,
  ) {
    const names = Object.keys(METRICS) as MetricName[];
    const taken = names.find((name) => registry.getSingleMetric(name) !== undefined);
    if (taken !== undefined) throw wrong(`the registry has a metric ${taken} that is not ours`);
    for (const name of names) {
      const family = new Family(name, METRICS[name], () => this.#refresh());
      this.#families.set(name, family);
      registry.registerMetric(family as never);
    }
  }

  counter(name: MetricName, labels: readonly string[]): (by: number) => void {
    return this.#family(name).counter(labels);
  }

  histogram(name: MetricName, labels: readonly string[]): (value: number) => void {
    return this.#family(name).histogram(labels);
  }

  #family(name: MetricName): Family {
    return this.#families.get(name) as Family;
  }

  watch(read: () => Awaitable<readonly MetricReading[]>): () => void {
    const watched: Watched = { read, counted: new Map() };
    this.#watched.add(watched);
    return () => {
      if (!this.#watched.delete(watched)) return;
      const last = read();
      if (!(last instanceof Promise))
        for (const reading of last as readonly MetricReading[]) this.#count(watched, reading);
    };
  }

  /** Adds to a counter that somebody else keeps what came since the last reading. */
  #count({ counted }: Watched, { name, labels, value }: MetricReading): void {
    if (METRICS[name].type !== 'counter') return;
    const key = keyOf(name, labels);
    this.counter(name, labels)(value - (counted.get(key) ?? 0));
    counted.set(key, value);
  }

  #refresh(): Promise<void> {
    const now = monotonicNow();
    if (this.#refreshed === null || now - this.#refreshed.at > SHARED_MS) {
      this.#refreshed = { at: now, done: this.#readAll() };
    }
    return this.#refreshed.done;
  }

  async #readAll(): Promise<void> {
    const all = await Promise.all(
      [...this.#watched].map(async (watched) => {
        const readings = await Promise.resolve(watched.read()).catch(() => []);
        return { watched, readings };
      }),
    );
    for (const [name, family] of this.#families) if (METRICS[name].type === 'gauge') family.clear();
    const gauges = new Map<string, { readonly reading: MetricReading; value: number }>();
    for (const { watched, readings } of all) {
      for (const reading of readings) {
        const { name, labels, value } = reading;
        const key = keyOf(name, labels);
        if (METRICS[name].type === 'gauge') {
          const sum = gauges.get(key) ?? { reading, value: 0 };
          sum.value = 'isShared' in METRICS[name] ? Math.max(sum.value, value) : sum.value + value;
          gauges.set(key, sum);
        } else {
          this.#count(watched, reading);
        }
      }
    }
    for (const { reading, value } of gauges.values()) this.#family(reading.name).set(reading.labels, value);
  }
}

function keyOf(name: string, labels: readonly string[]): string {
  return [name, ...labels].join('\u0000');
}

function wrong(problem: string) {
  return creditError('CONFIGURATION', `prometheusMetrics: ${problem}.`, { problems: [problem] });
}
