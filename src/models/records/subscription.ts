/** Subscriptions: the plan that a user is on, and how that came about. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { credits, identifier, instant } from './fields.js';

export const UserSubscriptionSchema = strictObject({
  /** Names the subscription for ever. */
  id: identifier.describe('Names the subscription for ever.'),
  /** The user who has it. */
  userId: identifier.describe('The user who has it.'),
  /** The plan of the current period. */
  planId: identifier.describe('The plan of the current period.'),
  /** The name of that plan when it was chosen. */
  planName: z.string().describe('The name of that plan when it was chosen.'),
  /** The status. One that is cancelled at the end of its period keeps it until then; `past_due`: not paid. */
  status: z
    .enum(['trialing', 'active', 'past_due', 'paused', 'cancelled', 'ended'])
    .describe('The status. One that is cancelled at the end of its period keeps it until then; `past_due`: not paid.'),
  /** The instant at which it was started. */
  startedAt: instant.describe('The instant at which it was started.'),
  /** The start of the current period. */
  periodStart: instant.describe('The start of the current period.'),
  /** The end of the current period, the start of the next. */
  periodEnd: instant.describe('The end of the current period, the start of the next.'),
  /** The start of the time that credits were last granted for: of the period, or of a part (`allocationPeriod`). */
  allocationStart: instant.describe(
    'The start of the time that credits were last granted for: of the period, or of a part (`allocationPeriod`).',
  ),
  /** The end of that time. */
  allocationEnd: instant.describe('The end of that time.'),
  /** The instant at which it ends, where it does not renew. */
  validUntil: instant
    .nullable()
    .describe('The instant at which it ends, where it does not renew; null while it renews.'),
  /** Whether another period follows the current one. */
  autoRenew: z.boolean().describe('Whether another period follows the current one.'),
  /** The plan of the next period, where another was chosen for it. */
  nextPlanId: identifier
    .nullable()
    .describe('The plan of the next period, where another was chosen for it; null for the same plan.'),
  /** The instant at which it ends unless its next period is paid, where it is past due or you named one; else null. */
  graceUntil: instant
    .nullable()
    .describe(
      'The instant at which it ends unless its next period is paid, where it is past due or you named one; else null.',
    ),
  /** Payments of later periods, in order. One that ended at once keeps those that it did not use. */
  paidAhead: z
    .array(identifier)
    .readonly()
    .describe('Payments of later periods, in order. One that ended at once keeps those that it did not use.'),
});
export interface UserSubscription extends Readonly<z.infer<typeof UserSubscriptionSchema>> {}

export const PeriodUsageSchema = strictObject({
  /** The credit type. */
  creditType: z.string().describe('The credit type.'),
  /** Credits of the current period: granted so far, rolled-over ones included, less what was taken back. */
  granted: credits
    .min(0)
    .describe('Credits of the current period: granted so far, rolled-over ones included, less what was taken back.'),
  /** Credits of these that were spent or sent to others, or that repaid debt. */
  used: credits.min(0).describe('Credits of these that were spent or sent to others, or that repaid debt.'),
  /** Credits of these that are left, held ones included. The others have expired. */
  remaining: credits.min(0).describe('Credits of these that are left, held ones included. The others have expired.'),
});
/** Used `used` of `granted` this period, of one credit type. */
export interface PeriodUsage extends Readonly<z.infer<typeof PeriodUsageSchema>> {}

export const CurrentSubscriptionSchema = UserSubscriptionSchema.extend({
  /** Usage in the current period, one line for each credit type; that of the plan itself comes first. */
  usage: z
    .array(PeriodUsageSchema.readonly())
    .readonly()
    .describe('Usage in the current period, one line for each credit type; that of the plan itself comes first.'),
});
/** A subscription with what was used of its current period. */
export interface CurrentSubscription extends UserSubscription {
  /** Usage in the current period, one line for each credit type; that of the plan itself comes first. */
  readonly usage: readonly PeriodUsage[];
}

export const SubscriptionChangeSchema = strictObject({
  /** The ledger entry of the change. */
  id: identifier.describe('The ledger entry of the change.'),
  /** The instant of the change. */
  at: instant.describe('The instant of the change.'),
  /** A text for people: the change. */
  message: z.string().describe('A text for people: the change.'),
  /** The subscription after the change. */
  subscription: UserSubscriptionSchema.readonly().describe('The subscription after the change.'),
});
/** One step of a user's subscriptions. */
export interface SubscriptionChange extends Readonly<z.infer<typeof SubscriptionChangeSchema>> {}

export const ChangePreviewSchema = strictObject({
  /** Credits that would be granted now, by credit type. */
  granted: z
    .record(z.string(), credits.min(0))
    .readonly()
    .describe('Credits that would be granted now, by credit type; {} for none.'),
  /** The subscription as it would be. */
  subscription: UserSubscriptionSchema.readonly().describe('The subscription as it would be.'),
});
export interface ChangePreview extends Readonly<z.infer<typeof ChangePreviewSchema>> {}

export const AllocationSchema = strictObject({
  /** Credits that were granted, of the plan's own credit type. */
  granted: credits.min(0).describe("Credits that were granted, of the plan's own credit type."),
  /** Whether there was nothing left to grant. */
  alreadyAllocated: z.boolean().describe('Whether there was nothing left to grant.'),
});
/** The result of allocating one subscription. */
export interface Allocation extends z.infer<typeof AllocationSchema> {}
