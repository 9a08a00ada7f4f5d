/** Orders as payments that nobody asked for here: they are paid when they are told, and refunds go the way of all. */
import { parseAmount } from '../../core/amounts.js';
import { sha256 } from '../../core/canonical-json.js';
import { decimalsOf, parseMoney } from '../../core/money.js';
import { orderUnits } from '../../core/order-credits.js';
import { creditError } from '../../errors.js';
import type { MutationOptions } from '../../models/inputs/credits.js';
import {
  billedPaymentSchema,
  type OrderCallOptions,
  orderCallSchema,
  paidOrderSchema,
  refundedOrderSchema,
} from '../../models/inputs/orders.js';
import { providerKey } from '../../models/payment.js';
import type { ProviderEvent } from '../../models/provider-event.js';
import type { Amount } from '../../models/values.js';
import { parse, parseOptions } from '../input/parse.js';
import type { Inbox } from './inbox.js';
import type { Links } from './links.js';
import { inboxMessage } from './messages.js';
import type { OrderService } from './orders-contract.js';
import { moneyOf, rateOf } from './pricing.js';
import { BILLING, ORDERS } from './providers.js';
import { toPayment } from './records.js';

const CURRENCY = 'USD';
/** Shares have at most six decimals, and no currency has more. */
const SCALE = 6;

const micro = (amount: unknown) => parseAmount(amount, { scale: SCALE, zero: true });

interface OrderSettings {
  readonly enabled?: boolean | undefined;
  readonly fixedAmount?: Amount | undefined;
  readonly percentage?: Amount | undefined;
  readonly minimum?: Amount | undefined;
  readonly billingCreditsPerUnit?: Amount | undefined;
}

/** `scale`: that of credits. @throws INVALID_AMOUNT */
export function orderRules(settings: OrderSettings, scale: number) {
  const { enabled = true, fixedAmount = 10, percentage = '0.01', minimum = 1, billingCreditsPerUnit = 1 } = settings;
  const billing = rateOf({ creditsPerUnit: billingCreditsPerUnit }, '', scale);
  const credits = (amount: Amount) => parseAmount(amount, { scale, zero: true }) * 10 ** (SCALE - scale);
  return { enabled, fixed: credits(fixedAmount), share: micro(percentage), minimum: credits(minimum), billing };
}

export type ParsedOrderRules = ReturnType<typeof orderRules>;

export function orderService<S>(links: Links<S>, inbox: Inbox<S>, rules: ParsedOrderRules): OrderService {
  const { scale } = inbox.payments.engine;
  return {
    async orderPaid(order, given) {
      const { userId, orderId, total, currency = CURRENCY, shopDomain } = parse(paidOrderSchema, order, 'order');
      const options = parseOptions(orderCallSchema, given);
      const minor = parseMoney(total, currency);
      const units = orderUnits(BigInt(minor) * 10n ** BigInt(SCALE - decimalsOf(currency)), rules);
      if (!rules.enabled) return null;
      const about = { reference_type: 'order_paid', order_id: orderId, order_total: String(total), currency };
      const paid = await links.recordPaid(
        {
          ...{ provider: ORDERS, paidAs: nameOf(userId, orderId), userId, currency, creditType: undefined },
          // An order that cost nothing is kept as the smallest money that there is.
          amountMinor: Math.max(minor, 1),
          creditsToAdd: Math.round(units * 10 ** (scale - SCALE)),
        },
        {
          ...(options as MutationOptions<S>),
          metadata: { ...about, ...(shopDomain !== undefined && { shop_domain: shopDomain }) },
        },
      );
      const isFree = Number(paid.metadata?.order_total) === 0;
      if (isFree === (minor === 0)) return paid;
      throw creditError('PAYMENT_MISMATCH', 'This order is recorded already, with another total.', { field: 'total' });
    },

    async orderRefunded(refund, given) {
      const { userId, orderId, refundId, amount, currency = CURRENCY } = parse(refundedOrderSchema, refund, 'refund');
      const options: OrderCallOptions = parseOptions(orderCallSchema, given);
      const amountMinor = moneyOf(amount, currency);
      const at = inbox.payments.now();
      const id = nameOf(userId, orderId, refundId);
      const event: ProviderEvent = {
        ...{ eventId: id, type: 'order.refunded', kind: 'refunded' as const, occurredAt: at, userId, reason: null },
        ...{ reference: null, providerLinkId: null, providerPaymentId: nameOf(userId, orderId), providerOrderId: null },
        ...{ asked: null, paid: null, arrived: null, dispute: null, subscription: null, method: null },
        refund: { id, status: 'done', amountMinor, currency },
      };
      const payload = { order_id: orderId, refund_id: refundId, amount: String(amount), currency };
      const message = inboxMessage(ORDERS, event, { place: id, payload, at });
      return (await inbox.receive(message, options)).result;
    },

    async billingPaid(payment, given) {
      const { userId, paymentId, amount, currency = CURRENCY } = parse(billedPaymentSchema, payment, 'payment');
      const options = parseOptions(orderCallSchema, given);
      const amountMinor = moneyOf(amount, currency);
      const creditsToAdd = inbox.payments.prices.creditsFor(amountMinor, currency, rules.billing);
      const known = await knownPayment(inbox, paymentId, userId);
      if (known) return { ...toPayment(known, scale), replayed: true };
      const about = { reference_type: 'billing_payment', payment_id: paymentId, currency };
      const paid = { provider: BILLING, paidAs: nameOf(userId, paymentId), userId, currency, creditType: undefined };
      return links.recordPaid(
        { ...paid, amountMinor, creditsToAdd },
        { ...(options as MutationOptions<S>), metadata: about },
      );
    },
  };
}

/** A payment that `payments` has, by its id or by its name at a provider, if it is this user's. */
async function knownPayment<S>({ payments }: Inbox<S>, paymentId: string, userId: string) {
  const keys = payments.providers.names().map((name) => providerKey(name, 'payment', paymentId));
  const found = (await payments.get(paymentId)) ?? (await payments.named(keys, {}));
  return found?.userId === userId ? found : null;
}

/** A name that no other merchant's order has, whatever the shops call theirs. */
function nameOf(...parts: readonly string[]): string {
  return sha256(JSON.stringify(parts)).slice(0, 40);
}
