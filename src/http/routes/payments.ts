/** Payments: a user's own, refunds and messages for administrators, and the webhooks of providers. */
import { readSchema } from '../../models/inputs/credits.js';
import {
  autoTopUpCallSchema,
  autoTopUpReadSchema,
  autoTopUpSchema,
  checkoutCallSchema,
  checkoutSchema,
  newPaymentSchema,
  paymentCallSchema,
  paymentHistorySchema,
  paymentMessagesSchema,
  reconcileSchema,
  refundCallSchema,
  refundSchema,
} from '../../models/inputs/payments.js';
import { amountSchema, identifierSchema } from '../../models/inputs/values.js';
import type { Payment } from '../../models/records/payment.js';
import { strictObject } from '../../models/strict-object.js';
import { type Route, route, type Services } from '../route.js';

const tag = 'Payments';
const paymentId = { paymentId: identifierSchema };
const refundFields = refundCallSchema.omit({ metadata: true, description: true });
const example = { payment_id: 'pay_0123456789abcdef0123456789abcdef' };

/** Adds the names that clients of the original know: money in rupees has one of its own. */
function onWire(payment: Payment) {
  const { id, url, amount, currency } = payment;
  return { ...payment, paymentId: id, paymentUrl: url, amountInr: currency === 'INR' ? amount : null };
}

async function ownerOf({ manager }: Services, args: { paymentId: never }): Promise<[string | null]> {
  const payment = await manager.payments.getPayment(args.paymentId, null);
  return [payment?.userId ?? null];
}

/** The fields of a shape, and all others. */
function splitBy(shape: object, given: Readonly<Record<string, unknown>>): [object, object] {
  const part = (isIn: boolean) =>
    Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(shape, name) === isIn));
  return [part(true), part(false)];
}

/** A user does not choose the credit type: prices are of one, and that of a pack is its own. */
const { userId: _, creditType: __, ...newPayment } = newPaymentSchema.shape;
const { userId: ____, ...checkout } = checkoutSchema.shape;

/** Reads of one's own payments. */
export const paymentReads: readonly Route[] = [
  route({
    ...{ name: 'getPaymentHistory', method: 'GET', path: '/credits/payments/history', who: 'user', tag, self: true },
    ...{ summary: 'The payments of a user, newest first', args: { userId: identifierSchema } },
    ...{ options: paymentHistorySchema.omit({ order: true }), answer: 'Payments' },
    example: { user_id: 'user-1', limit: '10' },
    async run({ manager }, args, options) {
      const page = await manager.payments.getPaymentHistory(args.userId, options);
      return { ...page, payments: page.payments.map(onWire) };
    },
  }),
  route({
    ...{ name: 'getPayment', method: 'GET', path: '/credits/payments/{payment_id}', who: 'user', tag },
    ...{ summary: 'One payment', args: paymentId, options: readSchema, answer: 'Payment', example, accounts: ownerOf },
    async run({ manager }, args, options) {
      const payment = await manager.payments.getPayment(args.paymentId, null, options);
      return payment && onWire(payment);
    },
  }),
  route({
    ...{ name: 'getAutoTopUp', method: 'GET', path: '/credits/top-up/{user_id}', who: 'user', tag },
    ...{ summary: 'The automatic top-up of an account', args: { userId: identifierSchema } },
    ...{ options: autoTopUpReadSchema, answer: 'AutoTopUp', example: { user_id: 'user-1' } },
    run: ({ manager }, { userId }, options) => manager.payments.getAutoTopUp(userId, options),
  }),
];

export const paymentRoutes: readonly Route[] = [
  route({
    ...{ name: 'createPayment', method: 'POST', path: '/credits/payments/create', who: 'user', tag, self: true },
    ...{ summary: 'Make a payment, and the page at which it is paid', args: { userId: identifierSchema } },
    options: strictObject({
      ...newPayment,
      amountInr: amountSchema.optional(),
      ...paymentCallSchema.omit({ metadata: true }).shape,
    }),
    ...{ answer: 'Payment', errors: ['PROVIDER_NOT_FOUND', 'PROVIDER_ERROR'] },
    example: { user_id: 'user-1', amount_inr: 500, description: 'Credit top-up', provider: 'razorpay' },
    async run({ manager }, { userId }, { amountInr, ...given }: Readonly<Record<string, unknown>>) {
      const [fields, options] = splitBy(newPayment, given);
      const rupees = amountInr === undefined ? {} : { amount: amountInr, currency: given.currency ?? 'INR' };
      const input = { ...fields, ...rupees, userId };
      const { replayed, ...payment } = await manager.payments.createPaymentLink(input as never, options);
      return { ...onWire(payment), replayed };
    },
  }),
  route({
    ...{ name: 'checkout', method: 'POST', path: '/credits/payments/checkout', who: 'user', tag, self: true },
    ...{ summary: 'Make the page at which a user subscribes to a plan that the provider bills' },
    ...{ args: { userId: identifierSchema }, answer: 'Checkout' },
    options: strictObject({ ...checkout, ...checkoutCallSchema.shape }),
    errors: ['PLAN_NOT_FOUND', 'PLAN_INACTIVE', 'PROVIDER_NOT_FOUND', 'PROVIDER_ERROR'],
    example: { user_id: 'user-1', plan: 'pro' },
    run({ manager }, { userId }, given: Readonly<Record<string, unknown>>) {
      const [fields, options] = splitBy(checkout, given);
      return manager.payments.checkout({ ...fields, userId } as never, options);
    },
  }),
];

const admin = { method: 'POST', who: 'admin', tag } as const;
const topUp = { ...admin, path: '/admin/credits/top-up/{user_id}', args: { userId: identifierSchema } } as const;

export const paymentAdminRoutes: readonly Route[] = [
  route({
    ...{ ...admin, name: 'refundPayment', path: '/admin/credits/payments/{payment_id}/refund', args: paymentId },
    ...{ summary: 'Give the money of a payment back, and take back its credits', accounts: ownerOf },
    options: strictObject({ ...refundSchema.shape, ...refundFields.shape }),
    ...{ answer: 'Payment', errors: ['PAYMENT_NOT_FOUND', 'PROVIDER_NOT_FOUND', 'PROVIDER_ERROR'] },
    example: { ...example, amount: 100, reason: 'Not as described', idempotency_key: 'refund-1' },
    async run({ manager }, args, { amount, ...options }: Readonly<Record<string, unknown>>) {
      return onWire(await manager.payments.refundPayment(args.paymentId, { amount } as never, options as never));
    },
  }),
  route({
    // Whose saved method is charged is for the host to say: a user who named a customer could name another's.
    ...{ ...topUp, name: 'setAutoTopUp', summary: 'Set the automatic top-up of an account', answer: 'AutoTopUp' },
    ...{ errors: ['PROVIDER_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] },
    options: strictObject({ ...autoTopUpSchema.shape, ...autoTopUpCallSchema.shape }),
    example: { user_id: 'user-1', threshold: 100, amount: 500, currency: 'INR', max_amount: 5_000 },
    run({ manager }, { userId }, given: Readonly<Record<string, unknown>>) {
      const [settings, options] = splitBy(autoTopUpSchema.shape, given);
      return manager.payments.setAutoTopUp(userId, settings as never, options);
    },
  }),
  route({
    ...{ ...topUp, name: 'removeAutoTopUp', method: 'DELETE', answer: 'AutoTopUp' },
    ...{ summary: 'Turn the automatic top-up of an account off', options: autoTopUpCallSchema },
    example: { user_id: 'user-1' },
    run: ({ manager }, { userId }, options) => manager.payments.setAutoTopUp(userId, null, options),
  }),
  route({
    ...{ ...admin, name: 'reconcilePayments', path: '/admin/credits/payments/reconcile' },
    ...{ summary: 'Make good what webhooks missed', options: reconcileSchema, answer: 'Reconciled' },
    example: { since: '2030-01-01T00:00:00Z' },
    run: ({ manager }, ___, options) => manager.payments.reconcilePayments(options),
  }),
  route({
    ...{ ...admin, method: 'GET', name: 'listPaymentMessages', path: '/admin/credits/payments/messages' },
    ...{ summary: 'Messages from providers of payments and to them, newest first' },
    ...{ options: paymentMessagesSchema, answer: 'PaymentMessages', example: { status: 'waiting' } },
    run: ({ manager }, ___, options) => manager.payments.listMessages(options),
  }),
];

/** The webhooks of these providers; of all that are registered where there is no list. */
export function webhookRoutes(names: readonly string[] | null): readonly Route[] {
  return [
    route({
      ...{ name: 'receiveWebhook', method: 'POST', path: '/webhooks/{provider}', who: 'anyone', tag: 'Webhooks' },
      ...{ summary: 'Takes a signed event of a payment provider', args: { provider: identifierSchema }, isRaw: true },
      ...{ answer: 'Received', errors: ['WEBHOOK_SIGNATURE_INVALID', 'PROVIDER_NOT_FOUND', 'NOT_FOUND'] },
      example: { provider: 'razorpay' },
      async run({ manager, message }, args) {
        const provider = args.provider as string;
        if (names !== null && !names.includes(provider)) return null;
        const { body, headers } = await message.bytes();
        await manager.payments.handleWebhook(provider, body, headers);
        return { status: 'ok' };
      },
    }),
  ];
}
