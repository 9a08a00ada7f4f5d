/**
 * How a payment stands after an event. The state is a function of the set of events: their order and their number
 * change nothing, so an event that comes twice, late or out of order does no harm.
 */
import type { PaymentRow, PaymentStatus } from '../models/payment.js';
import type { ProviderEvent } from '../models/provider-event.js';

/** An event as its message keeps it: plain JSON. */
export type StoredEvent = Omit<ProviderEvent, 'occurredAt' | 'subscription'> & {
  /** Epoch milliseconds. */
  readonly occurredAt: number;
};

export type Payment = { -readonly [K in keyof PaymentRow]: PaymentRow[K] };

/** The field in which an event differs from the payment that it names; null where it may be applied. */
export function mismatchOf(payment: PaymentRow, event: StoredEvent, provider: string): string | null {
  const { asked, paid, refund, dispute } = event;
  if (payment.provider !== provider) return 'provider';
  if (event.reference !== null && event.reference !== payment.id) return 'reference';
  if (event.userId !== null && event.userId !== payment.userId) return 'userId';
  const sums = [asked, paid, refund, dispute].filter((sum) => sum !== null);
  if (sums.some(({ currency }) => currency !== payment.currency)) return 'currency';
  if (sums.some(({ amountMinor }) => amountMinor < 0)) return 'amount';
  if (asked !== null && asked.amountMinor !== payment.amountMinor) return 'amount';
  return bringsMoney(event) ? mismatchOfMoney(payment, event) : null;
}

function mismatchOfMoney(payment: PaymentRow, { kind, paid, providerPaymentId }: StoredEvent): string | null {
  if (paid === null || paid.amountMinor > payment.amountMinor) return 'amount';
  if (kind === 'partially_paid') return null;
  if (paid.amountMinor !== payment.amountMinor) return 'amount';
  // Somebody paid a second time: that money is not for this payment, and a refund of it takes nothing back.
  const isOther = providerPaymentId !== null && !payment.providerPaymentIds.includes(providerPaymentId);
  return isOther && isPaid(payment) && payment.providerPaymentIds.length > 0 ? 'providerPaymentId' : null;
}

/** Whether the event tells of money that arrived. */
export function bringsMoney({ kind }: Pick<StoredEvent, 'kind'>): boolean {
  return kind === 'paid' || kind === 'partially_paid';
}

export function isPaid({ paidMinor, amountMinor }: Pick<PaymentRow, 'paidMinor' | 'amountMinor'>): boolean {
  return paidMinor >= amountMinor;
}

/** Takes an event that fits into the payment. `now` is ours, in epoch milliseconds. */
export function takeEvent(payment: Payment, event: StoredEvent, now: number): void {
  const { kind, providerPaymentId, refund, dispute } = event;
  const at = new Date(now);
  payment.providerLinkId ??= event.providerLinkId;
  payment.providerOrderId ??= event.providerOrderId;
  if (kind === 'authorized' || kind === 'failed') takeAttempt(payment, event, kind);
  else if (bringsMoney(event)) {
    payment.paidMinor = Math.max(payment.paidMinor, event.paid?.amountMinor ?? 0);
    payment.paymentMethod ??= event.method;
    if (providerPaymentId !== null && !payment.providerPaymentIds.includes(providerPaymentId)) {
      payment.providerPaymentIds = [...payment.providerPaymentIds, providerPaymentId];
    }
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
    providerPaymentId: known?.providerPaymentId ?? providerPaymentId,
  };
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
    const disputes = Object.values(payment.disputes).filter((one) => isOf(payment, one));
    if (disputes.some(({ status }) => status === 'lost')) return 'charged_back';
    if (disputes.some(({ status }) => status === 'open')) return 'disputed';
    const refunded = refundedMinor(payment);
    if (refunded >= payment.amountMinor) return 'refunded';
    return refunded > 0 ? 'partially_refunded' : 'paid';
  }
  if (payment.paidMinor > 0) return 'partially_paid';
  if (payment.cancelledAt) return 'cancelled';
  if (payment.expiredAt) return 'expired';
  return payment.attempt?.status ?? 'pending';
}

/** Minor units that went back, or are on their way back, to the one who paid. */
export function refundedMinor(payment: Pick<PaymentRow, 'refunds' | 'providerPaymentIds'>): number {
  return sumOf(payment, Object.values(payment.refunds), 'failed');
}

/**
 * Micro-units that refunds and disputes call back: what is due in total, rounded once to the nearest, half up; of a
 * dispute that was won, and of a refund that failed, nothing.
 */
export function dueOf(payment: PaymentRow): number {
  const taken = refundedMinor(payment) + sumOf(payment, Object.values(payment.disputes), 'won');
  const part = BigInt(Math.min(taken, payment.amountMinor));
  const whole = BigInt(payment.amountMinor);
  return Number((2n * BigInt(payment.creditsAdded) * part + whole) / (2n * whole));
}

type Returned = { readonly amountMinor: number; readonly status: string; readonly providerPaymentId: string | null };

/** A refund of money that was never for this payment, such as of a second payment of one link, does not count. */
function isOf(
  { providerPaymentIds }: Pick<PaymentRow, 'providerPaymentIds'>,
  { providerPaymentId }: Returned,
): boolean {
  return providerPaymentId === null || providerPaymentIds.includes(providerPaymentId);
}

function sumOf(
  payment: Pick<PaymentRow, 'providerPaymentIds'>,
  all: readonly Returned[],
  undone: 'failed' | 'won',
): number {
  let sum = 0;
  for (const one of all) if (one.status !== undone && isOf(payment, one)) sum += one.amountMinor;
  return sum;
}
