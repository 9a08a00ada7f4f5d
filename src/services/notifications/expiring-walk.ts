/**
 * Announces what lapses soon on all accounts. The walk goes along the instants at which time alone next changes an
 * account: a lot that lapses within N days makes that instant one of the next N days, so nobody else is looked at.
 */
import { accountFromRow } from '../../core/rows.js';
import { isCreditError } from '../../errors.js';
import type { FindQuery, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import type { Engine } from '../pipeline/engine.js';
import { skippedOf } from '../store/skipped.js';
import { failureOf, storageError } from '../store/storage-error.js';
import type { ExpiringOptions, ExpiringReport } from './contract.js';
import { announced, announcement, type ExpiringLots, expiringLots, type Present } from './expiring-grants.js';

const ACCOUNTS_PER_READ = 100;
const TIMEOUT_MS = 30_000;
const SKIPPED_MAX = 100;
const DAY_MS = 24 * 3600 * 1000;

export class ExpiringWalk<S> {
  #processed = 0;
  #notified = 0;
  #skippedCount = 0;
  readonly #skipped: ExpiringReport['skipped'][number][] = [];

  constructor(
    readonly engine: Engine<S>,
    readonly present: Present,
    readonly withinDays: number,
  ) {}

  async run({ batchSize, maxDurationMs, signal, onProgress, cursor }: ExpiringOptions): Promise<ExpiringReport> {
    const until = monotonicNow() + (maxDurationMs ?? Number.POSITIVE_INFINITY);
    const lte = new Date(this.engine.now() + this.withinDays * DAY_MS);
    const query = { index: 'due', equals: { visible: true }, range: { field: 'dueAt', lte } };
    const limit = batchSize ?? ACCOUNTS_PER_READ;
    let at = cursor ?? null;
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

  async #batch(query: FindQuery): Promise<string | null> {
    const { engine, withinDays } = this;
    const { store } = engine;
    const page = await store.find('account', query, { timeoutMs: TIMEOUT_MS });
    const found: ExpiringLots[] = [];
    for (const row of page.rows) {
      this.#processed++;
      try {
        const lots = expiringLots(this.present(accountFromRow(row)), withinDays);
        if (lots.lots.length > 0) found.push(lots);
      } catch (cause) {
        // One row that nobody understands must not keep the others from being told.
        this.#skip(row.id, cause);
      }
    }
    const known = await announced(store, found, withinDays, TIMEOUT_MS);
    const units: Unit[] = [];
    const keys: string[] = [];
    for (const lots of found) {
      const unit = announcement(lots, withinDays, known, engine.newId(), engine.scale);
      if (!unit) continue;
      units.push(unit);
      keys.push(lots.account.key);
    }
    if (units.length > 0) {
      const outcomes = await store.write(units, { timeoutMs: TIMEOUT_MS });
      for (const [i, outcome] of outcomes.entries()) this.#judge(keys[i] as string, outcome);
    }
    return page.nextCursor;
  }

  /** A conflict is somebody else who tells the same; what of it is still untold is for the next run. */
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
    return { status, ...counts, cursor, skipped: this.#skipped };
  }
}
