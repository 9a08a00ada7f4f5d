/** B-084 … B-092: instants and times to live. */
import { expect } from 'vitest';
import type { CorpusRow } from './row.js';
import type { Setting } from './setting.js';

const add = (options: object) => (setting: Setting) => setting.loose.addCredits('u', 1, options);

/** Everything that takes an instant. */
function everyInstant(instant: unknown): CorpusRow['attempts'] {
  return [
    add({ expiresAt: instant }),
    add({ effectiveAt: instant }),
    ({ loose }) => loose.expireCredits('u', { asOf: instant }),
    ({ loose }) => loose.getBalanceAt('u', instant),
    ({ loose }) => loose.getCreditHistory('u', { from: instant }),
    ({ loose }) => loose.getCreditHistory('u', { to: instant }),
  ];
}

const refused = (id: string, input: string, instant: unknown): CorpusRow => ({
  id,
  input,
  expected: 'INVALID',
  attempts: everyInstant(instant),
});

function everyTtl(ttlSeconds: unknown): CorpusRow['attempts'] {
  return [
    ({ loose }) => loose.reserveCredits('u', 1, { ttlSeconds }),
    ({ loose, holdId }) => loose.extendReservation(holdId, { ttlSeconds }),
    ({ loose }) => loose.openMeter({ userId: 'u', estimate: 1, ttlSeconds }),
  ];
}

const trap = () => {
  throw new Error('the library called into its input');
};
const soon = (now: Date) => new Date(now.getTime() + 1);

export const timeRows: readonly CorpusRow[] = [
  {
    id: 'B-084',
    input: 'expiresAt in the past',
    expected: 'INVALID',
    attempts: [
      add({ expiresAt: '2029-12-31T23:59:59Z' }),
      add({ expiresAt: new Date(0) }),
      add({ expiresAt: '2030-06-01T00:00:00Z', effectiveAt: '2030-06-01T00:00:00Z' }),
      add({ expiresAt: '2030-06-01T00:00:00Z', effectiveAt: '2030-07-01T00:00:00Z' }),
    ],
  },
  refused('B-085', '"tomorrow"', 'tomorrow'),
  refused('B-085', '"1"', '1'),
  refused('B-085', '""', ''),
  refused('B-086', '30 February', '2025-02-30T00:00:00Z'),
  refused('B-086', '29 February of no leap year', '2031-02-29T00:00:00Z'),
  refused('B-086', '31 April', '2030-04-31T00:00:00Z'),
  refused('B-086', 'month 13', '2030-13-01T00:00:00Z'),
  refused('B-086', 'hour 24', '2030-05-01T24:00:00Z'),
  refused('B-086', 'second 60', '2030-05-01T00:00:60Z'),
  refused('B-087', 'seconds', 1_735_689_600),
  refused('B-087', 'milliseconds', 1_935_689_600_000),
  refused('B-088', 'new Date(NaN)', new Date(Number.NaN)),
  refused('B-089', 'new Date(8.64e15)', new Date(8.64e15)),
  refused('B-089', 'year 10000', new Date(Date.UTC(10_000, 0, 1))),
  refused('B-089', 'year +010000', '+010000-01-01T00:00:00Z'),
  refused('B-089', 'the last instant before the year 0', new Date(Date.parse('0000-01-01T00:00:00Z') - 1)),
  refused('B-089', 'the year before 0, by its offset', '0000-01-01T00:00:00+00:01'),
  { id: 'B-090', input: 'a day', expected: 'INVALID', attempts: everyInstant('2030-01-01').slice(0, 4) },
  { id: 'B-090', input: 'a day that is none', expected: 'INVALID', attempts: everyInstant('2030-02-30') },
  refused('B-090', 'no offset', '2030-05-01T00:00:00'),
  refused('B-090', 'a space instead of T', '2030-05-01 00:00:00Z'),
  refused('B-090', 'not ASCII', '２０３０-05-01T00:00:00Z'),
  refused('B-090', 'a line after it', '2030-05-01T00:00:00Z\n'),
  refused('B-090', 'an object', { getTime: trap, valueOf: trap }),
  refused('B-090', 'null', null),
  refused('B-090', 'a Proxy of a Date', new Proxy(new Date(), { get: trap, getPrototypeOf: () => Date.prototype })),
  {
    id: 'B-091',
    input: 'expiresAt equal to now',
    expected: 'INVALID',
    attempts: [({ credits, now }) => credits.addCredits('u', 1, { expiresAt: now })],
  },
  {
    id: 'B-091',
    input: 'expiresAt one millisecond later, the last instant of 9999, and the first of 0',
    expected: 'ok',
    attempts: [
      ({ credits, now }) => credits.addCredits('fresh', 1, { expiresAt: soon(now) }),
      ({ credits }) => credits.addCredits('fresh', 2, { expiresAt: '9999-12-31T23:59:59.999Z' }),
      ({ credits }) => credits.addCredits('fresh', 4, { expiresAt: '2030-06-01T02:00:00.123456+05:30' }),
      ({ credits }) => credits.addCredits('fresh', 8, { effectiveAt: '1999-01-01T00:00:00Z' }),
      ({ credits }) => credits.addCredits('fresh', 16, { effectiveAt: '0000-01-01T00:00:00Z' }),
    ],
    check: async ({ credits }) => {
      const info = await credits.getUserCreditsInfo('fresh');
      expect(info.balance).toBe(31);
    },
  },
  { id: 'B-092', input: 'ttl 0', expected: 'INVALID', attempts: everyTtl(0) },
  { id: 'B-092', input: 'ttl -1', expected: 'INVALID', attempts: everyTtl(-1) },
  { id: 'B-092', input: 'ttl NaN', expected: 'INVALID', attempts: everyTtl(Number.NaN) },
  { id: 'B-092', input: 'ttl Infinity', expected: 'INVALID', attempts: everyTtl(Number.POSITIVE_INFINITY) },
  { id: 'B-092', input: 'ttl 1.5', expected: 'INVALID', attempts: everyTtl(1.5) },
  { id: 'B-092', input: 'ttl "60"', expected: 'INVALID', attempts: everyTtl('60') },
  { id: 'B-092', input: 'ttl over 7 days', expected: 'INVALID', attempts: everyTtl(7 * 24 * 3600 + 1) },
  {
    id: 'B-092',
    input: 'ttl 1 and 7 days',
    expected: 'ok',
    attempts: [1, 7 * 24 * 3600].map(
      (ttlSeconds) => (setting) => setting.credits.reserveCredits('u', 1, { ttlSeconds }),
    ),
  },
];
