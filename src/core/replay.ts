/** Rebuilds an account from its entries alone: the proof that the ledger is the whole truth. */
import type { AccountOptions, OpenGrant, OpenHold } from '../models/account.js';
import type { EntryRow } from '../models/entry.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Draw, Mutable } from '../models/values.js';
import { type Account, emptyAccount } from './account.js';
import { compareBurnOrder, lapsesLate } from './burn-down.js';
import type { GrantTerms } from './command.js';
import { nextDue } from './draft.js';
import { withoutDraws } from './draws.js';
import { PLAIN_TERMS } from './grants.js';
import { withoutExpired } from './late-usage.js';
import { newReservationRow, reservationRow } from './rows.js';
import { notePurchase } from './thresholds.js';
import { NO_TOTALS, withEntry } from './totals.js';

type Terms = Pick<GrantTerms, 'expiresAt' | 'priority'>;
type Details = {
  after?: Terms;
  grant?: GrantTerms;
  grants?: readonly GrantTerms[];
  freed?: readonly Draw[];
  final?: boolean;
  fingerprint?: string;
  options?: AccountOptions;
  planLimit?: number | null;
  planDueAt?: number | null;
  low?: readonly number[];
  reservation?: ReservationRow;
};

/** A charge after the hold's time to live: the hold's row must name it. */
export interface LateCharge {
  readonly reservationId: string;
  readonly entryId: string;
  readonly fingerprint: string | undefined;
  /**
   * The version of the hold's row. The charge wrote the row once more, unless the hold expired in this very operation.
   */
  readonly version: number;
}

interface Replayed {
  readonly account: Mutable<Account>;
  /** Every grant ever made, open or closed. */
  readonly grants: Map<string, Mutable<OpenGrant>>;
  readonly holds: Map<string, Mutable<OpenHold>>;
  readonly open: Set<string>;
  /**
   * Grants that the current operation made, reopened or updated. Its end writes their rows once, closed or not.
   */
  readonly touched: Set<string>;
  /** Rows of open holds, which are written once, when the hold is made. */
  readonly holdRows: Map<string, ReservationRow>;
  endedRows: ReservationRow[];
  /** Holds that ended in the current operation. */
  readonly endedNow: Set<string>;
  /** The instants to come at which holds were to end, also of those that have ended. */
  readonly holdEnds: Set<number>;
  lateCharges: LateCharge[];
}

/** Makes an account from its entries, one by one. It keeps the open holds and every grant of the account in memory. */
export class Replay {
  readonly #state: Replayed;
  #operationId = '';

  constructor(creditType: string, userId: string) {
    const account: Mutable<Account> = { ...emptyAccount(creditType, userId) };
    const sets = { open: new Set<string>(), touched: new Set<string>(), endedNow: new Set<string>() };
    const maps = { grants: new Map(), holds: new Map(), holdRows: new Map() };
    this.#state = { account, ...maps, ...sets, holdEnds: new Set(), endedRows: [], lateCharges: [] };
  }

  /** Takes the next entry, in the order of their sequence. Throws when the entry contradicts those before it. */
  apply(entry: EntryRow): void {
    if (this.#state.account.seq === 0) this.#state.account.createdAt = entry.at.getTime();
    // Grants close at the end of the operation that used them up.
    if (entry.operationId !== this.#operationId) {
      closeSpent(this.#state);
      this.#state.endedNow.clear();
    }
    this.#operationId = entry.operationId;
    apply(this.#state, entry);
  }

  /**
   * The account after the entries taken so far, which must end with a whole operation. Its due instant is the exact
   * one, or `storedDue` where that is one that a hold has left, see `setHolds`.
   */
  account(storedDue: number | null = null): Account {
    const { account, grants, holds, open, holdEnds } = this.#state;
    closeSpent(this.#state);
    account.grants = [...open].map((id) => grants.get(id) as OpenGrant).sort(compareBurnOrder);
    account.holds = [...holds.values()];
    const exact = nextDue(account);
    const isEarly = storedDue !== null && storedDue > account.at && (exact === null || storedDue < exact);
    account.dueAt = isEarly && holdEnds.has(storedDue) ? storedDue : exact;
    return account;
  }

  /** Every grant ever made. */
  grants(): Iterable<OpenGrant> {
    return this.#state.grants.values();
  }

  /** The rows of the holds that are open. */
  openHoldRows(): Iterable<ReservationRow> {
    return this.#state.holdRows.values();
  }

  /**
   * The rows of holds that ended since the last call, as they were before any late charge; and the late charges since
   * then.
   */
  takeEnded(): { readonly rows: readonly ReservationRow[]; readonly lateCharges: readonly LateCharge[] } {
    const { endedRows: rows, lateCharges } = this.#state;
    this.#state.endedRows = [];
    this.#state.lateCharges = [];
    return { rows, lateCharges };
  }
}

/**
 * The account after `entries`, which all belong to one account and come in the order of their sequence. Without
 * entries, an empty account.
 */
export function replay(entries: readonly EntryRow[]): Account {
  const [first] = entries;
  if (!first) return emptyAccount('', '');
  const replayed = new Replay(first.creditType, first.userId);
  for (const entry of entries) replayed.apply(entry);
  return replayed.account();
}

function apply(state: Replayed, entry: EntryRow): void {
  const { account } = state;
  const details = entry.details as Details;
  account.seq = entry.seq;
  account.hash = entry.hash;
  account.at = entry.at.getTime();
  account.balance += entry.delta;
  account.reserved += entry.reservedDelta;
  account.debt = entry.debtAfter;
  account.totals = withEntry(account.totals ?? NO_TOTALS, entry);
  switch (entry.type) {
    case 'add':
      make(state, entry, entry.grantId as string, entry.amount, details.grant as GrantTerms, 0);
      notePurchase(account, state.grants.get(entry.grantId as string) as OpenGrant);
      if (details.grant?.source === 'trial' && entry.grantId?.endsWith('-trial')) account.trialAmount = entry.amount;
      break;
    case 'transfer_in':
      for (const [place, draw] of entry.draws.entries()) {
        make(state, entry, draw.grantId, draw.amount, details.grants?.[place] as GrantTerms, place);
      }
      break;
    case 'deduct':
    case 'transfer_out':
      if (entry.reservationId && !state.holds.has(entry.reservationId)) {
        const { reservationId, id: entryId } = entry;
        const version = state.endedNow.has(reservationId) ? 2 : 3;
        state.lateCharges.push({ reservationId, entryId, fingerprint: details.fingerprint, version });
      }
      each(state, entry.draws, (grant, amount) => {
        grant.remaining -= amount;
      });
      break;
    case 'reserve':
      hold(state, entry, details.reservation as ReservationRow);
      break;
    case 'commit_reserved':
    case 'release_reserved':
    case 'expire_reserved':
      endOrCapture(state, entry, details);
      break;
    case 'extend_reserved': {
      const open = state.holds.get(entry.reservationId as string);
      if (open) open.expiresAt = noteEnd(state, details.reservation);
      break;
    }
    case 'expire':
      if (entry.grantId === null) break; // nothing was due
      each(state, [{ grantId: entry.grantId, amount: entry.amount }], (grant, amount) => {
        grant.remaining -= amount;
        grant.expired += amount;
        if (lapsesLate(grant, account.at)) grant.expiredLate = (grant.expiredLate ?? 0) + amount;
      });
      break;
    case 'reverse':
      if (entry.delta > 0) giveBack(state, entry, details);
      else takeAway(state, entry);
      break;
    case 'claw_back':
      if (entry.delta > 0) giveBack(state, entry, details, withoutRevoked);
      else takeAway(state, entry);
      break;
    case 'reinstate':
      bringBack(state, entry.draws, withoutExpired);
      break;
    case 'grant_updated':
      update(state, entry.grantId as string, details.after as Terms);
      break;
    case 'account_created':
      account.created = { fingerprint: details.fingerprint as string, entryId: entry.id };
      account.options = details.options as AccountOptions;
      break;
    case 'account_updated':
      account.options = details.options as AccountOptions;
      break;
    case 'plan_changed':
      if (details.planLimit !== undefined) account.planLimit = details.planLimit;
      if (details.planDueAt !== undefined) account.planDueAt = details.planDueAt;
      break;
    case 'activate':
      // The totals and the repaid debt say everything else.
      notePurchase(account, state.grants.get(entry.grantId as string) as OpenGrant);
      break;
    case 'payment_changed':
    case 'error':
    case 'system':
      // These move nothing; the last two stand outside any account's chain.
      break;
    default:
      entry.type satisfies never;
  }
  if (details.low) account.low = details.low.length === 0 ? null : details.low;
  each(state, entry.repaid, (grant, amount) => {
    grant.remaining -= amount;
  });
}

function make(
  state: Replayed,
  entry: EntryRow,
  id: string,
  amount: number,
  terms: Omit<GrantTerms, 'paymentId'> & { paymentId?: string | null },
  place: number,
): void {
  const at = entry.at.getTime();
  const { source, priority, expiresAt, planId, reference } = terms;
  const paid = terms.paymentId != null && { paymentId: terms.paymentId };
  const parts = { amount, remaining: amount, held: 0, expired: 0, revoked: 0, ...paid };
  const order = { effectiveAt: terms.effectiveAt ?? at, seq: entry.seq, place, createdAt: at };
  state.grants.set(id, { id, source, ...parts, priority, expiresAt, ...order, planId, reference, rowVersion: 1 });
  state.open.add(id);
  state.touched.add(id);
}

function hold(state: Replayed, entry: EntryRow, numbers: ReservationRow): void {
  const id = entry.reservationId as string;
  each(state, entry.draws, (grant, amount) => {
    grant.held += amount;
  });
  const made: OpenHold = {
    id,
    amount: entry.amount,
    committed: 0,
    draws: entry.draws,
    expiresAt: noteEnd(state, numbers),
    createdAt: entry.at.getTime(),
    planId: numbers.planId,
  };
  state.holds.set(id, made);
  state.holdRows.set(id, newReservationRow(state.account, made));
}

/** The instant at which a hold is to end. Those that have passed make room. */
function noteEnd({ account, holdEnds }: Replayed, hold: ReservationRow | undefined): number {
  for (const end of holdEnds) {
    if (end > account.at) break;
    holdEnds.delete(end);
  }
  const end = Number(hold?.expiresAt);
  holdEnds.add(end);
  return end;
}

function endOrCapture(state: Replayed, entry: EntryRow, { freed = [], final, fingerprint }: Details): void {
  const id = entry.reservationId as string;
  const open = state.holds.get(id) as Mutable<OpenHold>;
  each(state, entry.draws, (grant, amount) => {
    grant.held -= amount;
    grant.remaining -= amount;
  });
  each(state, freed, (grant, amount) => {
    grant.held -= amount;
  });
  if (final === false) {
    open.committed += entry.amount;
    open.draws = withoutDraws(open.draws, entry.draws);
    return;
  }
  state.holds.delete(id);
  state.holdRows.delete(id);
  const captured = entry.type === 'commit_reserved' ? entry.amount : 0;
  const hold = { ...open, committed: open.committed + captured };
  const left = hold.amount - hold.committed;
  const operation = entry.operation === 'commit_reserved' ? 'commit' : 'release';
  const end =
    entry.type === 'expire_reserved'
      ? ({ status: 'expired', released: 0, expired: left, closing: null } as const)
      : {
          status: hold.committed > 0 ? ('committed' as const) : ('released' as const),
          released: left,
          expired: 0,
          closing: { operation, fingerprint: fingerprint as string, entryId: entry.id },
        };
  state.endedRows.push(reservationRow(state.account, hold, end));
  state.endedNow.add(id);
}

/** Credits come back to their grants. A grant that was closed is open again. */
function bringBack(
  state: Replayed,
  draws: readonly Draw[],
  also?: (grant: OpenGrant, amount: number) => Partial<OpenGrant>,
): void {
  each(state, draws, (grant, amount, id) => {
    if (!state.open.has(id)) {
      state.open.add(id);
      state.touched.add(id);
      grant.rowVersion++;
    }
    grant.remaining += amount;
    Object.assign(grant, also?.(grant, amount));
  });
}

function update({ grants, touched }: Replayed, id: string, { expiresAt, priority }: Terms): void {
  const grant = grants.get(id) as Mutable<OpenGrant>;
  Object.assign(grant, { expiresAt, priority, rowVersion: grant.rowVersion + 1 });
  touched.add(id);
}

function giveBack(
  state: Replayed,
  entry: EntryRow,
  { grant: terms }: Details,
  also?: (grant: OpenGrant, amount: number) => Partial<OpenGrant>,
): void {
  bringBack(state, entry.draws, also);
  const adjustment = Number(entry.details.adjustment);
  if (entry.grantId) make(state, entry, entry.grantId, adjustment, terms ?? PLAIN_TERMS, 0);
}

function withoutRevoked({ revoked }: OpenGrant, amount: number): Partial<OpenGrant> {
  return { revoked: revoked - amount };
}

function takeAway(state: Replayed, entry: EntryRow): void {
  each(state, entry.draws, (grant, amount) => {
    grant.remaining -= amount;
    grant.revoked += amount;
  });
}

function closeSpent({ open, grants, touched }: Replayed): void {
  for (const id of open) {
    const grant = grants.get(id) as Mutable<OpenGrant>;
    if (grant.remaining > 0) continue;
    open.delete(id);
    if (!touched.has(id)) grant.rowVersion++;
  }
  touched.clear();
}

function each(
  { grants }: Replayed,
  draws: readonly Draw[],
  change: (grant: Mutable<OpenGrant>, amount: number, id: string) => void,
): void {
  for (const { grantId, amount } of draws) change(grants.get(grantId) as Mutable<OpenGrant>, amount, grantId);
}
