/** Edge-triggered thresholds on available credits. */
import type { OpenGrant } from '../models/account.js';
import type { AccessStatus, GrantSource } from '../models/enums.js';
import { type Account, availableOf } from './account.js';
import type { Context } from './decision.js';
import type { Draft } from './draft.js';

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

/** The low-credit threshold in force, in units: the account's own, else the service's; null means no low events. */
export function thresholdOf(account: Account, { defaults }: Context): number | null {
  const chosen = account.options.lowCreditThreshold ?? defaults.lowCreditThreshold;
  if (chosen === null || chosen === 'none') return null;
  if (typeof chosen === 'number') return chosen;
  const full = account.planLimit ?? account.trialAmount ?? account.lastPurchase;
  if (full === null) return null;
  // A percentage, rounded up: 12.5 % is 125 / 10^3.
  const [whole = '0', fraction = ''] = chosen.slice(0, -1).split('.');
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
  const threshold = thresholdOf(account, draft.context);
  const wasLow = threshold !== null && before <= threshold;
  const isLow = threshold !== null && after <= threshold;
  // The first operation sets the level: of its crossings, the status alone is news.
  const announcesLow = draft.account.seq > 0 && threshold !== null;
  const entry = draft.entries.length - 1;
  const edge = { kind: 'crossing', entry, previousBalance, balance: account.balance, available: after } as const;
  if (announcesLow && !wasLow && isLow) {
    draft.events.push({ ...edge, type: 'credits.low_balance_reached', threshold, more: {} });
  }
  if (before > 0 && after <= 0) draft.events.push({ ...edge, type: 'credits.balance_exhausted', more: {} });
  if (before > 0 !== after > 0) {
    const reason = after > 0 ? 'Sufficient credits' : 'Insufficient credits';
    const more = { previousStatus: statusOf(before), status: statusOf(after), reason };
    draft.events.push({ ...edge, type: 'credits.plugin_status_changed', more });
  }
  if (announcesLow && wasLow && !isLow && wasLowBefore(draft, before)) {
    draft.events.push({ ...edge, type: 'credits.balance_restored', threshold, more: {} });
  }
}

/** Whether credits were low by the threshold before the operation, too: one that it sets restores nothing. */
function wasLowBefore({ opened, context }: Draft, available: number): boolean {
  const threshold = thresholdOf(opened, context);
  return threshold !== null && available <= threshold;
}

export function statusOf(available: number): AccessStatus {
  return available > 0 ? 'enabled' : 'disabled';
}
