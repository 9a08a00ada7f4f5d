/**
 * Five years of periods for 200 anchors and zones, as Python's zoneinfo has them (`periods-fixture.py`): zone, period,
 * anchor, number of starts, hash of all of them.
 */
import { createHash } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import { addPeriods, type TemporalLike } from '../../src/core/periods.js';
import type { BillingPeriod } from '../../src/models/plan.js';
import fixture from './periods-fixture.json' with { type: 'json' };

type Row = readonly [zone: string | null, period: BillingPeriod, anchor: string, starts: number, hash: string];

test('every start is the one that another calendar finds, and each is after the one before', () => {
  const rows = fixture as unknown as readonly Row[];
  expect(rows).toHaveLength(200);
  for (const [timeZone, period, anchor, count, hash] of rows) {
    const calendar = { timeZone, temporal: Temporal as unknown as TemporalLike };
    const from = Date.parse(anchor);
    const starts = Array.from({ length: count }, (_, n) => addPeriods(from, period, n, calendar));
    const name = `${timeZone} ${period} ${anchor}`;
    expect([name, starts[0]]).toEqual([name, from]);
    expect(
      starts.slice(1).every((start, i) => start > (starts[i] as number)),
      name,
    ).toBe(true);
    const text = starts.map((start) => new Date(start).toISOString().replace('.000Z', 'Z')).join('\n');
    expect([name, createHash('sha256').update(text).digest('hex').slice(0, 16)]).toEqual([name, hash]);
  }
});
