/** Rule 39, and the events of credits that moved: what the entries of an account announce, in order. */
import type { PlanSetting, Threshold } from './oracle.js';
import type { Account, Entry, Micro } from './oracle-state.js';

export interface Told {
  readonly type: string;
  readonly sequence: number;
  readonly balance: Micro;
  readonly available: Micro;
  readonly amount?: Micro;
  readonly threshold?: Micro;
  /** The place of the threshold among those of the account, from 1 for the highest. */
  readonly level?: number;
  readonly previousBalance?: Micro;
}

/** Of the entries behind the first `from`. */
export function eventsOf({ entries }: Account, from: number, setting: PlanSetting): Told[] {
  const told: Told[] = [];
  // Which thresholds are low although credits are above them follows from all that was.
  const kept = new Set<Micro>();
  for (let i = 0; i < entries.length; ) {
    const first = entries[i] as Entry;
    const own = entries.slice(i).filter(({ operation }) => operation === first.operation);
    const crossed = crossingsOf(own, entries[i - 1], setting, kept);
    if (i >= from) {
      for (const entry of own) {
        const type = entry.allocated ? 'subscription.allocated' : MOVED[entry.type];
        if (type !== undefined) told.push(movement(type, entry));
      }
      told.push(...crossed);
    }
    i += own.length;
  }
  return told;
}

const MOVED: Readonly<Record<string, string>> = {
  activate: 'credits.grant_activated',
  transfer_in: 'credits.transferred',
  transfer_out: 'credits.transferred',
};

/** The events of credits that moved. Their order is that of the entries. */
export const MOVEMENTS: readonly string[] = ['subscription.allocated', ...Object.values(MOVED)];

function movement(type: string, { seq, balanceAfter, availableAfter, delta }: Entry): Told {
  return { type, sequence: seq, balance: balanceAfter, available: availableAfter, amount: delta };
}

/** A threshold that is in force, in units, and what it was before the operation, by each setting that makes it. */
interface Level {
  readonly threshold: Micro;
  readonly level: number;
  readonly earlier: readonly Micro[];
}

/** Only what an instant leaves is judged; the first operation of an account sets the level. */
function crossingsOf(
  own: readonly Entry[],
  before: Entry | undefined,
  { thresholds, hysteresis }: PlanSetting,
  kept: Set<Micro>,
): Told[] {
  const told: Told[] = [];
  let last = before?.availableAfter ?? 0n;
  let previousBalance = before?.balanceAfter ?? 0n;
  for (const [i, entry] of own.entries()) {
    const { at, seq, availableAfter: available, balanceAfter: balance } = entry;
    if (own[i + 1]?.at === at) continue;
    if (available === last) {
      previousBalance = balance;
      continue;
    }
    const edge = { sequence: seq, balance, available, previousBalance };
    const levels = before ? levelsOf(thresholds, before, entry) : [];
    for (const { threshold, level } of levels) {
      if (last <= threshold || available > threshold || kept.has(threshold)) continue;
      told.push({ type: 'credits.low_balance_reached', ...edge, threshold, level });
    }
    if (last > 0n && available <= 0n) told.push({ type: 'credits.balance_exhausted', ...edge });
    if (last > 0n !== available > 0n) told.push({ type: 'credits.plugin_status_changed', ...edge });
    if (available > last) {
      const still: Micro[] = [];
      for (const { threshold, level, earlier } of levels.reverse()) {
        // One that the operation raises above the credits is restored by nothing: it was not low before.
        const wasLow = kept.has(threshold) || (last <= threshold && earlier.some((one) => last <= one));
        if (available <= threshold || !wasLow) continue;
        if (available <= threshold + hysteresis) still.push(threshold);
        else told.push({ type: 'credits.balance_restored', ...edge, threshold, level });
      }
      kept.clear();
      for (const threshold of still) kept.add(threshold);
    } else for (const threshold of kept) if (available <= threshold) kept.delete(threshold);
    [last, previousBalance] = [available, balance];
  }
  return told;
}

/** Highest first; equal ones are one. */
function levelsOf(settings: readonly Threshold[], before: Entry, now: Entry): Level[] {
  const earlier = new Map<Micro, Micro[]>();
  for (const setting of settings) {
    const threshold = unitsOf(setting, now);
    const was = unitsOf(setting, before);
    if (threshold !== null) earlier.set(threshold, [...(earlier.get(threshold) ?? []), ...(was === null ? [] : [was])]);
  }
  const all = [...earlier].sort(([a], [b]) => (a < b ? 1 : -1));
  return all.map(([threshold, was], i) => ({ threshold, level: i + 1, earlier: was }));
}

/** A percentage is of the plan's limit, else of the trial grant, else of the last purchase, rounded up. */
function unitsOf(setting: Threshold, { full }: Entry): Micro | null {
  if (!('perMille' in setting)) return setting.amount;
  return full === null ? null : (full * setting.perMille + 999n) / 1000n;
}
