/**
 * Announces what lapses soon on all accounts. The walk goes along the instants at which time alone next changes an
 * account: a grant that lapses within N days makes that instant one of the next N days, so nobody else is looked at.
 */
import { accountFromRow } from '../../core/rows.js';
import { isCreditError } from '../../errors.js';
import type { AccountRow } from '../../models/account.js';
import type { FindQuery, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { ListCursors } from '../input/page.js';
import { skippedOf } from '../store/skipped.js';
import { failureOf, storageError } from '../store/storage-error.js';
import type { ExpiringOptions, ExpiringReport } from './contract.js';
import { announced, announcement, type ExpiringGrants, expiringGrants } from './expiring-grants.js';
import type { Notifier } from './notifier.js';

const ACCOUNTS_PER_READ = 100;
const TIMEOUT_MS = 30_000;
const SKIPPED_MAX = 100;
const DAY_MS = 24 * 3600 * 1000;

export class ExpiringWalk<S> {
  #processed = 0;
  #notified = 0;
  #skippedCount = 0;
  readonly #skipped: ExpiringReport['skipped'][number][] = [];
  readonly #cursors: ListCursors;

  constructor(
    readonly notifier: Notifier<S>,
    readonly withinDays: number,
  ) {
    this.#cursors = new ListCursors('notifyExpiringForAll', { withinDays });
  }

  async run({ batchSize, maxDurationMs, signal, onProgress, cursor }: ExpiringOptions): Promise<ExpiringReport> {
    const until = monotonicNow() + (maxDurationMs ?? Number.POSITIVE_INFINITY);
    const lte = new Date(this.notifier.config.engine.now() + this.withinDays * DAY_MS);
    const query = { index: 'due', equals: { visible: true }, range: { field: 'dueAt', lte } };
    const limit = batchSize ?? ACCOUNTS_PER_READ;
    let at = cursor === undefined ? null : this.#cursors.placeOf(cursor);
    for (;;) {
      if (signal?.aborted || monotonicNow() >= until) return this.#report('stopped', at);
      let next: string | null;
      try {
        next = await this.#batch({ ...query, limit, ...(at !== null && { after: at }) });
      } catch (cause) {
        const error = storageError(cause);
        // Such a cursor is the caller's mistake; what a database does not answer is met again by the next run.
        if (isCreditError(error, 'INVALID_ARGUMENT', 'CLOSED')) throw error;
        this.#skip('', error);
        return this.#report('stopped', at);
      }
      await onProgress?.({ processed: this.#processed });
      if (next === null) return this.#report('completed', null);
      at = next;
    }
  }

  /** Announces what lapses soon on a page of accounts; the answer is the cursor of the next page. */
  async #batch(query: FindQuery): Promise<string | null> {
    const { engine } = this.notifier.config;
    const { rows, nextCursor } = await engine.store.find('account', query, { timeoutMs: TIMEOUT_MS });
    const found = rows.map((row) => this.#expiringOf(row)).filter((one) => one !== null);
    const known = await announced(engine.store, found, TIMEOUT_MS);
    const units: Unit[] = [];
    const keys: string[] = [];
    for (const one of found) {
      const unit = announcement(one, { known, id: engine.newId(), scale: engine.scale });
      if (!unit) continue;
      units.push(unit);
      keys.push(one.account.key);
    }
    if (units.length > 0) {
      const outcomes = await engine.store.write(units, { timeoutMs: TIMEOUT_MS });
      for (const [i, outcome] of outcomes.entries()) this.#judge(keys[i] as string, outcome);
    }
    return nextCursor;
  }

  /** Null where nothing lapses soon. */
  #expiringOf(row: AccountRow): ExpiringGrants | null {
    this.#processed++;
    try {
      const found = expiringGrants(this.notifier.present(accountFromRow(row)), this.withinDays);
      return found.grants.length > 0 ? found : null;
    } catch (cause) {
      // One row that nobody understands must not keep the others from being told.
      this.#skip(row.id, cause);
      return null;
    }
  }

  /** A conflict means that somebody else announces the same; the next run announces what is left of it. */
  #judge(account: string, outcome: UnitOutcome): void {
    if (outcome.status === 'committed') this.#notified++;
    const failure = failureOf(outcome);
    if (failure) this.#skip(account, failure);
  }

  #skip(id: string, error: unknown): void {
    this.#skippedCount++;
    if (this.#skipped.length < SKIPPED_MAX) this.#skipped.push(skippedOf(id, error));
  }

  #report(status: ExpiringReport['status'], cursor: string | null): ExpiringReport {
    const counts = { processed: this.#processed, notified: this.#notified, skippedCount: this.#skippedCount };
    return { status, ...counts, cursor: this.#cursors.cursorOf(cursor), skipped: this.#skipped };
  }
}
