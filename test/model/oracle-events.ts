/** Rule 39, and the events of credits that moved: what the entries of an account announce, in order. */
import type { PlanSetting } from './oracle.js';
import type { Account, Entry, Micro } from './oracle-state.js';

export interface Told {
  readonly type: string;
  readonly sequence: number;
  readonly balance: Micro;
  readonly available: Micro;
  readonly amount?: Micro;
  readonly threshold?: Micro;
  readonly previousBalance?: Micro;
}

/** Of the entries behind the first `from`. */
export function eventsOf({ entries }: Account, from: number, { threshold }: PlanSetting): Told[] {
  const told: Told[] = [];
  for (let i = from; i < entries.length; ) {
    const first = entries[i] as Entry;
    const own = entries.slice(i).filter(({ operation }) => operation === first.operation);
    const before = entries[i - 1];
    i += own.length;
    for (const entry of own) {
      const type = entry.allocated ? 'subscription.allocated' : MOVED[entry.type];
      if (type !== undefined) told.push(movement(type, entry));
    }
    told.push(...crossingsOf(own, before, threshold));
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

/** Only what an instant leaves is judged; the first operation of an account sets the level. */
function crossingsOf(own: readonly Entry[], before: Entry | undefined, setting: PlanSetting['threshold']): Told[] {
  const told: Told[] = [];
  let level = before?.availableAfter ?? 0n;
  let previousBalance = before?.balanceAfter ?? 0n;
  for (const [i, entry] of own.entries()) {
    const { at, seq, availableAfter: available, balanceAfter: balance } = entry;
    if (own[i + 1]?.at === at) continue;
    if (available === level) {
      previousBalance = balance;
      continue;
    }
    const edge = { sequence: seq, balance, available, previousBalance };
    const threshold = before === undefined ? null : thresholdOf(entry, setting);
    // A threshold that the operation sets restores nothing that was not low before.
    const earlier = before === undefined ? null : thresholdOf(before, setting);
    const low = (amount: Micro) => threshold !== null && amount <= threshold;
    if (threshold !== null && !low(level) && low(available)) {
      told.push({ type: 'credits.low_balance_reached', ...edge, threshold });
    }
    if (level > 0n && available <= 0n) told.push({ type: 'credits.balance_exhausted', ...edge });
    if (level > 0n !== available > 0n) told.push({ type: 'credits.plugin_status_changed', ...edge });
    const wasLow = earlier !== null && level <= earlier;
    if (threshold !== null && wasLow && low(level) && !low(available)) {
      told.push({ type: 'credits.balance_restored', ...edge, threshold });
    }
    [level, previousBalance] = [available, balance];
  }
  return told;
}

/** A percentage is of the plan's limit, else of the trial grant, rounded up. */
function thresholdOf({ full }: Entry, setting: PlanSetting['threshold']): Micro | null {
  if (setting === null) return null;
  if (!('perMille' in setting)) return setting.amount;
  return full === null ? null : (full * setting.perMille + 999n) / 1000n;
}
