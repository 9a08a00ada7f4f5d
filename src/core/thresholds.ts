/** Edge-triggered thresholds on available credits. */
import type { OpenGrant } from '../models/account.js';
import type { AccessStatus, GrantSource } from '../models/enums.js';
import { type Account, availableOf } from './account.js';
import type { Context } from './decision.js';
import type { Draft, PendingEvent } from './draft.js';

const BOUGHT: ReadonlySet<GrantSource> = new Set(['purchase', 'other', 'subscription']);

/**
 * Notes a grant that has come into effect as the last purchase, unless it was free, is a correction, or is a plan's:
 * the limit of a plan counts by itself. A cycle without a plan is a purchase.
 */
export function notePurchase(account: { -readonly [K in keyof Account]: Account[K] }, grant: Bought): void {
  if (grant.effectiveAt > account.at || !BOUGHT.has(grant.source)) return;
  if (grant.source === 'subscription' && grant.planId !== null) return;
  account.lastPurchase = grant.amount;
}

type Bought = Pick<OpenGrant, 'amount' | 'source' | 'planId' | 'effectiveAt'>;

/** The low-credit thresholds in force, in units, highest first. */
export function thresholdsOf(account: Account, context: Context): readonly number[] {
  const chosen = chosenOf(account, context);
  if (chosen.length === 0) return NONE;
  if (chosen.length === 1 && typeof chosen[0] === 'number') return chosen as readonly number[];
  const units = chosen.flatMap((one) => unitsOf(account, one) ?? []);
  return [...new Set(units)].sort((a, b) => b - a);
}

type Chosen = number | `${number}%`;

const NONE: readonly never[] = Object.freeze([]);

/** The thresholds as they were chosen: the account's own, else the service's. */
function chosenOf({ options }: Account, { defaults }: Context): readonly Chosen[] {
  const chosen = options.lowCreditThreshold ?? defaults.lowCreditThreshold;
  if (chosen === null || chosen === 'none') return NONE;
  return typeof chosen === 'object' ? chosen : [chosen];
}

/** A percentage is of nothing before the account has a plan, a trial or a purchase. */
function unitsOf({ planLimit, trialAmount, lastPurchase }: Account, chosen: Chosen): number | null {
  if (typeof chosen === 'number') return chosen;
  const full = planLimit ?? trialAmount ?? lastPurchase;
  return full === null ? null : partOf(full, chosen);
}

/** A percentage, rounded up: 12.5 % is 125 / 10^3. */
function partOf(full: number, percentage: string): number {
  const [whole = '0', fraction = ''] = percentage.slice(0, -1).split('.');
  const parts = 10n ** BigInt(fraction.length + 2);
  return Number((BigInt(full) * BigInt(whole + fraction) + parts - 1n) / parts);
}

/**
 * Compares available credits with the level that was last judged and notes each crossing, in the order in which the
 * levels are crossed. With threshold 20, 30 → −5 is low, exhausted, status; the way back is status, restored.
 */
export function judgeCrossings(draft: Draft): void {
  const { account } = draft;
  const before = draft.judged;
  const after = availableOf(account);
  const previousBalance = draft.judgedBalance;
  draft.judgedBalance = account.balance;
  if (before === after) return;
  draft.judged = after;
  // The first operation sets the level: of its crossings, the status alone is news.
  const thresholds = account.seq > 0 ? thresholdsOf(account, draft.context) : NONE;
  const entry = draft.entries.length - 1;
  const edge = { kind: 'crossing', entry, previousBalance, balance: account.balance, available: after } as const;
  for (let i = 0; i < thresholds.length; i++) {
    const threshold = thresholds[i] as number;
    if (after > threshold || before <= threshold || account.low?.includes(threshold)) continue;
    draft.events.push({ type: 'credits.low_balance_reached', threshold, level: i + 1, more: {}, ...edge });
  }
  if (before > 0 && after <= 0) draft.events.push({ type: 'credits.balance_exhausted', more: {}, ...edge });
  if (before > 0 !== after > 0) {
    const reason = after > 0 ? 'Sufficient credits' : 'Insufficient credits';
    const more = { previousStatus: statusOf(before), status: statusOf(after), reason };
    draft.events.push({ type: 'credits.plugin_status_changed', more, ...edge });
  }
  if (after > before) restore(draft, thresholds, before, edge);
  else if (account.low !== null) {
    const above = (threshold: number) => after > threshold;
    keepLow(draft, account.low.filter(above));
  }
}

/**
 * Notes each threshold that credits have risen above by more than the hysteresis, the lowest first. One that they have
 * risen above by less stays low: the account keeps it. A threshold that the operation itself sets restores nothing.
 */
function restore(
  draft: Draft,
  thresholds: readonly number[],
  before: number,
  edge: Omit<PendingEvent & { kind: 'crossing' }, 'type' | 'more'>,
): void {
  const { account, context } = draft;
  const crossed = thresholds.filter((threshold) => edge.available > threshold);
  if (crossed.length === 0 && account.low === null) return;
  const hysteresis = account.options.lowCreditHysteresis ?? context.defaults.lowCreditHysteresis;
  const low: number[] = [];
  for (const threshold of crossed.reverse()) {
    const i = thresholds.indexOf(threshold);
    const wasLow = before <= threshold && wasLowBy(draft, threshold, before);
    if (!wasLow && !account.low?.includes(threshold)) continue;
    if (edge.available <= threshold + hysteresis) low.push(threshold);
    else draft.events.push({ type: 'credits.balance_restored', threshold, level: i + 1, more: {}, ...edge });
  }
  keepLow(draft, low);
}

/**
 * Whether these credits were low before the operation too, by one of the choices that make this threshold now. A
 * percentage of more may have passed another threshold: the places of the two tell nothing.
 */
function wasLowBy({ account, opened, context }: Draft, threshold: number, available: number): boolean {
  const earlier = chosenOf(opened, context);
  return chosenOf(account, context).some((one) => {
    const was = unitsOf(account, one) === threshold && earlier.includes(one) ? unitsOf(opened, one) : null;
    return was !== null && available <= was;
  });
}

/** Keeps the thresholds that are low although credits are above them, in the entry too. */
function keepLow({ account, entries }: Draft, low: readonly number[]): void {
  const kept = account.low ?? NONE;
  if (low.length === kept.length && low.every((threshold, i) => threshold === kept[i])) return;
  account.low = low.length === 0 ? null : low;
  const entry = entries.at(-1) as Draft['entries'][number];
  entry.details = { ...entry.details, low };
}

export function statusOf(available: number): AccessStatus {
  return available > 0 ? 'enabled' : 'disabled';
}
