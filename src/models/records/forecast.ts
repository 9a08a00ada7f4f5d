/** A forecast: how long an account's credits last. */
import { z } from 'zod';
import { strictObject } from '../strict-object.js';
import { credits, instant } from './fields.js';

export const ForecastSchema = strictObject({
  /** Credits spent a day, over the last 7 days. */
  perDay7: credits.min(0).describe('Credits spent a day, over the last 7 days.'),
  /** Credits spent a day, over the last 30 days. */
  perDay30: credits.min(0).describe('Credits spent a day, over the last 30 days.'),
  /** The instant at which no credits are left at the present rate; null for never. */
  emptyAt: instant.nullable().describe('The instant at which no credits are left at the present rate; null for never.'),
  /** Credits that expire unspent until then, soonest first. */
  expiring: z
    .array(
      strictObject({
        /** The instant at which they expire. */
        at: instant.describe('The instant at which they expire.'),
        /** Credits that are left of them then, at the present rate. */
        amount: credits.min(0).describe('Credits that are left of them then, at the present rate.'),
      }),
    )
    .readonly()
    .describe('Credits that expire unspent until then, soonest first.'),
});
export interface Forecast extends Readonly<z.infer<typeof ForecastSchema>> {}
