/** The outcome of a top-up: its payment is paid, fails, gets a link, or goes back. */
import type { TopUpAttempt } from '../models/top-up.js';
import type { Draft } from './draft.js';
import { isPaid, type Payment } from './payment-state.js';
import { attemptsOf, backOffMs } from './top-up-guards.js';
import { readTopUp, type TopUp, tellTopUp, turnOff, writeTopUp } from './top-up-row.js';

const BACK: ReadonlySet<string> = new Set(['partially_refunded', 'refunded', 'disputed', 'charged_back']);

/**
 * Takes a change of a top-up's payment into the top-up, in the same commit. False while its row has not been read.
 * `before` is the payment as it is stored.
 */
export function followTopUp(draft: Draft, payment: Payment, before: Payment | null): boolean {
  const row = readTopUp(draft);
  if (row === undefined) return false;
  if (row === null) return true;
  const isOwn = row.inFlight?.paymentId === payment.id;
  if (isPaid(payment) && !(before && isPaid(before))) succeed(draft, row, payment, isOwn);
  else if (isOwn && isOver(payment)) fail(draft, row, payment);
  else if (isOwn && payment.url !== null && !before?.url) {
    row.dueAt = null;
    writeTopUp(draft, row);
    tellTopUp(draft, 'top_up.link_made', row, payment, row.inFlight?.customerId ? 'no_charge' : 'no_customer');
  } else if (isOwn && row.dueAt && payment.status !== 'pending') {
    // The provider knows of it: the rest is told by its events.
    row.dueAt = null;
    writeTopUp(draft, row);
  }
  // Money that goes back must not be taken again by itself.
  if (row.isOn && BACK.has(payment.status) && !(before && BACK.has(before.status))) {
    const reason = payment.status.endsWith('refunded') ? 'refunded' : 'disputed';
    turnOff(draft, row, reason);
    writeTopUp(draft, row);
    tellTopUp(draft, 'top_up.turned_off', row, payment, reason);
  }
  return true;
}

/** A charge is over when it fails. At a link the customer may try again until it ends. */
function isOver(payment: Payment): boolean {
  return isEnded(payment) || (payment.status === 'failed' && payment.url === null);
}

function isEnded({ expiredAt, cancelledAt }: Payment): boolean {
  return expiredAt !== null || cancelledAt !== null;
}

function succeed(draft: Draft, row: TopUp, payment: Payment, isOwn: boolean): void {
  note(draft, row, payment, 'paid');
  row.declines = 0;
  if (isOwn) Object.assign(row, { inFlight: null, dueAt: null });
  writeTopUp(draft, row);
  tellTopUp(draft, 'top_up.succeeded', row, payment, isOwn ? 'paid' : 'paid_late');
}

function fail(draft: Draft, row: TopUp, payment: Payment): void {
  const now = draft.account.at;
  note(draft, row, payment, 'failed');
  row.declines++;
  row.inFlight = null;
  row.nextAt = new Date(now + backOffMs(row));
  row.dueAt = row.isOn ? row.nextAt : null;
  writeTopUp(draft, row);
  const ended = payment.cancelledAt ? 'cancelled' : 'expired';
  tellTopUp(draft, 'top_up.failed', row, payment, isEnded(payment) ? ended : (payment.errorMessage ?? 'declined'));
  if (!row.isOn || row.declines < row.offAfter) return;
  turnOff(draft, row, 'declines');
  writeTopUp(draft, row);
  tellTopUp(draft, 'top_up.turned_off', row, payment, 'declines');
}

/** An attempt that was given up and is paid after all counts again. */
function note({ account }: Draft, row: TopUp, payment: Payment, status: TopUpAttempt['status']): void {
  const { id: paymentId, amountMinor, currency } = payment;
  const known = row.attempts.find((attempt) => attempt.paymentId === paymentId);
  const others = row.attempts.filter((attempt) => attempt !== known);
  const at = known?.at ?? payment.createdAt.getTime();
  row.attempts = [...others, { paymentId, at, amountMinor, currency, status }].sort((a, b) => a.at - b.at);
  row.attempts = attemptsOf(row, account.at);
}
