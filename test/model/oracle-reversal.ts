/** Rules 15 and 38: undoing debits and additions. */
import { type CallOf, Refusal } from './oracle-call.js';
import { type Draft, lapseFreed, makeLot, repayDebt, take, write } from './oracle-draft.js';
import {
  type Entry,
  type Lot,
  lotOf,
  type Micro,
  type Part,
  type Result,
  smaller,
  spendableLots,
  total,
  type Undo,
} from './oracle-state.js';

export function reverse(draft: Draft, target: Entry, wanted: Micro | undefined): Result {
  const undo = draft.account.undos.get(target.seq);
  if (!undo) throw new Refusal('INVALID_ARGUMENT');
  const reversible = reversibleOf(draft, undo);
  const amount = wanted ?? reversible;
  if (amount === 0n || amount > reversible) throw new Refusal('ALREADY_REVERSED', { reversible });
  const entry =
    undo.kind === 'debit' ? returnDebit(draft, target, undo, amount) : takeBackAddition(draft, target, undo, amount);
  return { kind: 'entry', entry };
}

/** Takes back what is free of the lot of the entry, or a part of it; what others have is not touched. */
export function voidLot({ account, ...draft }: Draft, { lot: id }: Entry, wanted: Micro | undefined): Result {
  const lot = id === null ? undefined : account.lots.get(id);
  const target = lot && account.entries[lot.seq - 1];
  if (!target) throw new Refusal('TRANSACTION_NOT_FOUND');
  const free = lot.phase === 'lapsed' ? 0n : lot.free;
  const amount = wanted ?? free;
  if (amount === 0n || amount > free) throw new Refusal('ALREADY_REVERSED', { reversible: free });
  const undo = account.undos.get(target.seq);
  if (undo?.kind === 'addition') account.undos.set(target.seq, { ...undo, reversed: undo.reversed + amount });
  lot.free -= amount;
  lot.revoked += amount;
  const entry = write(
    { account, ...draft },
    {
      ...{ type: 'reverse', lot: lot.id, reverses: target.seq, parts: [{ lot: lot.id, amount }] },
      delta: lot.phase === 'scheduled' ? 0n : -amount,
    },
  );
  return { kind: 'entry', entry };
}

function reversibleOf(draft: Draft, undo: Undo): Micro {
  if (undo.kind === 'debit') return total(undo.parts) + undo.debt;
  const lot = lotOf(draft.account, undo.lot);
  const left = lot.amount - lot.expired - undo.reversed;
  return left > 0n ? left : 0n;
}

function returnDebit(draft: Draft, target: Entry, undo: Extract<Undo, { kind: 'debit' }>, amount: Micro): Entry {
  const { account, now } = draft;
  const forgiven = smaller(amount, smaller(undo.debt, account.debt));
  account.debt -= forgiven;
  const [returned, kept] = takeFromEnd(undo.parts, amount - forgiven);
  for (const part of returned) {
    const lot = lotOf(account, part.lot);
    lot.spent -= part.amount;
    lot.free += part.amount;
  }
  const rest = amount - forgiven - total(returned);
  let made: Lot | null = null;
  if (rest > 0n) {
    const terms = { source: 'adjustment', planId: null, priority: 50, effectiveAt: now, expiresAt: null } as const;
    made = makeLot(draft, terms, rest);
  }
  repayDebt(account, now);
  account.undos.set(target.seq, { kind: 'debit', parts: kept, debt: undo.debt - forgiven - rest });
  const entry = write(draft, {
    type: 'reverse',
    delta: amount,
    parts: returned,
    lot: made?.id ?? null,
    reverses: target.seq,
  });
  lapseFreed(draft, returned, now);
  return entry;
}

/** Last drawn first. */
function takeFromEnd(parts: readonly Part[], amount: Micro): [Part[], Part[]] {
  const returned: Part[] = [];
  const kept: Part[] = [];
  let wanted = amount;
  for (const part of [...parts].reverse()) {
    const now = smaller(part.amount, wanted);
    wanted -= now;
    if (now > 0n) returned.push({ lot: part.lot, amount: now });
    if (now < part.amount) kept.unshift({ lot: part.lot, amount: part.amount - now });
  }
  return [returned, kept];
}

function takeBackAddition(
  draft: Draft,
  target: Entry,
  undo: Extract<Undo, { kind: 'addition' }>,
  amount: Micro,
): Entry {
  const { account, now } = draft;
  const lot = lotOf(account, undo.lot);
  account.undos.set(target.seq, { ...undo, reversed: undo.reversed + amount });
  const own = smaller(lot.phase === 'lapsed' ? 0n : lot.free, amount);
  lot.free -= own;
  lot.revoked += own;
  if (lot.phase === 'scheduled') {
    return write(draft, { type: 'reverse', parts: [{ lot: lot.id, amount }], lot: lot.id, reverses: target.seq });
  }
  const others = take(spendableLots(account, now), amount - own);
  for (const part of others) lotOf(account, part.lot).revoked += part.amount;
  account.debt += amount - own - total(others);
  const ownPart = own > 0n ? [{ lot: lot.id, amount: own }] : [];
  return write(draft, {
    type: 'reverse',
    delta: -amount,
    parts: [...ownPart, ...others],
    lot: lot.id,
    reverses: target.seq,
  });
}

/** Rule 6: new terms for a lot that is open. */
export function amend(draft: Draft, target: Entry, { expiresAt, priority }: CallOf<'amend'>): Result {
  // An entry that is about no lot names none.
  if (target.lot === null) throw new Refusal('TRANSACTION_NOT_FOUND');
  const lot = lotOf(draft.account, target.lot);
  const isOpen = lot.free + lot.held > 0n && (lot.expiresAt === null || lot.expiresAt > draft.now);
  if (!isOpen) throw new Refusal('INVALID_ARGUMENT');
  const ends = expiresAt === undefined ? lot.expiresAt : expiresAt;
  if (ends !== null && ends <= Math.max(draft.now, lot.effectiveAt)) throw new Refusal('INVALID_ARGUMENT');
  lot.expiresAt = ends;
  lot.priority = priority ?? lot.priority;
  return { kind: 'entry', entry: write(draft, { type: 'grant_updated', lot: lot.id }) };
}
