/** B-001 … B-030: amounts. */
import { expect } from 'vitest';
import type { CorpusRow } from './row.js';
import { everyAmount, everyOptionalAmount, everyPositiveAmount, type Setting } from './setting.js';

const trap = () => {
  throw new Error('the library called into its input');
};

function refused(id: string, input: string, value: unknown, instead?: CorpusRow['instead']): CorpusRow {
  const attempts = [...everyAmount(value), ...everyOptionalAmount(value)];
  return { id, input, expected: 'INVALID amount', attempts, ...(instead && { instead }) };
}

function accepted(id: string, value: unknown, credits: number, instead?: CorpusRow['instead']): CorpusRow {
  const attempts = [({ loose }: Setting) => loose.addCredits('fresh', value)];
  const check = async (setting: Setting) => {
    expect((await setting.credits.getUserCreditsInfo('fresh')).balance).toBe(credits);
  };
  const expected = instead ? 'INVALID amount' : 'ok';
  return { id, input: String(value), expected, attempts, check, ...(instead && { instead }) };
}

const tooLarge = { result: 'AMOUNT_TOO_LARGE', rule: 'rule 3: beyond 2^51 units' } as const;

/** Settings and final commits accept zero, adjustments a sign (rule 2), so fewer calls refuse these. */
const zeroAndSigns: CorpusRow[] = [
  ...(
    [
      ['B-001', 0],
      ['B-003', -0],
      ['B-001', '0'],
      ['B-001', '0.000000'],
    ] as const
  ).map(([id, value]) => ({
    id,
    input: Object.is(value, -0) ? '-0' : JSON.stringify(value),
    expected: 'INVALID amount' as const,
    attempts: [
      ...everyAmount(value),
      ({ loose, holdId }: Setting) => loose.commitReservedCredits(holdId, { amount: value, final: false }),
      ({ loose, entryId }: Setting) => loose.reverseTransaction(entryId, { amount: value }),
    ],
  })),
  ...([-1, '-1', -0.000001] as const).map((value) => ({
    id: 'B-002',
    input: JSON.stringify(value),
    expected: 'INVALID amount' as const,
    attempts: [...everyPositiveAmount(value), ...everyOptionalAmount(value)],
  })),
  {
    id: 'B-002',
    input: '-1 by adjustCredits',
    expected: 'INVALID amount',
    attempts: [({ loose }) => loose.adjustCredits('u', -1, { actor: 'a', reason: 'r' })],
    instead: { result: 'resolved', rule: 'rule 2: a sign is accepted by adjustCredits alone' },
  },
  {
    id: 'B-003',
    input: '0 where zero is a setting or a release',
    expected: 'INVALID amount',
    attempts: [
      ({ loose }) => loose.updateAccount('u', { overdraftLimit: 0, lowCreditThreshold: '0' }),
      ({ loose }) => loose.createAccount('fresh', { trialCredits: 0 }),
      ({ loose, holdId }) => loose.commitReservedCredits(holdId, { amount: 0 }),
      ({ loose }) => loose.listAccounts({ maxAvailable: 0 }),
    ],
    instead: { result: 'resolved', rule: 'rule 2: settings and a final commit accept zero' },
  },
];

export const amountRows: readonly CorpusRow[] = [
  ...zeroAndSigns,
  refused('B-004', 'NaN', Number.NaN),
  refused('B-005', 'Infinity', Number.POSITIVE_INFINITY),
  refused('B-006', '-Infinity', Number.NEGATIVE_INFINITY),
  refused('B-007', '0.1 + 0.2', 0.1 + 0.2),
  refused('B-008', '1e-7', 1e-7),
  refused('B-008', '5e-324', Number.MIN_VALUE),
  refused('B-009', '2**53', 2 ** 53, tooLarge),
  refused('B-010', '1e21', 1e21, tooLarge),
  refused('B-010', '1.7976931348623157e308', Number.MAX_VALUE, tooLarge),
  refused('B-010', '2^51 units and one', '2251799813.685249', tooLarge),
  accepted('B-011', '10', 10),
  accepted('B-011', '10.5', 10.5),
  accepted('B-011', '0.000001', 0.000001),
  accepted('B-011', '2251799813.685248', 2251799813.685248),
  accepted('B-011', 0.1, 0.1),
  refused('B-012', '"10.0000001"', '10.0000001'),
  refused('B-013', '" 10"', ' 10'),
  refused('B-013', '"10 "', '10 '),
  refused('B-013', '"10\\n"', '10\n'),
  refused('B-013', '"+10"', '+10'),
  refused('B-014', '"1e3"', '1e3'),
  refused('B-015', '"0x10"', '0x10'),
  refused('B-015', '"0b11"', '0b11'),
  accepted('B-015', '010', 10, { result: 'resolved', rule: 'rule 2: "010" is 10' }),
  refused('B-016', 'full-width digits', '１０'),
  refused('B-016', 'Arabic digits', '١٠'),
  refused('B-017', '"1_000"', '1_000'),
  refused('B-017', '"1,000"', '1,000'),
  refused('B-017', '"1.000,50"', '1.000,50'),
  refused('B-017', '"."', '.'),
  refused('B-017', '"1."', '1.'),
  refused('B-017', '".5"', '.5'),
  refused('B-018', '""', ''),
  {
    id: 'B-019',
    input: 'null',
    expected: 'INVALID amount',
    // overdraftLimit and lowCreditThreshold take null as "the default applies again" (rule 5).
    attempts: [
      ...everyAmount(null),
      ({ loose, holdId }) => loose.commitReservedCredits(holdId, { amount: null }),
      ({ loose, entryId }) => loose.reverseTransaction(entryId, { amount: null }),
      ({ loose }) => loose.createAccount('u', { trialCredits: null }),
    ],
  },
  { id: 'B-020', input: 'undefined', expected: 'INVALID amount', attempts: everyAmount(undefined) },
  refused('B-021', 'true', true),
  refused('B-022', '[5]', [5]),
  refused('B-022', '["5"]', ['5']),
  refused('B-023', 'an object with valueOf', {
    valueOf: trap,
    toString: trap,
    toJSON: trap,
    [Symbol.toPrimitive]: trap,
  }),
  refused('B-024', 'new Number(5)', Object(5)),
  refused('B-024', 'Object(5n)', Object(5n)),
  refused('B-024', 'new String("5")', Object('5')),
  refused('B-025', '10n', 10n, { result: 'INVALID_AMOUNT', rule: 'rule 2: bigint is INVALID_AMOUNT' }),
  refused('B-026', '10n ** 30n', 10n ** 30n),
  refused('B-027', '"9" 400 times', '9'.repeat(400)),
  refused('B-027', '"9" 5,000,000 times', '9'.repeat(5e6)),
  refused('B-028', 'a symbol', Symbol('5')),
  refused('B-028', 'a function', () => 1),
  refused('B-028', 'a Date', new Date(5)),
  refused('B-028', 'a Proxy', new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap, has: trap })),
  {
    id: 'B-029',
    input: 'an addition beyond the maximum of the account',
    expected: 'LIMIT_EXCEEDED amount',
    attempts: [
      ({ loose }) => loose.addCredits('u', '2251799813.685248'),
      ({ loose }) => loose.addCredits('u', '2251799813.685248', { effectiveAt: '2031-01-01T00:00:00Z' }),
      ({ loose }) => loose.adjustCredits('u', 2251799813, { actor: 'a', reason: 'r' }),
    ],
    instead: { result: 'AMOUNT_TOO_LARGE', rule: 'rule 3' },
  },
  {
    id: 'B-030',
    input: 'amounts parsed from JSON text: 1e400',
    expected: 'INVALID amount',
    attempts: everyAmount(JSON.parse('1e400')),
  },
  refused('B-030', 'JSON 123456789012345678901234567890', JSON.parse('123456789012345678901234567890'), tooLarge),
];
