/** A clock that stands still until a test moves it. */

import { z } from 'zod';
import { instantSchema } from '../models/inputs/values.js';
import type { Clock } from '../ports/clock.js';
import { parse } from '../services/input/parse.js';

export interface Duration {
  days?: number;
  hours?: number;
  minutes?: number;
  seconds?: number;
}

/** A clock for tests in one process. A wrong instant or duration throws `INVALID_ARGUMENT`. */
export interface TestClock extends Clock {
  /** Sets the clock to an instant. An account's own time never goes back: setting it back undoes no writes. */
  set(to: Date | string): void;
  /** Adds a duration. */
  advance(by: Duration): void;
}

/**
 * Makes a clock that stands still until it is moved.
 *
 * @param now a Date or ISO text with an offset; the default is 2030-01-01T00:00:00Z.
 * @example const clock = testClock('2030-01-01T00:00:00Z'); clock.advance({ days: 1 });
 */
export function testClock(now: Date | string = '2030-01-01T00:00:00.000Z'): TestClock {
  let ms = parse(instantSchema, now, 'now');
  return {
    now: () => new Date(ms),
    set(to) {
      ms = parse(instantSchema, to, 'to');
    },
    advance(by) {
      ms += durationMs(by);
    },
  };
}

const part = z.number().optional();
const durationSchema = z.strictObject({ days: part, hours: part, minutes: part, seconds: part });

export function durationMs(by: Duration): number {
  const { days = 0, hours = 0, minutes = 0, seconds = 0 } = parse(durationSchema, by, 'by');
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
}

/**
 * Makes ids that count: `id-000001`, `id-000002` … They sort in the order of making. They repeat in the next process,
 * so use them only in tests.
 *
 * @example const manager = createCreditManagement({ ids: sequenceIds('test') });
 */
export function sequenceIds(prefix = 'id'): () => string {
  let last = 0;
  return () => `${prefix}-${String(++last).padStart(6, '0')}`;
}
