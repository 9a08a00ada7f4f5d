/** Events: what outbox rows carry. Payloads are JSON, times ISO strings, amounts credits. */
import type { AccessStatus, GrantSource } from './enums.js';

/** `amount`: credits moved; signed in `refunded` and `adjusted` (what the balance changed by), else positive. */
type Movement = {
  amount: number;
  balance: number;
  available: number;
  transactionId: string;
  reference: string | null;
};
type Edge = { previousBalance: number; balance: number; available: number; transactionId: string | null };

export interface CreditEventMap {
  'credits.recharged': Movement & { source: GrantSource };
  'credits.refunded': Movement;
  'credits.adjusted': Movement & { actor: string; reason: string };
  'credits.deducted': Movement;
  'credits.expired': Movement;
  'credits.account.created': { balance: number };
  'credits.low_balance_reached': Edge & { threshold: number };
  'credits.balance_restored': Edge & { threshold: number };
  'credits.balance_exhausted': Edge;
  'credits.plugin_status_changed': Edge & { previousStatus: AccessStatus; status: AccessStatus };
  'subscription.allocated': Movement & { subscriptionId: string; periodStart: string };
  'payment.paid': Movement & { paymentId: string };
}
export type CreditEventType = keyof CreditEventMap;

const EVENT_TYPES: Readonly<Record<CreditEventType, true>> = {
  ...{ 'credits.recharged': true, 'credits.refunded': true, 'credits.adjusted': true, 'credits.deducted': true },
  ...{ 'credits.expired': true, 'credits.account.created': true, 'credits.low_balance_reached': true },
  ...{ 'credits.balance_restored': true, 'credits.balance_exhausted': true, 'credits.plugin_status_changed': true },
  ...{ 'subscription.allocated': true, 'payment.paid': true },
};
export const creditEventTypes = Object.keys(EVENT_TYPES);

/** One event. `id` is stable over deliveries; `sequence` is the account's, so a consumer can order and see gaps. */
export type CreditEvent<K extends CreditEventType = CreditEventType> = {
  [T in K]: {
    readonly id: string;
    readonly type: T;
    readonly userId: string;
    readonly creditType: string;
    readonly sequence: number;
    readonly occurredAt: string;
    readonly correlationId: string | null;
    readonly data: CreditEventMap[T];
  };
}[K];
