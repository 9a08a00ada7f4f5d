/** One attempt to deliver a row: the answer of the receiver, and the row that it leaves. */
import { randomInt } from 'node:crypto';
import type { DeliveryRow } from '../../models/delivery.js';
import { clearTimeout, setTimeout } from '../../timers.js';
import type { Lane } from './lanes.js';
import type { OutboxRun } from './run.js';

/** Milliseconds that a delivery under way still gets once the run has to end. */
const GRACE_MAX_MS = 5_000;
const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 300_000;
/** One that was not reached may be back at any time. */
const UNREACHED_PAUSE_MAX_MS = 60_000;
const ERROR_CHARS_MAX = 1_000;
/** Causes that are told of one error, itself included. */
const CAUSES_MAX = 4;

export type Result =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'unreached'; readonly error: string; readonly late: boolean };

export async function attempt<S>(lane: Lane, row: DeliveryRow, run: OutboxRun<S>): Promise<Result> {
  run.counts.processed++;
  try {
    const answer: unknown = await within(lane.send(row), run);
    const rejected = typeof answer === 'object' ? (answer as { rejected?: unknown } | null)?.rejected : undefined;
    return rejected === undefined ? { kind: 'sent' } : { kind: 'refused', error: textOf(rejected) };
  } catch (error) {
    const late = error === LATE;
    return { kind: 'unreached', error: textOf(reasonOf(error)), late };
  }
}

const LATE = new Error('No answer in time.');

/** An answer that comes later than allowed is not waited for: the row is delivered once more. */
function within<S, T>(sending: Promise<T>, run: OutboxRun<S>): Promise<T> {
  let done = () => {};
  const answer = new Promise<T>((resolve, reject) => {
    const late = () => reject(LATE);
    const timers = [setTimeout(late, run.settings.timeoutMs)];
    const forget = run.onEnd(() => timers.push(setTimeout(late, GRACE_MAX_MS)));
    done = () => {
      for (const timer of timers) clearTimeout(timer);
      forget();
    };
    sending.then(resolve, reject);
  });
  return answer.finally(() => done());
}

/** The row after an attempt: sent, failed, or pending in a pause. Nobody claims it any more. */
export function afterAttempt<S>(row: DeliveryRow, result: Result, { settings, now }: OutboxRun<S>): DeliveryRow {
  const free = { ...row, version: row.version + 1, claimedBy: null, nextAttemptAt: null };
  if (result.kind === 'sent') return { ...free, status: 'sent', error: null, sentAt: new Date(now()) };
  const attempts = row.attempts + (result.kind === 'refused' ? 1 : 0);
  const unreached = row.unreached + (result.kind === 'unreached' ? 1 : 0);
  const told = { ...free, attempts, unreached, error: result.error };
  if (attempts >= settings.maxRefusals) return { ...told, status: 'failed' };
  const most = result.kind === 'unreached' ? UNREACHED_PAUSE_MAX_MS : PAUSE_MAX_MS;
  return { ...told, nextAttemptAt: new Date(now() + pauseMs(attempts + unreached, most)) };
}

/** Twice as long after each attempt, up to the most; half of it by chance, so that relays do not come in step. */
function pauseMs(tries: number, most: number): number {
  const longest = Math.min(most, PAUSE_MIN_MS * 2 ** Math.min(tries - 1, 20));
  return randomInt(longest / 2, longest + 1);
}

/** An error with what caused it: of a `fetch failed` alone, nobody knows the reason. */
function reasonOf(error: unknown, depth = 1): string {
  const { message, code, cause, errors } = Object(error) as Readonly<Record<string, unknown>>;
  if (message === undefined) return textOf(error);
  const below = [...(Array.isArray(errors) ? errors : []), ...(cause == null ? [] : [cause])];
  const reasons = below.slice(0, depth < CAUSES_MAX ? CAUSES_MAX : 0).map((one) => reasonOf(one, depth + 1));
  const isNews = typeof code === 'string' && ![message, ...reasons].join().includes(code);
  const own = textOf(message) || (isNews ? code : '');
  return [isNews && own !== code ? `${own} (${code})` : own, reasons.join(', ')].filter(Boolean).join(': ');
}

/** A text that every database can store, cut to a length. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : `a value of type ${typeof value}`;
  return text.slice(0, ERROR_CHARS_MAX).replaceAll('\0', '').toWellFormed();
}
