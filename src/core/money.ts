/** Money in minor units of its currency; how many decimals a currency has is CLDR's to say, as `Intl` knows it. */
import { creditError } from '../errors.js';
import { parseAmount } from './amounts.js';

/** Decimals where no currency is named. */
const DECIMALS = 2;

/** An amount in major units (19.99) as minor units (1999), exactly. Zero is a price. */
export function parseMoney(amount: unknown, currency: string | null): number {
  return parseAmount(amount, { scale: decimalsOf(currency), zero: true });
}

/** Minor units as the number of major units. */
export function toMajor(minor: number, currency: string | null): number {
  return minor / 10 ** decimalsOf(currency);
}

function decimalsOf(currency: string | null): number {
  if (currency === null) return DECIMALS;
  if (!/^[A-Z]{3}$/.test(currency)) {
    const expected = 'a currency code of three capital letters, such as INR';
    throw creditError('INVALID_ARGUMENT', `currency is not valid: ${expected}.`, { path: 'currency', expected });
  }
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits ?? DECIMALS;
}
