/** The events of automatic top-ups. */
import { z } from 'zod';
import { count, credits, identifier, isoInstant } from './records/fields.js';
import { strictObject } from './strict-object.js';

/** The fields of all of them. */
export const topUp = {
  /** The payment; null where none was begun. */
  paymentId: identifier.nullable().describe('The payment; null where none was begun.'),
  /** The provider, by its name. */
  provider: z.string().describe('The provider, by its name.'),
  /** The money of the purchase, in major units; null where nothing is bought. */
  amount: z
    .number()
    .min(0)
    .nullable()
    .describe('The money of the purchase, in major units; null where nothing is bought.'),
  /** Its currency. */
  currency: z.string().describe('Its currency.'),
  /** Credits of the purchase; null where nothing is bought. */
  creditsToAdd: credits.min(0).nullable().describe('Credits of the purchase; null where nothing is bought.'),
  /** The threshold of the top-up, in credits. */
  threshold: credits.min(0).describe('The threshold of the top-up, in credits.'),
  /** The available credits after the event. */
  available: credits.describe('The available credits after the event.'),
  /** Failures in a row so far. */
  declines: count.describe('Failures in a row so far.'),
  /** Until then no other purchase begins, ISO 8601; null for no such instant. */
  nextAt: isoInstant.nullable().describe('Until then no other purchase begins, ISO 8601; null for no such instant.'),
  /** The page at which it is paid; null without one. */
  url: z.string().nullable().describe('The page at which it is paid; null without one.'),
  /** Why: a word of the library, or the reason of the provider. */
  reason: z.string().describe('Why: a word of the library, or the reason of the provider.'),
};

/** Each describes when its event is written. */
export const topUpEvents = {
  'top_up.started': strictObject(topUp).describe('credits fall below the threshold of a top-up, and a payment begins'),
  'top_up.skipped': strictObject(topUp).describe(
    'they fall below it and a limit forbids a payment: `reason` is `in_flight`, `cool_down`, `back_off`, ' +
      '`max_count`, `max_amount` or `amount_too_large`; once for each fall',
  ),
  'top_up.link_made': strictObject(topUp).describe(
    'nobody can be charged, so the payment has a link at `url`: `reason` is `no_customer` or `no_charge`',
  ),
  'top_up.succeeded': strictObject(topUp).describe(
    'the payment of a top-up is paid; `reason` is `paid_late` where it had failed before, else `paid`',
  ),
  'top_up.failed': strictObject(topUp).describe(
    'it failed: `reason` is that of the provider, or `expired` or `cancelled`',
  ),
  'top_up.turned_off': strictObject(topUp).describe(
    'a top-up is off until it is set again: `reason` is `requested`, `declines`, `refunded` or `disputed`',
  ),
};
