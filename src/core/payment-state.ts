/**
 * How a payment stands after an event. The state is a function of the set of events: their order and their number
 * change nothing, so an event that comes twice, late or out of order does no harm.
 */
import type { PaymentRow, PaymentStatus } from '../models/payment.js';
import type { ProviderEvent, ProviderSubscription } from '../models/provider-event.js';

/** An event as its message keeps it: plain JSON. */
export type StoredEvent = Omit<ProviderEvent, 'occurredAt' | 'subscription'> & {
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly subscription: StoredSubscription | null;
};

/** The subscription of an event, its instants in epoch milliseconds. */
export type StoredSubscription = Omit<ProviderSubscription, 'periodStart' | 'periodEnd'> & {
  readonly periodStart: number | null;
  readonly periodEnd: number | null;
};

export type Payment = { -readonly [K in keyof PaymentRow]: PaymentRow[K] };

/** The field in which an event differs from the payment that it names; null where it may be applied. */
export function mismatchOf(payment: PaymentRow, event: StoredEvent, provider: string): string | null {
  const { asked, paid, arrived, refund, dispute } = event;
  if (payment.provider !== provider) return 'provider';
  // Money that is known to have come for this payment goes back of it, whatever else its events name.
  const isOurs = bringsBack(event) && payment.arrivals[event.providerPaymentId ?? ''] !== undefined;
  if (!isOurs && event.reference !== null && event.reference !== payment.id) return 'reference';
  if (!isOurs && event.userId !== null && event.userId !== payment.userId) return 'userId';
  const sums = [asked, paid, arrived, refund, dispute].filter((sum) => sum !== null);
  if (sums.some(({ currency }) => currency !== payment.currency)) return 'currency';
  if (sums.some(({ amountMinor }) => amountMinor < 0)) return 'amount';
  if (asked !== null && asked.amountMinor !== payment.amountMinor) return 'amount';
  return bringsMoney(event) ? mismatchOfMoney(payment, event) : null;
}

function mismatchOfMoney(payment: PaymentRow, { kind, paid, providerPaymentId }: StoredEvent): string | null {
  if (paid === null || paid.amountMinor > payment.amountMinor) return 'amount';
  if (kind === 'partially_paid') return null;
  if (paid.amountMinor !== payment.amountMinor) return 'amount';
  // Somebody paid a second time.
  const isOther = providerPaymentId !== null && !payment.providerPaymentIds.includes(providerPaymentId);
  return isOther && isPaid(payment) && payment.providerPaymentIds.length > 0 ? 'providerPaymentId' : null;
}

/** Whether the event tells of money that arrived. */
export function bringsMoney({ kind }: Pick<StoredEvent, 'kind'>): boolean {
  return kind === 'paid' || kind === 'partially_paid';
}

/** Whether the event tells of money that goes back. */
export function bringsBack({ refund, dispute }: Pick<StoredEvent, 'refund' | 'dispute'>): boolean {
  return refund !== null || dispute !== null;
}

export function isPaid({ paidMinor, amountMinor }: Pick<PaymentRow, 'paidMinor' | 'amountMinor'>): boolean {
  return paidMinor >= amountMinor;
}

/** Takes an event that fits into the payment. `now` is ours, in epoch milliseconds. */
export function takeEvent(payment: Payment, event: StoredEvent, now: number): void {
  const { kind, providerPaymentId, refund, dispute } = event;
  const at = new Date(now);
  if (bringsMoney(event) || kind === 'expired' || kind === 'cancelled') {
    // An attempt may name what its payer wrote: nobody's money may come to us by that.
    payment.providerLinkId ??= event.providerLinkId;
    payment.providerOrderId ??= event.providerOrderId;
  }
  if (kind === 'authorized' || kind === 'failed') takeAttempt(payment, event, kind);
  else if (bringsMoney(event)) {
    payment.paidMinor = Math.max(payment.paidMinor, event.paid?.amountMinor ?? 0);
    payment.paymentMethod ??= event.method;
    if (providerPaymentId !== null && !payment.providerPaymentIds.includes(providerPaymentId)) {
      payment.providerPaymentIds = [...payment.providerPaymentIds, providerPaymentId];
    }
    noteArrival(payment, event);
    if (isPaid(payment)) payment.completedAt ??= at;
  } else if (kind === 'expired') payment.expiredAt ??= at;
  else if (kind === 'cancelled') payment.cancelledAt ??= at;
  else if (refund !== null) {
    const { id, ...told } = refund;
    payment.refunds = { ...payment.refunds, [id]: later(payment.refunds[id], told, providerPaymentId, REFUNDS) };
  } else if (dispute !== null) {
    const { id, ...told } = dispute;
    payment.disputes = { ...payment.disputes, [id]: later(payment.disputes[id], told, providerPaymentId, DISPUTES) };
  }
  payment.status = statusOf(payment);
}

/** Takes money that came once too often: it buys nothing, and what goes back of it takes nothing back. */
export function takeSurplus(payment: Payment, event: StoredEvent): void {
  noteArrival(payment, event);
  payment.status = statusOf(payment);
}

/**
 * Notes the money that came by the event's own payment at the provider; under an empty name where it names none. What
 * the payer gave on top, such as a fee, is none of it.
 */
function noteArrival(payment: Payment, { providerPaymentId, arrived, paid }: StoredEvent): void {
  const id = providerPaymentId ?? '';
  const most = paid?.amountMinor ?? 0;
  const amountMinor = Math.max(payment.arrivals[id] ?? 0, Math.min(arrived?.amountMinor ?? most, most));
  payment.arrivals = { ...payment.arrivals, [id]: amountMinor };
}

/** Statuses in the order in which a later one takes the place of an earlier one. */
const REFUNDS = ['open', 'done', 'failed'] as const;
const DISPUTES = ['open', 'won', 'lost'] as const;

function later<T extends string>(
  known: { amountMinor: number; status: T; providerPaymentId: string | null } | undefined,
  told: { readonly amountMinor: number; readonly status: T },
  providerPaymentId: string | null,
  order: readonly T[],
) {
  const status = known && order.indexOf(known.status) > order.indexOf(told.status) ? known.status : told.status;
  return {
    amountMinor: Math.max(known?.amountMinor ?? 0, told.amountMinor),
    status,
    providerPaymentId: firstOf(known?.providerPaymentId ?? null, providerPaymentId),
  };
}

/** One of two names, the same whichever was told first. */
function firstOf(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/** The latest attempt counts; where two were at one instant, the failed one. */
function takeAttempt(payment: Payment, event: StoredEvent, status: 'authorized' | 'failed'): void {
  const { attempt } = payment;
  const at = event.occurredAt;
  if (attempt && (attempt.at > at || (attempt.at === at && attempt.status === 'failed'))) return;
  payment.attempt = { status, at, reason: event.reason };
  payment.failedAt = status === 'failed' ? new Date(at) : null;
  payment.errorMessage = status === 'failed' ? event.reason : null;
}

function statusOf(payment: PaymentRow): PaymentStatus {
  if (isPaid(payment)) {
    if (calledBack(payment) <= 0) return 'paid';
    const disputes = Object.values(payment.disputes).filter((one) => isOf(payment, one));
    if (disputes.some(({ status }) => status === 'lost')) return 'charged_back';
    if (disputes.some(({ status }) => status === 'open')) return 'disputed';
    return refundedMinor(payment) >= payment.amountMinor ? 'refunded' : 'partially_refunded';
  }
  if (payment.paidMinor > 0) return 'partially_paid';
  if (payment.cancelledAt) return 'cancelled';
  if (payment.expiredAt) return 'expired';
  return payment.attempt?.status ?? 'pending';
}

type Sums = Pick<PaymentRow, 'amountMinor' | 'arrivals' | 'refunds' | 'disputes'>;

/** Minor units that went back, or are on their way back, of the money that was asked for. */
export function refundedMinor(payment: Sums): number {
  const refunded = sumOf(payment, Object.values(payment.refunds), 'failed') - surplusOf(payment);
  return Math.min(Math.max(0, refunded), payment.amountMinor);
}

/** Minor units that refunds and disputes take, beyond what came too much. */
function calledBack(payment: Sums): number {
  const { refunds, disputes } = payment;
  const taken = sumOf(payment, Object.values(refunds), 'failed') + sumOf(payment, Object.values(disputes), 'won');
  return taken - surplusOf(payment);
}

/** Minor units that came beyond what was asked for, such as by a second payment of one link. */
function surplusOf({ amountMinor, arrivals }: Sums): number {
  const { '': unnamed = 0, ...named } = arrivals;
  const arrived = Object.values(named).reduce((sum, one) => sum + one, 0);
  return Math.max(0, Math.max(unnamed, arrived) - amountMinor);
}

/**
 * Micro-units that refunds and disputes call back: what is due in total, rounded once to the nearest, half up; of a
 * dispute that was won, and of a refund that failed, nothing.
 */
export function dueOf(payment: PaymentRow): number {
  const part = BigInt(Math.min(Math.max(0, calledBack(payment)), payment.amountMinor));
  const whole = BigInt(payment.amountMinor);
  return Number((2n * BigInt(payment.creditsAdded) * part + whole) / (2n * whole));
}

type Returned = { readonly amountMinor: number; readonly status: string; readonly providerPaymentId: string | null };

/** A refund of money that has not come for this payment does not count. */
function isOf({ arrivals }: Pick<PaymentRow, 'arrivals'>, { providerPaymentId }: Returned): boolean {
  return providerPaymentId === null || (arrivals[providerPaymentId] ?? arrivals['']) !== undefined;
}

function sumOf(payment: Pick<PaymentRow, 'arrivals'>, all: readonly Returned[], undone: 'failed' | 'won'): number {
  let sum = 0;
  for (const one of all) if (one.status !== undone && isOf(payment, one)) sum += one.amountMinor;
  return sum;
}

/** Minor units of each payment at the provider that are left to give back: first of those that came too much. */
export function refundable(
  payment: PaymentRow,
): { readonly providerPaymentId: string; readonly amountMinor: number }[] {
  const { arrivals, providerPaymentIds, refunds } = payment;
  const surplus = Object.keys(arrivals).filter((id) => id !== '' && !providerPaymentIds.includes(id));
  const all = Object.values(refunds).filter(({ status }) => status !== 'failed');
  // A refund that named no payment is one of the first.
  const first = providerPaymentIds[0];
  const left = (id: string) =>
    all.reduce(
      (sum, one) => ((one.providerPaymentId ?? first) === id ? sum - one.amountMinor : sum),
      arrivals[id] ?? 0,
    );
  return [...surplus.sort(), ...providerPaymentIds]
    .map((id) => ({ providerPaymentId: id, amountMinor: left(id) }))
    .filter(({ amountMinor }) => amountMinor > 0);
}
