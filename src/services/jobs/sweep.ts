/** A sweep: under a lease, a job walks along indexes of due rows in batches, and reports. */
import { toCredits } from '../../core/amounts.js';
import { isCreditError } from '../../errors.js';
import { jobSchema } from '../../models/inputs/plans.js';
import type { Skipped } from '../../models/records/run.js';
import type { Rows } from '../../models/rows.js';
import type { FindQuery } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { parseOptions } from '../input/parse.js';
import type { Engine } from '../pipeline/engine.js';
import { skippedOf } from '../store/skipped.js';
import type { RowPage } from '../store/tables.js';
import type { JobName, JobOptions, JobReport } from './contract.js';
import { Lease } from './lease.js';
import { type Moved, NOTHING_MOVED, sumOf } from './moved.js';
import { READ_ROWS_FIRST, rowsOfRead, Throttle, weightOf } from './throttle.js';

export const DURATION_MAX_MS = 600_000;
const SKIPPED_MAX = 100;

type DueModel = 'account' | 'subscription' | 'cycle';

/** The rows of one model that a job walks along, and their operation. */
export interface Walk<M extends DueModel = DueModel> {
  readonly model: M;
  readonly query: Omit<FindQuery, 'limit' | 'after'>;
  /** Runs the operation on a row; null when the row needs none. */
  process(row: Rows[M]): Promise<Moved> | null;
  /** Called at the end of a walk that skipped no row. */
  done?(): Promise<void>;
}

export class Sweep<S, J extends JobName> {
  readonly #engine: Engine<S>;
  readonly #job: J;
  readonly #options: ReturnType<typeof jobSchema.parse>;
  readonly #began = monotonicNow();
  #processed = 0;
  #moved = NOTHING_MOVED;
  readonly #skipped: Skipped[] = [];
  #skippedCount = 0;
  #startedAt: number;

  constructor(engine: Engine<S>, job: J, given: JobOptions | undefined) {
    this.#engine = engine;
    this.#job = job;
    this.#options = parseOptions(jobSchema, given);
    this.#startedAt = engine.nowForReports();
  }

  /** Walks along the rows that are due by one instant. Never rejects: it skips a row that fails, and reports why. */
  async run(walksOf: (asOf: Date) => readonly Walk[]): Promise<JobReport<J>> {
    const engine = this.#engine;
    const lease = new Lease(engine.store, this.#job, engine.newId(), () => engine.now());
    try {
      await engine.read({}, () => {});
      this.#startedAt = engine.now();
      const asOf = new Date(Math.min(this.#options.asOf ?? this.#startedAt, this.#startedAt));
      if (!(await lease.take())) return this.#report('lease_held_elsewhere');
      for (const walk of walksOf(asOf)) {
        const skipped = this.#skippedCount;
        if (!(await this.#along(walk, lease))) return this.#report('stopped');
        if (this.#skippedCount === skipped) await walk.done?.();
      }
      return this.#report('completed');
    } catch (error) {
      // The database or the host's onProgress failed. The work that was done stays.
      this.#skip('', error);
      return this.#report('stopped');
    } finally {
      await lease.release();
    }
  }

  /** Walks along one model's rows, and answers whether it came to the end. What has begun is done in any case. */
  async #along(walk: Walk, lease: Lease<S>): Promise<boolean> {
    const throttle = new Throttle(this.#engine.timeoutMs);
    try {
      return await this.#batches(walk, lease, throttle);
    } finally {
      await throttle.end();
    }
  }

  async #batches({ model, query, process }: Walk, lease: Lease<S>, throttle: Throttle): Promise<boolean> {
    const { signal, batchSize, maxDurationMs = DURATION_MAX_MS, onProgress } = this.#options;
    const { store } = this.#engine;
    let limit = batchSize ?? READ_ROWS_FIRST;
    const read = (after?: string) => store.find(model, { ...query, limit, ...(after !== undefined && { after }) });
    for (let next: Promise<RowPage<Rows[DueModel]>> | null = read(); next !== null; ) {
      const { rows, nextCursor }: RowPage<Rows[DueModel]> = await next;
      const isOver = signal?.aborted || monotonicNow() >= this.#began + maxDurationMs;
      if (isOver || !(await lease.take())) return false;
      const weights = rows.map(weightOf);
      if (batchSize === undefined) limit = rowsOfRead(limit, weights);
      // Read the next batch while this one is written. If the read fails, the loop gets the error in the next round.
      next = nextCursor === null ? null : read(nextCursor);
      next?.catch(() => {});
      for (const [i, row] of rows.entries()) {
        await throttle.begin(weights[i] as number, () => this.#row(row, process));
      }
      // A batch that the caller has chosen is one: nothing of the next one begins before all of it is done.
      if (batchSize !== undefined || next === null) await throttle.end();
      const tell = onProgress as JobOptions['onProgress'];
      await tell?.({ job: this.#job, processed: this.#processed, remaining: null });
    }
    return true;
  }

  async #row(row: Rows[DueModel], process: Walk['process']): Promise<void> {
    try {
      const moved = await process(row);
      if (moved === null) return;
      this.#processed++;
      this.#moved = sumOf(this.#moved, moved);
    } catch (error) {
      this.#skip(row.id, error);
    }
  }

  #skip(id: string, error: unknown): void {
    this.#skippedCount++;
    if (this.#skipped.length < SKIPPED_MAX) this.#skipped.push(skippedRow(this.#engine, this.#job, id, error));
  }

  #report(status: JobReport['status']): JobReport<J> {
    const { scale } = this.#engine;
    const credits = Object.entries(this.#moved).map(([kind, units]) => [kind, toCredits(units, scale)]);
    return {
      ...{ job: this.#job, status, processed: this.#processed, delivered: 0 },
      ...(Object.fromEntries(credits) as unknown as Moved),
      ...{ skippedCount: this.#skippedCount, skipped: this.#skipped },
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round(monotonicNow() - this.#began),
    };
  }
}

/** The report of a row that a job skipped. An error that is not the library's is our bug, so it is logged. */
export function skippedRow<S>(engine: Engine<S>, job: JobName, id: string, error: unknown): Skipped {
  if (!isCreditError(error)) engine.logger.error({ err: error, job, id }, 'A row could not be processed');
  return skippedOf(id, error);
}
