/**
 * The work sheet of one operation on one account: a copy that decisions change, and the records that go with it.
 * A draft that ends in a refusal is dropped, so nothing outside ever sees a half-made change.
 */
import type { OpenGrant, OpenHold } from '../models/account.js';
import type { EntryRow, EntryType } from '../models/entry.js';
import { type CreditEventType, type MovementType, onDemandTypes } from '../models/events.js';
import type { GrantRow } from '../models/grant.js';
import type { ReservationRow } from '../models/reservation.js';
import type { Draw, JsonObject, Mutable } from '../models/values.js';
import { type Account, accountCopy } from './account.js';
import { compareBurnOrder, freePart, isSpendable, lapsesLate } from './burn-down.js';
import type { CallInfo, GrantTerms } from './command.js';
import type { Context, RowWrite, SideWrite } from './decision.js';
import { grantCopy, grantMade } from './open-grant.js';
import { withEntry } from './totals.js';

interface PendingOf<K extends string> {
  readonly kind: K;
  readonly type: CreditEventType;
  /** Index of the entry it belongs to. */
  readonly entry: number;
  readonly more: JsonObject;
}

/** An event before its entry has an id; amounts in units. */
export type PendingEvent =
  | (PendingOf<'movement'> & Totals & { readonly amount: number; readonly reference: string | null })
  | (PendingOf<'crossing'> & Totals & { readonly previousBalance: number } & Partial<Level>)
  | (PendingOf<'creation'> & Totals)
  | PendingOf<'payment'>
  /** It comes before the entry that is written next, and has an instant of its own. */
  | (PendingOf<'subscription'> & { readonly at: number });

/** A threshold, and its place among those of the account, from 1 for the highest. */
interface Level {
  readonly threshold: number;
  readonly level: number;
}

interface Totals {
  readonly balance: number;
  readonly available: number;
}

export type DraftEntry = Mutable<EntryRow>;

export interface Draft {
  readonly account: Mutable<Account>;
  /** The account before the operation. */
  readonly opened: Account;
  readonly context: Context;
  readonly call: CallInfo;
  /** The id of the operation's own entry on this account. Its other entries and its grants derive their ids from it. */
  readonly baseId: string;
  entries: DraftEntry[];
  /** The index of the entry that answers the call; negative for the last entry. */
  mainEntry: number;
  readonly events: PendingEvent[];
  /** Available credits when the crossings were last judged. */
  judged: number;
  judgedBalance: number;
  /** The rows of grants that this operation made or reopened: it writes each at this version, 1 for a new grant. */
  touchedGrants: Map<string, number> | null;
  readonly grantWrites: RowWrite<GrantRow>[];
  readonly reservationWrites: RowWrite<ReservationRow>[];
  readonly sideWrites: SideWrite[];
  /** Whether entries written now carry the caller's fields (description, actor …); false for entries of the clock. */
  own: boolean;
  grantsCopied: boolean;
  grantsMade: number;
  /** The sequence of the entry that grants are being made for; `places` counts these grants. */
  placedSeq: number;
  places: number;
  /** Whether grants or holds changed in a way that may move the next due instant. */
  dueChanged: boolean;
}

const NO_DRAWS: readonly Draw[] = Object.freeze([]);
const NO_DETAILS: JsonObject = Object.freeze({});

export function openDraft(account: Account, context: Context, call: CallInfo, baseId: string): Draft {
  return {
    account: accountCopy(account),
    opened: account,
    context,
    call,
    baseId,
    entries: [],
    mainEntry: -1,
    events: [],
    judged: account.balance - account.reserved,
    judgedBalance: account.balance,
    touchedGrants: null,
    grantWrites: [],
    reservationWrites: [],
    sideWrites: [],
    own: false,
    grantsCopied: false,
    grantsMade: 0,
    placedSeq: 0,
    places: 0,
    dueChanged: false,
  };
}

/** The fields of an entry beyond the totals, which are read off the account as it stands. */
interface EntryFields {
  amount: number;
  delta?: number;
  reservedDelta?: number;
  draws?: readonly Draw[];
  repaid?: readonly Draw[];
  grantId?: string | null;
  reservationId?: string | null;
  reverses?: string | null;
  details?: JsonObject;
}

const MESSAGES: Record<EntryType, string> = {
  add: 'Credits added',
  deduct: 'Credits deducted',
  expire: 'Credits expired',
  reserve: 'Credits reserved',
  commit_reserved: 'Reserved credits committed',
  release_reserved: 'Reserved credits released',
  extend_reserved: 'Reservation extended',
  expire_reserved: 'Reservation expired',
  activate: 'Scheduled credits became effective',
  reinstate: 'Expired credits brought back for late usage',
  transfer_in: 'Credits received',
  transfer_out: 'Credits sent',
  reverse: 'Transaction reversed',
  claw_back: 'Credits clawed back',
  grant_updated: 'Grant updated',
  account_created: 'Account created',
  account_updated: 'Account updated',
  plan_changed: 'Plan changed',
  payment_changed: 'Payment changed',
  error: 'Refused',
  system: 'System',
};

/** Appends an entry with the account's totals as they are now. Ids, sequence and hash follow when it is sealed. */
export function writeEntry(draft: Draft, type: EntryType, fields: EntryFields): DraftEntry {
  const { account, call, own } = draft;
  const entry: DraftEntry = {
    id: '',
    version: 1,
    eventType: 'transaction',
    type,
    operation: call.operation,
    operationId: call.operationId,
    account: account.key,
    userId: account.userId,
    creditType: account.creditType,
    seq: 0,
    at: new Date(account.at),
    amount: fields.amount,
    // Adding 0 turns −0, the negation of nothing, into a plain 0.
    delta: (fields.delta ?? 0) + 0,
    reservedDelta: (fields.reservedDelta ?? 0) + 0,
    balanceAfter: account.balance,
    availableAfter: account.balance - account.reserved,
    debtAfter: account.debt,
    draws: fields.draws ?? NO_DRAWS,
    repaid: fields.repaid ?? NO_DRAWS,
    grantId: fields.grantId ?? null,
    reservationId: fields.reservationId ?? null,
    reverses: fields.reverses ?? null,
    message: MESSAGES[type],
    description: own ? call.description : null,
    actor: own ? call.actor : null,
    reason: own ? call.reason : null,
    correlationId: own ? call.correlationId : null,
    idempotencyKey: null,
    scopedKey: null,
    fingerprint: null,
    metadata: own ? call.metadata : NO_DETAILS,
    details: fields.details ?? NO_DETAILS,
    prev: null,
    hash: null,
  };
  if (account.totals !== null) account.totals = withEntry(account.totals, entry);
  // Most operations write one entry: a new list of one is cheaper than a list that grows.
  if (draft.entries.length === 0) draft.entries = [entry];
  else draft.entries.push(entry);
  return entry;
}

type Parts = Partial<Pick<OpenGrant, 'remaining' | 'held' | 'expired' | 'expiredLate' | 'revoked'>>;

/** Replaces the grant at position `i` by a copy with these parts. The copy is frozen, so that stores may share it. */
export function changeGrant(draft: Draft, i: number, parts: Parts): void {
  const grants = ownGrants(draft);
  const copy = grantCopy(grants[i] as OpenGrant);
  if (parts.remaining !== undefined) copy.remaining = parts.remaining;
  if (parts.held !== undefined) copy.held = parts.held;
  if (parts.expired !== undefined) copy.expired = parts.expired;
  if (parts.revoked !== undefined) copy.revoked = parts.revoked;
  if (parts.expiredLate !== undefined) copy.expiredLate = parts.expiredLate;
  grants[i] = Object.freeze(copy);
}

/** Notes that the grant's row must be written at this version. */
export function touchGrant(draft: Draft, grantId: string, version: number): void {
  draft.touchedGrants ??= new Map();
  draft.touchedGrants.set(grantId, version);
}

export function grantIndex(draft: Draft, grantId: string): number {
  const { grants } = draft.account;
  for (let i = 0; i < grants.length; i++) if (grants[i]?.id === grantId) return i;
  return -1;
}

/** Puts a grant into its place in burn-down order and returns it. */
export function insertGrant(draft: Draft, made: OpenGrant): OpenGrant {
  const grants = ownGrants(draft);
  const grant = grantMade(made);
  let i = grants.length;
  while (i > 0 && compareBurnOrder(grants[i - 1] as OpenGrant, grant) > 0) i--;
  grants.splice(i, 0, grant);
  draft.dueChanged = true;
  return grant;
}

/** Gives the grant at position `i` other terms, and with them its own place in burn-down order. */
export function replaceGrant(draft: Draft, i: number, terms: Partial<OpenGrant>): void {
  const [grant] = ownGrants(draft).splice(i, 1);
  insertGrant(draft, Object.assign(grantCopy(grant as OpenGrant), terms));
}

/** Makes a grant that belongs to the entry written next. It counts in the balance from its effective instant on. */
export function makeGrant(draft: Draft, amount: number, terms: GrantTerms, suffix = ''): OpenGrant {
  const { account } = draft;
  const number = suffix ? 0 : draft.grantsMade++;
  const id = `g-${draft.baseId}${suffix}${number === 0 ? '' : `.${number}`}`;
  const seq = account.seq + draft.entries.length + 1;
  // Grants of one entry are numbered in the order in which they are made.
  const place = draft.placedSeq === seq ? draft.places++ : 0;
  if (draft.placedSeq !== seq) [draft.placedSeq, draft.places] = [seq, 1];
  touchGrant(draft, id, 1);
  const grant: OpenGrant = {
    id,
    source: terms.source,
    amount,
    remaining: amount,
    held: 0,
    expired: 0,
    revoked: 0,
    priority: terms.priority,
    effectiveAt: terms.effectiveAt ?? account.at,
    expiresAt: terms.expiresAt,
    seq,
    place,
    createdAt: account.at,
    planId: terms.planId,
    ...(terms.paymentId !== null && { paymentId: terms.paymentId }),
    reference: terms.reference,
    rowVersion: 1,
  };
  if (isSpendable(grant, account.at)) account.balance += amount;
  return insertGrant(draft, grant);
}

/**
 * Takes up to `amount` from free spendable parts in burn-down order: `spend` uses them up, `hold` pins them, `revoke`
 * takes them back. The caller changes the balance and the reserved credits. `late` names grants that have lapsed, of
 * which the free part may be taken all the same.
 */
export function takeFree(
  draft: Draft,
  amount: number,
  how: 'spend' | 'hold' | 'revoke',
  only?: (grant: OpenGrant) => boolean,
  late?: readonly Draw[],
): { draws: readonly Draw[]; taken: number } {
  const now = draft.account.at;
  let draws: Draw[] = [];
  let left = amount;
  for (let i = 0; i < draft.account.grants.length && left > 0; i++) {
    const grant = draft.account.grants[i] as OpenGrant;
    const free = freePart(grant);
    if (free <= 0 || (only && !only(grant))) continue;
    if (!isSpendable(grant, now) && !late?.some(({ grantId }) => grantId === grant.id)) continue;
    const part = Math.min(free, left);
    left -= part;
    const draw = Object.freeze({ grantId: grant.id, amount: part });
    if (draws.length === 0) draws = [draw];
    else draws.push(draw);
    if (how === 'hold') changeGrant(draft, i, { held: grant.held + part });
    else if (how === 'spend') changeGrant(draft, i, { remaining: grant.remaining - part });
    else changeGrant(draft, i, { remaining: grant.remaining - part, revoked: grant.revoked + part });
    if (part === free) draft.dueChanged = true;
  }
  return { draws: Object.freeze(draws), taken: amount - left };
}

/**
 * Repays debt first, with new credits or with those that a hold or a reversal frees. The balance stays the same: there
 * is less debt, and less in the grants. `lapsed` names freed credits of grants that have ended: bought ones still pay,
 * as the debt may be that of their own refund.
 */
export function repayDebt(draft: Draft, freed?: readonly Draw[], lapsed: readonly Draw[] = NO_DRAWS): readonly Draw[] {
  if (draft.account.debt === 0) return NO_DRAWS;
  // When the clock frees credits, these alone pay: grants that become effective at the same instant must not pay yet.
  const only = freed && ((grant: OpenGrant) => freed.some((draw) => draw.grantId === grant.id));
  const late = lapsed.filter(({ grantId }) => draft.account.grants[grantIndex(draft, grantId)]?.paymentId != null);
  const { draws, taken } = takeFree(draft, draft.account.debt, 'spend', only, late);
  draft.account.debt -= taken;
  return draws;
}

/**
 * Lapses `part` of a grant, all of its free part or only credits that were just freed, and writes one `expire` entry.
 */
export function lapse(draft: Draft, grantId: string, part: number): void {
  const i = grantIndex(draft, grantId);
  const grant = draft.account.grants[i] as OpenGrant;
  const late = lapsesLate(grant, draft.account.at) ? { expiredLate: (grant.expiredLate ?? 0) + part } : null;
  changeGrant(draft, i, { remaining: grant.remaining - part, expired: grant.expired + part, ...late });
  draft.account.balance -= part;
  draft.dueChanged = true;
  writeEntry(draft, 'expire', { amount: part, delta: -part, grantId });
  pushMovement(draft, 'credits.expired', part, null, NO_DETAILS, draft.entries.length - 1);
}

/** The index of the entry that answers the call: the one that was set, else the last. */
export function mainIndex(draft: Draft): number {
  return draft.mainEntry < 0 ? draft.entries.length - 1 : draft.mainEntry;
}

/** Announces credits that moved. The event points at the operation's own entry, or at the one given. */
export function pushMovement(
  draft: Draft,
  type: MovementType,
  amount: number,
  reference: string | null,
  more: JsonObject = NO_DETAILS,
  entry = mainIndex(draft),
): void {
  if (!draft.context.allEvents && onDemandTypes.has(type)) return;
  const { balance, reserved } = draft.account;
  const available = balance - reserved;
  draft.events.push({ kind: 'movement', type, entry, amount, balance, available, reference, more });
}

/**
 * The due instant of the account stays as it is where a hold ends, or will end later: until it comes it is earlier than
 * need be. Most holds end long before their time, and a due instant that moves to and fro with each of them costs a
 * database an entry in every index of accounts.
 */
export function setHolds({ account }: Draft, holds: readonly OpenHold[]): void {
  for (const hold of holds) Object.freeze(hold);
  account.holds = Object.freeze(holds);
}

/** Notes that time changes something at `at`. */
export function noteDue({ account }: Draft, at: number): void {
  if (account.dueAt === null || at < account.dueAt) account.dueAt = at;
}

/** The next instant at which time alone changes something, or null. */
export function nextDue(account: Account): number | null {
  let due = Number.POSITIVE_INFINITY;
  for (const grant of account.grants) {
    if (grant.effectiveAt > account.at) {
      if (grant.effectiveAt < due) due = grant.effectiveAt;
    } else if (grant.expiresAt !== null && grant.expiresAt < due && freePart(grant) > 0) due = grant.expiresAt;
  }
  for (const hold of account.holds) if (hold.expiresAt < due) due = hold.expiresAt;
  return due === Number.POSITIVE_INFINITY ? null : due;
}

function ownGrants(draft: Draft): OpenGrant[] {
  if (!draft.grantsCopied) {
    // A slice of a frozen list is far slower.
    draft.account.grants = [...draft.account.grants];
    draft.grantsCopied = true;
  }
  return draft.account.grants as OpenGrant[];
}
