/** Payments and messages as their callers see them. */
import { toCredits } from '../../core/amounts.js';
import { toMajor } from '../../core/money.js';
import { refundedMinor } from '../../core/payment-state.js';
import type { PaymentMessageRow, PaymentRow } from '../../models/payment.js';
import type { Payment, PaymentMessage } from './contract.js';

export function toPayment(row: PaymentRow, scale: number): Payment {
  const { version: _, paidMinor, creditsDue: __, grantIds: ___, terms: ____, callbackUrl: _____, ...rest } = row;
  const { attempt: ______, refunds: _______, disputes: ________, providerPaymentIds, ...payment } = rest;
  const { currency, amountMinor } = row;
  return {
    ...payment,
    amount: toMajor(amountMinor, currency),
    paid: toMajor(paidMinor, currency),
    refunded: toMajor(Math.min(refundedMinor(row), amountMinor), currency),
    creditsToAdd: toCredits(row.creditsToAdd, scale),
    creditsAdded: toCredits(row.creditsAdded, scale),
    creditsTakenBack: toCredits(row.creditsTakenBack, scale),
    providerPaymentId: providerPaymentIds[0] ?? null,
    metadata: structuredClone(row.metadata),
  };
}

export function toMessage(row: PaymentMessageRow): PaymentMessage {
  const { version: _, reference: __, event: ___, ...message } = row;
  return { ...message, payload: structuredClone(row.payload) };
}
