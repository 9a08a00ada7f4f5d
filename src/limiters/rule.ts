/** The rules that a limiter of rates takes. */
import { creditError } from '../errors.js';
import type { RateRule } from '../ports/rate-limiter.js';

/** @throws INVALID_ARGUMENT for a limit or a window that is not whole, or below 1; it names the field. */
export function checkRule(rule: RateRule): void {
  for (const field of ['limit', 'windowMs'] as const) {
    const value = rule?.[field];
    if (Number.isSafeInteger(value) && value >= 1 && value <= MOST) continue;
    const expected = 'a whole number from 1 to 1,000,000,000';
    throw creditError('INVALID_ARGUMENT', `${field} must be ${expected}.`, { path: field, expected });
  }
}

/** In milliseconds 11 days. A window in microseconds, and the instant that it ends, stay whole numbers. */
const MOST = 1_000_000_000;
