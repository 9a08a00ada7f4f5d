/** The clock for decisions: the database's time, carried forward by the monotonic clock, or the host's own clock. */
import { creditError, isCreditError } from '../../errors.js';
import type { Clock } from '../../ports/clock.js';
import { monotonicNow, wallNow, withDeadline } from '../../timers.js';

const MEASURE_EVERY_MS = 60_000;
const ANSWER_MAX_MS = 1_000;
const DRIFT_MAX_MS = 1_000;
/** Late answers after which a call that needs the time gives up. The next call asks again. */
const LATE_ANSWERS_MAX = 3;

export interface TimeSource<S> {
  /** Epoch milliseconds. @throws STORAGE_UNAVAILABLE while the database's time was never measured */
  now(): number;
  /** The same for reports, which decide nothing: the time of this machine where no other is known. Never throws. */
  nowForReports(): number;
  /**
   * Null, or a promise to wait for while the time is measured again. Rejects with `STORAGE_UNAVAILABLE` where there is
   * no time to go on with. With a `session` it is measured inside of it.
   */
  refresh(session?: S): Promise<void> | null;
}

/** Uses the host's clock as it is. */
export function hostTime(clock: Clock): TimeSource<unknown> {
  const now = () => {
    let cause: unknown;
    try {
      const now = clock.now();
      if (now instanceof Date && !Number.isNaN(now.getTime())) return now.getTime();
    } catch (error) {
      cause = error;
    }
    throw creditError('CONFIGURATION', 'clock.now() did not return a valid Date.', { problems: ['clock'] }, { cause });
  };
  return { now, nowForReports: () => orOfThisMachine(now, wallNow), refresh: () => null };
}

/** The two clocks of this machine, in milliseconds. */
export interface MachineClocks {
  readonly monotonicNow: () => number;
  readonly wallNow: () => number;
}

/** A time that the database told, and what both clocks of this machine showed then. */
interface Measured {
  readonly time: number;
  readonly monotonicAt: number;
  readonly wallAt: number;
}

/**
 * Uses the database's time, so that a wrong clock on one machine cannot make credits lapse. It measures the time at
 * first use, once a minute after that, and when wall clock and monotonic clock differ by more than a second (the
 * machine slept). An answer that takes longer than a second is not used.
 *
 * When the measurement of a minute fails, the last time is carried forward. At first use and after a sleep there is no
 * such time: calls are refused until the database has told it.
 */
export function databaseTime<S>(
  ping: (session?: S) => Promise<{ now: Date }>,
  { monotonicNow: monotonic, wallNow: wall }: MachineClocks = { monotonicNow, wallNow },
): TimeSource<S> {
  let measured: Measured | null = null;
  let triedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | null = null;

  async function measure(session?: S): Promise<void> {
    for (let late = 0; ; ) {
      const known = measured !== null && !hasSlept(measured) ? measured : null;
      const sent = monotonic();
      try {
        const { now } = await withDeadline(ping(session), ANSWER_MAX_MS, () => LATE);
        const answered = monotonic();
        if (answered - sent > ANSWER_MAX_MS) throw LATE;
        measured = { time: now.getTime() + (answered - sent) / 2, monotonicAt: answered, wallAt: wall() };
        triedAt = answered;
        return;
      } catch (cause) {
        triedAt = monotonic();
        if (known !== null) return;
        if (isCreditError(cause, 'CLOSED', 'CONFIGURATION')) throw cause;
        if (cause !== LATE || ++late === LATE_ANSWERS_MAX) throw unknownTime(cause);
      }
    }
  }

  function hasSlept({ monotonicAt, wallAt }: Measured): boolean {
    return Math.abs(wall() - wallAt - (monotonic() - monotonicAt)) > DRIFT_MAX_MS;
  }

  const now = () => {
    if (measured === null) throw unknownTime();
    return Math.floor(measured.time + Math.max(0, monotonic() - measured.monotonicAt));
  };
  return {
    now,
    nowForReports: () => orOfThisMachine(now, wall),
    refresh(session) {
      if (measured !== null && !hasSlept(measured) && monotonic() - triedAt < MEASURE_EVERY_MS) return null;
      pending ??= measure(session).finally(() => {
        pending = null;
      });
      return pending;
    },
  };
}

const LATE = new Error(`The database took longer than ${ANSWER_MAX_MS} ms to tell its time.`);

function unknownTime(cause?: unknown) {
  const message = "The database's time is not known yet. Nothing was written; try again.";
  return creditError('STORAGE_UNAVAILABLE', message, {}, cause === undefined ? {} : { cause });
}

function orOfThisMachine(now: () => number, wall: () => number): number {
  try {
    return now();
  } catch {
    return wall();
  }
}
