/** The clock for decisions: the database's time, carried forward by the monotonic clock, or the host's own clock. */
import { creditError } from '../../errors.js';
import type { Clock } from '../../ports/clock.js';
import { monotonicNow, wallNow } from '../../timers.js';

const MEASURE_EVERY_MS = 60_000;
const ANSWER_MAX_MS = 1_000;
const DRIFT_MAX_MS = 1_000;

export interface TimeSource<S> {
  /** Epoch milliseconds. */
  now(): number;
  /** Null, or a promise to wait for while the time is measured again, inside a `session` if one is given. */
  refresh(session?: S): Promise<void> | null;
}

/** Uses the host's clock as it is. */
export function hostTime(clock: Clock): TimeSource<unknown> {
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
 * Uses the database's time, so that a wrong clock on one machine cannot make credits lapse. It measures the time at
 * first use, once a minute after that, and when wall clock and monotonic clock differ by more than a second (the
 * machine slept). When the database fails or takes longer than a second to answer, it carries the last time forward.
 */
export function databaseTime<S>(ping: (session?: S) => Promise<{ now: Date }>): TimeSource<S> {
  let base = wallNow();
  let measuredAt = Number.NEGATIVE_INFINITY;
  let wallAtMeasure = base;
  let pending: Promise<void> | null = null;

  async function measure(session?: S): Promise<void> {
    const sent = monotonicNow();
    const wallBefore = wallNow();
    const answer = await ping(session).catch(() => null);
    const answered = monotonicNow();
    const usable = answer !== null && answered - sent <= ANSWER_MAX_MS;
    if (usable) base = answer.now.getTime() + (answered - sent) / 2;
    else base = measuredAt === Number.NEGATIVE_INFINITY ? wallBefore + answered - sent : base + answered - measuredAt;
    measuredAt = answered;
    wallAtMeasure = wallNow();
    pending = null;
  }

  return {
    now: () => Math.floor(base + Math.max(0, monotonicNow() - measuredAt)),
    refresh(session) {
      const elapsed = monotonicNow() - measuredAt;
      const drifted = Math.abs(wallNow() - wallAtMeasure - elapsed) > DRIFT_MAX_MS;
      if (elapsed < MEASURE_EVERY_MS && !drifted) return null;
      pending ??= measure(session);
      return pending;
    },
  };
}
