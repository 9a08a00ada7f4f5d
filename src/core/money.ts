/** Money in minor units of its currency. `Intl` knows from CLDR how many decimals a currency has. */
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
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits ?? DECIMALS;
}
