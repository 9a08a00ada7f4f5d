/** Billing periods, counted from an anchor, so that no short month moves the day: Jan 31 → Feb 28 → Mar 31. */
import type { BillingPeriod } from '../models/plan.js';

const DAY_MS = 24 * 3600 * 1000;

/** The part of `Temporal` that periods in a time zone need, from the runtime or from a polyfill. */
export interface TemporalLike {
  readonly Instant: {
    fromEpochMilliseconds(ms: number): {
      toZonedDateTimeISO(timeZone: string): {
        add(duration: { days?: number; months?: number }): { readonly epochMilliseconds: number };
      };
    };
  };
}

const LENGTHS: Readonly<Record<BillingPeriod, { readonly days?: number; readonly months?: number }>> = {
  daily: { days: 1 },
  weekly: { days: 7 },
  monthly: { months: 1 },
  yearly: { months: 12 },
};

/** The calendar that periods are counted by: UTC without a zone, else the wall clock of the zone. */
export interface Calendar {
  readonly timeZone: string | null;
  readonly temporal: TemporalLike | null;
}

/** The instant `n` whole periods after `anchor`: the day is the anchor's, or the last one of a shorter month. */
export function addPeriods(anchor: number, period: BillingPeriod, n: number, calendar: Calendar): number {
  const { days = 0, months = 0 } = LENGTHS[period];
  return add(anchor, days * n, months * n, calendar);
}

/** The instant `n` days after `start`. */
export function addDays(start: number, n: number, calendar: Calendar): number {
  return add(start, n, 0, calendar);
}

function add(start: number, days: number, months: number, { timeZone, temporal }: Calendar): number {
  if (timeZone !== null) {
    if (temporal === null) throw new RangeError('A time zone needs Temporal.');
    // This counts wall-clock time in the zone; a time that a clock change skips becomes the time after it.
    const zoned = temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(timeZone);
    return zoned.add(months > 0 ? { months } : { days }).epochMilliseconds;
  }
  if (months === 0) return start + days * DAY_MS;
  const date = new Date(start);
  const month = date.getUTCMonth() + months;
  const last = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  return date.setUTCMonth(month, Math.min(date.getUTCDate(), last));
}
