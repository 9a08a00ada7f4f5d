/**
 * Amounts are integers of micro-units (10^-scale credits), held as safe integers. They are parsed once at the edge and
 * are exact from then on.
 */
import { creditError } from '../errors.js';

/** The largest amount of one operation and the largest |balance|: 2^51 units, so that every value prints exactly. */
export const UNITS_MAX = 2 ** 51;

const DECIMAL = /^[0-9]+(\.[0-9]+)?$/;

const SCALE_MAX = 6;
/** 10^scale for each scale: computing it would cost more than the rest of a conversion. */
const POWERS = Array.from({ length: SCALE_MAX + 1 }, (_, scale) => 10 ** scale);

export interface AmountRules {
  readonly scale: number;
  /** Accept 0 (settings, final commits). */
  readonly zero?: boolean;
  /** Accept a leading minus (adjustments). */
  readonly signed?: boolean;
}

/**
 * Converts credits to units. A number must be finite and must survive the round trip unchanged. A string must be a
 * plain ASCII decimal of at most 64 characters. Anything else is `INVALID_AMOUNT`; more than 2^51 units is
 * `AMOUNT_TOO_LARGE`. No method of the input is called.
 */
export function parseAmount(input: unknown, rules: AmountRules): number {
  const negative = rules.signed === true && isNegative(input);
  const size = negative ? dropSign(input as number | string) : input;
  const units = typeof size === 'number' ? fromNumber(size, rules.scale) : fromString(size, rules.scale);
  if (units === null || (units === 0 && !rules.zero)) throw invalidAmount(input, rules);
  if (units > UNITS_MAX) throw tooLarge(rules.scale);
  return negative ? -units : units;
}

/** Converts units to credits: exact, because at most 2^51 units are ever held. */
export function toCredits(units: number, scale: number): number {
  return units === 0 ? 0 : units / (POWERS[scale] as number);
}

/** The error for a sum that would leave the range. */
export function tooLarge(scale: number) {
  const max = toCredits(UNITS_MAX, scale);
  return creditError('AMOUNT_TOO_LARGE', `Amounts, balances, debts and holds go up to ${max} credits.`, { max });
}

function fromNumber(value: number, scale: number): number | null {
  if (!Number.isFinite(value) || value < 0) return null;
  if (value > UNITS_MAX) return Number.POSITIVE_INFINITY;
  const factor = POWERS[scale] as number;
  const units = Math.round(value * factor);
  if (units > UNITS_MAX) return units;
  return units / factor === value ? units : null;
}

function fromString(value: unknown, scale: number): number | null {
  if (typeof value !== 'string' || value.length > 64 || !DECIMAL.test(value)) return null;
  const [whole = '', fraction = ''] = value.split('.');
  if (fraction.length > scale) return null;
  const digits = `${whole}${fraction.padEnd(scale, '0')}`.replace(/^0+/, '');
  return digits.length > 16 ? Number.POSITIVE_INFINITY : Number(digits);
}

function isNegative(input: unknown): boolean {
  return (typeof input === 'number' && input < 0) || (typeof input === 'string' && input.startsWith('-'));
}

function dropSign(input: number | string): number | string {
  return typeof input === 'number' ? -input : input.slice(1);
}

function invalidAmount(input: unknown, { scale, zero, signed }: AmountRules) {
  const given = describe(input);
  const sign = signed ? 'non-zero' : zero ? 'non-negative' : 'positive';
  const allowed = `a ${sign} decimal with at most ${scale} decimals`;
  const fine = typeof input === 'number' && Number.isFinite(input) && input > 0 && input * 10 ** scale <= UNITS_MAX;
  if (!fine) return creditError('INVALID_AMOUNT', `The amount ${given} is not ${allowed}.`, { given });
  const roundedUp = roundUpCredits(input, scale);
  const advice = `Metered costs go through roundUpCredits(), which makes it ${roundedUp}.`;
  return creditError('INVALID_AMOUNT', `The amount ${given} is not ${allowed}. ${advice}`, { given, roundedUp });
}

function describe(input: unknown): string {
  if (typeof input === 'number') return Object.is(input, -0) ? '-0' : String(input);
  if (typeof input === 'string') return JSON.stringify(input.length > 40 ? `${input.slice(0, 40)}…` : input);
  return input === null ? 'null' : `of type ${typeof input}`;
}

/**
 * Rounds a metered cost (tokens × price) up to the next unit of 10^-scale credits: the one rounding of the library. It
 * takes the cost at its shortest decimal form, so `0.1 + 0.2` is 0.30000000000000004.
 *
 * @param metered credits, finite and ≥ 0, with any number of decimals
 * @param scale decimals kept, 0–6
 * @throws `INVALID_AMOUNT`, `INVALID_ARGUMENT` for another scale, or `AMOUNT_TOO_LARGE` beyond 2^51 units
 * @example roundUpCredits(1234 * 0.0000025) // 0.003085
 */
export function roundUpCredits(metered: number, scale = 6): number {
  if (Number.isInteger(scale) && scale >= 0 && scale <= SCALE_MAX) return sumMetered([metered], scale);
  const expected = 'a whole number from 0 to 6';
  throw creditError('INVALID_ARGUMENT', `scale is not valid: ${expected}.`, { path: 'scale', expected });
}

/** Sums metered costs exactly and rounds the sum up once. */
export function sumMetered(costs: readonly number[], scale: number): number {
  const sum = new MeteredSum(scale);
  for (const cost of costs) sum.add(cost);
  return sum.total;
}

/**
 * The price of metered units: their exact product with the credits of one unit, rounded up to six decimals. A coarser
 * scale rounds the result up once more, which comes to the same.
 */
export function pricedUnits(units: number, creditsPerUnit: number): number {
  const [count, price] = [decimalOf(units), decimalOf(creditsPerUnit)];
  const sum = new MeteredSum(SCALE_MAX);
  sum.addDecimal({ digits: count.digits * price.digits, places: count.places + price.places });
  return sum.total;
}

/** The exact difference of two amounts of credits; the second is not the larger. */
export function creditsLess(credits: number, part: number): number {
  const [whole, taken] = [decimalOf(credits), decimalOf(part)];
  const places = Math.max(whole.places, taken.places);
  const digitsOf = (one: Decimal) => one.digits * 10n ** BigInt(places - one.places);
  return Number(`${digitsOf(whole) - digitsOf(taken)}e-${places}`);
}

/** Sums metered costs exactly as they come and rounds the sum up once. Each addition takes the same time. */
export class MeteredSum {
  readonly #scale: number;
  #digits = 0n;
  #places: number;

  constructor(scale: number) {
    this.#scale = scale;
    this.#places = scale;
  }

  /** A cost that cannot be added leaves the sum as it was. */
  add(cost: number): void {
    this.addDecimal(decimalOf(cost));
  }

  addDecimal({ digits, places }: Decimal): void {
    const most = Math.max(places, this.#places);
    const sum = this.#digits * 10n ** BigInt(most - this.#places) + digits * 10n ** BigInt(most - places);
    if (roundedUp(sum, most - this.#scale) > BigInt(UNITS_MAX)) throw tooLarge(this.#scale);
    this.#digits = sum;
    this.#places = most;
  }

  get total(): number {
    return toCredits(Number(roundedUp(this.#digits, this.#places - this.#scale)), this.#scale);
  }
}

function roundedUp(digits: bigint, places: number): bigint {
  const step = 10n ** BigInt(places);
  return (digits + step - 1n) / step;
}

/** digits × 10^-places. */
interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

/** A finite number ≥ 0, from its shortest decimal form. */
function decimalOf(value: number): Decimal {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    const given = describe(value);
    throw creditError('INVALID_AMOUNT', `The metered cost ${given} is not a finite number of at least 0.`, { given });
  }
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 };
}
