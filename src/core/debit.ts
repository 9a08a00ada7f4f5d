/** Debits: ordinary, after service, and the negative half of adjustments. */
import type { EntryRow, EntryType } from '../models/entry.js';
import type { Draw, JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { toCredits, UNITS_MAX } from './amounts.js';
import { type Refusal, refuse } from './decision.js';
import { type Draft, takeFree, writeEntry } from './draft.js';
import { reinstate, type Scope, unitsIn } from './late-usage.js';

/** How much debt a debit may make: none, debt up to the limit in force, or any debt (for claw-backs). */
export type DebtRule = 'none' | 'limited' | 'unlimited';

interface DebitEntry {
  readonly type: EntryType;
  readonly reservationId?: string;
  readonly details?: JsonObject | undefined;
}

/**
 * Takes `amount` from free grants in burn-down order and writes the entry. The missing part becomes debt as far as the
 * rule allows it; otherwise the debit is refused as a whole.
 */
export function debit(
  draft: Draft,
  amount: number,
  debtRule: DebtRule,
  entry: DebitEntry,
  scope: Scope | null = null,
): Refusal | null {
  const { account } = draft;
  if (debtRule === 'none') {
    if (scope === null && availableOf(account) < amount) return insufficient(draft, amount);
    if (scope !== null && unitsIn(draft, scope) < amount) return insufficientIn(draft, amount, scope);
  }
  const before = account.balance;
  const { draws, taken } = takeInScope(draft, amount, scope);
  const missing = amount - taken;
  const limit = debtRule === 'unlimited' ? null : overdraftLimitOf(draft);
  if (limit !== null && missing > 0 && account.debt + missing > limit) {
    account.balance = before;
    return overdrawn(draft, amount, limit);
  }
  const refusal = addDebt(draft, missing);
  if (refusal) return refusal;
  writeDebit(draft, amount, draws, inScope(entry, scope));
  return null;
}

function takeInScope(draft: Draft, amount: number, scope: Scope | null) {
  if (scope === null) return takeFree(draft, amount, 'spend');
  const late = reinstate(draft, amount, scope);
  return takeFree(draft, amount, 'spend', scope.only, late);
}

function inScope(entry: DebitEntry, scope: Scope | null): DebitEntry {
  return scope === null ? entry : { ...entry, details: { ...entry.details, ...scope.details } };
}

/**
 * Takes up to `amount` from free grants in burn-down order, then debt as far as the limit allows. Answers the units
 * that are missing; never refuses. An entry that answers the call is written also where nothing was taken, and names
 * what is missing.
 */
export function debitUpTo(
  draft: Draft,
  amount: number,
  given: DebitEntry,
  isAnswer: boolean,
  scope: Scope | null,
): number {
  const { account } = draft;
  const entry = inScope(given, scope);
  const { draws, taken } = takeInScope(draft, amount, scope);
  const limit = Math.min(overdraftLimitOf(draft) ?? UNITS_MAX, UNITS_MAX);
  const owed = Math.min(amount - taken, Math.max(0, limit - account.debt));
  account.debt += owed;
  const missing = amount - taken - owed;
  const details = isAnswer && missing > 0 ? { ...entry.details, shortfall: missing } : entry.details;
  if (isAnswer || missing < amount) writeDebit(draft, taken + owed, draws, { ...entry, details });
  return missing;
}

function writeDebit(draft: Draft, amount: number, draws: readonly Draw[], entry: DebitEntry): void {
  draft.account.balance -= amount;
  const { details, reservationId = null } = entry;
  writeEntry(draft, entry.type, { amount, delta: -amount, draws, reservationId, ...(details && { details }) });
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

/** The refusal where the grants that the call may draw on have too little; `available` is theirs. */
function insufficientIn(draft: Draft, requested: number, scope: Scope): Refusal {
  const available = toCredits(unitsIn(draft, scope), draft.context.scale);
  const details = { ...fundsOf(draft, requested), available };
  const message = `${details.requested} credits were requested; the grants that may pay have ${available} available.`;
  return refuse('INSUFFICIENT_CREDITS', `${message} Add credits, ask for less, or let other grants pay.`, details);
}

/** The part of a settlement that could not be charged, as the error entry tells it; null where nothing is missing. */
export function shortfallOf(entry: EntryRow, scale: number): Refusal | null {
  const { details, userId, creditType, balanceAfter, availableAfter } = entry;
  if (typeof details.shortfall !== 'number') return null;
  const credits = (units: number) => toCredits(units, scale);
  const requested = credits(details.shortfall);
  const funds = { balance: credits(balanceAfter), available: credits(availableAfter) };
  const reserved = credits(balanceAfter - availableAfter);
  const message = `${requested} credits of work that was done could not be charged; ${funds.available} are available.`;
  return refuse('INSUFFICIENT_CREDITS', `${message} The rest was charged.`, {
    ...{ userId, creditType, requested, reserved },
    ...funds,
  });
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
