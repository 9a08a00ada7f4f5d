/**
 * Money in minor units of its currency. The decimals are those of ISO 4217, in a list of our own: `Intl` has those of
 * CLDR, which leaves decimals out that are written no more but are still charged, and which differ by version.
 */
import { creditError } from '../errors.js';
import { parseAmount } from './amounts.js';

/** The decimals of a price without a currency. */
const DECIMALS = 2;

/** Converts an amount in major units (19.99) to minor units (1999), exactly. Zero is a valid price. */
export function parseMoney(amount: unknown, currency: string | null): number {
  return parseAmount(amount, { scale: decimalsOf(currency), zero: true });
}

/** Converts minor units to major units. */
export function toMajor(minor: number, currency: string | null): number {
  return minor / 10 ** decimalsOf(currency);
}

/** The decimals of a currency, by ISO 4217; two where no currency is named. */
export function decimalsOf(currency: string | null): number {
  if (currency === null) return DECIMALS;
  if (!/^[A-Z]{3}$/.test(currency)) {
    const expected = 'a currency code of three capital letters, such as INR';
    throw creditError('INVALID_ARGUMENT', `currency is not valid: ${expected}.`, { path: 'currency', expected });
  }
  return OTHER_DECIMALS.get(currency) ?? DECIMALS;
}

/** The currencies of ISO 4217 that have not two decimals. Source: its list one, published by SIX Group. */
const OTHER_DECIMALS: ReadonlyMap<string, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW'].map((code) => [code, 0] as const),
  ...['PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'].map((code) => [code, 0] as const),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((code) => [code, 3] as const),
  ...['CLF', 'UYW'].map((code) => [code, 4] as const),
]);
