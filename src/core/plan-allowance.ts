/**
 * How far plans may grant ahead of time, whatever is done with them: a grant is earned in proportion to time, at the
 * rate of the best plan that granted it, and no more than the limit of one period is ahead of that. Without this,
 * switching between periods of different lengths, or setting one plan again and again, adds up to more than any of the
 * plans: what an earlier period was granted counts against the next one only until that earlier one would have ended.
 */
import type { PlanTerms } from '../models/plan.js';
import type { Allowance, PlanRate } from '../models/subscription.js';
import { partOf } from './share.js';
import { cadenceOf } from './subscription-state.js';

const DAY_MS = 24 * 3600 * 1000;

/** The longest that a period of each kind lasts: a rate that is kept from an earlier period counts as that. */
export const LONGEST_MS = { daily: DAY_MS, weekly: 7 * DAY_MS, monthly: 31 * DAY_MS, yearly: 366 * DAY_MS } as const;

/** The usual length of each kind, in twelfths of a day: a month is a twelfth of a year of 365 days. */
const USUAL = { daily: 12, weekly: 84, monthly: 365, yearly: 4380 } as const;

/** Whether terms grant fewer credits in the same time, of the own credit type of both. */
export function isLower(terms: PlanTerms, than: PlanTerms): boolean {
  const [limit, other] = [terms.grants[0], than.grants[0]];
  if (!limit || limit.creditType !== other?.creditType) return false;
  const [own, before] = [USUAL[cadenceOf(terms)], USUAL[cadenceOf(than)]];
  return BigInt(limit.creditLimit) * BigInt(before) < BigInt(other.creditLimit) * BigInt(own);
}

export interface Taken {
  /** The units that may be granted, at most the wanted ones. */
  readonly units: number;
  readonly allowance: Allowance;
}

/** Opens a period of a plan at an instant. What earlier periods were granted and is not earned yet stays ahead. */
export function openAllowance(before: Allowance | undefined, rate: PlanRate, at: number): Allowance {
  const ahead = before ? aheadAt(before, at) : 0;
  if (!before || ahead === 0) return { ...rate, ahead, from: at };
  const kept = { units: before.units, period: before.period, ms: LONGEST_MS[before.period] };
  const best = kept.units / kept.ms > rate.units / rate.ms ? kept : rate;
  return { ...best, ahead, from: at };
}

/** Takes units for a grant at `at` of a plan with this limit, a multiple of `step`, rounded down. */
export function takeAllowance(
  allowance: Allowance,
  { limit, step }: { readonly limit: number; readonly step: number },
  at: number,
  wanted: number,
): Taken {
  const most = Math.max(0, Math.min(wanted, limit - aheadAt(allowance, at)));
  const units = most - (most % step);
  return { units, allowance: { ...allowance, ahead: allowance.ahead + units } };
}

/** The units that are granted at `at` and not yet earned. */
function aheadAt({ ahead, from, units, ms }: Allowance, at: number): number {
  const elapsed = Math.max(0, at - from);
  const periods = Math.floor(elapsed / ms);
  const running = units - partOf(units, { ms: ms - (elapsed - periods * ms), ofMs: ms });
  return Math.max(0, ahead - periods * units - running);
}
