/**
 * Stripe counts a few currencies otherwise than ISO 4217 does. See "Special cases" and "Zero-decimal currencies" in
 * https://docs.stripe.com/currencies. The others are sent as they are; of three decimals Stripe wants the last to be 0.
 */
import type { MinorMoney } from '../ports/payment-provider.js';
import { moneyOf } from './reading.js';

/** Stripe's units in one unit of ISO 4217: kronur and shillings have no decimals any more, but are sent with two. */
const UNITS_IN_ONE: ReadonlyMap<string, number> = new Map([
  ['ISK', 100],
  ['UGX', 100],
]);
/** ISO 4217 gives the ariary two decimals, of which Stripe knows none. */
const ONE_OF_UNITS: ReadonlyMap<string, number> = new Map([['MGA', 100]]);

/** The amount as Stripe counts it; null when Stripe cannot express it. */
export function toStripe({ amountMinor, currency }: MinorMoney): number | null {
  const amount = (amountMinor * (UNITS_IN_ONE.get(currency) ?? 1)) / (ONE_OF_UNITS.get(currency) ?? 1);
  return Number.isSafeInteger(amount) ? amount : null;
}

/** The money of an amount that Stripe told; null when it cannot be one. */
export function fromStripe(amount: unknown, currency: unknown): MinorMoney | null {
  const told = moneyOf(amount, currency);
  if (told === null) return null;
  const minor = (told.amountMinor * (ONE_OF_UNITS.get(told.currency) ?? 1)) / (UNITS_IN_ONE.get(told.currency) ?? 1);
  return moneyOf(minor, told.currency);
}
