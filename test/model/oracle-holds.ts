/** Rules 17 to 20: holds. */
import { type CallOf, Refusal, Unspecified } from './oracle-call.js';
import { type Draft, giveBackHeld, lapseFreed, repayDebt, take, write } from './oracle-draft.js';
import { deduct, deductUpTo, type Limit, refuseFunds } from './oracle-spend.js';
import {
  DEFAULT_TTL_SECONDS,
  type Entry,
  type Hold,
  infoOf,
  latestEnd,
  lotOf,
  type Micro,
  type Part,
  type Result,
  smaller,
  spendableLots,
  total,
  viewHold,
} from './oracle-state.js';

export function reserve(draft: Draft, call: CallOf<'reserve'>): Result {
  const { account, now } = draft;
  if (infoOf(account).available < call.amount) refuseFunds(draft, call.amount);
  const parts = take(spendableLots(account, now), call.amount);
  for (const part of parts) lotOf(account, part.lot).held += part.amount;
  const hold: Hold = {
    id: call.label,
    amount: call.amount,
    committed: 0n,
    released: 0n,
    expired: 0n,
    parts,
    status: 'active',
    createdAt: now,
    expiresAt: now + (call.ttlSeconds ?? DEFAULT_TTL_SECONDS) * 1000,
    ended: null,
  };
  account.holds.set(hold.id, hold);
  write(draft, { type: 'reserve', reservedDelta: call.amount, parts, hold: hold.id });
  return { kind: 'hold', hold: viewHold(hold) };
}

export function release(draft: Draft, hold: Hold): Result {
  refuseEnded(hold);
  const left = hold.parts;
  hold.status = hold.committed > 0n ? 'committed' : 'released';
  hold.released += total(left);
  hold.parts = [];
  giveBackHeld(draft.account, left);
  repayDebt(draft.account, draft.now);
  write(draft, { type: 'release_reserved', reservedDelta: -total(left), hold: hold.id });
  lapseFreed(draft, left, draft.now);
  return { kind: 'hold', hold: viewHold(hold) };
}

export function extend(draft: Draft, hold: Hold, ttlSeconds: number): Result {
  refuseEnded(hold);
  hold.expiresAt = Math.max(hold.expiresAt, Math.min(draft.now + ttlSeconds * 1000, latestEnd(hold)));
  write(draft, { type: 'extend_reserved', hold: hold.id });
  return { kind: 'hold', hold: viewHold(hold) };
}

export function commit(draft: Draft, hold: Hold, call: CallOf<'commit'>, overdraft: Limit): Result {
  if (hold.status === 'expired') return chargeLate(draft, hold, call, overdraft);
  refuseEnded(hold);
  const { occurredAt } = call;
  const left = total(hold.parts);
  const final = call.final !== false;
  const amount = call.amount ?? left;
  if (amount === 0n && !final) throw new Unspecified('a part capture of nothing');
  const excess = amount - smaller(amount, left);
  let missing = 0n;
  if (excess > 0n) {
    if ((call.overage ?? 'reject') === 'reject') refuseExcess(hold, amount, left);
    if (call.overage === 'cap') [, missing] = deductUpTo(draft, excess, overdraft, { occurredAt }, hold.id, false);
    else deduct(draft, excess, call.overage === 'overdraft' ? overdraft : null, { occurredAt }, hold.id);
  }
  return capture(draft, hold, amount - excess, final, missing);
}

function capture(draft: Draft, hold: Hold, amount: Micro, final: boolean, missing: Micro): Result {
  const { account, now } = draft;
  const left = total(hold.parts);
  const [taken, rest] = split(hold.parts, amount);
  for (const part of taken) {
    const lot = lotOf(account, part.lot);
    lot.held -= part.amount;
    lot.spent += part.amount;
  }
  hold.committed += amount;
  hold.parts = final ? [] : rest;
  if (final) {
    hold.released += total(rest);
    hold.status = hold.committed > 0n ? 'committed' : 'released';
    giveBackHeld(account, rest);
    repayDebt(account, now);
  }
  const entry = write(draft, {
    type: final && hold.committed === 0n ? 'release_reserved' : 'commit_reserved',
    delta: -amount,
    missing,
    reservedDelta: final ? -left : -amount,
    parts: taken,
    hold: hold.id,
    ...(amount > 0n && { undo: { kind: 'debit' as const, parts: taken, debt: 0n } }),
  });
  if (final) lapseFreed(draft, rest, now);
  return { kind: 'entry', entry };
}

/** Rule 19, `ifExpired`: one deduction for a hold whose time has passed; the hold stays expired. */
function chargeLate(draft: Draft, hold: Hold, call: CallOf<'commit'>, overdraft: Limit): Result {
  const { ifExpired: policy = 'reject', occurredAt } = call;
  if (policy === 'reject' || hold.ended) refuseEnded(hold);
  const left = hold.expired;
  const amount = call.amount ?? left;
  if (amount === 0n || call.final === false) throw new Unspecified('a late charge of nothing, or not final');
  const overage = call.overage ?? 'reject';
  if (amount > left && overage === 'reject') refuseExcess(hold, amount, left);
  const both = amount > left ? [policy, overage] : [policy];
  if (!both.includes('charge') && both.includes('cap')) {
    const [entry] = deductUpTo(draft, amount, overdraft, { occurredAt }, hold.id, true);
    return { kind: 'entry', entry: entry as Entry };
  }
  const mayOwe = !both.includes('charge');
  return { kind: 'entry', entry: deduct(draft, amount, mayOwe ? overdraft : null, { occurredAt }, hold.id) };
}

function split(parts: readonly Part[], amount: Micro): [Part[], Part[]] {
  const taken: Part[] = [];
  const rest: Part[] = [];
  let wanted = amount;
  for (const part of parts) {
    const now = smaller(part.amount, wanted);
    wanted -= now;
    if (now > 0n) taken.push({ lot: part.lot, amount: now });
    if (now < part.amount) rest.push({ lot: part.lot, amount: part.amount - now });
  }
  return [taken, rest];
}

function refuseExcess(hold: Hold, requested: Micro, remaining: Micro): never {
  throw new Refusal('COMMIT_EXCEEDS_RESERVATION', { id: hold.id, requested, remaining });
}

function refuseEnded(hold: Hold): void {
  if (hold.status !== 'active') throw new Refusal('RESERVATION_NOT_ACTIVE', { id: hold.id, status: hold.status });
}
