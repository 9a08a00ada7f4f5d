import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  creditsLess,
  MeteredSum,
  parseAmount,
  pricedUnits,
  roundUpCredits,
  sumMetered,
  toCredits,
  UNITS_MAX,
} from '../../src/core/amounts.js';
import { isCreditError } from '../../src/errors.js';

const six = { scale: 6 };

function codeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return isCreditError(error) ? error.code : error;
  }
}

describe('parsing', () => {
  test.each([
    [1, 1_000_000],
    [0.1, 100_000],
    [0.000001, 1],
    [19.99, 19_990_000],
    ['10', 10_000_000],
    ['10.5', 10_500_000],
    ['0.000001', 1],
    ['010', 10_000_000],
    ['00000000000000000001', 1_000_000],
    [2_251_799_813, 2_251_799_813_000_000],
    ['2251799813.685248', UNITS_MAX],
  ])('%j is %i units', (input, units) => {
    expect(parseAmount(input, six)).toBe(units);
  });

  const invalid = [0, -0, -1, Number.NaN, Infinity, -Infinity, 0.1 + 0.2, 1e-7, '', ' 10', '10 ', '+10', '-1', '1e3'];
  const invalidToo = ['0x10', '１０', '١٠', '1_000', '1,000', '.5', '5.', '0', '10.0000001', '9'.repeat(5_000_000)];
  const notAmounts = [true, null, undefined, 10n, [5], { valueOf: () => 5 }, new Number(5), Symbol('x'), () => 1];
  test.each([...invalid, ...invalidToo, ...notAmounts].map((input) => [input]))('%o is INVALID_AMOUNT', (input) => {
    expect(codeOf(() => parseAmount(input, six))).toBe('INVALID_AMOUNT');
  });

  test.each([2 ** 51, 1e21, '2251799813.685249', '9'.repeat(60)])('%j is AMOUNT_TOO_LARGE', (input) => {
    expect(codeOf(() => parseAmount(input, six))).toBe('AMOUNT_TOO_LARGE');
  });

  test('zero is accepted where settings take it, a sign where adjustments do', () => {
    expect(parseAmount(0, { scale: 6, zero: true })).toBe(0);
    expect(parseAmount('0.0', { scale: 6, zero: true })).toBe(0);
    expect(parseAmount(-1.5, { scale: 6, signed: true })).toBe(-1_500_000);
    expect(parseAmount('-0.5', { scale: 6, signed: true })).toBe(-500_000);
    for (const input of [0, '-0', '--1', '-']) {
      expect(codeOf(() => parseAmount(input, { scale: 6, signed: true }))).toBe('INVALID_AMOUNT');
    }
  });

  test('what cannot be looked at is INVALID_AMOUNT too', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(codeOf(() => parseAmount(proxy, six))).toBe('INVALID_AMOUNT');
  });

  test('a number with too many decimals names roundUpCredits and the rounded amount', () => {
    try {
      parseAmount(0.1 + 0.2, six);
      expect.unreachable();
    } catch (error) {
      if (!isCreditError(error, 'INVALID_AMOUNT')) throw error;
      expect(error.message).toContain('roundUpCredits()');
      expect(error.details).toEqual({ given: '0.30000000000000004', roundedUp: 0.300001 });
    }
  });

  test('the scale decides how many decimals there are', () => {
    expect(parseAmount(5, { scale: 0 })).toBe(5);
    expect(codeOf(() => parseAmount(5.5, { scale: 0 }))).toBe('INVALID_AMOUNT');
    expect(parseAmount(UNITS_MAX, { scale: 0 })).toBe(UNITS_MAX);
  });

  test('every amount survives units and back, as number and as text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: UNITS_MAX }), fc.integer({ min: 0, max: 6 }), (units, scale) => {
        const credits = toCredits(units, scale);
        expect(parseAmount(credits, { scale })).toBe(units);
        const digits = String(units).padStart(scale + 1, '0');
        const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
        expect(parseAmount(text, { scale })).toBe(units);
        expect(Number(text)).toBe(credits);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('metered costs', () => {
  test.each([
    [0, 0],
    [0.1 + 0.2, 0.300001],
    [1e-7, 0.000001],
    [1.5e-9, 0.000001],
    [0.000001, 0.000001],
    [12.3456789, 12.345679],
    [2e9, 2e9],
  ])('%d rounds up to %d', (metered, credits) => {
    expect(roundUpCredits(metered)).toBe(credits);
  });

  test('a sum is exact and rounded once', () => {
    expect(sumMetered([0.0000004, 0.0000004, 0.0000002], 6)).toBe(0.000001);
    expect(sumMetered(Array(10).fill(0.1), 6)).toBe(1);
    expect(sumMetered([0.1, 0.2], 6)).toBe(0.3);
    expect(sumMetered([], 6)).toBe(0);
    expect(roundUpCredits(7.1, 0)).toBe(8);
    expect(sumMetered(Array(200_000).fill(1e-7), 6)).toBe(0.02);
  });

  test('a price is exact, and rounded up once', () => {
    expect(pricedUnits(3, 0.1)).toBe(0.3);
    expect(pricedUnits(1234, 0.0003)).toBe(0.3702);
    expect(pricedUnits(1, 1e-7)).toBe(0.000001);
    expect(pricedUnits(1e9, 2.5e-6)).toBe(2500);
    expect(pricedUnits(0, 5)).toBe(0);
    expect(codeOf(() => pricedUnits(1e12, 1e6))).toBe('AMOUNT_TOO_LARGE');
    expect(creditsLess(0.3, 0.1)).toBe(0.2);
    expect(creditsLess(2_000_000_000.000001, 0.000001)).toBe(2_000_000_000);
  });

  test('a cost that would leave the range is not part of the sum', () => {
    const sum = new MeteredSum(6);
    sum.add(2e9 + 1e-7);
    expect(codeOf(() => sum.add(2e9))).toBe('AMOUNT_TOO_LARGE');
    expect(codeOf(() => sum.add(Number.NaN))).toBe('INVALID_AMOUNT');
    sum.add(1e-7);
    expect(sum.total).toBe(2_000_000_000.000001);
  });

  test.each([-1, Number.NaN, Infinity, '1' as unknown as number])('%d is INVALID_AMOUNT', (metered) => {
    expect(codeOf(() => roundUpCredits(metered))).toBe('INVALID_AMOUNT');
  });

  test.each([-1, 7, 2.5, Number.NaN, '6' as unknown as number])('a scale of %d is INVALID_ARGUMENT', (scale) => {
    expect(codeOf(() => roundUpCredits(1, scale))).toBe('INVALID_ARGUMENT');
  });

  test('beyond the largest amount it is AMOUNT_TOO_LARGE', () => {
    expect(codeOf(() => roundUpCredits(1e21))).toBe('AMOUNT_TOO_LARGE');
  });
});
