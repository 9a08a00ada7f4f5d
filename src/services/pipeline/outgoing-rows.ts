/** Makes the rows for receivers: notifications, notices and outbox rows, in the commit they report or by hand. */
import { toCredits } from '../../core/amounts.js';
import type { Refusal } from '../../core/decision.js';
import { type AccountRef, accountKey } from '../../models/account.js';
import { undelivered } from '../../models/delivery.js';
import type { CreditEvent } from '../../models/events.js';
import type { NoticeRow } from '../../models/notice.js';
import type { NotificationMessage, NotificationRow } from '../../models/notification.js';
import type { OutboxRow } from '../../models/outbox.js';
import type { JsonObject } from '../../models/values.js';
import type { Change } from '../../ports/db-manager.js';
import { insertOf } from '../store/tables.js';
import { refusalDetails } from './refusal-entry.js';

/** The place of rows that belong to no event: behind all events of their sequence. */
export const BY_HAND = 1_000_000;

type Content = {
  [M in NotificationMessage as M['type']]: { readonly type: M['type']; readonly payload: M['payload'] };
}[NotificationMessage['type']];

interface Place {
  readonly sequence: number;
  readonly place: number;
  readonly at: Date;
}

export function notificationRow(id: string, account: AccountRef, content: Content, when: Place): NotificationRow {
  const { key, userId, creditType } = account;
  const { sequence, place, at } = when;
  const payload = content.payload as JsonObject;
  return {
    id,
    version: 1,
    userId,
    creditType,
    type: content.type,
    payload,
    account: key,
    sequence,
    place,
    ...undelivered(at),
  };
}

/** The content of a low-credits message. `balance` and `available` are units. */
export function lowContent(account: AccountRef, balance: number, available: number, scale: number): Content {
  const credits = (units: number) => toCredits(units, scale);
  const current = { balance: credits(balance), reserved: credits(balance - available), available: credits(available) };
  return { type: 'low_credits', payload: { current_credits: current, ...typeOf(account) } };
}

export function expiringContent(account: AccountRef, units: number, days: number, scale: number): Content {
  const expiring = { expiring_credits: toCredits(units, scale), within_days: days };
  return { type: 'expiring_credits', payload: { ...expiring, ...typeOf(account) } };
}

/** An event on its way to one sink. */
export function outboxRow(event: CreditEvent, account: string, sink: string): OutboxRow {
  const { id, userId, sequence, type, occurredAt } = event;
  return {
    id: `${id}@${sink}`,
    version: 1,
    eventId: id,
    sink,
    account,
    userId,
    sequence,
    place: placeOf(event),
    type,
    payload: event,
    ...undelivered(new Date(occurredAt)),
  };
}

/** The place of an event within its operation, which its id ends with. */
function placeOf({ id }: CreditEvent): number {
  return Number(id.slice(id.lastIndexOf('.') + 1));
}

/**
 * The row for an event that crossed a low-credit threshold: a notification when the credits fell to it, a notice when
 * they rose above the highest. Null for any other event.
 */
export function crossingChange(event: CreditEvent, scale: number): Change | null {
  const isLow = event.type === 'credits.low_balance_reached';
  if (!isLow && (event.type !== 'credits.balance_restored' || event.data.level > 1)) return null;
  const { userId, creditType, sequence } = event;
  const account = { key: accountKey(creditType, userId), creditType, userId };
  const when = { sequence, place: placeOf(event), at: new Date(event.occurredAt) };
  const id = `n-${event.id}`;
  if (!isLow) return insertOf('notice', restoredRow(id, account.key, when));
  // Events carry credits. Rounding gives back the exact units, as it does for any amount that a caller gives.
  const units = (credits: number) => Math.round(credits * 10 ** scale);
  const { balance, available } = event.data;
  const content = lowContent(account, units(balance), units(available), scale);
  return insertOf('notification', notificationRow(id, account, content, when));
}

/** The notification of a refused call. It is written in the commit of the refusal. */
export function refusalNotification(
  id: string,
  account: AccountRef,
  refusal: Refusal,
  { sequence, at }: Omit<Place, 'place'>,
): Change {
  const payload = { message: refusal.message, details: refusalDetails(refusal) };
  const when = { sequence, place: BY_HAND, at };
  return insertOf('notification', notificationRow(`n-${id}`, account, { type: 'transaction_error', payload }, when));
}

function restoredRow(id: string, account: string, { sequence, place, at }: Place): NoticeRow {
  return { id, version: 1, kind: 'restored', account, sequence, place, createdAt: at, expiresAt: null };
}

/** A message names its credit type unless that is `credits`: such messages keep their old form. */
function typeOf({ creditType }: AccountRef): { readonly credit_type?: string } {
  return creditType === 'credits' ? {} : { credit_type: creditType };
}
