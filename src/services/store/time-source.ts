/** The clock decisions use: the database's time carried forward by the monotonic clock, or the host's as it is. */
import { creditError } from '../../errors.js';
import type { Clock } from '../../ports/clock.js';
import { monotonicNow, wallNow } from '../../timers.js';

const MEASURE_EVERY_MS = 60_000;
const SLOW_ANSWER_MS = 1_000;
const DRIFT_MS = 1_000;

export interface TimeSource {
  /** Epoch milliseconds. */
  now(): number;
  /** Set while the time has to be measured again before it is used. */
  refresh(): Promise<void> | null;
}

/** A clock given by the host is used as it is. */
export function hostTime(clock: Clock): TimeSource {
  return {
    now() {
      let cause: unknown;
      try {
        const now = clock.now();
        if (now instanceof Date && !Number.isNaN(now.getTime())) return now.getTime();
      } catch (error) {
        cause = error;
      }
      throw creditError(
        'CONFIGURATION',
        'clock.now() did not return a valid Date.',
        { problems: ['clock'] },
        { cause },
      );
    },
    refresh: () => null,
  };
}

/**
 * The database's time, so that one machine's wrong clock cannot lapse anybody's credits. Measured at first use, by the
 * first call after a minute, and when wall and monotonic clock have parted by more than a second (the machine slept).
 * An answer slower than a second is not used, and neither is a failed one: the time is carried forward instead.
 */
export function databaseTime(ping: () => Promise<{ now: Date }>): TimeSource {
  let base = wallNow();
  let measuredAt = Number.NEGATIVE_INFINITY;
  let wallAtMeasure = base;
  let pending: Promise<void> | null = null;

  async function measure(): Promise<void> {
    const sent = monotonicNow();
    const wallBefore = wallNow();
    const answer = await ping().catch(() => null);
    const answered = monotonicNow();
    const usable = answer !== null && answered - sent <= SLOW_ANSWER_MS;
    if (usable) base = answer.now.getTime() + (answered - sent) / 2;
    else base = measuredAt === Number.NEGATIVE_INFINITY ? wallBefore + answered - sent : base + answered - measuredAt;
    measuredAt = answered;
    wallAtMeasure = wallNow();
    pending = null;
  }

  return {
    now: () => Math.floor(base + Math.max(0, monotonicNow() - measuredAt)),
    refresh() {
      const elapsed = monotonicNow() - measuredAt;
      const drifted = Math.abs(wallNow() - wallAtMeasure - elapsed) > DRIFT_MS;
      if (elapsed < MEASURE_EVERY_MS && !drifted) return null;
      pending ??= measure();
      return pending;
    },
  };
}
