/** Tells a recorder what a manager does. Nothing here fails an operation: what a recorder throws is logged once. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Account } from './core/account.js';
import { toCredits } from './core/amounts.js';
import { isCreditError } from './errors.js';
import type { EntryRow } from './models/entry.js';
import { referenceTypeSchema, transactionTypes } from './models/enums.js';
import type { MetricName } from './models/metrics.js';
import type { JobReport } from './models/records/job.js';
import type { LoggerLike } from './ports/logger.js';
import type { MetricReading, MetricsRecorder } from './ports/metrics-recorder.js';
import type { AccessService } from './services/credits/access-contract.js';
import type { BalanceCache } from './services/credits/balance-cache.js';
import type { InboxService } from './services/inbox/contract.js';
import type { Jobs } from './services/jobs/contract.js';
import type { LedgerMirror } from './services/ledger/mirror.js';
import type { OutboxService } from './services/outbox/contract.js';
import type { Follower } from './services/pipeline/after-commit.js';
import type { Decided } from './services/pipeline/group.js';
import type { Operation } from './services/pipeline/operation.js';
import type { Pipeline } from './services/pipeline/pipeline.js';
import { monotonicNow, withDeadline } from './timers.js';

/** The parts whose figures are read when somebody reads the metrics. */
export interface MeasuredParts<S> {
  readonly wired: {
    readonly pipeline: Pipeline<S>;
    readonly cache: BalanceCache | null;
    readonly mirror: LedgerMirror | null;
  };
  readonly access: Pick<AccessService, 'countStatuses'>;
  readonly checks: () => Readonly<Record<'enabled' | 'disabled', number>>;
  readonly outbox: Pick<OutboxService, 'listSinks'>;
  readonly published: ReadonlyMap<string, number>;
}

const TRANSACTIONS: ReadonlySet<string> = new Set(transactionTypes);
const REFERENCES: ReadonlySet<string> = new Set(referenceTypeSchema.options);
const NANOSECONDS = 1e9;
/** Who reads metrics waits so long for the database, which a later reader gets the answer of. */
const LOOK_MS = 1_000;
const COUNTS_MS = 60_000;
const SINKS_MS = 10_000;

export interface MeasureSettings {
  readonly scale: number;
  readonly logger: LoggerLike;
  /** The instant of the database, in epoch milliseconds. */
  readonly now: () => number;
}

/** Counts one more under a label. */
type Count = (label: string) => void;

export class Measures<S> implements Follower {
  readonly #recorder: MetricsRecorder;
  readonly #scale: number;
  readonly #logger: LoggerLike;
  readonly #now: () => number;
  readonly #balances = new Map<string, number>();
  readonly #verbs = new Map<string, { readonly time: (seconds: number) => void; readonly outcomes: Count }>();
  readonly #types = new Map<string, Count>();
  readonly #groupSize: (size: number) => void;
  readonly #updated: (by: number) => void;
  readonly #leftOut: (by: number) => void;
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #stops: (() => void)[] = [];
  #hasFailed = false;

  constructor(recorder: MetricsRecorder, { scale, logger, now }: MeasureSettings) {
    this.#recorder = recorder;
    this.#scale = scale;
    this.#logger = logger;
    this.#now = now;
    const counter = (name: MetricName) => this.#made(() => recorder.counter(name, []));
    this.#updated = counter('credits_balance_updated_total');
    this.#leftOut = counter('credits_balance_left_out_total');
    this.#groupSize = this.#made(() => recorder.histogram('credits_commit_group_size', []));
  }

  /** A series; where the recorder makes none, one that nobody reads. */
  #made(make: () => (value: number) => void): (value: number) => void {
    try {
      return make();
    } catch (err) {
      this.#failed(err);
      return () => {};
    }
  }

  /** Told of each mutation when it is answered. A repetition of a key was counted when its effect was. */
  readonly answered = (operation: Operation, error: unknown): void => {
    const failure = error ?? operation.error;
    if (!failure && operation.answer?.replayed) return;
    try {
      const { operation: verb } = operation.call;
      const outcome = failure ? (isCreditError(failure) ? failure.code : 'INVARIANT_VIOLATION') : 'ok';
      let series = this.#verbs.get(verb);
      if (!series) {
        const time = this.#recorder.histogram('credits_transaction_processing_seconds', [verb]);
        series = { time, outcomes: this.#counters('credits_operations_total', verb) };
        this.#verbs.set(verb, series);
      }
      series.outcomes(outcome);
      const milliseconds = monotonicNow() - operation.deadline + operation.timeoutMs;
      // A manager that closes brings deadlines forward.
      series.time(milliseconds > 0 ? milliseconds / 1_000 : 0);
    } catch (err) {
      this.#failed(err);
    }
  };

  committed({ entries, states, sent }: Decided): null {
    try {
      for (const { row } of entries) this.#transaction(row);
      if (sent.length > 0) this.#groupSize(sent.length);
      this.#updated(states.length);
      for (const { account } of states) if (account.creditType === 'credits') this.#balance(account);
    } catch (err) {
      this.#failed(err);
    }
    return null;
  }

  #transaction({ type, metadata }: EntryRow): void {
    if (!TRANSACTIONS.has(type)) return;
    const reference = metadata.reference_type;
    const known = typeof reference === 'string' && REFERENCES.has(reference) ? reference : 'none';
    let count = this.#types.get(type);
    if (!count) {
      count = this.#counters('credits_transactions_total', type);
      this.#types.set(type, count);
    }
    count(known);
  }

  #balance({ userId, balance }: Account): void {
    const { maxAccounts } = this.#recorder;
    if (this.#balances.size < maxAccounts || this.#balances.has(userId)) this.#balances.set(userId, balance);
    else this.#leftOut(1);
  }

  /** The counters of a metric with one more label, made as they are needed. */
  #counters(name: MetricName, ...labels: readonly string[]): (label: string) => void {
    const known = new Map<string, (by: number) => void>();
    return (label) => {
      let add = known.get(label);
      if (!add) {
        add = this.#recorder.counter(name, [...labels, label]);
        known.set(label, add);
      }
      add(1);
    };
  }

  /** The same jobs, each of whose runs is timed. */
  jobs(jobs: Jobs): Jobs {
    const timed = (run: (options?: never) => Promise<unknown>) => async (options?: never) => {
      const began = monotonicNow();
      const told = await run(options);
      const reports = (Array.isArray(told) ? told : [told]) as readonly JobReport[];
      const seconds = (monotonicNow() - began) / 1_000;
      if (reports.length === 1) this.#report(reports[0] as JobReport, seconds);
      else for (const report of reports) this.#report(report, report.durationMs / 1_000);
      return told;
    };
    const entries = Object.entries(jobs).map(([name, run]) => [name, timed(run as never)]);
    return Object.fromEntries(entries) as Jobs;
  }

  #report({ job, skippedCount }: JobReport, seconds: number): void {
    this.#safely(() => {
      this.#recorder.histogram('credits_job_seconds', [job])(seconds);
      this.#recorder.counter('credits_job_skipped_total', [job])(skippedCount);
    });
  }

  /** The same service, which counts what becomes of messages. */
  inbox<T>(service: InboxService<T>): InboxService<T> {
    const count = this.#counters('credits_inbox_messages_total');
    const counted = (result: string) => this.#safely(() => count(result));
    return {
      ...service,
      receive: async (...args) => {
        try {
          const reception = await service.receive(...args);
          counted(reception.outcome);
          return reception;
        } catch (error) {
          counted('failed');
          throw error;
        }
      },
    };
  }

  watch({ wired, access, checks, outbox, published }: MeasuredParts<S>): void {
    const { pipeline, cache, mirror } = wired;
    const statuses = new Kept(COUNTS_MS, () => access.countStatuses({ timeoutMs: COUNTS_MS }));
    const sinks = new Kept(SINKS_MS, () => outbox.listSinks());
    const process = (): MetricReading[] => {
      const one = (name: MetricReading['name'], value: number, ...labels: string[]) => ({ name, labels, value });
      const delay = this.#delay.percentile(99) / NANOSECONDS;
      this.#delay.reset();
      return [
        one('credits_commit_conflicts_total', pipeline.conflicts),
        one('credits_locked_commits_total', pipeline.locked),
        one('credits_operations_waiting', pipeline.waiting),
        one('credits_accounts_remembered', pipeline.memory.size),
        ...Object.entries(cache?.reads ?? {}).map(([result, n]) => one('credits_cache_reads_total', n, result)),
        ...Object.entries(checks()).map(([status, n]) => one('credits_plugin_status_checks_total', n, status)),
        ...[...published].map(([type, n]) => one('credits_events_published_total', n, type)),
        ...[...this.#balances].map(([userId, units]) =>
          one('credits_balance_total', toCredits(units, this.#scale), userId),
        ),
        ...(mirror ? [one('credits_ledger_file_lag', mirror.health().lag)] : []),
        one('credits_event_loop_delay_seconds', Number.isFinite(delay) ? delay : 0),
      ];
    };
    const database = async (): Promise<MetricReading[]> => {
      const [counts, rows] = await Promise.all([statuses.read(), sinks.read()]);
      const ofCounts = counts && [
        { name: 'credits_plugin_status' as const, labels: ['enabled'], value: counts.enabled },
        { name: 'credits_plugin_status' as const, labels: ['disabled'], value: counts.disabled },
        { name: 'credits_merchants_zero_balance' as const, labels: [], value: counts.disabled },
      ];
      const ofSinks = rows?.flatMap(({ name, pending, failed, oldestPendingAt }) => [
        { name: 'credits_outbox_pending' as const, labels: [name], value: pending },
        { name: 'credits_outbox_oldest_seconds' as const, labels: [name], value: this.#secondsSince(oldestPendingAt) },
        { name: 'credits_outbox_failed' as const, labels: [name], value: failed },
      ]);
      return [...(ofCounts ?? []), ...(ofSinks ?? [])];
    };
    this.#delay.enable();
    this.#safely(() => {
      this.#stops.push(this.#recorder.watch(process), this.#recorder.watch(database));
    });
  }

  #secondsSince(instant: Date | null): number {
    return instant === null ? 0 : Math.max(0, (this.#now() - instant.getTime()) / 1_000);
  }

  close(): void {
    this.#delay.disable();
    for (const stop of this.#stops) this.#safely(stop);
  }

  #safely(tell: () => void): void {
    try {
      tell();
    } catch (err) {
      this.#failed(err);
    }
  }

  #failed(err: unknown): void {
    if (!this.#hasFailed) this.#logger.error({ err }, 'Metrics failed; operations go on without them');
    this.#hasFailed = true;
  }
}

/** An answer of the database that is kept for a while; null while there is none. */
class Kept<T> {
  #last: { readonly at: number; readonly value: T } | null = null;
  #reading: Promise<T> | null = null;

  constructor(
    private readonly keptMs: number,
    private readonly ask: () => Promise<T>,
  ) {}

  async read(): Promise<T | null> {
    const last = this.#last;
    if (last !== null && monotonicNow() - last.at < this.keptMs) return last.value;
    this.#reading ??= this.ask()
      .then((value) => {
        this.#last = { at: monotonicNow(), value };
        return value;
      })
      .finally(() => {
        this.#reading = null;
      });
    return withDeadline(this.#reading, LOOK_MS, () => new Error('It goes on.')).catch(() => null);
  }
}
