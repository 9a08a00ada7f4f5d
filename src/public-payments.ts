/** The part of the public names that belongs to payments. */
export {
  type CreditPack,
  type CreditRate,
  type Money,
  type NewPaymentInput,
  newPaymentSchema as NewPaymentInputSchema,
  type PaymentCallOptions,
  paymentCallSchema as PaymentCallOptionsSchema,
  paymentHistorySchema as PaymentListOptionsSchema,
  paymentMessagesSchema as PaymentMessageOptionsSchema,
  type ReconcileOptions,
  type RecordedPaymentInput,
  type RefundInput,
  type RefundOptions,
  reconcileSchema as ReconcileOptionsSchema,
  recordedPaymentSchema as RecordedPaymentInputSchema,
  refundCallSchema as RefundOptionsSchema,
  refundSchema as RefundInputSchema,
  type WebhookCallOptions,
  webhookCallSchema as WebhookCallOptionsSchema,
} from './models/inputs/payments.js';
export type { MessageStatus, PaymentStatus } from './models/payment.js';
export {
  type Payment,
  type PaymentHistory,
  PaymentHistorySchema,
  type PaymentMessage,
  PaymentMessageSchema,
  PaymentSchema,
  type ReconcileReport,
  ReconcileReportSchema,
  type WebhookResult,
  WebhookResultSchema,
} from './models/records/payment.js';
export type { PaymentOptions } from './options.js';
export type {
  HeadersLike,
  PaymentListOptions,
  PaymentMessageOptions,
  PaymentService,
} from './services/payments/contract.js';
