/** The jobs of a scheduler: walks along an index of what is due, in batches, under a lease. */
import { accountFromRow } from '../../core/account.js';
import { toCredits } from '../../core/amounts.js';
import { isCreditError } from '../../errors.js';
import type { AccountRow } from '../../models/account.js';
import type { CycleRow } from '../../models/cycle.js';
import { jobSchema } from '../../models/inputs/plans.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import type { DbManager, FindQuery, Row } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { parse } from '../input/parse.js';
import type { NotificationService } from '../notifications/contract.js';
import type { OutboxRelay } from '../outbox/relay.js';
import type { OutboxOptions } from '../outbox/run.js';
import type { Engine } from '../pipeline/engine.js';
import { ROUNDS_MAX, renew } from '../plans/subscription-directory.js';
import type { JobName, JobOptions, JobReport, Jobs } from './contract.js';
import { Lease } from './lease.js';

/** Several commits: one is decided while another is written. */
const BATCH = 4_000;
const MAX_DURATION_MS = 600_000;
const SKIPPED_MAX = 100;
const WITHIN_DAYS = 7;

const STOPPED = { status: 'stopped', processed: 0, skippedCount: 0, skipped: [] };
const NOTHING_SENT = { failed: 0, waiting: 0, deleted: 0 };

type WalkOptions = OutboxOptions;
type Page = Awaited<ReturnType<DbManager['find']>>;

/** What one row came to, in units. */
interface Outcome {
  readonly granted?: number;
  readonly expired?: number;
}

/** Units of the periods that an operation made up for, and when the last of them ends. */
interface Renewed {
  readonly units: number;
  readonly until: number;
}

/** One kind of row that a job walks along. */
interface Walk {
  readonly model: string;
  readonly query: Omit<FindQuery, 'limit' | 'after'>;
  readonly idOf: (row: Row) => string;
  /** Null when there is nothing to do for this row. */
  readonly process: (row: Row) => Promise<Outcome> | null;
}

/** The jobs of a manager; `relay` and `notifications` are the ones it has. */
export function jobs<S>(
  engine: Engine<S>,
  relay: Pick<OutboxRelay<S>, 'run'>,
  notifications: Pick<NotificationService, 'notifyExpiringForAll'>,
): Jobs {
  const expire = async (row: Row, asOf: Date): Promise<Outcome> => {
    const account = row as unknown as AccountRow;
    const { creditType, userId } = account;
    engine.offer(account);
    const { entry } = await engine.mutate({
      operation: 'expire',
      accounts: [engine.account(creditType, userId)],
      given: {},
      options: {},
      command: () => ({ type: 'expire', asOf: asOf.getTime() }),
    });
    return { expired: (entry?.details.expired as number | undefined) ?? 0 };
  };
  const dueAccounts = (asOf: Date, process: Walk['process']): Walk => ({
    model: 'account',
    query: { index: 'due', equals: { visible: true }, range: { field: 'dueAt', lte: asOf } },
    idOf: (row) => row.id as string,
    process,
  });
  const due = (asOf: Date) => ({ index: 'due', range: { field: 'dueAt', lte: asOf } }) as const;

  const all: Jobs = {
    runExpiration: (options) => run('expiration', options, (asOf) => [dueAccounts(asOf, (row) => expire(row, asOf))]),

    runReservationExpiry: (options) =>
      run('reservation_expiry', options, (asOf) => [
        dueAccounts(asOf, (row) => {
          const { holds } = accountFromRow(row as unknown as AccountRow);
          return holds.some((hold) => hold.expiresAt <= asOf.getTime()) ? expire(row, asOf) : null;
        }),
      ]),

    runAllocation: (options) =>
      run('allocation', options, (asOf) => [
        {
          ...{ model: 'subscription', query: due(asOf), idOf: (row) => row.id as string },
          process: (row) => again(() => renewSubscription(row as unknown as SubscriptionRow)),
        },
        {
          ...{ model: 'cycle', query: due(asOf), idOf: (row) => row.id as string },
          process: (row) => again(() => renewCycle(row as unknown as CycleRow)),
        },
      ]),

    async runExpiringNotifications(options) {
      const { withinDays = WITHIN_DAYS } = options === undefined ? {} : parse(jobSchema, options);
      const walk = (given: WalkOptions) => notifications.notifyExpiringForAll(withinDays, given);
      return timed('expiring_notifications', options, walk, { notified: 0, cursor: null });
    },

    runOutbox: (options) => timed('outbox', options, (given) => relay.run(given), NOTHING_SENT),

    async runAll(options) {
      const reports: JobReport[] = [await all.runExpiration(options), await all.runReservationExpiry(options)];
      reports.push(await all.runAllocation(options), await all.runExpiringNotifications(options));
      return [...reports, await all.runOutbox(options)];
    },
  };
  return all;

  /** A job whose walk is its own: its report with what every job's report has. */
  async function timed<J extends JobName, R extends object>(
    job: J,
    given: JobOptions | undefined,
    walk: (options: WalkOptions) => Promise<R>,
    nothing?: Partial<R>,
  ): Promise<JobReport<J> & R> {
    const parsed = given === undefined ? {} : parse(jobSchema, given);
    const { batchSize, maxDurationMs = MAX_DURATION_MS, signal, onProgress } = parsed;
    const started = monotonicNow();
    const tell = onProgress as JobOptions['onProgress'];
    const failures: JobReport['skipped'][number][] = [];
    const failed = new AbortController();
    const stop = (error: unknown) => {
      failures.push(skippedOf(job, '', error));
      failed.abort();
    };
    const options = {
      ...{ maxDurationMs, signal: signal ? AbortSignal.any([signal, failed.signal]) : failed.signal },
      batchSize: batchSize === undefined ? undefined : Math.min(batchSize, 1_000),
      ...(tell && {
        onProgress: async ({ processed }: { processed: number }) => {
          await (async () => tell({ job, processed, remaining: null }))().catch(stop);
        },
      }),
    };
    await engine.read({}, () => {}).catch(stop);
    const startedAt = new Date(engine.now()).toISOString();
    const own = failures.length > 0 ? null : await walk(options).catch(stop);
    const durationMs = Math.round(monotonicNow() - started);
    const report = {
      job,
      granted: 0,
      expired: 0,
      delivered: 0,
      startedAt,
      durationMs,
      ...(own ?? { ...STOPPED, ...nothing }),
    };
    return withFailures(report as unknown as JobReport<J> & R, failures);
  }

  /** Repeats an operation for as long as something is due: each makes up for so many periods and no more. */
  async function again(operation: () => Promise<Renewed | null>): Promise<Outcome> {
    let granted = 0;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const more = await operation();
      granted += more?.units ?? 0;
      if (more === null || more.until > engine.now()) break;
    }
    return { granted };
  }

  async function renewSubscription(row: SubscriptionRow): Promise<Renewed | null> {
    // Periods that grant nothing, because an earlier plan granted for them, are periods to make up for too.
    const renewal = await renew(engine, row, {});
    return renewal && { ...renewal, units: Object.values(renewal.granted).reduce((sum, units) => sum + units, 0) };
  }

  async function renewCycle(row: CycleRow): Promise<Renewed | null> {
    const { entry } = await engine.mutate({
      operation: 'renew_cycle',
      accounts: [engine.account(row.creditType, row.userId)],
      given: { cycleId: row.id },
      options: {},
      command: () => ({ type: 'renew_cycle', cycleId: row.id }),
    });
    if (!entry) return null;
    const { granted = 0, cycle } = entry.details as { granted?: number; cycle?: { end: string } };
    return { units: granted, until: Date.parse(cycle?.end ?? '') };
  }

  function skippedOf(job: JobName, id: string, error: unknown): JobReport['skipped'][number] {
    if (isCreditError(error)) return { id, code: error.code, message: error.message };
    engine.logger.error({ err: error, job, id }, 'A row could not be processed');
    return { id, code: 'INVARIANT_VIOLATION', message: 'It failed.' };
  }

  async function run<J extends JobName>(
    job: J,
    given: JobOptions | undefined,
    walksOf: (asOf: Date) => readonly Walk[],
  ): Promise<JobReport<J>> {
    const options = given === undefined ? {} : parse(jobSchema, given);
    let now = engine.now();
    const started = monotonicNow();
    const until = started + (options.maxDurationMs ?? MAX_DURATION_MS);
    const batchSize = options.batchSize ?? BATCH;
    const totals = { processed: 0, granted: 0, expired: 0 };
    const skipped: JobReport['skipped'][number][] = [];
    let skippedCount = 0;
    const report = (status: JobReport['status']): JobReport<J> => ({
      ...{ job, status, processed: totals.processed, delivered: 0, skippedCount, skipped },
      granted: toCredits(totals.granted, engine.scale),
      expired: toCredits(totals.expired, engine.scale),
      startedAt: new Date(now).toISOString(),
      durationMs: Math.round(monotonicNow() - started),
    });
    const skip = (id: string, error: unknown) => {
      skippedCount++;
      const told = skippedOf(job, id, error);
      if (skipped.length < SKIPPED_MAX) skipped.push(told);
    };
    const lease = new Lease(engine.store.db, job, engine.newId(), () => engine.now());
    try {
      await engine.read({}, () => {});
      now = engine.now();
      const asOf = new Date(Math.min(options.asOf ?? now, now));
      if (!(await lease.take())) return report('lease_held_elsewhere');
      for (const walk of walksOf(asOf)) {
        const read = (after?: string): Promise<Page> =>
          engine.store.db.find(walk.model, { ...walk.query, limit: batchSize, ...(after !== undefined && { after }) });
        for (let next: Promise<Page> | null = read(); next !== null; ) {
          const { rows, nextCursor }: Page = await next;
          if (options.signal?.aborted || monotonicNow() >= until || !(await lease.take())) return report('stopped');
          // Read while this batch is written. Should it fail, that is told when its turn has come.
          next = nextCursor === null ? null : read(nextCursor);
          next?.catch(() => {});
          await Promise.all(
            rows.map(async (row) => {
              try {
                const outcome = await walk.process(row);
                if (outcome === null) return;
                totals.processed++;
                totals.granted += outcome.granted ?? 0;
                totals.expired += outcome.expired ?? 0;
              } catch (error) {
                skip(walk.idOf(row), error);
              }
            }),
          );
          await (options.onProgress as JobOptions['onProgress'])?.({
            job,
            processed: totals.processed,
            remaining: null,
          });
        }
      }
      return report('completed');
    } catch (error) {
      // The database, or the host's onProgress: what was done stays done.
      skip('', error);
      return report('stopped');
    } finally {
      await lease.release();
    }
  }
}

/** A report of a run that the host or the store ended. */
function withFailures<R extends JobReport>(report: R, failures: JobReport['skipped']): R {
  if (failures.length === 0) return report;
  const skippedCount = report.skippedCount + failures.length;
  return { ...report, status: 'stopped', skippedCount, skipped: [...report.skipped, ...failures] };
}
