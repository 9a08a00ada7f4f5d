/** Debits: ordinary, after service, and the negative half of adjustments. */
import type { EntryType } from '../models/entry.js';
import type { JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { toCredits, UNITS_MAX } from './amounts.js';
import { type Refusal, refuse } from './decision.js';
import { type Draft, takeFree, writeEntry } from './draft.js';

/** How much debt a debit may make: none, debt up to the limit in force, or any debt (for claw-backs). */
export type DebtRule = 'none' | 'limited' | 'unlimited';

/**
 * Takes `amount` from free grants in burn-down order and writes the entry. The missing part becomes debt as far as the
 * rule allows it; otherwise the debit is refused as a whole.
 */
export function debit(
  draft: Draft,
  amount: number,
  debtRule: DebtRule,
  entry: { type: EntryType; reservationId?: string; details?: JsonObject },
): Refusal | null {
  const { account } = draft;
  if (debtRule === 'none' && availableOf(account) < amount) return insufficient(draft, amount);
  const { draws, taken } = takeFree(draft, amount, 'spend');
  const missing = amount - taken;
  const limit = debtRule === 'unlimited' ? null : overdraftLimitOf(draft);
  if (limit !== null && missing > 0 && account.debt + missing > limit) return overdrawn(draft, amount, limit);
  const refusal = addDebt(draft, missing);
  if (refusal) return refusal;
  account.balance -= amount;
  const reservationId = entry.reservationId ?? null;
  const { details } = entry;
  writeEntry(draft, entry.type, { amount, delta: -amount, draws, reservationId, ...(details && { details }) });
  return null;
}

/** Raises the debt. An operation that would raise it beyond the largest amount is refused. */
export function addDebt(draft: Draft, amount: number): Refusal | null {
  if (draft.account.debt + amount > UNITS_MAX) return beyondMaximum(draft);
  draft.account.debt += amount;
  return null;
}

/** The account's own overdraft limit in units, else the service's; null means unlimited. */
function overdraftLimitOf({ account, context }: Draft): number | null {
  const own = account.options.overdraftLimit;
  if (own === 'unlimited') return null;
  return own ?? context.defaults.overdraftLimit;
}

/**
 * The refusal for missing credits. `movable`: the credits that a transfer may take, where they are fewer than the
 * available ones.
 */
export function insufficient(draft: Draft, requested: number, movable?: number): Refusal {
  const details = fundsOf(draft, requested);
  const { balance, reserved, available } = details;
  const most = movable === undefined ? '' : `, of which ${toCredits(movable, draft.context.scale)} can be transferred`;
  const numbers = `balance ${balance}, reserved ${reserved}, available ${available}${most}`;
  const message = `${details.requested} credits were requested; the account has ${numbers}.`;
  return refuse('INSUFFICIENT_CREDITS', `${message} Add credits or ask for less.`, details);
}

function overdrawn(draft: Draft, requested: number, limit: number): Refusal {
  const details = { ...fundsOf(draft, requested), limit: toCredits(limit, draft.context.scale) };
  const message = `Taking ${details.requested} credits would leave more debt than the limit of ${details.limit}.`;
  return refuse('OVERDRAFT_LIMIT', `${message} Raise the limit or add credits.`, details);
}

export function beyondMaximum(draft: Draft): Refusal {
  const max = toCredits(UNITS_MAX, draft.context.scale);
  return refuse('AMOUNT_TOO_LARGE', `The account would go beyond ${max} credits. Nothing was written.`, { max });
}

function fundsOf({ account, context }: Draft, requested: number) {
  const credits = (units: number) => toCredits(units, context.scale);
  return {
    userId: account.userId,
    creditType: account.creditType,
    requested: credits(requested),
    balance: credits(account.balance),
    reserved: credits(account.reserved),
    available: credits(availableOf(account)),
  };
}
