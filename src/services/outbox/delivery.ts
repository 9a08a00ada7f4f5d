/**
 * Delivers the rows of one account on one lane, one after another. A claim is the head's row at its version, for as
 * long as the delivery of it and of a few rows behind it may take; the commit that marks them as sent claims the row
 * behind them, so that the claim walks with the head and no other relay can come between. A relay that finds a row at
 * another version has lost the claim.
 */
import { isCreditError } from '../../errors.js';
import type { DeliveryRow } from '../../models/delivery.js';
import type { OutboxRow } from '../../models/outbox.js';
import type { Rows } from '../../models/rows.js';
import type { Change, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { monotonicNow } from '../../timers.js';
import { failureOf, storageError } from '../store/storage-error.js';
import { replaceOf, type Tables } from '../store/tables.js';
import { afterAttempt, attempt, type Result } from './attempt.js';
import { type AccountRows, type Lane, pendingOf } from './lanes.js';
import type { OutboxRun } from './run.js';

/** A claim lasts so much longer than a delivery: for the commits around it, and for clocks that differ. */
const CLAIM_MARGIN_MS = 30_000;
/** The most rows of an account that are marked at once. */
const GROUP_ROWS = 16;
/** Milliseconds after which no further row of a group is begun. */
const GROUP_MS = 100;

export interface AccountDelivery<S> {
  readonly tables: Tables<S>;
  readonly lane: Lane;
  readonly run: OutboxRun<S>;
  /** The first pending rows of the account. */
  readonly first: AccountRows;
  /** Rows of one more read. */
  readonly limit: number;
}

/** Delivers the rows of an account until none is left, one is in the way, or the run has to end. Never rejects. */
export async function deliverAccount<S>({ tables, lane, run, first, limit }: AccountDelivery<S>): Promise<void> {
  const account = first.rows[0]?.account as string;
  try {
    for (let { rows, more } = first; rows.length > 0; ) {
      const isThrough = await deliverRows(lane, rows, run);
      if (!isThrough || !more || run.isOver()) return;
      ({ rows, more } = await pendingOf(tables, lane, account, limit));
    }
  } catch (cause) {
    const error = storageError(cause);
    const code = isCreditError(error) ? error.code : 'STORAGE_UNAVAILABLE';
    run.logger.error({ err: cause, account, lane: lane.name }, 'The outbox could not be written');
    run.broken(account, code, error.message);
  }
}

/** Whether every row was delivered or given up. */
async function deliverRows<S>(lane: Lane, rows: readonly DeliveryRow[], run: OutboxRun<S>): Promise<boolean> {
  const head = rows[0] as DeliveryRow;
  if (run.isOver()) return false;
  if (!isReadable(head)) {
    run.skip(head.id, 'INVARIANT_VIOLATION', 'The stored row cannot be read; those behind it wait.');
    return false;
  }
  let claimedAt = monotonicNow();
  let group = groupOf(rows, 0, run);
  const [claim] = group;
  const outcome = claim ? await run.batch.commit([change(lane, head, claim)]) : TAKEN;
  if (outcome.status === 'conflict' || outcome.status === 'locked') {
    run.counts.waiting++;
    return false;
  }
  if (!isOurs(outcome, head, run)) return false;
  for (let from = 0; ; ) {
    const { tried, last } = await deliverGroup(lane, group, claimedAt, run);
    const first = group[0] as DeliveryRow;
    if (tried.length === 0) return isOurs(TAKEN, first, run);
    const unit = tried.map(({ row, after }) => change(lane, row, after));
    from += tried.length;
    const goesOn = last.status !== 'pending';
    const next = goesOn && !run.isOver() ? groupOf(rows, from, run) : [];
    if (next[0]) unit.push(change(lane, rows[from] as DeliveryRow, next[0]));
    claimedAt = monotonicNow();
    if (!isOurs(await run.batch.commit(unit as unknown as Unit), first, run)) return false;
    for (const { after, result } of tried) count(lane, after, result, run);
    if (next.length === 0) return goesOn && from === rows.length;
    group = next;
  }
}

interface Tried {
  readonly row: DeliveryRow;
  readonly after: DeliveryRow;
  readonly result: Result;
}

/**
 * Delivers a claimed head and the rows behind it, one after another, until one is in the way, or the time of the group
 * is over: a slow receiver has little to get again where this process dies.
 */
async function deliverGroup<S>(
  lane: Lane,
  group: readonly DeliveryRow[],
  claimedAt: number,
  run: OutboxRun<S>,
): Promise<{ tried: readonly Tried[]; last: DeliveryRow }> {
  const tried: Tried[] = [];
  const beganAt = monotonicNow();
  let last = group[0] as DeliveryRow;
  for (const row of group) {
    const now = monotonicNow();
    // A process that slept through its claim leaves the rows to whoever has them now.
    if (now - claimedAt > CLAIM_MARGIN_MS) break;
    if (tried.length > 0 && (now - beganAt > GROUP_MS || run.isOver())) break;
    const result = await attempt(lane, row, run);
    last = afterAttempt(row, result, run);
    tried.push({ row, after: last, result });
    if (last.status === 'pending') break;
  }
  return { tried, last };
}

/**
 * The claim of a row, and the rows directly behind it as far as they are free and can be read. Those need no claim of
 * their own: nobody else can have them while somebody has the head.
 */
function groupOf<S>(rows: readonly DeliveryRow[], from: number, run: OutboxRun<S>): DeliveryRow[] {
  const group: DeliveryRow[] = [];
  for (const row of rows.slice(from, from + GROUP_ROWS)) {
    if (!isFree(row, run) || !isReadable(row)) break;
    group.push(group.length === 0 ? claimOf(row, run) : row);
  }
  return group;
}

/** Whether a row is neither in a pause nor claimed by a relay that may still be at it. */
function isFree<S>({ nextAttemptAt }: DeliveryRow, run: OutboxRun<S>): boolean {
  return nextAttemptAt === null || nextAttemptAt.getTime() <= run.now();
}

/** Whether a row can be read: a stored value that is damaged throws where it is asked for. */
function isReadable(row: DeliveryRow): boolean {
  try {
    return Object.values(row).length > 0;
  } catch {
    return false;
  }
}

function claimOf<S>(row: DeliveryRow, run: OutboxRun<S>): DeliveryRow {
  const until = new Date(run.now() + run.settings.timeoutMs + CLAIM_MARGIN_MS);
  return { ...row, version: row.version + 1, claimedBy: run.id, nextAttemptAt: until };
}

function change({ model, unchanged }: Lane, from: DeliveryRow, to: DeliveryRow): Change {
  return replaceOf(model, to as Rows[typeof model], from.version, unchanged as readonly (keyof Rows[typeof model])[]);
}

/** The outcome of a write where another relay has the row. */
const TAKEN: UnitOutcome = { status: 'conflict', model: '', key: '' };

/** Whether the commit happened; otherwise the account is left to others, or to the next run. */
function isOurs<S>(outcome: UnitOutcome, row: DeliveryRow, run: OutboxRun<S>): boolean {
  if (outcome.status === 'committed') return true;
  if (outcome.status === 'conflict' || outcome.status === 'locked') {
    run.skip(row.id, 'LEASE_LOST', 'Another relay has this row.');
  } else {
    run.logger.error({ err: failureOf(outcome), id: row.id }, 'What became of a delivery could not be stored');
    run.skip(row.id, 'STORAGE_UNAVAILABLE', 'The database did not take what became of this row; it comes again.');
  }
  return false;
}

function typeOf(row: DeliveryRow): string {
  return (row as OutboxRow).type;
}

function count<S>({ name, model }: Lane, row: DeliveryRow, result: Result, run: OutboxRun<S>): void {
  if (result.kind === 'sent') {
    run.counts.delivered++;
    if (model === 'outbox') run.published.set(typeOf(row), (run.published.get(typeOf(row)) ?? 0) + 1);
    return;
  }
  const late = result.kind === 'unreached' && result.late;
  if (row.status === 'failed') {
    run.counts.failed++;
    run.logger.warn({ id: row.id, lane: name, error: result.error }, 'Given up: refused too often');
  }
  const tried = row.status === 'failed' ? `given up after ${row.attempts} refusals` : `${result.kind}, comes again`;
  run.skip(row.id, late ? 'TIMEOUT' : 'PROVIDER_ERROR', `${name}: ${tried}: ${result.error}`);
}
