/** The purchase that a top-up would make, and whether its limits allow it. */
import type { TopUpAttempt, TopUpRow } from '../models/top-up.js';
import { UNITS_MAX } from './amounts.js';
import { unitsFor } from './pricing.js';

const DAY_MS = 24 * 3600 * 1000;
/** After a failure it waits at least so long, and at most a day. */
const BACK_OFF_MIN_MS = 60_000;
/** Failed attempts that a row remembers: they count for nothing. */
const FAILED_MAX = 20;

export interface Purchase {
  readonly amountMinor: number;
  readonly creditsToAdd: number;
}

/** The purchase with so many units available; null where that is beyond all amounts. */
export function purchaseOf(row: TopUpRow, available: number): Purchase | null {
  const { amountMinor, creditsToAdd, target, rate } = row;
  if (amountMinor !== null && creditsToAdd !== null) return { amountMinor, creditsToAdd };
  if (target === null || rate === null || target <= available) return null;
  const money = moneyFor(BigInt(target - available), rate);
  if (money === null) return null;
  const units = unitsFor(Number(money), rate.decimals, rate);
  return units > BigInt(UNITS_MAX) ? null : { amountMinor: Number(money), creditsToAdd: Number(units) };
}

type Rate = NonNullable<TopUpRow['rate']>;

const MILLION = 1_000_000n;

/** The least money that buys so many units, tried with the bonus of each tier; null for more than there is. */
function moneyFor(units: bigint, rate: Rate): bigint | null {
  const { unitsPerMajor, decimals, tiers } = rate;
  const sums = [{ fromMinor: 0, bonusMillionths: 0 }, ...tiers].map(({ fromMinor, bonusMillionths }) => {
    const per = BigInt(unitsPerMajor) * (MILLION + BigInt(bonusMillionths));
    const sum = ceil(units * 10n ** BigInt(decimals) * MILLION, per);
    return sum > BigInt(fromMinor) ? sum : BigInt(fromMinor);
  });
  const exact = sums.filter((sum) => sum <= BigInt(Number.MAX_SAFE_INTEGER));
  const enough = exact.filter((sum) => unitsFor(Number(sum), decimals, rate) >= units);
  return enough.reduce<bigint | null>((least, sum) => (least !== null && least <= sum ? least : sum), null);
}

function ceil(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** The limit that keeps it from buying, and the instant from which that one no longer does; null for never. */
export interface Guard {
  readonly reason: 'in_flight' | 'cool_down' | 'back_off' | 'max_count' | 'max_amount' | 'amount_too_large';
  readonly until: number | null;
}

export function guardOf(row: TopUpRow, wanted: Purchase | null, now: number): Guard | null {
  const { inFlight, nextAt, dueAt, declines, maxCount, maxAmountMinor, currency } = row;
  if (inFlight) return { reason: 'in_flight', until: dueAt?.getTime() ?? null };
  if (nextAt && nextAt.getTime() > now) {
    return { reason: declines > 0 ? 'back_off' : 'cool_down', until: nextAt.getTime() };
  }
  if (!wanted) return { reason: 'amount_too_large', until: null };
  const counted = attemptsOf(row, now).filter(({ status }) => status !== 'failed');
  const windowMs = row.windowDays * DAY_MS;
  const over = counted.length - maxCount;
  if (over >= 0) return { reason: 'max_count', until: (counted[over] as TopUpAttempt).at + windowMs };
  let sum = wanted.amountMinor;
  for (const attempt of counted) if (attempt.currency === currency) sum += attempt.amountMinor;
  if (sum <= maxAmountMinor) return null;
  for (const attempt of counted) {
    if (attempt.currency === currency) sum -= attempt.amountMinor;
    if (sum <= maxAmountMinor) return { reason: 'max_amount', until: attempt.at + windowMs };
  }
  return { reason: 'max_amount', until: null };
}

/** The attempts of the window that ends now, without failed ones that are long past. */
export function attemptsOf({ attempts, windowDays }: TopUpRow, now: number): TopUpAttempt[] {
  const recent = attempts.filter(({ at }) => at + windowDays * DAY_MS > now);
  const failed = recent.filter(({ status }) => status === 'failed');
  const old = new Set(failed.slice(0, Math.max(0, failed.length - FAILED_MAX)));
  return recent.filter((attempt) => !old.has(attempt));
}

/** Milliseconds to wait after so many failures in a row. */
export function backOffMs({ coolDownMs, declines }: TopUpRow): number {
  const first = Math.max(coolDownMs, BACK_OFF_MIN_MS);
  return Math.min(first * 2 ** Math.max(0, declines - 1), DAY_MS);
}
