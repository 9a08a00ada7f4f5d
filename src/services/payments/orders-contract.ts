/** The public contract of orders: credits that a shop earns by what it sells. */
import type {
  BilledPaymentInput,
  OrderCallOptions,
  PaidOrderInput,
  RefundedOrderInput,
} from '../../models/inputs/orders.js';
import type { Applied } from '../../models/records/applied.js';
import type { Payment, WebhookResult } from '../../models/records/payment.js';

/** Orders of shops, for consumers of their events: each event may come late, twice, and in any order. */
export interface OrderService {
  /**
   * Grants what a paid order earns: the greatest of `orders.fixedAmount`, `orders.percentage` of the total (half up to
   * 0.01) and `orders.minimum`. Once for an order of a merchant, however often it is told; refunds that were told
   * before it are applied in the same commit. Null where `orders.enabled` is false: nothing is written.
   *
   * It is kept as a payment of the provider `orders`, so that `getPaymentHistory` lists it and `verify` proves it.
   *
   * @throws INVALID_AMOUNT; PAYMENT_MISMATCH where the order was told with another total or currency; LIMIT_EXCEEDED. A
   * retry is safe.
   * @example await manager.orders.orderPaid({ userId: 'shop-7', orderId: '1001', total: '99.50' });
   */
  orderPaid(order: PaidOrderInput, options?: OrderCallOptions): Promise<Applied<Payment> | null>;

  /**
   * Takes back the part of an order's credits that was refunded: all refunds together never more than the order
   * granted, first from its own credits, then from others; the rest becomes debt. A refund counts once, by its id. One
   * whose order was not told yet waits: `status` is `waiting`, and the order's commit applies it.
   *
   * @throws INVALID_AMOUNT. A retry is safe.
   * @example
   * const refund = { userId: 'shop-7', orderId: '1001', refundId: 'r-1', amount: '39.80' };
   * const { status, success } = await manager.orders.orderRefunded(refund);
   */
  orderRefunded(refund: RefundedOrderInput, options?: OrderCallOptions): Promise<WebhookResult>;

  /**
   * Grants what a payment bought that another billing system tells of: its amount times
   * `orders.billingCreditsPerUnit`, rounded down to the smallest part of a credit. Once for a payment of a merchant,
   * however often it is told. A payment that `payments` has already, by its id or by its name at a registered provider,
   * counts there alone: it is answered as it stands, and nothing is written. A payment that is told here before
   * `payments` hears of it counts twice, so tell of each payment by one way.
   *
   * It is kept as a payment of the provider `billing`.
   *
   * @throws INVALID_AMOUNT; PAYMENT_MISMATCH where the payment was told with another amount or currency;
   * LIMIT_EXCEEDED. A retry is safe.
   * @example await manager.orders.billingPaid({ userId: 'shop-7', paymentId: 'inv-12', amount: '49.90' });
   */
  billingPaid(payment: BilledPaymentInput, options?: OrderCallOptions): Promise<Applied<Payment>>;
}
