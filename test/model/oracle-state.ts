/**
 * What the oracle knows: accounts with lots, holds, entries, all amounts bigint micro-units, all instants epoch
 * milliseconds. Written from the rules alone; nothing of `src` is used here, on purpose.
 */

import { NO_PLANS, type Plans } from './oracle-plans.js';

export type Micro = bigint;

export const MICRO = 1_000_000n;
/** Rule 3: the largest amount of one operation, and of balance, debt and holds of one account. */
export const LARGEST: Micro = 2n ** 51n;
export const DEFAULT_TTL_SECONDS = 900;
export const LONGEST_TTL_SECONDS = 604_800;

export type Source = 'purchase' | 'promo' | 'subscription' | 'trial' | 'refund' | 'adjustment' | 'other';
export type Overage = 'reject' | 'charge' | 'overdraft' | 'cap';
export type HoldStatus = 'active' | 'committed' | 'released' | 'expired';
export type EntryType =
  | 'add'
  | 'deduct'
  | 'expire'
  | 'reserve'
  | 'commit_reserved'
  | 'release_reserved'
  | 'extend_reserved'
  | 'expire_reserved'
  | 'activate'
  | 'reinstate'
  | 'grant_updated'
  | 'transfer_in'
  | 'transfer_out'
  | 'reverse'
  | 'account_created'
  | 'account_updated'
  | 'plan_changed';

/** What a lot is granted for that plans and cycles allocate. */
export type Allocated = 'period' | 'rollover' | 'rest' | 'cycle';

export type Part = { lot: string; amount: Micro };

export interface Lot {
  /** `<user>#<seq>.<place>`: what makes a lot's identity in any implementation. */
  id: string;
  seq: number;
  place: number;
  source: Source;
  planId: string | null;
  priority: number;
  effectiveAt: number;
  expiresAt: number | null;
  createdAt: number;
  amount: Micro;
  free: Micro;
  held: Micro;
  spent: Micro;
  expired: Micro;
  /** Of it what was free at the end, when no hold had it and before any reversal. */
  expiredOnTime: Micro;
  revoked: Micro;
  phase: 'scheduled' | 'open' | 'lapsed';
}

export interface Hold {
  /** The label of the call that made it. */
  id: string;
  amount: Micro;
  committed: Micro;
  released: Micro;
  expired: Micro;
  parts: Part[];
  status: HoldStatus;
  createdAt: number;
  expiresAt: number;
  /** The call that ended it, and what it answered; for an expired hold the one late charge. */
  ended: { input: string; result: Result } | null;
}

export interface Entry {
  user: string;
  seq: number;
  type: EntryType;
  at: number;
  delta: Micro;
  reservedDelta: Micro;
  balanceAfter: Micro;
  availableAfter: Micro;
  debtAfter: Micro;
  /** What a settlement could not charge. */
  missing: Micro;
  parts: Part[];
  /** The lot made, activated or lapsed; the entry type says which. */
  lot: string | null;
  hold: string | null;
  /** `seq` of the reversed entry. */
  reverses: number | null;
  key: string | null;
  operation: string;
  allocated: Allocated | null;
  /** What a threshold in percent was of when the entry was written. */
  full: Micro | null;
}

/** What of a reversible entry has not been undone yet. */
export type Undo = { kind: 'debit'; parts: Part[]; debt: Micro } | { kind: 'addition'; lot: string; reversed: Micro };

export interface Info {
  balance: Micro;
  reserved: Micro;
  available: Micro;
  debt: Micro;
}

export interface HoldView {
  id: string;
  amount: Micro;
  committed: Micro;
  released: Micro;
  remaining: Micro;
  status: HoldStatus;
  createdAt: number;
  expiresAt: number;
}

export type Result =
  | { kind: 'entry'; entry: Entry }
  | { kind: 'hold'; hold: HoldView }
  | { kind: 'transfer'; out: Entry; in: Entry }
  | { kind: 'expired'; amount: Micro }
  | { kind: 'info'; info: Info; at: number }
  /** Of a call of plans: what is seen of it, with names for ids; what it granted of all types, and of its own. */
  | { kind: 'plan'; value: Readonly<Record<string, unknown>>; total?: Micro; own?: Micro };

export interface Account {
  /** Its name: see account-names.ts. */
  user: string;
  lots: Map<string, Lot>;
  holds: Map<string, Hold>;
  debt: Micro;
  entries: Entry[];
  undos: Map<number, Undo>;
  keys: Map<string, { input: string; result: Result }>;
  /** Instant of the last applied operation. */
  lastAt: number;
  overdraftLimit: Micro | 'unlimited' | null;
  trialAmount: Micro | null;
  /** The last addition that was paid for, by no plan. */
  bought: Micro | null;
  plans: Plans;
  created: { input: string; result: Result } | null;
}

export function emptyAccount(user: string): Account {
  return {
    user,
    lots: new Map(),
    holds: new Map(),
    debt: 0n,
    entries: [],
    undos: new Map(),
    keys: new Map(),
    lastAt: Number.NEGATIVE_INFINITY,
    overdraftLimit: null,
    trialAmount: null,
    bought: null,
    plans: NO_PLANS,
    created: null,
  };
}

/**
 * A copy to decide on: a refusal throws it away. Entries, undos, keys and the parts of holds are never edited in
 * place.
 */
export function forkAccount(account: Account): Account {
  const lots = new Map<string, Lot>();
  for (const [id, lot] of account.lots) lots.set(id, { ...lot });
  const holds = new Map<string, Hold>();
  for (const [id, hold] of account.holds) holds.set(id, hold.status === 'active' ? { ...hold } : hold);
  return {
    ...account,
    lots,
    holds,
    entries: account.entries.slice(),
    undos: new Map(account.undos),
    keys: new Map(account.keys),
  };
}

export function smaller(a: Micro, b: Micro): Micro {
  return a < b ? a : b;
}

export function total(parts: readonly Part[]): Micro {
  let sum = 0n;
  for (const part of parts) sum += part.amount;
  return sum;
}

export function infoOf(account: Account): Info {
  let balance = -account.debt;
  let reserved = 0n;
  for (const lot of account.lots.values()) if (lot.phase !== 'scheduled') balance += lot.free + lot.held;
  for (const hold of account.holds.values()) if (hold.status === 'active') reserved += total(hold.parts);
  return { balance, reserved, available: balance - reserved, debt: account.debt };
}

export function viewHold(hold: Hold): HoldView {
  const { id, amount, committed, status, createdAt, expiresAt } = hold;
  // What an expiry gave back shows as released.
  const released = hold.released + hold.expired;
  return { id, amount, committed, released, remaining: total(hold.parts), status, createdAt, expiresAt };
}

/** Notes a purchase outside of plans: without plan and trial, a threshold in percent is a part of the last one. */
export function noteBought(account: Account, { source, planId, amount }: Lot): void {
  const isPlans = source === 'subscription' && planId !== null;
  if (!isPlans && ['purchase', 'other', 'subscription'].includes(source)) account.bought = amount;
}

export function isFreeOfCharge(source: Source): boolean {
  return source === 'promo' || source === 'trial';
}

/** Rule 7 as a list of ranks, compared one after the other. */
function ranks(lot: Lot): number[] {
  return [
    lot.priority,
    lot.expiresAt ?? Number.POSITIVE_INFINITY,
    isFreeOfCharge(lot.source) ? 0 : 1,
    lot.effectiveAt,
    lot.seq,
    lot.place,
  ];
}

export function inBurnDownOrder(lots: Iterable<Lot>): Lot[] {
  return [...lots]
    .map((lot) => ({ lot, rank: ranks(lot) }))
    .sort((a, b) => {
      for (const [i, left] of a.rank.entries()) {
        const right = b.rank[i] ?? 0;
        if (left !== right) return left < right ? -1 : 1;
      }
      return 0;
    })
    .map(({ lot }) => lot);
}

/** Rule 9: effective, not lapsed at `at`, and neither held nor used up. */
export function spendableLots(account: Account, at: number): Lot[] {
  const lots: Lot[] = [];
  for (const lot of account.lots.values()) {
    if (lot.phase === 'open' && lot.free > 0n && (lot.expiresAt === null || lot.expiresAt > at)) lots.push(lot);
  }
  return inBurnDownOrder(lots);
}

export function lotOf(account: Account, id: string): Lot {
  const lot = account.lots.get(id);
  if (!lot) throw new Error(`The oracle lost lot ${id}.`);
  return lot;
}

export function latestEnd(hold: Hold): number {
  return hold.createdAt + LONGEST_TTL_SECONDS * 1000;
}

export function scheduledOf(account: Account): Micro {
  let sum = 0n;
  for (const lot of account.lots.values()) if (lot.phase === 'scheduled') sum += lot.free;
  return sum;
}

/** Lots that count towards the limit of open grants: anything left on them, scheduled ones included. */
export function countOpenLots(account: Account): number {
  let count = 0;
  for (const lot of account.lots.values()) if (lot.free + lot.held > 0n) count += 1;
  return count;
}

export function countActiveHolds(account: Account): number {
  let count = 0;
  for (const hold of account.holds.values()) if (hold.status === 'active') count += 1;
  return count;
}
