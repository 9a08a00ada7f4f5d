/** One account while an operation is being decided: its copy, the instant, and the writing of entries. */
import { Refusal } from './oracle-call.js';
import {
  type Account,
  type Allocated,
  countOpenLots,
  type Entry,
  type EntryType,
  forkAccount,
  infoOf,
  LARGEST,
  type Lot,
  lotOf,
  type Micro,
  type Part,
  type Source,
  scheduledOf,
  smaller,
  spendableLots,
  type Undo,
} from './oracle-state.js';

export interface Draft {
  readonly account: Account;
  /** The instant that the account is brought to: the operation's, or before it one of its renewals. */
  now: number;
  readonly operation: string;
  /** `seq` of the last entry before this operation. */
  readonly from: number;
  /** Most open lots an account may have (rule 9). */
  readonly openGrants: number;
  /** For how long usage may be told late (rule 13). */
  readonly lateUsageMs: number;
}

type Limits = Pick<Draft, 'openGrants' | 'lateUsageMs'>;

export interface LotTerms {
  source: Source;
  planId: string | null;
  priority: number;
  effectiveAt: number;
  expiresAt: number | null;
}

export function openDraft(stored: Account, clockNow: number, operation: string, limits: Limits): Draft {
  const now = Math.max(clockNow, stored.lastAt);
  return { account: forkAccount(stored), now, operation, from: stored.entries.length, ...limits };
}

/**
 * Rules 3 and 9, for what adds lots: the sum with everything scheduled, then the number of open lots, counted before
 * debt takes any of the new ones.
 */
export function judgeAddition(draft: Draft, amount: Micro, count: number): void {
  if (infoOf(draft.account).balance + scheduledOf(draft.account) + amount > LARGEST) {
    throw new Refusal('AMOUNT_TOO_LARGE');
  }
  if (countOpenLots(draft.account) + count > draft.openGrants) throw new Refusal('LIMIT_EXCEEDED');
}

type Writing = {
  type: EntryType;
  delta?: Micro;
  reservedDelta?: Micro;
  missing?: Micro;
  parts?: Part[];
  lot?: string | null;
  hold?: string | null;
  reverses?: number | null;
  allocated?: Allocated;
  undo?: Undo;
  at?: number;
};

/** Writes the entry for what has just been done to the account. */
export function write(draft: Draft, writing: Writing): Entry {
  const { account } = draft;
  const { balance, available, debt } = infoOf(account);
  const entry: Entry = {
    user: account.user,
    seq: account.entries.length + 1,
    type: writing.type,
    at: writing.at ?? draft.now,
    delta: writing.delta ?? 0n,
    reservedDelta: writing.reservedDelta ?? 0n,
    balanceAfter: balance,
    availableAfter: available,
    debtAfter: debt,
    missing: writing.missing ?? 0n,
    parts: writing.parts ?? [],
    lot: writing.lot ?? null,
    hold: writing.hold ?? null,
    reverses: writing.reverses ?? null,
    key: null,
    operation: draft.operation,
    allocated: writing.allocated ?? null,
    full: account.plans.limit ?? account.trialAmount ?? account.bought,
  };
  account.entries.push(entry);
  if (writing.undo) account.undos.set(entry.seq, writing.undo);
  return entry;
}

/** Makes a lot of the entry that will be written next. */
export function makeLot(draft: Draft, terms: LotTerms, amount: Micro, place = 0): Lot {
  const { account, now } = draft;
  const seq = account.entries.length + 1;
  const lot: Lot = {
    id: `${account.user}#${seq}.${place}`,
    seq,
    place,
    ...terms,
    createdAt: now,
    amount,
    free: amount,
    held: 0n,
    spent: 0n,
    expired: 0n,
    expiredOnTime: 0n,
    revoked: 0n,
    phase: terms.effectiveAt > now ? 'scheduled' : 'open',
  };
  account.lots.set(lot.id, lot);
  return lot;
}

/** Takes up to `amount` of what is free, in burn-down order; the caller says where it goes. */
export function take(lots: readonly Lot[], amount: Micro): Part[] {
  const parts: Part[] = [];
  let left = amount;
  for (const lot of lots) {
    if (left === 0n) break;
    const part = smaller(lot.free, left);
    lot.free -= part;
    left -= part;
    parts.push({ lot: lot.id, amount: part });
  }
  return parts;
}

export function markSpent(account: Account, parts: readonly Part[]): void {
  for (const part of parts) lotOf(account, part.lot).spent += part.amount;
}

/** Rule 14: whatever is free repays debt first. No entry of its own; the balance does not move. */
export function repayDebt(account: Account, at: number): Micro {
  if (account.debt === 0n) return 0n;
  const parts = take(spendableLots(account, at), account.debt);
  markSpent(account, parts);
  const repaid = parts.reduce((sum, part) => sum + part.amount, 0n);
  account.debt -= repaid;
  return repaid;
}

/** Puts parts of a hold back on their lots. */
export function giveBackHeld(account: Account, parts: readonly Part[]): void {
  for (const part of parts) {
    const lot = lotOf(account, part.lot);
    lot.held -= part.amount;
    lot.free += part.amount;
  }
}

/** Rule 18: of the parts just freed, those on lots that ended by `at` lapse at once, an entry each. */
export function lapseFreed(draft: Draft, parts: readonly Part[], at: number): void {
  for (const part of parts) {
    const lot = lotOf(draft.account, part.lot);
    if (lot.expiresAt === null || lot.expiresAt > at) continue;
    lot.free -= part.amount;
    lot.expired += part.amount;
    if (lot.expiresAt === at) lot.expiredOnTime += part.amount;
    write(draft, { type: 'expire', delta: -part.amount, lot: lot.id, at });
  }
}
