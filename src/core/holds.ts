/** Reservations: made on grants in burn-down order, captured, released, extended; each ends exactly once. */
import type { OpenGrant, OpenHold } from '../models/account.js';
import type { Overage } from '../models/enums.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Draw, JsonObject } from '../models/values.js';
import { availableOf } from './account.js';
import { freeDraws, lapseAll } from './advance.js';
import type { CommandOf } from './command.js';
import { debit, debitUpTo, insufficient } from './debit.js';
import { PENDING, type Refusal, refuse, type Verdict } from './decision.js';
import {
  changeGrant,
  type Draft,
  grantIndex,
  noteDue,
  pushMovement,
  repayDebt,
  setHolds,
  takeFree,
  writeEntry,
} from './draft.js';
import { withoutDraws } from './draws.js';
import { creditsOf } from './grants.js';
import { type Scope, scopeOf, when } from './late-usage.js';
import { ACTIVE, newReservationRow, reservationRow } from './rows.js';

/** The longest life of a hold, from its creation on. */
export const HOLD_MAX_MS = 7 * 24 * 3600 * 1000;

/** The ways to charge for more than a hold has, the strictest first. */
const CHARGE_RULES = ['charge', 'cap', 'overdraft'] as const satisfies Overage[];
type ChargeRule = (typeof CHARGE_RULES)[number];

export function reserve(draft: Draft, command: CommandOf<'reserve'>): Verdict {
  const { account, context } = draft;
  const limit = context.limits.activeReservations;
  if (availableOf(account) < command.amount) return insufficient(draft, command.amount);
  if (account.holds.length >= limit) {
    const message = `The account has ${account.holds.length} active reservations; the limit is ${limit}.`;
    return refuse('LIMIT_EXCEEDED', `${message} Commit or release some first.`, { what: 'activeReservations', limit });
  }
  const { draws } = takeFree(draft, command.amount, 'hold');
  const hold: OpenHold = {
    id: command.reservationId,
    amount: command.amount,
    committed: 0,
    draws,
    expiresAt: account.at + command.ttlMs,
    createdAt: account.at,
    planId: command.planId,
  };
  account.reserved += command.amount;
  setHolds(draft, account.holds.concat(hold));
  noteDue(draft, hold.expiresAt);
  const row = newReservationRow(account, hold);
  draft.reservationWrites.push({ op: 'insert', row });
  writeEntry(draft, 'reserve', {
    amount: command.amount,
    reservedDelta: command.amount,
    draws,
    reservationId: hold.id,
    details: { reservation: snapshot(row) },
  });
  pushMovement(draft, 'credits.reserved', command.amount, null);
  return null;
}

/**
 * Captures part or all of a hold. An excess is debited first, by an entry of its own; the entry of the capture is the
 * answer.
 */
export function commitHold(draft: Draft, command: CommandOf<'commit'>): Verdict {
  const hold = draft.account.holds.find((open) => open.id === command.reservationId);
  if (!hold) return commitEnded(draft, command);
  const { account } = draft;
  const left = hold.amount - hold.committed;
  const amount = command.amount ?? left;
  const captured = Math.min(amount, left);
  const excess = amount - captured;
  let shortfall = 0;
  if (excess > 0) {
    if (command.overage === 'reject') return exceeds(draft, hold.id, amount, left);
    const scope = scopeOf(draft, { occurredAt: command.occurredAt });
    if (scope === undefined) return PENDING;
    const charged = chargeBeyond(draft, excess, command.overage, hold.id, scope);
    if (typeof charged !== 'number') return charged;
    shortfall = charged;
  }
  const { taken, rest } = splitDraws(hold.draws, captured);
  for (const { grantId, amount: part } of taken) {
    const i = grantIndex(draft, grantId);
    const grant = account.grants[i] as OpenGrant;
    changeGrant(draft, i, { held: grant.held - part, remaining: grant.remaining - part });
  }
  account.balance -= captured;
  account.reserved -= captured;
  const next: OpenHold = { ...hold, committed: hold.committed + captured, draws: rest };
  if (!command.final) {
    const others = account.holds.map((open) => (open === hold ? next : open));
    setHolds(draft, others);
    const row = reservationRow(account, next, ACTIVE);
    const own = { final: false, fingerprint: command.fingerprint, reservation: snapshot(row) };
    const details = { ...own, ...more(draft, shortfall, command.occurredAt) };
    const [delta, reservationId] = [-captured, hold.id];
    const entry = { amount: captured, delta, reservedDelta: delta, draws: taken, reservationId, details };
    writeEntry(draft, 'commit_reserved', entry);
    draft.mainEntry = draft.entries.length - 1;
    pushMovement(draft, 'credits.committed', captured, null);
  } else endHold(draft, hold, next, taken, shortfall, command);
  if (captured > 0) pushMovement(draft, 'credits.deducted', captured, null);
  tellShortfall(draft, shortfall);
  return null;
}

/**
 * Charges the account for cost above its hold. Answers the units that are missing, which only `cap` lets be. An entry
 * with details answers the call.
 */
function chargeBeyond(
  draft: Draft,
  excess: number,
  overage: ChargeRule,
  reservationId: string,
  scope: Scope | null,
  details?: JsonObject,
): number | Refusal {
  const entry = { type: 'deduct', reservationId, details } as const;
  if (overage === 'cap') {
    const missing = debitUpTo(draft, excess, entry, details !== undefined, scope);
    if (missing < excess) pushMovement(draft, 'credits.deducted', excess - missing, null);
    return missing;
  }
  const refusal = debit(draft, excess, overage === 'overdraft' ? 'limited' : 'none', entry, scope);
  if (refusal) return refusal;
  pushMovement(draft, 'credits.deducted', excess, null);
  return 0;
}

function tellShortfall(draft: Draft, shortfall: number): void {
  if (shortfall > 0) pushMovement(draft, 'credits.shortfall', shortfall, null);
}

/** The details that few settlements have. */
function more(draft: Draft, shortfall: number, occurredAt: number | undefined): JsonObject {
  return { ...when(draft, occurredAt), ...(shortfall > 0 && { shortfall }) };
}

export function releaseHold(draft: Draft, command: CommandOf<'release'>): Verdict {
  const hold = draft.account.holds.find((open) => open.id === command.reservationId);
  if (!hold) {
    const row = endedRow(draft, command.reservationId);
    if (!row) return row === undefined ? PENDING : notFound(command.reservationId);
    return repeats(row.closing, command) ?? notActive(row);
  }
  endHold(draft, hold, hold, [], 0, command);
  return null;
}

/** Moves the end of a hold to now + TTL: never earlier than it was, never later than 7 days after its creation. */
export function extendHold(draft: Draft, command: CommandOf<'extend'>): Verdict {
  const { account } = draft;
  const hold = account.holds.find((open) => open.id === command.reservationId);
  if (!hold) {
    const row = endedRow(draft, command.reservationId);
    if (!row) return row === undefined ? PENDING : notFound(command.reservationId);
    return notActive(row);
  }
  const wanted = Math.max(hold.expiresAt, account.at + command.ttlMs);
  const next = { ...hold, expiresAt: Math.min(wanted, hold.createdAt + HOLD_MAX_MS) };
  const others = account.holds.map((open) => (open === hold ? next : open));
  setHolds(draft, others);
  const row = reservationRow(account, next, ACTIVE);
  const details = { reservation: snapshot(row) };
  writeEntry(draft, 'extend_reserved', { amount: 0, reservationId: hold.id, details });
  return null;
}

/** Ends a hold. The rest of it is freed; freed credits repay debt, or lapse where their grant has expired meanwhile. */
function endHold(
  draft: Draft,
  hold: OpenHold,
  next: OpenHold,
  taken: readonly Draw[],
  shortfall: number,
  command: CommandOf<'commit'> | CommandOf<'release'>,
): void {
  const { account } = draft;
  const captured = next.committed - hold.committed;
  const released = next.amount - next.committed;
  account.reserved -= released;
  const remaining = account.holds.filter((open) => open !== hold);
  setHolds(draft, remaining);
  const lapsed = freeDraws(draft, next.draws);
  const repaid = repayDebt(draft, next.draws, lapsed);
  const status = next.committed > 0 ? 'committed' : 'released';
  const closing = { operation: command.type, fingerprint: command.fingerprint, entryId: draft.baseId };
  const row = reservationRow(account, next, { status, released, expired: 0, closing });
  draft.reservationWrites.push({ op: 'replace', row });
  const type = command.type === 'commit' && status === 'committed' ? 'commit_reserved' : 'release_reserved';
  const freed = next.draws.map(({ grantId, amount }) => ({ amount, grantId }));
  const own = { final: true, fingerprint: command.fingerprint, freed, reservation: snapshot(row) };
  const occurredAt = command.type === 'commit' ? command.occurredAt : undefined;
  const details = shortfall > 0 || occurredAt !== undefined ? { ...own, ...more(draft, shortfall, occurredAt) } : own;
  const reservedDelta = -(captured + released);
  const amount = command.type === 'release' ? released : captured;
  const reservationId = hold.id;
  writeEntry(draft, type, { amount, delta: -captured, reservedDelta, draws: taken, repaid, reservationId, details });
  draft.mainEntry = draft.entries.length - 1;
  if (type === 'commit_reserved') pushMovement(draft, 'credits.committed', amount, null);
  else pushMovement(draft, 'credits.released', released, null);
  lapseAll(draft, withoutDraws(lapsed, repaid));
}

/** Answers a commit that finds the hold ended: it repeats the same final call, or charges after the time to live. */
function commitEnded(draft: Draft, command: CommandOf<'commit'>): Verdict {
  const row = endedRow(draft, command.reservationId);
  if (!row) return row === undefined ? PENDING : notFound(command.reservationId);
  const again = repeats(row.closing, command) ?? repeats(row.lateCharge, command);
  if (again) return again;
  if (row.status !== 'expired' || command.ifExpired === 'reject' || row.lateCharge) return notActive(row);
  const amount = command.amount ?? row.expired;
  if (amount === 0) return notActive(row);
  const above = amount > row.expired;
  if (above && command.overage === 'reject') return exceeds(draft, row.id, amount, row.expired);
  const how = above ? stricter(command.ifExpired, command.overage as ChargeRule) : command.ifExpired;
  const scope = scopeOf(draft, { occurredAt: command.occurredAt });
  if (scope === undefined) return PENDING;
  const shortfall = chargeBeyond(draft, amount, how, row.id, scope, { fingerprint: command.fingerprint });
  if (typeof shortfall !== 'number') return shortfall;
  const lateCharge = { operation: command.type, fingerprint: command.fingerprint, entryId: draft.baseId };
  const { reservationWrites } = draft;
  const i = reservationWrites.findIndex((write) => write.row.id === row.id);
  if (i >= 0) reservationWrites[i] = { op: 'replace', row: { ...row, lateCharge } };
  else reservationWrites.push({ op: 'replace', row: { ...row, version: row.version + 1, lateCharge } });
  tellShortfall(draft, shortfall);
  return null;
}

function stricter(a: ChargeRule, b: ChargeRule): ChargeRule {
  return CHARGE_RULES.find((rule) => rule === a || rule === b) as ChargeRule;
}

/** The row of a hold that is no longer open. A hold that expired in this very operation has its row in the draft. */
function endedRow(draft: Draft, id: string): ReservationRow | null | undefined {
  const expired = draft.reservationWrites.find((write) => write.row.id === id);
  const row = expired ? expired.row : draft.context.facts.row('reservation', id);
  // The row is active, but the account has no such hold any more: the row was read before the account, so read it
  // again.
  return row?.status === 'active' ? undefined : row;
}

function repeats(call: ReservationRow['closing'], command: { type: string; fingerprint: string }): Verdict {
  if (!call || call.operation !== command.type || call.fingerprint !== command.fingerprint) return null;
  return { kind: 'repeated', entryId: call.entryId };
}

function splitDraws(draws: readonly Draw[], amount: number): { taken: readonly Draw[]; rest: readonly Draw[] } {
  const taken: Draw[] = [];
  const rest: Draw[] = [];
  let left = amount;
  for (const draw of draws) {
    const part = Math.min(draw.amount, left);
    left -= part;
    if (part > 0) taken.push({ grantId: draw.grantId, amount: part });
    if (part < draw.amount) rest.push({ grantId: draw.grantId, amount: draw.amount - part });
  }
  return { taken, rest };
}

/**
 * The hold as its entry keeps it, so that repeating the call answers the same. Here and in other details the keys have
 * the order of the canonical text, which spares a copy of them.
 */
function snapshot(row: ReservationRow): JsonObject {
  return {
    amount: row.amount,
    committed: row.committed,
    createdAt: row.createdAt.getTime(),
    expired: row.expired,
    expiresAt: row.expiresAt.getTime(),
    planId: row.planId,
    released: row.released,
    status: row.status,
  };
}

function exceeds(draft: Draft, id: string, amount: number, left: number): Refusal {
  const requested = creditsOf(draft, amount);
  const remaining = creditsOf(draft, left);
  const message = `${requested} credits exceed the ${remaining} left on the reservation.`;
  const advice = "Commit less, or allow the excess with overage: 'charge', 'overdraft' or 'cap'.";
  return refuse('COMMIT_EXCEEDS_RESERVATION', `${message} ${advice}`, { id, requested, remaining });
}

function notActive(row: ReservationRow): Refusal {
  const status = row.status as 'committed' | 'released' | 'expired';
  return refuse('RESERVATION_NOT_ACTIVE', `The reservation is ${status}; that is final.`, { id: row.id, status });
}

function notFound(id: string): Refusal {
  return refuse('RESERVATION_NOT_FOUND', 'There is no reservation with this id.', { id });
}
