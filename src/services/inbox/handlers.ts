/** The subjects that have a handler of the library: orders, payments, merchants, adjustments, and grants of billing. */
import type { z } from 'zod';
import { parseAmount } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { creditError, isCreditError } from '../../errors.js';
import type { GrantSource } from '../../models/enums.js';
import {
  grantEventSchema,
  manualAdjustmentSchema,
  merchantCreatedSchema,
  orderPaidSchema,
  orderRefundedSchema,
  paymentSucceededSchema,
  trialActivatedSchema,
} from '../../models/inputs/inbox.js';
import type { CreditMutations } from '../credits/contract.js';
import type { OrderService } from '../payments/orders-contract.js';

/** The verbs that the handlers use. */
export interface Effects {
  readonly credits: Pick<CreditMutations, 'addCredits' | 'adjustCredits' | 'createAccount'>;
  readonly orders: OrderService;
  /** The decimals of a credit. */
  readonly scale: number;
}

interface Called {
  readonly eventId: string;
  readonly correlationId: string;
}

/** Applies one kind of message. */
export interface BuiltIn<T = never> {
  readonly schema: z.ZodType;
  readonly userId: (payload: T) => string;
  /** Answers whether the effect was there already. */
  readonly run: (effects: Effects, payload: T, called: Called) => Promise<boolean>;
}

function builtIn<Schema extends z.ZodType>(schema: Schema, rest: Omit<BuiltIn<z.infer<Schema>>, 'schema'>): BuiltIn {
  return { schema, ...rest } as unknown as BuiltIn;
}

const merchant = ({ merchant_id }: { merchant_id: string }) => merchant_id;
const shop = ({ shop_domain }: { shop_domain: string }) => shop_domain;

export const BUILT_IN: ReadonlyMap<string, BuiltIn> = new Map([
  [
    'evt.shopify.webhook.order_paid',
    builtIn(orderPaidSchema, {
      userId: merchant,
      async run({ orders }, { order_total, shop_domain, ...order }, { correlationId }) {
        const { merchant_id: userId, order_id: orderId, currency } = order;
        const told = { userId, orderId, total: order_total, ...currencyOf(currency) };
        const paid = await orders.orderPaid(
          { ...told, ...(shop_domain != null && { shopDomain: shop_domain }) },
          { correlationId },
        );
        return paid?.replayed === true;
      },
    }),
  ],
  [
    'evt.shopify.webhook.order_refunded',
    builtIn(orderRefundedSchema, {
      userId: merchant,
      async run({ orders }, { refund_id: refundId, refund_amount: amount, ...refund }, { correlationId }) {
        const { merchant_id: userId, order_id: orderId, currency, reason } = refund;
        const told = { userId, orderId, refundId, amount, ...currencyOf(currency) };
        const { error, idempotent } = await orders.orderRefunded(told, {
          correlationId,
          ...(reason != null && { reason }),
        });
        if (!error?.startsWith('PAYMENT_MISMATCH')) return idempotent;
        const message = `The refund differs from its order (${error}). Nothing was taken back.`;
        throw creditError('PAYMENT_MISMATCH', message, { field: 'order' });
      },
    }),
  ],
  [
    'evt.billing.payment_succeeded',
    builtIn(paymentSucceededSchema, {
      userId: merchant,
      async run({ orders }, { merchant_id: userId, payment_id: paymentId, amount, currency }, { correlationId }) {
        const told = { userId, paymentId, amount, ...currencyOf(currency) };
        return (await orders.billingPaid(told, { correlationId })).replayed;
      },
    }),
  ],
  [
    'evt.merchant.created',
    builtIn(merchantCreatedSchema, {
      userId: merchant,
      async run({ credits }, { merchant_id }, { correlationId }) {
        try {
          return (await credits.createAccount(merchant_id, { correlationId })).replayed;
        } catch (error) {
          // It was created with options of its own, which the event says nothing about.
          if (isCreditError(error, 'IDEMPOTENCY_CONFLICT')) return true;
          throw error;
        }
      },
    }),
  ],
  [
    'evt.credits.manual_adjustment',
    builtIn(manualAdjustmentSchema, {
      userId: merchant,
      async run({ credits, scale }, { adjustment_id, ticket_number, ...adjustment }, { correlationId }) {
        const { merchant_id, amount, admin_id: actor, reason } = adjustment;
        // Adjustments have a sign elsewhere; those of this subject only add.
        parseAmount(amount, { scale });
        const { replayed } = await credits.adjustCredits(merchant_id, amount, {
          ...{ actor, reason: reason ?? 'Manual adjustment', correlationId },
          idempotencyKey: keyOf('adjustment', adjustment_id),
          metadata: {
            ...{ reference_type: 'manual', adjustment_id },
            ...(ticket_number != null && { ticket_number }),
          },
        });
        return replayed;
      },
    }),
  ],
  [
    'evt.billing.credits.grant.v1',
    builtIn(grantEventSchema, {
      userId: shop,
      async run({ credits }, { shop_domain, credits: amount, reason, external_ref, metadata }, called) {
        const { eventId, correlationId } = called;
        const { replayed } = await credits.addCredits(shop_domain, amount, {
          ...{ source: SOURCES[reason], reason, correlationId, reference: external_ref ?? eventId },
          idempotencyKey: keyOf('grant', external_ref ?? eventId),
          ...(metadata && { metadata }),
        });
        return replayed;
      },
    }),
  ],
  [
    'evt.billing.trial.activated.v1',
    builtIn(trialActivatedSchema, {
      userId: shop,
      async run({ credits }, { shop_domain, ends_at, days, trial_credits }, { correlationId }) {
        if (trial_credits == null || Number(trial_credits) === 0) return false;
        const reference = `trial-${shop_domain}-${ends_at}`;
        const { replayed } = await credits.addCredits(shop_domain, trial_credits, {
          ...{ source: 'trial', reason: 'trial', correlationId, reference: reference.slice(0, 255) },
          idempotencyKey: keyOf('grant', reference),
          metadata: { trial_days: days, ends_at },
        });
        return replayed;
      },
    }),
  ],
]);

const SOURCES: Readonly<Record<'trial' | 'subscription' | 'manual' | 'one_time_pack', GrantSource>> = {
  ...{ trial: 'trial', subscription: 'subscription', manual: 'adjustment', one_time_pack: 'purchase' },
};

function currencyOf(currency: string | null | undefined): { readonly currency?: string } {
  return currency == null ? {} : { currency };
}

/** A key that no call of the host has by chance. */
function keyOf(kind: string, id: string): string {
  const key = `${kind}:${id}`;
  return key.length <= 255 ? key : `${kind}:${sha256(id)}`;
}
