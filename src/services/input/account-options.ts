/** Parses account options and a credit type's defaults; amounts become units. */
import { parseAmount } from '../../core/amounts.js';
import type { AccountOptions } from '../../models/account.js';
import type { AccountDefaults } from '../../models/inputs/credits.js';
import type { StatedDefaults } from '../../models/system.js';
import { notValid } from './parse.js';

type Given = { readonly [K in Exclude<keyof AccountDefaults, 'trialCredits'>]?: unknown };

/** The options of one account. An absent option stays absent; `null` clears the option. */
export function parseAccountOptions(given: Given, scale: number): Partial<Omit<AccountOptions, 'metadata'>> {
  const { overdraftLimit, lowCreditHysteresis } = given;
  const lowCreditThreshold = parseThresholds(given, scale);
  return {
    ...(overdraftLimit !== undefined && { overdraftLimit: orWord(overdraftLimit, 'unlimited', scale) }),
    ...(lowCreditThreshold !== undefined && { lowCreditThreshold }),
    ...(lowCreditHysteresis !== undefined && { lowCreditHysteresis: orNull(lowCreditHysteresis, scale) }),
  };
}

/** The defaults that a host states for a credit type, in units. What it leaves out stays absent. */
export function parseDefaults(given: AccountDefaults, scale: number): StatedDefaults {
  const { trialCredits } = given;
  const { overdraftLimit, ...options } = parseAccountOptions(given, scale);
  return {
    ...(trialCredits !== undefined && { trialCredits: parseAmount(trialCredits, { scale, zero: true }) }),
    ...(overdraftLimit !== undefined && { overdraftLimit: overdraftLimit ?? 'unlimited' }),
    ...options,
  };
}

type Threshold = AccountOptions['lowCreditThreshold'];
type OneThreshold = Extract<Threshold, number | `${number}%`>;

/** Several thresholds, or one; a list of one is the same as that one. */
function parseThresholds(
  { lowCreditThreshold: one, lowCreditThresholds: several }: Given,
  scale: number,
): Threshold | undefined {
  if (several === undefined) return one === undefined ? undefined : parseThreshold(one, scale, 'lowCreditThreshold');
  if (one !== undefined) throw notValid('lowCreditThresholds', 'given without lowCreditThreshold, which is for one');
  if (several === null) return null;
  const units = (several as readonly unknown[]).map((value, i) => {
    const path = `lowCreditThresholds.${i}`;
    if (value === null || value === 'none') throw notValid(path, "an amount or a percentage such as '20%'");
    return parseThreshold(value, scale, path) as OneThreshold;
  });
  const [first = 'none', ...others] = units;
  return others.length === 0 ? first : units;
}

function parseThreshold(value: unknown, scale: number, path: string): Exclude<Threshold, readonly unknown[]> {
  if (typeof value === 'string' && value.endsWith('%')) return value as `${number}%`;
  const units = orWord(value, 'none', scale);
  // Most likely a share was meant. Whoever means so few credits writes them as text.
  if (typeof value === 'number' && value > 0 && value < 1) {
    const percent = Number((value * 100).toPrecision(12));
    const expected = `'${percent}%' for a part of the credits, or '${value}' as text for less than one credit`;
    throw notValid(path, expected);
  }
  return units;
}

function orWord<W extends string>(value: unknown, word: W, scale: number): number | W | null {
  return value === word ? word : orNull(value, scale);
}

function orNull(value: unknown, scale: number): number | null {
  return value === null ? null : parseAmount(value, { scale, zero: true });
}
