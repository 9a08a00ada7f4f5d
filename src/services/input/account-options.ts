/** Parses account options and a credit type's defaults; amounts become units. */
import { parseAmount } from '../../core/amounts.js';
import type { AccountOptions } from '../../models/account.js';
import type { AccountDefaults } from '../../models/inputs/credits.js';
import type { StatedDefaults } from '../../models/system.js';
import { notValid } from './parse.js';

/** The options of one account. An absent option stays absent; `null` clears the option. */
export function parseAccountOptions(
  given: { readonly overdraftLimit?: unknown; readonly lowCreditThreshold?: unknown },
  scale: number,
): Partial<Pick<AccountOptions, 'overdraftLimit' | 'lowCreditThreshold'>> {
  const { overdraftLimit, lowCreditThreshold } = given;
  return {
    ...(overdraftLimit !== undefined && { overdraftLimit: orWord(overdraftLimit, 'unlimited', scale) }),
    ...(lowCreditThreshold !== undefined && { lowCreditThreshold: parseThreshold(lowCreditThreshold, scale) }),
  };
}

/** The defaults that a host states for a credit type, in units. What it leaves out stays absent. */
export function parseDefaults(given: AccountDefaults, scale: number): StatedDefaults {
  const { trialCredits } = given;
  const { overdraftLimit, lowCreditThreshold } = parseAccountOptions(given, scale);
  return {
    ...(trialCredits !== undefined && { trialCredits: parseAmount(trialCredits, { scale, zero: true }) }),
    ...(overdraftLimit !== undefined && { overdraftLimit: overdraftLimit ?? 'unlimited' }),
    ...(lowCreditThreshold !== undefined && { lowCreditThreshold }),
  };
}

function parseThreshold(value: unknown, scale: number): AccountOptions['lowCreditThreshold'] {
  if (typeof value === 'string' && value.endsWith('%')) return value as `${number}%`;
  const units = orWord(value, 'none', scale);
  // Most likely a share was meant. Whoever means so few credits writes them as text.
  if (typeof value === 'number' && value > 0 && value < 1) {
    const percent = Number((value * 100).toPrecision(12));
    const expected = `'${percent}%' for a part of the credits, or '${value}' as text for less than one credit`;
    throw notValid('lowCreditThreshold', expected);
  }
  return units;
}

function orWord<W extends string>(value: unknown, word: W, scale: number): number | W | null {
  if (value === null) return null;
  if (value === word) return word;
  return parseAmount(value, { scale, zero: true });
}
