/** A clock that stands still until a test moves it. */

import { instantSchema } from '../models/input-values.js';
import type { Clock } from '../ports/clock.js';
import { parse } from '../services/input.js';

export interface Duration {
  days?: number;
  hours?: number;
  minutes?: number;
  seconds?: number;
}

export interface TestClock extends Clock {
  set(to: Date | string): void;
  advance(by: Duration): void;
}

/** @example const clock = testClock('2030-01-01T00:00:00Z'); clock.advance({ days: 1 }); */
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

export function durationMs({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration): number {
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
}

/** Ids that count: `id-000001`, `id-000002` … They sort in the order they were made. */
export function sequenceIds(prefix = 'id'): () => string {
  let last = 0;
  return () => `${prefix}-${String(++last).padStart(6, '0')}`;
}
