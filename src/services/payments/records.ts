/** Payments and messages as their callers see them. */
import { toCredits } from '../../core/amounts.js';
import { toMajor } from '../../core/money.js';
import { refundedMinor } from '../../core/payment-state.js';
import type { PaymentMessageRow, PaymentRow } from '../../models/payment.js';
import type { TopUpRow } from '../../models/top-up.js';
import type { AutoTopUp, Payment, PaymentMessage } from './contract.js';

export function toPayment(row: PaymentRow, scale: number): Payment {
  const { version: _, paidMinor, levels: __, grantIds: ___, terms: ____, callbackUrl: _____, ...rest } = row;
  const { attempt: ______, refunds: _______, disputes: ________, arrivals: _________, ...more } = rest;
  const { takenFrom: __________, providerPaymentIds, grantedBy, ...payment } = more;
  const { currency } = row;
  return {
    ...payment,
    amount: toMajor(row.amountMinor, currency),
    paid: toMajor(paidMinor, currency),
    refunded: toMajor(refundedMinor(row), currency),
    creditsToAdd: toCredits(row.creditsToAdd, scale),
    creditsAdded: toCredits(row.creditsAdded, scale),
    creditsTakenBack: toCredits(row.creditsTakenBack, scale),
    transactionId: grantedBy[0] ?? null,
    providerPaymentId: providerPaymentIds[0] ?? null,
    topUp: row.topUp === true,
    metadata: structuredClone(row.metadata),
  };
}

export function toAutoTopUp(row: TopUpRow, scale: number): AutoTopUp {
  const {
    id: _,
    version: __,
    seed: ___,
    rate: ____,
    terms: _____,
    amountMinor,
    maxAmountMinor,
    coolDownMs,
    ...rest
  } = row;
  const { currency, inFlight, attempts } = row;
  return {
    ...rest,
    threshold: toCredits(row.threshold, scale),
    amount: amountMinor === null ? null : toMajor(amountMinor, currency),
    creditsToAdd: row.creditsToAdd === null ? null : toCredits(row.creditsToAdd, scale),
    target: row.target === null ? null : toCredits(row.target, scale),
    maxAmount: toMajor(maxAmountMinor, currency),
    coolDownSeconds: coolDownMs / 1000,
    inFlight: inFlight?.paymentId ?? null,
    attempts: attempts.map(({ paymentId, at, status, ...sum }) => ({
      ...{ paymentId, at: new Date(at), status, currency: sum.currency },
      amount: toMajor(sum.amountMinor, sum.currency),
    })),
  };
}

export function toMessage(row: PaymentMessageRow): PaymentMessage {
  const { version: _, reference: __, event: ___, ...message } = row;
  return { ...message, payload: structuredClone(row.payload) };
}
