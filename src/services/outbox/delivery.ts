/**
 * The rows of one account on one lane, one after another. A claim is the head's row at its version, for as long as one
 * delivery may take; the commit that marks a row as sent claims the row behind it, so that the claim walks with the
 * head and no other relay can come between. Whoever finds a row at another version than expected has lost the claim.
 */
import { randomInt } from 'node:crypto';
import { isCreditError } from '../../errors.js';
import type { DeliveryRow } from '../../models/delivery.js';
import type { Rows } from '../../models/rows.js';
import type { Change, Unit, UnitOutcome } from '../../ports/db-manager.js';
import { clearTimeout, monotonicNow, setTimeout } from '../../timers.js';
import { failureOf, storageError } from '../store/storage-error.js';
import { replaceOf, type Tables } from '../store/tables.js';
import { type AccountRows, type Lane, pendingOf } from './lanes.js';
import type { OutboxRun } from './run.js';

/** How much longer than a delivery a claim lasts: the commits around it, and clocks that differ. */
const CLAIM_MARGIN_MS = 30_000;
/** What a delivery under way is given once the run has to end. */
const GRACE_MS = 5_000;
const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 300_000;
const ERROR_MAX = 1_000;

type Result =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'unreached'; readonly error: string; readonly late: boolean };

/** Delivers until nothing is left, something is in the way, or the run has to end. Never rejects. */
export async function deliverAccount<S>(
  tables: Tables<S>,
  lane: Lane,
  first: AccountRows,
  run: OutboxRun<S>,
  limit: number,
): Promise<void> {
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
  let claim = claimOf(head, run);
  const outcome = isFree(head, run) ? await run.batch.commit([change(lane, head, claim)]) : TAKEN;
  if (outcome.status === 'conflict' || outcome.status === 'locked') {
    run.counts.waiting++;
    return false;
  }
  if (!isOurs(outcome, head, run)) return false;
  for (let i = 0; ; i++) {
    // A process that slept through its claim leaves the row to whoever has it now.
    if (monotonicNow() - claimedAt > CLAIM_MARGIN_MS) return isOurs(TAKEN, claim, run);
    const result = await attempt(lane, claim, run);
    const settled = settle(claim, result, run);
    const goesOn = settled.status !== 'pending';
    const behind = goesOn ? rows[i + 1] : undefined;
    const unit: Change[] = [change(lane, claim, settled)];
    const mayGoOn = behind && isFree(behind, run) && isReadable(behind) && !run.isOver();
    const next = mayGoOn ? claimOf(behind, run) : undefined;
    if (behind && next) unit.push(change(lane, behind, next));
    claimedAt = monotonicNow();
    if (!isOurs(await run.batch.commit(unit as Unit), claim, run)) return false;
    count(lane, settled, result, run);
    if (!next) return goesOn && !behind;
    claim = next;
  }
}

/** Not in a pause, and not claimed by a relay that may still be at it. */
function isFree<S>({ nextAttemptAt }: DeliveryRow, run: OutboxRun<S>): boolean {
  return nextAttemptAt === null || nextAttemptAt.getTime() <= run.now();
}

/** A stored value that is damaged throws where it is asked for. */
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

function change({ model }: Lane, from: DeliveryRow, to: DeliveryRow): Change {
  return replaceOf(model, to as Rows[typeof model], from.version);
}

/** What the database says of a row that another relay has. */
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

async function attempt<S>(lane: Lane, row: DeliveryRow, run: OutboxRun<S>): Promise<Result> {
  run.counts.processed++;
  try {
    const answer: unknown = await within(lane.send(row), run);
    const rejected = typeof answer === 'object' ? (answer as { rejected?: unknown } | null)?.rejected : undefined;
    return rejected === undefined ? { kind: 'sent' } : { kind: 'refused', error: textOf(rejected) };
  } catch (error) {
    const late = error === LATE;
    return { kind: 'unreached', error: textOf((error as { message?: unknown } | null)?.message ?? error), late };
  }
}

const LATE = new Error('No answer in time.');

/** An answer that comes later than allowed is not waited for: the row is delivered once more. */
function within<S, T>(sending: Promise<T>, run: OutboxRun<S>): Promise<T> {
  let done = () => {};
  const answer = new Promise<T>((resolve, reject) => {
    const late = () => reject(LATE);
    const timers = [setTimeout(late, run.settings.timeoutMs)];
    const forget = run.onEnd(() => timers.push(setTimeout(late, GRACE_MS)));
    done = () => {
      for (const timer of timers) clearTimeout(timer);
      forget();
    };
    sending.then(resolve, reject);
  });
  return answer.finally(() => done());
}

/** The row as it is after an attempt. */
function settle<S>(row: DeliveryRow, result: Result, { settings, now }: OutboxRun<S>): DeliveryRow {
  const free = { ...row, version: row.version + 1, claimedBy: null, nextAttemptAt: null };
  if (result.kind === 'sent') return { ...free, status: 'sent', error: null, sentAt: new Date(now()) };
  const attempts = row.attempts + (result.kind === 'refused' ? 1 : 0);
  const unreached = row.unreached + (result.kind === 'unreached' ? 1 : 0);
  const told = { ...free, attempts, unreached, error: result.error };
  if (attempts >= settings.maxRefusals) return { ...told, status: 'failed' };
  return { ...told, nextAttemptAt: new Date(now() + pauseMs(attempts + unreached)) };
}

/** Twice as long after each attempt, up to five minutes; half of it by chance, so that relays do not come in step. */
function pauseMs(tries: number): number {
  const most = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(tries - 1, 20));
  return randomInt(most / 2, most + 1);
}

function count<S>({ name }: Lane, row: DeliveryRow, result: Result, run: OutboxRun<S>): void {
  if (result.kind === 'sent') {
    run.counts.delivered++;
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

/** What every database can store, and not too much of it. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : `a value of type ${typeof value}`;
  return text.slice(0, ERROR_MAX).replaceAll('\0', '').toWellFormed();
}
