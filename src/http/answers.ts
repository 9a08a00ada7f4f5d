/** The answers of the API by name: the records of the library, and the few that the wire has of its own. */
import { z } from 'zod';
import { AccountInfoSchema } from '../models/records/account.js';
import {
  AccountListSchema,
  BalanceBreakdownSchema,
  DeductionPreviewSchema,
  UserCreditsInfoSchema,
} from '../models/records/balance.js';
import { CycleSchema } from '../models/records/cycle.js';
import { count, credits, identifier, jsonObject } from '../models/records/fields.js';
import { ForecastSchema } from '../models/records/forecast.js';
import { GrantSchema, GrantUseSchema } from '../models/records/grant.js';
import { HealthSchema } from '../models/records/health.js';
import { DeadLetterSchema, MessageReceiptSchema, ReceptionSchema } from '../models/records/inbox.js';
import { jobNameSchema } from '../models/records/job.js';
import { AuditedEntrySchema, LedgerEntrySchema } from '../models/records/ledger.js';
import { NotificationSchema } from '../models/records/notification.js';
import { SinkInfoSchema } from '../models/records/outbox.js';
import {
  AutoTopUpSchema,
  PaymentHistorySchema,
  PaymentMessageSchema,
  PaymentSchema,
  PlanCheckoutSchema,
  ReconcileReportSchema,
} from '../models/records/payment.js';
import { SubscriptionPlanSchema } from '../models/records/plan.js';
import { PromoClaimSchema, PromoSchema } from '../models/records/promo.js';
import { ReservationSchema } from '../models/records/reservation.js';
import {
  ChangePreviewSchema,
  CurrentSubscriptionSchema,
  SubscriptionChangeSchema,
  UserSubscriptionSchema,
} from '../models/records/subscription.js';
import { CreditsTransactionSchema, ExplanationSchema } from '../models/records/transaction.js';
import { UsageSummarySchema } from '../models/records/usage.js';
import { MERCHANT_ANSWERS } from './merchant-answers.js';

const userId = identifier.describe('The user whose account this is.');
const available = credits.describe('Credits that can be spent now. May be negative.');

/** The answer to a change: of a dry run it has what would be written. */
function changed<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape, z.core.$strict>) {
  return schema.extend({ dryRun: DryRunSchema.optional() });
}
const DryRunSchema = z
  .strictObject({
    transactions: z.array(CreditsTransactionSchema).describe('The transactions that the request would write.'),
    events: z.array(jsonObject).describe('The events that it would announce, as sinks get them.'),
  })
  .describe('What the request would write; of one with dry_run alone.');

const BalanceSchema = z.strictObject({
  userId,
  credits: available,
  ...UserCreditsInfoSchema.omit({ userId: true, available: true }).shape,
});
const BalanceChangeSchema = z.strictObject({
  userId,
  credits: credits.describe('Credits that could be spent right after the change.'),
  transaction: CreditsTransactionSchema.describe('The change.'),
});
/** A plan without a validity is valid for the days of its period. */
const PlanSchema = SubscriptionPlanSchema.extend({
  validityDays: z.int().min(1).describe('Days from the start of a period until its credits expire.'),
});
/** Beside our names, those that clients of the original know. */
const PaymentOnWireSchema = PaymentSchema.extend({
  paymentId: identifier.describe('The same as id.'),
  paymentUrl: z.string().nullable().describe('The same as url.'),
  amountInr: z.number().nullable().describe('The money asked for, in rupees; null in another currency.'),
});
const promoCode = z.string().describe('The code, trimmed and upper-case.');
const EligibilitySchema = z.strictObject({
  eligible: z.boolean().describe('Whether the user could claim now.'),
  promoCode,
  credits: credits.min(0).describe('Credits that a claim would give; 0 where there can be none.'),
  description: z.string().nullable().describe('A text for people; null without one.'),
  reason: z.string().nullable().describe('Why the user could not claim; null where that could be.'),
});
const ClaimSchema = z.strictObject({
  success: z.boolean().describe('Whether the claim was applied. One that the rules refuse is an answer, too.'),
  creditsAwarded: credits.min(0).describe('Credits that the user got; 0 where the claim was refused.'),
  promoCode,
  message: z.string().describe('A text for people: the change that happened, or why there was none.'),
  transactionId: identifier.nullable().describe('The transaction that granted them; null where there is none.'),
});
const TransferSchema = z.strictObject({
  out: CreditsTransactionSchema.describe('The entry of the sender.'),
  in: CreditsTransactionSchema.describe('The entry of the receiver.'),
});
const JobStateSchema = z.strictObject({
  job: jobNameSchema.describe('The job.'),
  status: z.string().describe('How its last run that did something ended.'),
  processed: count.describe('Rows processed by that run.'),
  skippedCount: count.describe('Rows that it left out.'),
  startedAt: z.string().describe('The instant at which it began, ISO 8601.'),
  durationMs: z.number().min(0).describe('Milliseconds that it took.'),
});

const RECORDS = {
  Account: AccountInfoSchema,
  Accounts: AccountListSchema,
  Alive: z.strictObject({ status: HealthSchema.shape.status }),
  Balance: changed(BalanceSchema),
  BalanceAt: UserCreditsInfoSchema,
  BalanceChange: changed(BalanceChangeSchema),
  Breakdown: BalanceBreakdownSchema,
  ChangePreview: ChangePreviewSchema,
  Claim: ClaimSchema,
  CurrentSubscription: CurrentSubscriptionSchema,
  Cycle: changed(CycleSchema),
  DeadLetter: DeadLetterSchema,
  Deleted: z.strictObject({ deleted: z.boolean().describe('Whether there was one to delete.') }),
  Eligibility: EligibilitySchema,
  Expired: z.strictObject({ userId, expired: credits.min(0).describe('Credits that expired.') }),
  Explanation: ExplanationSchema,
  Forecast: ForecastSchema,
  Grant: GrantSchema,
  Health: HealthSchema,
  Payment: PaymentOnWireSchema,
  Plan: changed(PlanSchema),
  Preview: DeductionPreviewSchema,
  Promo: changed(PromoSchema),
  Receipt: MessageReceiptSchema,
  Received: z.strictObject({ status: z.literal('ok').describe('The events are stored.') }),
  Reception: ReceptionSchema,
  Reconciled: ReconcileReportSchema,
  Checkout: PlanCheckoutSchema,
  AutoTopUp: AutoTopUpSchema,
  Reservation: changed(ReservationSchema),
  Retried: z.strictObject({ retried: count.describe('Deliveries that are tried again.') }),
  Subscription: changed(UserSubscriptionSchema),
  Transaction: CreditsTransactionSchema,
  Transfer: changed(TransferSchema),
} as const;

/** A page of rows. */
const pageOf = (item: z.ZodType) =>
  z.strictObject({
    items: z.array(item).describe('The rows of this page.'),
    nextCursor: z.string().nullable().describe('Given as cursor, it answers the next page; null at the end.'),
  });
/** A whole list. */
const listOf = (item: z.ZodType) => z.strictObject({ items: z.array(item).describe('All rows.') });

/** The schema of each answer. */
export const ANSWERS = {
  ...RECORDS,
  ...MERCHANT_ANSWERS,
  AllClaims: pageOf(PromoClaimSchema),
  AuditTrail: pageOf(AuditedEntrySchema),
  /** A user who claimed is not told who referred them. */
  Claims: pageOf(
    PromoClaimSchema.omit({ referrerId: true, referrerCreditsAwarded: true, referrerTransactionId: true }),
  ),
  Cycles: pageOf(CycleSchema),
  DeadLetters: pageOf(DeadLetterSchema),
  Expiring: listOf(GrantSchema),
  Grants: pageOf(GrantSchema),
  GrantUses: pageOf(GrantUseSchema),
  Jobs: listOf(JobStateSchema),
  LedgerEntries: pageOf(LedgerEntrySchema),
  Notifications: pageOf(NotificationSchema),
  Outbox: listOf(SinkInfoSchema),
  PaymentMessages: pageOf(PaymentMessageSchema),
  Payments: PaymentHistorySchema.extend({
    payments: z.array(PaymentOnWireSchema).describe('The payments of the page, the newest first.'),
  }),
  Plans: pageOf(PlanSchema),
  /** A bare list, as clients of the original expect; the header X-Next-Cursor leads to the next page. */
  Promos: z.array(PromoSchema),
  Reservations: pageOf(ReservationSchema),
  SubscriptionChanges: pageOf(SubscriptionChangeSchema),
  Subscriptions: pageOf(UserSubscriptionSchema),
  Transactions: pageOf(CreditsTransactionSchema),
  Usage: listOf(UsageSummarySchema),
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type AnswerName = keyof typeof ANSWERS;
