/** The jobs of a scheduler: the rows that each job walks along, and the operation that it runs on a row. */
import { nextDue } from '../../core/draft.js';
import { accountFromRow } from '../../core/rows.js';
import { creditError } from '../../errors.js';
import { type AccountRow, accountKey } from '../../models/account.js';
import type { CycleRow } from '../../models/cycle.js';
import { jobSchema } from '../../models/inputs/plans.js';
import { isIdentifier } from '../../models/inputs/values.js';
import type { SubscriptionRow } from '../../models/subscription.js';
import { fillTotals, lacksTotals } from '../credits/lifetime.js';
import { parseOptions } from '../input/parse.js';
import type { NotificationService } from '../notifications/contract.js';
import type { OutboxRelay } from '../outbox/relay.js';
import type { Engine } from '../pipeline/engine.js';
import { type Answer, answered } from '../pipeline/operation.js';
import { isPlanDue, ROUNDS_MAX } from '../pipeline/renewals.js';
import { renew } from '../plans/renewal.js';
import type { JobName, JobOptions, JobReport, Jobs } from './contract.js';
import { type Moved, movedBy, NOTHING_MOVED, sumOf } from './moved.js';
import { type PaymentWork, paymentsJob } from './payments-job.js';
import { Sweep, type Walk } from './sweep.js';
import { timedJob } from './timed-job.js';

const WITHIN_DAYS = 7;

const STOPPED = { status: 'stopped', processed: 0, skippedCount: 0, skipped: [] } as const;
const NOTHING_NOTIFIED = { ...STOPPED, notified: 0, cursor: null };
const NOTHING_SENT = { ...STOPPED, delivered: 0, failed: 0, waiting: 0, deleted: 0 };

/** The answer of an operation that caught up on periods, and the end of the last one. */
interface Renewed {
  readonly answer: Answer;
  readonly until: number;
}

export interface JobParts<S> {
  readonly engine: Engine<S>;
  readonly relay: Pick<OutboxRelay<S>, 'run'>;
  readonly notifications: Pick<NotificationService, 'notifyExpiringForAll'>;
  readonly payments: PaymentWork;
  readonly inbox: Pick<PaymentWork, 'deleteBefore'>;
  /** Days that messages of payments are kept. */
  readonly messageDays: number;
}

export function buildJobs<S>(parts: JobParts<S>): Jobs {
  const { engine, relay, notifications, payments, inbox, messageDays } = parts;
  const rows = new DueRows(engine);
  const sweep = async <J extends JobName>(job: J, options: JobOptions | undefined, walksOf: (asOf: Date) => Walk[]) => {
    const report = await new Sweep(engine, job, options).run(walksOf);
    if (report.processed > 0) await record(engine, report);
    return report;
  };

  const all: Jobs = {
    runExpiration: async (options) =>
      sweep('expiration', options, (asOf) => [rows.dueAccounts(asOf), ...rows.accountsWithoutTotals()]),

    runReservationExpiry: async (options) =>
      sweep('reservation_expiry', options, (asOf) => [rows.accountsWithEndedHolds(asOf)]),

    runAllocation: async (options) =>
      sweep('allocation', options, (asOf) => [rows.dueSubscriptions(asOf), rows.dueCycles(asOf)]),

    async runExpiringNotifications(options) {
      const { withinDays = WITHIN_DAYS } = parseOptions(jobSchema, options);
      const report = await timedJob(engine, 'expiring_notifications', options, {
        walk: (given) => notifications.notifyExpiringForAll(withinDays, given),
        nothing: NOTHING_NOTIFIED,
      });
      if (report.notified > 0) await record(engine, report);
      return report;
    },

    async runOutbox(options) {
      const report = await timedJob(engine, 'outbox', options, {
        walk: (given) => relay.run(given),
        nothing: NOTHING_SENT,
      });
      // The rows themselves tell what was delivered. Relays run every second: an entry for each would bury the ledger.
      if (report.failed > 0) await record(engine, report);
      return report;
    },

    async runPayments(options) {
      const report = await paymentsJob(engine, options, { payments, inbox, messageDays });
      if (report.changed > 0) await record(engine, report);
      return report;
    },

    async runAll(options) {
      const reports: JobReport[] = [await all.runExpiration(options), await all.runReservationExpiry(options)];
      reports.push(await all.runAllocation(options), await all.runExpiringNotifications(options));
      if (payments.hasProviders()) reports.push(await all.runPayments(options));
      return [...reports, await all.runOutbox(options)];
    },
  };
  return all;
}

/** Leaves the report in the ledger. The work is done, so a failure is told to the log alone. */
async function record<S>({ store, logger }: Engine<S>, { skipped: _, ...report }: JobReport): Promise<void> {
  const message = `Job ${report.job} ${report.status}`;
  await store.record(message, { ...report }).catch((err: unknown) => {
    logger.warn({ err, job: report.job }, 'The report of a job could not be written to the ledger');
  });
}

/** The rows that are due by an instant, each with the operation that it needs. */
class DueRows<S> {
  constructor(readonly engine: Engine<S>) {}

  dueAccounts(asOf: Date): Walk<'account'> {
    return { ...accountsDue(asOf), process: (row) => this.#expire(row, asOf) };
  }

  /** All accounts, once for a database that an older version of the library has written. */
  accountsWithoutTotals(): Walk<'account'>[] {
    const { store } = this.engine;
    if (store.settings.totals !== undefined) return [];
    const process = (row: AccountRow) => (lacksTotals(row) ? this.#fill(row) : null);
    return [{ model: 'account', query: { index: 'created' }, process, done: () => store.keepTotals() }];
  }

  accountsWithEndedHolds(asOf: Date): Walk<'account'> {
    const process = (row: AccountRow) => {
      const account = accountFromRow(row);
      const isOver = (at: number | null) => at !== null && at <= asOf.getTime();
      // Where nothing is due, the instant is that of a hold that ended before, and is to be corrected.
      const isDue = account.holds.some((hold) => isOver(hold.expiresAt)) || !isOver(nextDue(account));
      return isDue ? this.#expire(row, asOf) : null;
    };
    return { ...accountsDue(asOf), process };
  }

  dueSubscriptions(asOf: Date): Walk<'subscription'> {
    return { model: 'subscription', query: due(asOf), process: (row) => this.#renewed(row) };
  }

  dueCycles(asOf: Date): Walk<'cycle'> {
    return { model: 'cycle', query: due(asOf), process: (row) => this.#again(() => this.#renewCycle(row), row) };
  }

  async #fill({ id }: AccountRow): Promise<Moved> {
    await fillTotals(this.engine.store, id);
    return NOTHING_MOVED;
  }

  async #expire(row: AccountRow, asOf: Date): Promise<Moved> {
    const { creditType, userId } = row;
    if (!isIdentifier(userId) || row.id !== accountKey(creditType, userId)) throw unreadable();
    const renewed = await this.#renewBehind(row);
    if (renewed === NOTHING_MOVED) this.engine.offer(row);
    const answer = answered(
      await this.engine.mutate({
        operation: 'expire',
        accounts: [this.engine.account(creditType, userId)],
        given: {},
        options: {},
        command: () => ({ type: 'expire', asOf: asOf.getTime() }),
      }),
    );
    if (!answer.entry) await this.#checkDone('account', row.id, row.version);
    // By `asOf` only those count that had lapsed by then.
    const expired = (answer.entry?.details.expired as number | undefined) ?? 0;
    return sumOf(renewed, { ...movedBy(answer), expired });
  }

  /** Renews the subscription behind an account, where it is due: the expiry would do it, and could not tell of it. */
  async #renewBehind(row: AccountRow): Promise<Moved> {
    if (!isPlanDue(accountFromRow(row), this.engine.now())) return NOTHING_MOVED;
    const subscription = await this.engine.store.get('subscription', row.userId);
    // The job of renewals reports one that is refused.
    return subscription ? this.#renewed(subscription).catch(() => NOTHING_MOVED) : NOTHING_MOVED;
  }

  /**
   * A row that is due, and of which nothing comes, is one that decisions cannot read: it would be due for ever. Where
   * somebody else was faster, the row has changed.
   */
  async #checkDone(model: 'account' | 'subscription' | 'cycle', key: string, version: number): Promise<void> {
    const row = await this.engine.store.get(model, key);
    if (row?.version !== version) return;
    throw creditError('INVARIANT_VIOLATION', 'The stored row is due, and nothing comes of it. See verify().', {});
  }

  /** Repeats an operation while something is due, because one operation catches up on a limited number of periods. */
  async #again(operation: () => Promise<Renewed | null>, row: SubscriptionRow | CycleRow): Promise<Moved> {
    const { userId, version } = row;
    if (!isIdentifier(userId)) throw unreadable();
    let moved = NOTHING_MOVED;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const more = await operation();
      if (more !== null) moved = sumOf(moved, movedBy(more.answer));
      if (more === null && round === 0) {
        await ('days' in row
          ? this.#checkDone('cycle', row.id, version)
          : this.#checkDone('subscription', userId, version));
      }
      if (more === null || more.until > this.engine.now()) break;
    }
    return moved;
  }

  #renewed(row: SubscriptionRow): Promise<Moved> {
    return this.#again(() => renew(this.engine, row, {}), row);
  }

  async #renewCycle(row: CycleRow): Promise<Renewed | null> {
    const answer = answered(
      await this.engine.mutate({
        operation: 'renew_cycle',
        accounts: [this.engine.account(row.creditType, row.userId)],
        given: { cycleId: row.id },
        options: {},
        command: () => ({ type: 'renew_cycle', cycleId: row.id }),
      }),
    );
    if (!answer.entry) return null;
    const { cycle } = answer.entry.details as { cycle?: { end: string } };
    return { answer, until: Date.parse(cycle?.end ?? '') };
  }
}

function unreadable() {
  return creditError('INVARIANT_VIOLATION', 'The stored row does not name its user. Nothing was written.', {});
}

function due(asOf: Date) {
  return { index: 'due', range: { field: 'dueAt', lte: asOf } } as const;
}

function accountsDue(asOf: Date) {
  return { model: 'account', query: { ...due(asOf), equals: { visible: true } } } as const;
}
