/** Events, as outbox rows carry them. Payloads are JSON, times are ISO strings, amounts are credits. */
import { z } from 'zod';
import { type AccessStatus, grantSourceSchema } from './enums.js';
import { paymentStatusSchema } from './payment.js';
import { count, credits, identifier, isoInstant, jsonObject } from './records/fields.js';
import { strictObject } from './strict-object.js';
import { subscriptionStatusSchema } from './subscription.js';
import { topUp, topUpEvents } from './top-up-events.js';

/** The version of the payloads that are written now. A new field leaves it; a field that changes or goes raises it. */
export const CREDIT_EVENT_VERSION = 1;

const referenceTypeSchema = z.enum([...grantSourceSchema.options, 'transaction']);

/**
 * `amount` is positive, but signed in `refunded`, `adjusted` and `transferred`: there it is the change of the balance.
 */
const movement = {
  /** Credits that moved; in `refunded`, `adjusted` and `transferred` the signed change of the balance. */
  amount: credits.describe(
    'Credits that moved; in `refunded`, `adjusted` and `transferred` the signed change of the balance.',
  ),
  /** The balance after it. */
  balance: credits.describe('The balance after it.'),
  /** The available credits after it. */
  available: credits.describe('The available credits after it.'),
  /** The transaction that moved them. */
  transactionId: identifier.describe('The transaction that moved them.'),
  /** The reference of the grant, or the transaction or refund that it undoes; null without one. */
  reference: z
    .string()
    .nullable()
    .describe('The reference of the grant, or the transaction or refund that it undoes; null without one.'),
  /** The kind of `reference`: the source of its grant, `refund` or `transaction`; null without a reference. */
  referenceType: referenceTypeSchema
    .nullable()
    .describe('The kind of `reference`: the source of its grant, `refund` or `transaction`; null without a reference.'),
  /** The metadata of the call, with the option `eventMetadata` alone. What the clock does has none: `{}`. */
  metadata: jsonObject
    .optional()
    .describe('The metadata of the call, with the option `eventMetadata` alone. What the clock does has none: `{}`.'),
};

const source = {
  /** Where the credits came from. */
  source: grantSourceSchema.describe('Where the credits came from.'),
};

const reason = {
  /** The reason that the call gave; null without one. */
  reason: z.string().nullable().describe('The reason that the call gave; null without one.'),
};

const crossing = {
  /** The balance before the crossing. */
  previousBalance: credits.describe('The balance before the crossing.'),
  /** The balance after it. */
  balance: credits.describe('The balance after it.'),
  /** The available credits after it. */
  available: credits.describe('The available credits after it.'),
  /** The transaction that crossed it; null where time alone did. */
  transactionId: identifier.nullable().describe('The transaction that crossed it; null where time alone did.'),
};

const subscription = {
  /** The subscription. */
  subscriptionId: identifier.describe('The subscription.'),
  /** The plan of the current period. */
  planId: identifier.describe('The plan of the current period.'),
  /** The name of the plan. */
  planName: z.string().describe('The name of the plan.'),
  /** The plan before the event; null where the user had none. */
  previousPlanId: identifier.nullable().describe('The plan before the event; null where the user had none.'),
  /** The plan of the next period, where it is another one; else null. */
  nextPlanId: identifier.nullable().describe('The plan of the next period, where it is another one; else null.'),
  /** The status after the event. */
  status: subscriptionStatusSchema.exclude(['removed']).describe('The status after the event.'),
  /** Start of the current period, ISO 8601. */
  periodStart: isoInstant.describe('Start of the current period, ISO 8601.'),
  /** End of the current period, ISO 8601. */
  periodEnd: isoInstant.describe('End of the current period, ISO 8601.'),
  /** The instant at which it ends or ended, ISO 8601; null while it renews. */
  validUntil: isoInstant.nullable().describe('The instant at which it ends or ended, ISO 8601; null while it renews.'),
  /** Whether another period follows. */
  autoRenew: z.boolean().describe('Whether another period follows.'),
  ...reason,
};

const payment = {
  /** The payment. */
  paymentId: identifier.describe('The payment.'),
  /** The provider, by its name. */
  provider: z.string().describe('The provider, by its name.'),
  /** The first payment of the provider whose money arrived; null before. */
  providerPaymentId: z
    .string()
    .nullable()
    .describe('The first payment of the provider whose money arrived; null before.'),
  /** The status after the event. */
  status: paymentStatusSchema.describe('The status after the event.'),
  /** The money asked for, in major units. */
  amount: z.number().min(0).describe('The money asked for, in major units.'),
  /** Its currency. */
  currency: z.string().describe('Its currency.'),
  /** The money that arrived, in major units. */
  paid: z.number().min(0).describe('The money that arrived, in major units.'),
  /** Credits that it grants once it is paid. */
  creditsToAdd: credits.min(0).describe('Credits that it grants once it is paid.'),
  /** Credits that it granted. */
  creditsAdded: credits.min(0).describe('Credits that it granted.'),
  /** Credits taken back for refunds and disputes. */
  creditsTakenBack: credits.min(0).describe('Credits taken back for refunds and disputes.'),
  /** The reason of the provider, or the field that does not fit; null without one. */
  reason: z
    .string()
    .nullable()
    .describe('The reason of the provider, or the field that does not fit; null without one.'),
};

const reservation = {
  ...movement,
  /** The reservation. */
  reservationId: identifier.describe('The reservation.'),
};

/** The fields that many types of events share, by the name that the README gives them. */
export const creditEventGroups = { movement, crossing, subscription, payment, topUp };

const threshold = {
  /** The low-credit threshold, in credits. */
  threshold: credits.min(0).describe('The low-credit threshold, in credits.'),
  /** The place of the threshold among those of the account: 1 for the highest. */
  level: z.int().min(1).describe('The place of the threshold among those of the account: 1 for the highest.'),
};
const accessStatus = z.enum(['enabled', 'disabled'] satisfies AccessStatus[]);

/** Each describes when its event is written. */
const data = {
  'credits.account.created': strictObject({
    /** The balance at its creation. */
    balance: credits.describe('The balance at its creation.'),
    /** The same, by the name that the merchant credit-service gives it. */
    initial_balance: credits.describe('The same, by the name that the merchant credit-service gives it.'),
  }).describe('the first change of an account'),
  'credits.recharged': strictObject({
    ...movement,
    ...source,
  }).describe('a grant takes effect; a scheduled one when its time comes'),
  'credits.grant_activated': strictObject({
    ...movement,
    /** The grant. */
    grantId: identifier.describe('The grant.'),
    ...source,
  }).describe('a scheduled grant takes effect; the event of its source follows'),
  'credits.refunded': strictObject({
    ...movement,
    ...reason,
  }).describe('a reversal, a claw-back, or a grant of source `refund`'),
  'credits.adjusted': strictObject({
    ...movement,
    /** The one who corrected the balance. */
    actor: z.string().describe('The one who corrected the balance.'),
    /** The reason for the correction. */
    reason: z.string().describe('The reason for the correction.'),
  }).describe('`adjustCredits`'),
  'credits.shortfall': strictObject(reservation).describe(
    'metered work cost more than could be charged; `amount` is what is missing',
  ),
  'credits.transferred': strictObject({
    ...movement,
    /** The user who sent the credits. */
    from: identifier.describe('The user who sent the credits.'),
    /** The user who received them. */
    to: identifier.describe('The user who received them.'),
  }).describe('`transferCredits`: one on each of the two accounts'),
  'credits.low_balance_reached': strictObject({ ...crossing, ...threshold }).describe(
    'available credits fall to a low-credit threshold; one for each',
  ),
  'credits.balance_restored': strictObject({ ...crossing, ...threshold }).describe(
    'they rise above it again, by more than `lowCreditHysteresis`',
  ),
  'credits.balance_exhausted': strictObject(crossing).describe('available credits fall to 0 or below'),
  'credits.plugin_status_changed': strictObject({
    ...crossing,
    /** The status before it. */
    previousStatus: accessStatus.describe('The status before it.'),
    /** `enabled` while credits are available, else `disabled`. */
    status: accessStatus.describe('`enabled` while credits are available, else `disabled`.'),
    /** The reason, as a text for people. */
    reason: z.enum(['Sufficient credits', 'Insufficient credits']).describe('The reason, as a text for people.'),
  }).describe('available credits rise above 0, or fall to it'),
  'subscription.assigned': strictObject(subscription).describe(
    'a subscription starts; it takes the place of one that the user has',
  ),
  'subscription.changed': strictObject(subscription).describe(
    "another plan, at once, or as `nextPlanId` from the period's end on",
  ),
  'subscription.renewed': strictObject(subscription).describe('a further period begins; one for each period'),
  'subscription.allocated': strictObject({
    ...movement,
    /** The subscription whose period was allocated. */
    subscriptionId: identifier.describe('The subscription whose period was allocated.'),
    /** The start of that period, ISO 8601. */
    periodStart: isoInstant.describe('The start of that period, ISO 8601.'),
  }).describe('credits are granted for a period of a subscription or a cycle'),
  'subscription.past_due': strictObject(subscription).describe('a period is over and the next one is not paid'),
  'subscription.paused': strictObject(subscription).describe('a subscription is paused'),
  'subscription.resumed': strictObject(subscription).describe('it goes on'),
  'subscription.cancelled': strictObject(subscription).describe(
    'it is cancelled: it renews no more and ends at `validUntil`',
  ),
  'subscription.ended': strictObject(subscription).describe('it is over, by the clock or at once by a call'),
  'payment.paid': strictObject(payment).describe(
    'a payment is paid in full; its credits are granted in the same commit',
  ),
  'payment.partially_paid': strictObject(payment).describe('a part of the money arrived; nothing is granted yet'),
  'payment.failed': strictObject(payment).describe('an attempt to pay failed; the user may try again'),
  'payment.expired': strictObject(payment).describe('the link takes no payment any more'),
  'payment.cancelled': strictObject(payment).describe('the link was cancelled'),
  'payment.refunded': strictObject(payment).describe('a refund of the payment is told, or how far it is'),
  'payment.disputed': strictObject(payment).describe('a dispute of the payment begins, or ends'),
  'payment.mismatch': strictObject(payment).describe(
    'an event differs from the payment that it names: it has no effect, and somebody should look',
  ),
  ...topUpEvents,
  'inbox.dead_lettered': strictObject({
    /** The dead letter, for `manager.inbox`. */
    deadLetterId: identifier.describe('The dead letter, for `manager.inbox`.'),
    /** The subject that the message came by. */
    subject: z.string().describe('The subject that the message came by.'),
    /** The sender's id of the event; null where none can be read. */
    eventId: identifier.nullable().describe("The sender's id of the event; null where none can be read."),
    /** The code of the error, or `REJECTED`. */
    code: z.string().describe('The code of the error, or `REJECTED`.'),
    /** The message of the error. */
    reason: z.string().describe('The message of the error.'),
    /** The stream that the message came from; null where that is not known. */
    stream: z.string().nullable().describe('The stream that the message came from; null where that is not known.'),
    /** Its sequence in that stream; null where that is not known. */
    streamSequence: count.nullable().describe('Its sequence in that stream; null where that is not known.'),
    /** How many bytes the message had. */
    bytes: count.describe('How many bytes the message had.'),
  }).describe('a message that nothing can be done with is kept; `userId` is `-` where it names no user'),
  'credits.deducted': strictObject(movement).describe('credits are spent'),
  'credits.expired': strictObject(movement).describe('credits expire'),
  'credits.reserved': strictObject(reservation).describe('credits are reserved'),
  'credits.committed': strictObject({
    ...reservation,
    /** Credits that the reservation gave back as it ended. */
    released: credits.min(0).describe('Credits that the reservation gave back as it ended.'),
  }).describe('a reservation is committed, in whole or in part'),
  'credits.released': strictObject(reservation).describe('a reservation is released'),
  'credits.reservation_expired': strictObject(reservation).describe('a reservation reaches the end of its time'),
};
export type CreditEventType = keyof typeof data;
/** The data of an event, by its type. */
export type CreditEventMap = { [K in CreditEventType]: z.infer<(typeof data)[K]> };

export const creditEventTypes: readonly string[] = Object.keys(data);

/** The types that are written only with `events: 'all'`. */
export const onDemandTypes: ReadonlySet<string> = new Set<CreditEventType>([
  'credits.deducted',
  'credits.expired',
  'credits.reserved',
  'credits.committed',
  'credits.released',
  'credits.reservation_expired',
]);

/** The types of events about credits that moved. */
export type MovementType = {
  [K in CreditEventType]: CreditEventMap[K] extends { amount: number } ? K : never;
}[CreditEventType];

function eventSchema<K extends CreditEventType>(type: K) {
  return strictObject({
    /** Names the event; the same at every delivery. */
    id: identifier.describe('Names the event; the same at every delivery.'),
    /** The version of this schema. */
    version: z.literal(CREDIT_EVENT_VERSION).describe('The version of this schema.'),
    /** The type of the event. */
    type: z.literal(type).describe('The type of the event.'),
    /** The user of the account. */
    userId: identifier.describe('The user of the account.'),
    /** The credit type. */
    creditType: identifier.describe('The credit type.'),
    /** The account's sequence at the event: it orders events and shows gaps. */
    sequence: count.describe("The account's sequence at the event: it orders events and shows gaps."),
    /** The instant it took effect, ISO 8601. */
    occurredAt: isoInstant.describe('The instant it took effect, ISO 8601.'),
    /** Names the request it belongs to; null without one. */
    correlationId: z.string().nullable().describe('Names the request it belongs to; null without one.'),
    /** The numbers of the event; plain JSON. */
    data: data[type].describe('The numbers of the event; plain JSON.') as (typeof data)[K],
    /** The span of the call that caused it, as the header `traceparent` has it; only where calls are traced. */
    traceparent: z
      .string()
      .optional()
      .describe(
        'The span of the call that caused it, as the header `traceparent` has it; only where calls are traced.',
      ),
  }).describe(data[type].description as string);
}

/** The schema of each type of event; its description says when the event is written. */
export const creditEventSchemas = Object.fromEntries(
  (Object.keys(data) as CreditEventType[]).map((type) => [type, eventSchema(type)]),
) as { readonly [K in CreditEventType]: ReturnType<typeof eventSchema<K>> };

/**
 * One event. `id` is the same at every delivery. `sequence` is the account's, so a consumer can order events and see
 * gaps.
 */
export type CreditEvent<K extends CreditEventType = CreditEventType> = {
  [T in K]: Readonly<z.infer<(typeof creditEventSchemas)[T]>>;
}[K];

const [first, ...others] = Object.values(creditEventSchemas);
export const CreditEventSchema: z.ZodType<CreditEvent> = z.discriminatedUnion('type', [first as never, ...others]);
