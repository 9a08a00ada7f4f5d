/** Runs the jobs and the relay on timers of this process, for hosts without a scheduler. `start` begins it. */
import { randomInt } from 'node:crypto';
import type { StartOptions } from '../../models/inputs/notifications.js';
import type { LoggerLike } from '../../ports/logger.js';
import { clearTimeout, setTimeout } from '../../timers.js';
import type { JobReport, Jobs } from './contract.js';

const SKIPPED_TOLD_MAX = 10;
/** Rounds of the other jobs for one of payments. */
const PAYMENT_ROUNDS = 10;

export class Background {
  readonly #jobs: Jobs;
  readonly #logger: LoggerLike;
  readonly #stop = new AbortController();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #running = new Set<Promise<unknown>>();
  #isStarted = false;

  /** `hasProviders`: whether there are payments to look after, when a round begins. */
  constructor(
    jobs: Jobs,
    logger: LoggerLike,
    readonly hasProviders: () => boolean,
  ) {
    this.#jobs = jobs;
    this.#logger = logger;
  }

  start({ jobsEverySeconds = 60, outboxEverySeconds = 1 }: StartOptions, delivers: boolean): void {
    if (this.#isStarted || this.#stop.signal.aborted) return;
    this.#isStarted = true;
    const { signal } = this.#stop;
    const round = async () => {
      for (const run of [this.#jobs.runExpiration, this.#jobs.runReservationExpiry, this.#jobs.runAllocation]) {
        this.#tell(await run({ signal }));
      }
      if (delivers) this.#tell(await this.#jobs.runExpiringNotifications({ signal }));
    };
    this.#repeat(round, jobsEverySeconds * 1000);
    const reconcile = async () => {
      if (this.hasProviders()) this.#tell(await this.#jobs.runPayments({ signal }));
    };
    // Providers limit how often they may be asked, and webhooks tell nearly everything before.
    this.#repeat(reconcile, PAYMENT_ROUNDS * jobsEverySeconds * 1000);
    const deliver = async () => this.#tell(await this.#jobs.runOutbox({ signal }));
    if (delivers) this.#repeat(deliver, outboxEverySeconds * 1000);
  }

  /** Logs a report of something that did not work: nobody else sees the reports of these runs. */
  #tell({ job, status, processed, skippedCount, skipped }: JobReport): void {
    if (this.#stop.signal.aborted || skippedCount === 0) return;
    const told = { job, status, processed, skippedCount, skipped: skipped.slice(0, SKIPPED_TOLD_MAX) };
    if (status === 'stopped') this.#logger.error(told, 'A job was stopped before its end; it runs again later');
    else this.#logger.warn(told, 'A job skipped what it could not process; it tries again later');
  }

  /** Starts no more jobs, and resolves when the running ones have stopped between two batches. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  /** Repeats `run`. The pauses vary, so that processes which start together do not stay in step. */
  #repeat(run: () => Promise<unknown>, everyMs: number): void {
    if (this.#stop.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const running = run()
        .catch((err: unknown) => this.#logger.error({ err }, 'A job failed; it runs again later'))
        .finally(() => {
          this.#running.delete(running);
          this.#repeat(run, everyMs);
        });
      this.#running.add(running);
    }, everyMs * jitter());
    // The timer must not keep a process alive whose host has ended.
    (timer as { unref?: () => void }).unref?.();
    this.#timers.add(timer);
  }
}

/** A random factor from 0.9 to 1.1. */
function jitter(): number {
  return 0.9 + randomInt(0, 201) / 1000;
}
