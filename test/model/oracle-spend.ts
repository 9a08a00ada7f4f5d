/** Rules 13, 14, 16: adding, deducting, adjusting, transferring. */
import { type CallOf, type From, Nothing, Refusal, Unspecified } from './oracle-call.js';
import {
  type Draft,
  judgeAddition,
  type LotTerms,
  makeLot,
  markSpent,
  repayDebt,
  take,
  write,
} from './oracle-draft.js';
import {
  type Entry,
  inBurnDownOrder,
  infoOf,
  type Lot,
  lotOf,
  type Micro,
  noteBought,
  type Part,
  type Result,
  smaller,
  spendableLots,
  total,
} from './oracle-state.js';

/** `limit` is what may become debt in all: a number of micro-units, or no limit. */
export type Limit = Micro | 'unlimited';

export function refuseFunds(draft: Draft, requested: Micro, limit?: Micro): never {
  const { balance, reserved, available } = infoOf(draft.account);
  const funds = { requested, balance, reserved, available };
  if (limit === undefined) throw new Refusal('INSUFFICIENT_CREDITS', funds);
  throw new Refusal('OVERDRAFT_LIMIT', { ...funds, limit });
}

/** Rule 13: which lots a charge may draw on, and when the usage was. */
export interface Scope {
  readonly from?: From | undefined;
  readonly occurredAt?: number | undefined;
}

/** Lots that lapsed after the usage, with what lapsed of them. What rolled over since is in another lot. */
function lateLots({ account, now, lateUsageMs }: Draft, occurredAt = now): Lot[] {
  if (occurredAt >= now || now - occurredAt > lateUsageMs) return [];
  const rollovers = account.entries.filter((entry) => entry.allocated === 'rollover' && entry.at > occurredAt);
  return [...account.lots.values()].filter(({ phase, expired, effectiveAt, expiresAt, source, planId }) => {
    if (phase !== 'lapsed' || expired === 0n || expiresAt === null) return false;
    const wasOpen = effectiveAt <= occurredAt && occurredAt < expiresAt;
    const hasRolled = rollovers.some(({ lot }) => lotOf(account, lot as string).effectiveAt >= expiresAt);
    return wasOpen && !(hasRolled && source === 'subscription' && planId !== null);
  });
}

function mayPay({ sources, planId, lots }: From, lot: Lot): boolean {
  if (sources && !sources.includes(lot.source)) return false;
  if (planId !== undefined && planId !== lot.planId) return false;
  return !lots || lots.includes(lot.id);
}

/** The lots that pay, in burn-down order. What is needed of lapsed ones is brought back first. */
function payingLots(draft: Draft, amount: Micro, scope: Scope, isAll: boolean): Lot[] {
  const { account, now } = draft;
  if (scope.from === undefined && scope.occurredAt === undefined) return spendableLots(account, now);
  const late = lateLots(draft, scope.occurredAt);
  const lots = inBurnDownOrder(
    [...spendableLots(account, now), ...late].filter((lot) => !scope.from || mayPay(scope.from, lot)),
  );
  const has = (lot: Lot) => (late.includes(lot) ? lot.expired : lot.free);
  const available = lots.reduce((sum, lot) => sum + has(lot), 0n);
  if (isAll && available < amount) {
    const { balance, reserved } = infoOf(account);
    throw new Refusal('INSUFFICIENT_CREDITS', { requested: amount, balance, reserved, available });
  }
  let left = amount;
  const back: Part[] = [];
  for (const lot of lots) {
    const part = smaller(has(lot), left);
    left -= part;
    if (part > 0n && late.includes(lot)) back.push({ lot: lot.id, amount: part });
  }
  for (const { lot: id, amount: part } of back) {
    const lot = lotOf(account, id);
    lot.expired -= part;
    lot.expiredOnTime = lot.expiredOnTime < part ? 0n : lot.expiredOnTime - part;
    lot.free += part;
  }
  if (back.length > 0) write(draft, { type: 'reinstate', delta: total(back), parts: back });
  return lots.filter((lot) => lot.free > 0n);
}

/** An ordinary deduction (`limit` null), or one that may leave debt. */
export function deduct(
  draft: Draft,
  amount: Micro,
  limit: Limit | null,
  scope: Scope = {},
  hold: string | null = null,
): Entry {
  const { account } = draft;
  const isPlain = scope.from === undefined && scope.occurredAt === undefined;
  if (isPlain && limit === null && infoOf(account).available < amount) refuseFunds(draft, amount);
  // The numbers of a refusal are those before the deduction.
  const { balance, reserved, available } = infoOf(account);
  const parts = take(payingLots(draft, amount, scope, limit === null), amount);
  const owed = amount - total(parts);
  if (owed > 0n && limit !== null && limit !== 'unlimited' && account.debt + owed > limit) {
    throw new Refusal('OVERDRAFT_LIMIT', { requested: amount, balance, reserved, available, limit });
  }
  markSpent(account, parts);
  account.debt += owed;
  return write(draft, { type: 'deduct', delta: -amount, parts, hold, undo: { kind: 'debit', parts, debt: owed } });
}

/** As much of an amount as the account has, and may owe. Where that is nothing, only an answer is written. */
export function deductUpTo(
  draft: Draft,
  amount: Micro,
  limit: Limit,
  scope: Scope,
  hold: string,
  answers: boolean,
): [Entry | null, Micro] {
  const { account } = draft;
  const parts = take(payingLots(draft, amount, scope, false), amount);
  const wanted = amount - total(parts);
  const room = limit === 'unlimited' ? wanted : limit - account.debt;
  const owed = room < 0n ? 0n : smaller(wanted, room);
  markSpent(account, parts);
  account.debt += owed;
  const missing = wanted - owed;
  const charged = amount - missing;
  if (charged === 0n && !answers) return [null, missing];
  const undo = charged > 0n && ({ kind: 'debit', parts, debt: owed } as const);
  const told = answers ? missing : 0n;
  return [
    write(draft, { type: 'deduct', delta: -charged, parts, hold, missing: told, ...(undo && { undo }) }),
    missing,
  ];
}

const GIVEN: LotTerms = { source: 'other', planId: null, priority: 50, effectiveAt: 0, expiresAt: null };

export function grant(draft: Draft, amount: Micro, terms: Partial<LotTerms>): Entry {
  judgeAddition(draft, amount, 1);
  const lot = makeLot(draft, { ...GIVEN, effectiveAt: draft.now, ...terms }, amount);
  if (lot.phase === 'open') repayDebt(draft.account, draft.now);
  if (lot.phase === 'open') noteBought(draft.account, lot);
  return write(draft, {
    type: 'add',
    delta: lot.phase === 'open' ? amount : 0n,
    lot: lot.id,
    undo: { kind: 'addition', lot: lot.id, reversed: 0n },
  });
}

export function add(draft: Draft, call: CallOf<'add'>): Result {
  const { source, planId, priority, effectiveAt, expiresAt } = call;
  if (expiresAt !== undefined && expiresAt <= Math.max(draft.now, effectiveAt ?? draft.now)) {
    throw new Refusal('INVALID_ARGUMENT');
  }
  const entry = grant(draft, call.amount, {
    ...(source !== undefined && { source }),
    ...(planId !== undefined && { planId }),
    ...(priority !== undefined && { priority }),
    ...(effectiveAt !== undefined && { effectiveAt }),
    ...(expiresAt !== undefined && { expiresAt }),
  });
  return { kind: 'entry', entry };
}

export function adjust(draft: Draft, call: CallOf<'adjust'>): Result {
  const entry =
    call.amount < 0n ? deduct(draft, -call.amount, null) : grant(draft, call.amount, { source: 'adjustment' });
  return { kind: 'entry', entry };
}

/** Rule 16. Trial lots stay behind; every moved part is a lot of its own with its terms, as if no pause kept them. */
export function transfer(from: Draft, to: Draft, amount: Micro, endOfFrozen: (lot: string) => number | null): Result {
  const movable = spendableLots(from.account, from.now).filter((lot) => lot.source !== 'trial');
  const most = movable.reduce((sum, lot) => sum + lot.free, 0n);
  if (most < amount) refuseFunds(from, amount);
  const parts = take(movable, amount);
  judgeAddition(to, amount, parts.length);
  markSpent(from.account, parts);
  const out = write(from, { type: 'transfer_out', delta: -amount, parts });
  const made: Lot[] = parts.map((part, place) => {
    const { source, planId, priority, effectiveAt, expiresAt: end } = lotOf(from.account, part.lot);
    const expiresAt = end ?? endOfFrozen(part.lot);
    return makeLot(to, { source, planId, priority, effectiveAt, expiresAt }, part.amount, place);
  });
  repayDebt(to.account, to.now);
  const received = made.map((lot) => ({ lot: lot.id, amount: lot.amount }));
  return { kind: 'transfer', out, in: write(to, { type: 'transfer_in', delta: amount, parts: received }) };
}

/**
 * Rule 34: what this call's clock entries expired, of lots that lapsed by `asOf`. Where there are none, an entry of
 * nothing keeps a key.
 */
export function expire(draft: Draft, asOf: number, isKeyed: boolean): Result | Nothing {
  const { entries } = draft.account;
  if (isKeyed && entries.length > 0 && entries.length === draft.from) write(draft, { type: 'expire' });
  const written = draft.account.entries.slice(draft.from);
  if (written.length === 0) return new Nothing({ kind: 'expired', amount: 0n });
  let amount = 0n;
  for (const entry of written) {
    if (entry.type !== 'expire' || entry.lot === null) continue;
    const { expiresAt } = lotOf(draft.account, entry.lot);
    if (expiresAt === null) throw new Unspecified('a lot without end lapsed');
    if (expiresAt <= asOf) amount -= entry.delta;
  }
  return { kind: 'expired', amount };
}
