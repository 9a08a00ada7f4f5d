/**
 * Payments: the row, its messages, the grant of what was paid, and the claw-back of what went back, all in the one
 * commit that decides them. A message is applied once, by its id; and because the state of a payment is a function of
 * the set of its events, a message whose row was deleted long ago does no harm either.
 */

import type { CreditEventType } from '../models/events.js';
import { type PaymentMessageRow, type PaymentRow, providerKey } from '../models/payment.js';
import type { JsonObject } from '../models/values.js';
import { toCredits } from './amounts.js';
import { fingerprintOf } from './canonical-json.js';
import type { CommandOf, InboxMessage, NewPayment } from './command.js';
import { type Facts, PENDING, refuse, type Verdict } from './decision.js';
import { type Draft, mainIndex, writeEntry } from './draft.js';
import { addGrant, announceGrant, PLAIN_TERMS } from './grants.js';
import { toMajor } from './money.js';
import { settledElsewhere } from './payment-credits.js';
import { giveBack, note, takeBack } from './payment-returns.js';
import { bringsMoney, dueOf, isPaid, mismatchOf, type Payment, takeEvent, takeSurplus } from './payment-state.js';
import { rowHash } from './row-hash.js';
import { followTopUp } from './top-up-outcome.js';

const DAY_MS = 24 * 3600 * 1000;

type Change = CommandOf<'change_payment'>;

export function changePayment(draft: Draft, command: Change): Verdict {
  const { facts } = draft.context;
  const { paymentId, opened, link, messages, sent } = command;
  const stored = facts.row('payment', paymentId);
  const known = messages.map(({ id }) => facts.row('payment_message', id));
  const owners = ownersOf(facts, command);
  const logged = sent.map(({ id }) => facts.row('payment_message', id));
  if (stored === undefined || owners === undefined || [...known, ...logged].includes(undefined)) {
    return PENDING;
  }
  if (!stored && !opened) return refuse('PAYMENT_NOT_FOUND', 'There is no such payment.', { id: paymentId });
  if (opened?.paidAs && owners.has(providerKey(opened.provider, 'payment', opened.paidAs))) {
    const message = `The payment ${opened.paidAs} of ${opened.provider} is recorded already, as another payment.`;
    return refuse('PAYMENT_MISMATCH', message, { field: 'providerPaymentId' });
  }
  const payment: Payment = stored ? { ...stored } : newPayment(draft, paymentId, opened as NewPayment);
  const isLinked = link !== undefined && (payment.url !== link.url || payment.providerLinkId !== link.id);
  if (isLinked) Object.assign(payment, { url: link.url, providerLinkId: link.id, errorMessage: null });
  const work: Work = { draft, payment, owners, events: [], taken: [] };
  for (const [i, message] of messages.entries()) {
    const before = known[i];
    if (before && before.status !== 'waiting') continue;
    takeMessage(work, message, before?.version ?? 0);
  }
  const unlogged = sent.filter((_, i) => logged[i] === null);
  if (!opened && !isLinked && unlogged.length === 0 && work.taken.length === 0) return { kind: 'nothing' };
  const verdict = settle(work);
  if (verdict) return verdict;
  payment.version = (stored?.version ?? 0) + 1;
  payment.updatedAt = new Date(draft.account.at);
  tell(work, stored ?? null, opened);
  draft.sideWrites.push({ model: 'payment', op: stored ? 'replace' : 'insert', row: payment });
  for (const row of [...work.taken, ...unlogged]) {
    draft.sideWrites.push({ model: 'payment_message', op: row.version === 1 ? 'insert' : 'replace', row });
  }
  nameIt(work, stored ?? null);
  return payment.topUp && !followTopUp(draft, payment, stored) ? PENDING : null;
}

interface Work {
  readonly draft: Draft;
  readonly payment: Payment;
  /** The payments that the provider's ids belong to already. */
  readonly owners: ReadonlyMap<string, string>;
  readonly events: { type: CreditEventType; reason: string | null }[];
  readonly taken: PaymentMessageRow[];
}

/** The payments to which the provider's ids of a command belong; undefined while they have not been read. */
function ownersOf(facts: Facts, { opened, link, messages }: Change): ReadonlyMap<string, string> | undefined {
  const keys = new Set<string>();
  if (opened?.paidAs) keys.add(providerKey(opened.provider, 'payment', opened.paidAs));
  if (link) keys.add(providerKey(link.provider, 'link', link.id));
  for (const message of messages) for (const key of keysOf(message)) keys.add(key);
  const owners = new Map<string, string>();
  let isRead = true;
  for (const key of keys) {
    const row = facts.row('provider_ref', key);
    if (row === undefined) isRead = false;
    else if (row) owners.set(key, row.paymentId);
  }
  return isRead ? owners : undefined;
}

/** The keys of what a message names at the provider. */
export function keysOf({ provider, event }: Pick<InboxMessage, 'provider' | 'event'>): string[] {
  const { providerPaymentId, providerLinkId, providerOrderId } = event;
  return [
    ...(providerPaymentId === null ? [] : [providerKey(provider, 'payment', providerPaymentId)]),
    ...(providerLinkId === null ? [] : [providerKey(provider, 'link', providerLinkId)]),
    ...(providerOrderId === null ? [] : [providerKey(provider, 'order', providerOrderId)]),
  ];
}

export function newPayment({ account, call }: Draft, id: string, { paidAs, ...opened }: NewPayment): Payment {
  const at = new Date(account.at);
  const { userId, creditType } = account;
  const paidMinor = paidAs === null ? 0 : opened.amountMinor;
  return {
    ...{ id, version: 1, userId, creditType, ...opened, status: paidAs === null ? 'pending' : 'paid', paidMinor },
    ...{ creditsAdded: 0, creditsTakenBack: 0, levels: [], takenFrom: [], grantIds: [], grantedBy: [] },
    ...{ url: null, providerLinkId: null, providerOrderId: null },
    ...{ providerPaymentIds: paidAs === null ? [] : [paidAs], paymentMethod: null },
    arrivals: paidAs === null ? {} : { [paidAs]: opened.amountMinor },
    ...{ attempt: null, refunds: {}, disputes: {}, mismatch: null, description: call.description },
    ...{ errorMessage: null, createdAt: at, updatedAt: at, completedAt: paidAs === null ? null : at },
    ...{ failedAt: null, expiredAt: null, cancelledAt: null, metadata: call.metadata, topUp: null },
  };
}

/** Takes one message into the payment, or refuses it with a reason; its row tells which. */
function takeMessage({ draft, payment, owners, events, taken }: Work, message: InboxMessage, version: number): void {
  const { event, provider } = message;
  const at = new Date(draft.account.at);
  const foreign = foreignOf(payment, message, owners);
  const mismatch = mismatchOf(payment, event, provider) ?? foreign;
  const row = { ...message, version: version + 1, paymentId: payment.id, userId: payment.userId, processedAt: at };
  const stored = { ...row, event: event as JsonObject };
  if (mismatch !== null) {
    payment.mismatch = `${mismatch} of ${event.type}`;
    if (mismatch === 'providerPaymentId' && foreign === null) takeSurplus(payment, event);
    events.push({ type: 'payment.mismatch', reason: mismatch });
    taken.push({ ...stored, status: 'refused', reason: `PAYMENT_MISMATCH: ${mismatch}` });
    return;
  }
  const before = payment.status;
  takeEvent(payment, event, draft.account.at);
  taken.push({ ...stored, status: 'applied', reason: null });
  const { reason, refund, dispute } = event;
  if (refund !== null) events.push({ type: 'payment.refunded', reason });
  else if (dispute !== null) events.push({ type: 'payment.disputed', reason });
  else if (payment.status !== before && TOLD.has(payment.status)) {
    events.push({ type: `payment.${payment.status}` as CreditEventType, reason });
  }
}

/** The statuses that have an event of their own name. That of a paid payment is told with its credits. */
const TOLD: ReadonlySet<string> = new Set(['partially_paid', 'failed', 'expired', 'cancelled']);

/** Whether the money of a message belongs to another payment. */
function foreignOf(
  payment: PaymentRow,
  { provider, event }: InboxMessage,
  owners: ReadonlyMap<string, string>,
): string | null {
  if (event.providerPaymentId === null || !(bringsMoney(event) || event.refund || event.dispute)) return null;
  const owner = owners.get(providerKey(provider, 'payment', event.providerPaymentId));
  return owner === undefined || owner === payment.id ? null : 'providerPaymentId';
}

/** Grants what was paid, once, and takes back or gives back what refunds and disputes ask for. */
function settle(work: Work): Verdict {
  const { draft, payment, events } = work;
  const { account, baseId } = draft;
  if (isPaid(payment) && payment.creditsAdded === 0) {
    const { priority, validityDays } = payment.terms;
    const expiresAt = validityDays === null ? null : account.at + validityDays * DAY_MS;
    const { id } = payment;
    const terms = { ...PLAIN_TERMS, source: 'purchase', priority, expiresAt, paymentId: id, reference: id } as const;
    const refusal = addGrant(draft, payment.creditsToAdd, terms);
    if (refusal) return refusal;
    draft.mainEntry = draft.entries.length - 1;
    announceGrant(draft, payment.creditsToAdd, terms);
    payment.creditsAdded = payment.creditsToAdd;
    payment.grantIds = [draft.entries.at(-1)?.grantId as string];
    payment.grantedBy = [baseId];
    note(draft, { id });
    events.unshift({ type: 'payment.paid', reason: null });
  }
  const [before, due] = [payment.levels.at(-1)?.due ?? 0, dueOf(payment)];
  if (due < before) return giveBack(draft, payment, due);
  if (due === before) return null;
  const settled = settledElsewhere(draft, payment);
  if (settled === undefined) return PENDING;
  const amount = Math.max(0, due - payment.creditsTakenBack - settled);
  payment.levels = [...payment.levels, { due, taken: payment.creditsTakenBack + amount }];
  return takeBack(draft, payment, amount);
}

/** The terms that a payment was asked for with; its entry keeps the fingerprint of them. */
export function openedOf({ provider, amountMinor, currency, creditsToAdd, pack, paidAs }: NewPayment): JsonObject {
  return { provider, amountMinor, currency, creditsToAdd, pack, paidAs };
}

/** The last entry of the operation keeps the hash of the whole row; where no credits moved there is one for it. */
function tell({ draft, payment, events }: Work, stored: PaymentRow | null, opened: NewPayment | undefined): void {
  const last = draft.entries.at(-1);
  const told = last?.details.payment as JsonObject | undefined;
  const made = opened && { opened: fingerprintOf(openedOf(opened)) };
  const of = { id: payment.id, status: payment.status, ...made, rowHash: rowHash(payment) };
  // The entry that answers the call says what was asked for, whichever entry is the last.
  const main = draft.entries[mainIndex(draft)];
  if (made && main !== undefined && main !== last && draft.mainEntry >= 0) {
    main.details = { ...main.details, payment: { id: payment.id, ...made } };
  }
  if (last && told && draft.own) last.details = { ...last.details, payment: { ...told, ...of } };
  else {
    const entry = writeEntry(draft, 'payment_changed', { amount: 0, details: { payment: of } });
    entry.message = stored ? `Payment ${payment.status.replaceAll('_', ' ')}` : 'Payment opened';
  }
  for (const { type, reason } of events) {
    const entry = draft.entries.length - 1;
    draft.events.push({ kind: 'payment', type, entry, more: eventData(draft, payment, reason) });
  }
}

function eventData({ context }: Draft, payment: PaymentRow, reason: string | null): JsonObject {
  const { id, provider, providerPaymentIds, status, amountMinor, currency, paidMinor } = payment;
  const credits = (units: number) => toCredits(units, context.scale);
  return {
    ...{ paymentId: id, provider, providerPaymentId: providerPaymentIds[0] ?? null, status },
    ...{ amount: toMajor(amountMinor, currency), currency, paid: toMajor(paidMinor, currency) },
    ...{ creditsToAdd: credits(payment.creditsToAdd), creditsAdded: credits(payment.creditsAdded) },
    ...{ creditsTakenBack: credits(payment.creditsTakenBack), reason },
  };
}

/** Keeps the provider's ids that the payment has now and did not have before, so that later events find it. */
function nameIt({ draft, payment, owners }: Work, stored: PaymentRow | null): void {
  const { id, provider, providerLinkId, providerOrderId } = payment;
  const isNew = (name: string) => name !== '' && stored?.arrivals[name] === undefined;
  const keys = Object.keys(payment.arrivals)
    .filter(isNew)
    .map((name) => providerKey(provider, 'payment', name));
  if (providerLinkId !== null && stored?.providerLinkId !== providerLinkId) {
    keys.push(providerKey(provider, 'link', providerLinkId));
  }
  if (providerOrderId !== null && stored?.providerOrderId !== providerOrderId) {
    keys.push(providerKey(provider, 'order', providerOrderId));
  }
  for (const key of keys) {
    if (owners.has(key)) continue;
    const row = { id: key, version: 1, paymentId: id, createdAt: new Date(draft.account.at) };
    draft.sideWrites.push({ model: 'provider_ref', op: 'insert', row });
  }
}
