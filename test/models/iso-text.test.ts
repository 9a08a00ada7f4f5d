import { describe, expect, test } from 'vitest';
import { isoText } from '../../src/models/iso-text.js';
import { randomSource } from '../support/chaos.js';

const DAY_MS = 86_400_000;
/** The latest instant that a date can hold. */
const MS_MAX = 8.64e15;

describe('the text of an instant', () => {
  test('is that of toISOString, for days in any order and every time of the day', () => {
    const random = randomSource(7);
    const around = [0, Date.UTC(2026, 10, 24), Date.UTC(1, 0, 1), Date.UTC(9999, 11, 31), MS_MAX - DAY_MS, -MS_MAX];
    for (let i = 0; i < 20_000; i++) {
      const near = around[i % around.length] as number;
      const ms = near + Math.floor(random() * DAY_MS) + (i % 7 === 0 ? DAY_MS * Math.floor(random() * 200 - 100) : 0);
      const instant = new Date(ms);
      if (!Number.isNaN(instant.getTime())) expect(isoText(instant)).toBe(instant.toISOString());
    }
  });

  test.each([-1, 0, 1, DAY_MS - 1, DAY_MS, -DAY_MS, -DAY_MS - 1, MS_MAX, -MS_MAX])('at %d, twice', (ms) => {
    for (let i = 0; i < 2; i++) expect(isoText(new Date(ms))).toBe(new Date(ms).toISOString());
  });

  test('is none for an invalid date, as with toISOString', () => {
    for (let i = 0; i < 2; i++) expect(() => isoText(new Date(Number.NaN))).toThrow(RangeError);
  });
});
