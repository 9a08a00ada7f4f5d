/**
 * Delivers what commits have written for the sinks and the queue of this process: at least once, in order per account,
 * in any number of processes at once. Nothing runs by itself: somebody calls `run`.
 */
import { creditError, isCreditError } from '../../errors.js';
import type { EventSink } from '../../ports/event-sink.js';
import type { LoggerLike } from '../../ports/logger.js';
import type { NotificationQueue } from '../../ports/notification-queue.js';
import { withDeadline } from '../../timers.js';
import { onAbort } from '../pipeline/abort-listeners.js';
import type { Tracing } from '../pipeline/tracing.js';
import { storageError } from '../store/storage-error.js';
import type { Store } from '../store/store.js';
import { UnitBatch } from './commit-batch.js';
import type { OutboxOptions, OutboxReport } from './contract.js';
import { deliverAccount } from './delivery.js';
import { type AccountRows, type Lane, pendingAccounts, pendingOf, queueLane, sinkLane } from './lanes.js';
import { deleteOld } from './retention.js';
import { OutboxRun, type RelaySettings } from './run.js';

export interface RelayConfig<S> {
  readonly store: Store<S>;
  readonly sinks: readonly EventSink[];
  readonly queue: NotificationQueue | null;
  readonly settings: RelaySettings;
  readonly tracing: Tracing | null;
  readonly ids: () => string;
  readonly logger: LoggerLike;
}

const ROWS_PER_READ = 100;
/** Milliseconds that a sink or the queue may take to close. */
const CLOSE_MAX_MS = 5_000;

export class OutboxRelay<S> {
  readonly #config: RelayConfig<S>;
  readonly #lanes: readonly Lane[];
  readonly #queueLane: Lane | null;
  /** By the type of event: how many of them sinks have taken. */
  readonly published = new Map<string, number>();
  readonly #runs = new Set<OutboxRun<S>>();
  readonly #active = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(config: RelayConfig<S>) {
    this.#config = config;
    this.#queueLane = config.queue && queueLane(config.queue);
    const lanes = config.sinks.map((sink) => sinkLane(sink, config.tracing));
    this.#lanes = this.#queueLane ? [...lanes, this.#queueLane] : lanes;
  }

  /**
   * Serves every account with pending rows once, until its rows are delivered or something is in the way, and deletes
   * sent rows that are old enough. Rejects with `CLOSED`, and with what the first use of the database may.
   */
  run(options: OutboxOptions = {}): Promise<OutboxReport> {
    return this.#running(options, async (run) => {
      const limit = options.batchSize ?? ROWS_PER_READ;
      const lanes = this.#lanes.map((lane) => this.#walk(lane, run, limit, options.onProgress));
      const ends = await Promise.allSettled(lanes);
      if (!run.isOver()) await this.#guarded(run, 'retention', () => deleteOld(this.#config.store, run));
      // An error of the host's own callback goes to the host.
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      return run.report();
    });
  }

  /** Delivers the notifications of one account now, as far as nothing is in the way. */
  async notify(account: string): Promise<void> {
    const lane = this.#queueLane;
    if (!lane) return;
    await this.#running({}, async (run) => {
      const { store } = this.#config;
      const first = await pendingOf(store, lane, account, ROWS_PER_READ);
      if (first.rows.length > 0) await deliverAccount({ tables: store, lane, run, first, limit: ROWS_PER_READ });
    });
  }

  /** Ends the runs under way, with five seconds for what is being delivered, and closes the sinks and the queue. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const run of this.#runs) run.end();
    await Promise.allSettled(this.#active);
    const { sinks, queue, logger } = this.#config;
    const closed = [...sinks, ...(queue ? [queue] : [])].map((receiver) =>
      withDeadline((async () => receiver.close?.())(), CLOSE_MAX_MS, () => new Error('It took too long.')).catch(
        (err) => logger.error({ err }, 'A sink or the queue was not closed'),
      ),
    );
    await Promise.all(closed);
  }

  /** Runs work from its first use of the database to its report; `close` waits for it. */
  async #running<T>({ signal, maxDurationMs }: OutboxOptions, work: (run: OutboxRun<S>) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw creditError('CLOSED', 'The credit manager is closed.', {});
    const { store, settings, ids, logger } = this.#config;
    const now = () => store.time.now();
    const run = new OutboxRun<S>(
      { id: ids(), settings, batch: new UnitBatch(store), now, logger, published: this.published },
      maxDurationMs,
    );
    const end = () => run.end();
    const forget = signal && onAbort(signal, end);
    const active = (async () => {
      const preparing = store.prepare();
      if (preparing !== null) await preparing;
      return work(run);
    })();
    this.#runs.add(run);
    this.#active.add(active);
    try {
      return await active;
    } finally {
      this.#runs.delete(run);
      this.#active.delete(active);
      forget?.();
    }
  }

  async #walk(lane: Lane, run: OutboxRun<S>, limit: number, onProgress: OutboxOptions['onProgress']): Promise<void> {
    const { store } = this.#config;
    const busy = new Set<Promise<void>>();
    const serve = async (first: AccountRows) => {
      while (busy.size >= run.settings.concurrency) await Promise.race(busy);
      if (run.isOver() || !(await this.#isReady(lane))) return;
      const served = deliverAccount({ tables: store, lane, run, first, limit }).finally(() => busy.delete(served));
      busy.add(served);
    };
    const pages = pendingAccounts(store, lane, limit);
    try {
      while (!run.isOver() && (await this.#isReady(lane))) {
        const page = await this.#guarded(run, lane.name, () => pages.next());
        if (!page || page.done) return;
        for (const account of page.value) await serve(account);
        await onProgress?.({ processed: run.counts.processed });
      }
    } finally {
      await Promise.all(busy);
    }
  }

  /** Whether a receiver can be reached. One that does not say so in time cannot. */
  async #isReady({ isReady, name }: Lane): Promise<boolean> {
    if (!isReady) return true;
    const late = () => new Error('It did not tell in time whether it can be reached.');
    try {
      return await withDeadline((async () => isReady())(), this.#config.settings.timeoutMs, late);
    } catch (err) {
      this.#config.logger.error({ err, sink: name }, 'A sink did not tell whether it can be reached');
      return false;
    }
  }

  /** Does work on the database; where that does not answer, the run ends and the answer is null. */
  async #guarded<T>(run: OutboxRun<S>, what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (cause) {
      const error = storageError(cause);
      this.#config.logger.error({ err: cause, what }, 'The outbox could not be read');
      run.broken(what, isCreditError(error) ? error.code : 'STORAGE_UNAVAILABLE', error.message);
      return null;
    }
  }
}
