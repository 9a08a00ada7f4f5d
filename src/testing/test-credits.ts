/** A whole manager for a host's unit tests: in memory, with a clock to move, ids that count, and faults on demand. */
import { createCreditManagement } from '../credit-management.js';
import { InMemoryDbManager, type MemorySession } from '../db/memory/manager.js';
import { creditError } from '../errors.js';
import type { CreditEvent } from '../models/events.js';
import type { NotificationMessage } from '../models/notification.js';
import type { CreditManagementOptions } from '../options.js';
import type { DbManager } from '../ports/db-manager.js';
import { InMemoryNotificationQueue } from '../queues/memory.js';
import type { JobReport } from '../services/jobs/contract.js';
import type { CreditManagement } from '../services/manager/contract.js';
import { type Duration, durationMs, sequenceIds, type TestClock, testClock } from './clock.js';

/** A manager that lets a test move its clock, make commits fail, and read its events and messages. */
export interface TestCredits<S = MemorySession, U extends string = never> extends CreditManagement<S, U> {
  /** The clock of every decision, which stands until the test moves it. */
  readonly clock: TestClock;
  /** Every event of every commit so far. */
  readonly events: readonly CreditEvent[];
  /** The messages that the built-in queue got so far. It stays empty when the test gives a queue of its own. */
  readonly messages: readonly NotificationMessage[];
  /**
   * Moves the clock from one due instant to the next. At each instant it writes what is due on every account, then it
   * renews subscriptions and cycles. At the end it delivers the outbox. Answers the reports of these jobs.
   */
  advance(by: Duration): Promise<readonly JobReport[]>;
  /**
   * Makes the next `times` commits fail (default 1). `before_commit`: nothing is applied, and the call rejects with
   * `STORAGE_UNAVAILABLE`. `after_commit`: the commit is applied but its answer is lost; the call finds its own entry
   * and succeeds.
   */
  failNext(at: 'before_commit' | 'after_commit', times?: number): void;
}

/** An instant before all others. */
const EVER = new Date(-8.64e15);

/** The options of `createTestCredits`: those of a manager, and the two that are its own. */
export type TestCreditsOptions<S, U extends string> = Omit<CreditManagementOptions<S, U>, 'clock' | 'db'> & {
  /** Where the clock stands at first, default 2030-01-01T00:00:00Z. */
  now?: Date | string;
  /** `'accept-any'` accepts sessions of any database, and ignores them. */
  session?: 'memory' | 'accept-any';
};

/**
 * Makes a complete manager in memory for the unit tests of a host. Its clock stands at `now` (default
 * 2030-01-01T00:00:00Z) until the test moves it, its ids count, and its queue keeps messages for the test to read. It
 * starts no timer.
 *
 * @throws `CONFIGURATION` as `createCreditManagement`; `INVALID_ARGUMENT` for a wrong `now`.
 * @example
 * const test = createTestCredits({ now: '2030-01-01T00:00:00Z' });
 * await test.credits.addCredits('user-1', 10, { expiresAt: '2030-01-02T00:00:00Z' });
 * await test.advance({ days: 1 });
 */
export function createTestCredits<S = MemorySession, const U extends string = never>(
  options: TestCreditsOptions<S, U> = {},
): TestCredits<S, U> {
  const { now, session, ...rest } = options;
  const clock = testClock(now);
  const memory = new InMemoryDbManager({ sessions: session === 'accept-any' ? 'any' : 'own' });
  const db = new FailingDb(memory);
  const queue = new InMemoryNotificationQueue();
  const wiring = { ids: sequenceIds(), queue, ...rest, clock, db: db as unknown as DbManager<S> };
  const manager = createCreditManagement<DbManager<S>, U>(wiring as CreditManagementOptions<S, U>);
  const events: CreditEvent[] = [];
  manager.on('*', (event) => {
    events.push(event);
  });

  async function advance(by: Duration): Promise<readonly JobReport[]> {
    const end = new Date(clock.now().getTime() + durationMs(by));
    const reports: JobReport[] = [];
    await manager.init();
    // A row that cannot be renewed stays due. Skip its instant, so that others are renewed; the report has the reason.
    let stuck = EVER;
    const firstDue = async (model: string, equals = {}, gt = EVER) => {
      const due = { index: 'due', equals, range: { field: 'dueAt', gt, lte: end }, limit: 1 };
      return (await memory.find(model, due)).rows[0];
    };
    for (;;) {
      const account = await firstDue('account', { visible: true });
      const renewals = [await firstDue('subscription', {}, stuck), await firstDue('cycle', {}, stuck)];
      const instants = [account, ...renewals].flatMap((row) => (row ? [row.dueAt as Date] : []));
      if (instants.length === 0) break;
      const next = new Date(Math.min(...instants.map(Number)));
      if (next > clock.now()) clock.set(next);
      if (renewals.some((row) => row && (row.dueAt as Date) <= clock.now())) {
        const report = await manager.jobs.runAllocation();
        reports.push(report);
        if (report.processed === 0) stuck = clock.now();
      } else reports.push(await manager.jobs.runExpiration());
    }
    clock.set(end);
    reports.push(await manager.jobs.runOutbox());
    return reports;
  }

  return Object.assign(manager, {
    clock,
    events,
    messages: queue.messages,
    advance,
    failNext: (at: 'before_commit' | 'after_commit', times = 1) => db.failNext(at, times),
  });
}

/** The in-memory database, with commits that fail on demand. */
class FailingDb implements DbManager<MemorySession> {
  readonly name = 'memory';
  readonly #inner: InMemoryDbManager;
  #failures: ('before_commit' | 'after_commit')[] = [];

  constructor(inner: InMemoryDbManager) {
    this.#inner = inner;
  }

  failNext(at: 'before_commit' | 'after_commit', times: number): void {
    for (let i = 0; i < times; i++) this.#failures.push(at);
  }

  commit: InMemoryDbManager['commit'] = async (units, options) => {
    const failure = this.#failures.shift();
    if (failure === 'before_commit') throw creditError('STORAGE_UNAVAILABLE', 'The test made this commit fail.', {});
    const outcomes = await this.#inner.commit(units, options);
    return failure
      ? outcomes.map(() => ({ status: 'unknown', cause: new Error('The test lost the answer.') }))
      : outcomes;
  };

  init: InMemoryDbManager['init'] = (models) => this.#inner.init(models);
  getMany: InMemoryDbManager['getMany'] = (...args) => this.#inner.getMany(...args);
  find: InMemoryDbManager['find'] = (...args) => this.#inner.find(...args);
  count: InMemoryDbManager['count'] = (...args) => this.#inner.count(...args);
  ping: InMemoryDbManager['ping'] = (options) => this.#inner.ping(options);
  transaction: InMemoryDbManager['transaction'] = (run, options) => this.#inner.transaction(run, options);
  close: InMemoryDbManager['close'] = () => this.#inner.close();
}
