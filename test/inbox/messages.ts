/** Messages of other systems, as their brokers give them. */
import type { JsonObject } from '../../src/index.js';

export const SUBJECTS = {
  paid: 'evt.shopify.webhook.order_paid',
  refunded: 'evt.shopify.webhook.order_refunded',
  billed: 'evt.billing.payment_succeeded',
  created: 'evt.merchant.created',
  adjusted: 'evt.credits.manual_adjustment',
  granted: 'evt.billing.credits.grant.v1',
  trial: 'evt.billing.trial.activated.v1',
} as const;
export type Kind = keyof typeof SUBJECTS;

/** A payload of each kind that is applied. */
export const PAYLOADS: Readonly<Record<Kind, JsonObject>> = {
  paid: { merchant_id: 'shop', order_id: '1001', order_total: 2000, shop_domain: 'shop.example', currency: 'USD' },
  refunded: { merchant_id: 'shop', order_id: '1001', refund_id: 'r-1', refund_amount: '1000.00', reason: 'broken' },
  billed: { merchant_id: 'shop', payment_id: 'p-1', amount: '49.90' },
  created: { merchant_id: 'shop' },
  adjusted: {
    ...{ merchant_id: 'shop', adjustment_id: 'a-1', amount: 7.5, reason: 'for the wait', admin_id: 'ann' },
    ticket_number: 'T-9',
  },
  granted: { shopDomain: 'Shop', credits: 50, reason: 'one_time_pack', externalRef: 'r1', metadata: { pack: 'big' } },
  trial: { shop_domain: 'shop', ends_at: '2026-02-01T00:00:00Z', days: 14, trial_credits: 30 },
};

/** The envelope of an event. */
export function envelope(kind: Kind, eventId: string, payload: object = PAYLOADS[kind], rest: object = {}): JsonObject {
  return {
    ...{ event_id: eventId, event_type: SUBJECTS[kind], correlation_id: `c-${eventId}`, idempotency_key: eventId },
    ...{ timestamp: '2026-01-01T00:00:00+00:00', metadata: { source_service: 'shop' }, payload: payload as JsonObject },
    ...rest,
  };
}

/** The message of an event. */
export function message(kind: Kind, eventId: string, payload?: object, rest?: object) {
  return { subject: SUBJECTS[kind], body: JSON.stringify(envelope(kind, eventId, payload, rest)) };
}
