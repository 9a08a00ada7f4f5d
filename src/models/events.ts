/** Events, as outbox rows carry them. Payloads are JSON, times are ISO strings, amounts are credits. */
import { z } from 'zod';
import { type AccessStatus, grantSourceSchema } from './enums.js';
import { count, credits, identifier, isoInstant } from './records/fields.js';
import { strictObject } from './strict-object.js';

/** `amount` is positive, but signed in `refunded` and `adjusted`: there it is the change of the balance. */
const movement = {
  /** Credits that moved; in `refunded` and `adjusted` the signed change of the balance. */
  amount: credits.describe('Credits that moved; in `refunded` and `adjusted` the signed change of the balance.'),
  /** The balance after it. */
  balance: credits.describe('The balance after it.'),
  /** The available credits after it. */
  available: credits.describe('The available credits after it.'),
  /** The transaction that moved them. */
  transactionId: identifier.describe('The transaction that moved them.'),
  /** The reference of the grant; null without one. */
  reference: z.string().nullable().describe('The reference of the grant; null without one.'),
};

const edge = {
  /** The balance before the crossing. */
  previousBalance: credits.describe('The balance before the crossing.'),
  /** The balance after it. */
  balance: credits.describe('The balance after it.'),
  /** The available credits after it. */
  available: credits.describe('The available credits after it.'),
  /** The transaction that crossed it; null where time alone did. */
  transactionId: identifier.nullable().describe('The transaction that crossed it; null where time alone did.'),
};

const threshold = { threshold: credits.min(0).describe('The low-credit threshold, in credits.') };
const accessStatus = z.enum(['enabled', 'disabled'] satisfies AccessStatus[]);

const data = {
  'credits.recharged': strictObject({
    ...movement,
    /** Where the credits came from. */
    source: grantSourceSchema.describe('Where the credits came from.'),
  }),
  'credits.refunded': strictObject(movement),
  'credits.adjusted': strictObject({
    ...movement,
    /** The one who corrected the balance. */
    actor: z.string().describe('The one who corrected the balance.'),
    /** The reason for the correction. */
    reason: z.string().describe('The reason for the correction.'),
  }),
  'credits.deducted': strictObject(movement),
  'credits.expired': strictObject(movement),
  'credits.shortfall': strictObject({
    ...movement,
    /** The reservation whose settlement could not charge everything; `amount` is what is missing. */
    reservationId: identifier.describe(
      'The reservation whose settlement could not charge everything; `amount` is what is missing.',
    ),
  }),
  'credits.account.created': strictObject({ balance: credits.describe('The balance at its creation.') }),
  'credits.low_balance_reached': strictObject({ ...edge, ...threshold }),
  'credits.balance_restored': strictObject({ ...edge, ...threshold }),
  'credits.balance_exhausted': strictObject(edge),
  'credits.plugin_status_changed': strictObject({
    ...edge,
    /** The status before it. */
    previousStatus: accessStatus.describe('The status before it.'),
    /** `enabled` while credits are available, else `disabled`. */
    status: accessStatus.describe('`enabled` while credits are available, else `disabled`.'),
  }),
  'subscription.allocated': strictObject({
    ...movement,
    /** The subscription whose period was allocated. */
    subscriptionId: identifier.describe('The subscription whose period was allocated.'),
    /** The start of that period, ISO 8601. */
    periodStart: isoInstant.describe('The start of that period, ISO 8601.'),
  }),
  'payment.paid': strictObject({ ...movement, paymentId: identifier.describe('The payment that was paid.') }),
};
export type CreditEventType = keyof typeof data;
/** The data of an event, by its type. */
export type CreditEventMap = { [K in CreditEventType]: z.infer<(typeof data)[K]> };

export const creditEventTypes: readonly string[] = Object.keys(data);

/** The types that are written only with `events: 'all'`. */
export const onDemandTypes: ReadonlySet<string> = new Set<CreditEventType>(['credits.deducted', 'credits.expired']);

function eventSchema<K extends CreditEventType>(type: K) {
  return strictObject({
    /** Names the event; the same at every delivery. */
    id: identifier.describe('Names the event; the same at every delivery.'),
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
  });
}

/** The schema of each type of event. */
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
